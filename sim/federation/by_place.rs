//! The clients of a round, by place: a map whose keys follow each other at equal steps, and so is an array.

use std::{cell::Cell, collections::VecDeque, ops::Index};

/// What there is at places that were taken one after the other, of which some are free again. As a sorted map, but a
/// place is found at once: rounds may have a hundred thousand clients, each of whom is looked up at every event.
#[derive(Debug)]
pub(super) struct ByPlace<T> {
    /// The place of the first of `taken`.
    first: u32,
    /// From one place to the next.
    step: u32,
    taken: VecDeque<Option<(u32, T)>>,
    /// Where [`Self::any`] found what it looked for the last time, counted from the first.
    found: Cell<usize>,
}

impl<T> ByPlace<T> {
    /// Of places that are so far from each other, at least 1.
    pub(super) fn new(step: u32) -> Self {
        Self { first: 0, step, taken: VecDeque::new(), found: Cell::new(0) }
    }

    fn index(&self, place: u32) -> Option<usize> {
        let behind = place.checked_sub(self.first)?;
        behind.is_multiple_of(self.step).then_some((behind / self.step) as usize)
    }

    pub(super) fn get(&self, place: &u32) -> Option<&T> {
        self.taken.get(self.index(*place)?)?.as_ref().map(|(_, item)| item)
    }

    pub(super) fn get_mut(&mut self, place: &u32) -> Option<&mut T> {
        let index = self.index(*place)?;
        self.taken.get_mut(index)?.as_mut().map(|(_, item)| item)
    }

    /// Puts `item` at `place`, which is after all that were ever taken.
    pub(super) fn insert(&mut self, place: u32, item: T) {
        if self.taken.is_empty() {
            self.first = place;
        }
        let index = self.index(place).filter(|&index| index >= self.taken.len());
        let index = index.expect("places are taken in ascending order");
        self.taken.resize_with(index, || None);
        self.taken.push_back(Some((place, item)));
    }

    /// In ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&u32, &T)> {
        self.taken.iter().flatten().map(|(place, item)| (place, item))
    }

    /// In ascending order.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, item)| item)
    }

    /// In ascending order.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.taken.iter_mut().flatten().map(|(_, item)| item)
    }

    /// Whether there is one of which `holds` is true: looked for from where one was found the last time. Where it
    /// ceases to be true of one after the other, and of none anew, that takes a few steps each time.
    pub(super) fn any(&self, holds: impl Fn(&T) -> bool) -> bool {
        let all = self.taken.len();
        let start = if self.found.get() < all { self.found.get() } else { 0 };
        let mut order = (start..all).chain(0..start);
        let holds =
            |index: &usize| self.taken[*index].as_ref().is_some_and(|(_, item)| holds(item));
        let found = order.find(holds);
        self.found.set(found.unwrap_or(start));
        found.is_some()
    }

    /// Takes out those of whom `goes` is true, in ascending order.
    pub(super) fn extract(&mut self, goes: impl Fn(&u32, &T) -> bool) -> Vec<T> {
        let taken = self.taken.iter_mut();
        let gone = |slot: &mut Option<(u32, T)>| slot.take_if(|(place, item)| goes(place, item));
        let out: Vec<T> = taken.filter_map(gone).map(|(_, item)| item).collect();
        while let Some(None) = self.taken.front() {
            self.taken.pop_front();
            self.first += self.step;
            self.found.set(self.found.get().saturating_sub(1));
        }
        out
    }
}

impl<T> Index<&u32> for ByPlace<T> {
    type Output = T;

    fn index(&self, place: &u32) -> &T {
        self.get(place).expect("the place is taken")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const STEP: u32 = 3;

    /// Against a sorted map, as clients come and go without rounds.
    #[test]
    fn it_is_the_map_that_it_stands_for() {
        let (mut ours, mut map) = (ByPlace::new(STEP), BTreeMap::new());
        let mut state = 7_u32;
        let mut draw = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        let mut next = 0;
        for _ in 0..400 {
            for _ in 0..draw(4) {
                next += STEP * (1 + draw(2));
                ours.insert(next, next * 10);
                map.insert(next, next * 10);
            }
            let (modulus, rest) = (2 + draw(3), draw(2));
            let goes = |place: &u32, _: &u32| place / STEP % modulus == rest;
            let left: Vec<u32> =
                map.extract_if(.., |place, item| goes(place, item)).map(|e| e.1).collect();
            assert_eq!(ours.extract(goes), left);
            assert!(ours.iter().eq(map.iter()));
            assert!(ours.values().eq(map.values()));
            for place in 0..next + 2 * STEP {
                assert_eq!(ours.get(&place), map.get(&place));
                assert_eq!(ours.get_mut(&place).copied(), map.get(&place).copied());
            }
            let wanted = draw(20);
            assert_eq!(ours.any(|item| item % 7 == wanted), map.values().any(|i| i % 7 == wanted));
        }
        assert!(next > 300);
    }
}
