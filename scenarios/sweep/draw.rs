//! From axes to the points of trials.

use fleetune_devices::streams::{SeedTree, open_unit};
use indexmap::IndexMap;
use rand::seq::SliceRandom;

use super::{Axis, Draw, Settings};

impl Draw {
    /// The points of an algorithm's trials.
    ///
    /// `shared` axes have the same values for all algorithms of a study; `own` ones are the algorithm's, whose name keeps
    /// its draws apart. The draws of an axis depend on `seeds`, its owner, its field and the number of trials alone:
    /// another axis changes none of them.
    pub(super) fn points(
        self,
        seeds: &SeedTree,
        shared: &IndexMap<String, Axis>,
        (owner, own): (&str, &IndexMap<String, Axis>),
    ) -> Vec<[Settings; 2]> {
        match self {
            Self::Grid => grid(shared, own),
            Self::Random(trials) => {
                let random = |_: u32, trial: &mut Column<'_>| trial.random();
                drawn(trials.get(), seeds, shared, (owner, own), random)
            }
            Self::LatinHypercube(trials) => {
                let stratified = |number: u32, trial: &mut Column<'_>| trial.stratified(number);
                drawn(trials.get(), seeds, shared, (owner, own), stratified)
            }
        }
    }
}

/// Every combination, the last axis running fastest.
fn grid(shared: &IndexMap<String, Axis>, own: &IndexMap<String, Axis>) -> Vec<[Settings; 2]> {
    let axes: Vec<(usize, &String, &Axis)> = shared
        .iter()
        .map(|(field, axis)| (0, field, axis))
        .chain(own.iter().map(|(field, axis)| (1, field, axis)))
        .collect();
    let sizes: Vec<usize> =
        axes.iter().map(|(_, _, axis)| axis.alternatives().unwrap_or(0)).collect();
    (0..sizes.iter().product())
        .map(|number: usize| {
            let mut point = [Settings::new(), Settings::new()];
            let mut rest = number;
            for (place, (part, field, axis)) in axes.iter().enumerate().rev() {
                let value = axis.alternative(rest % sizes[place]);
                rest /= sizes[place];
                point[*part].shift_insert(0, (*field).clone(), value.unwrap_or_default());
            }
            point
        })
        .collect()
}

fn drawn(
    trials: u32,
    seeds: &SeedTree,
    shared: &IndexMap<String, Axis>,
    (owner, own): (&str, &IndexMap<String, Axis>),
    quantile: impl Fn(u32, &mut Column<'_>) -> f64,
) -> Vec<[Settings; 2]> {
    let mut points = vec![[Settings::new(), Settings::new()]; trials as usize];
    for (part, owner, axes) in [(0, "", shared), (1, owner, own)] {
        for (field, axis) in axes {
            let stream = seeds.stream(&format!("axis {owner} {field}"), u64::from(trials));
            let mut column = Column { stream, strata: Vec::new(), trials, axis };
            for (number, point) in (0..).zip(&mut points) {
                let value = column.axis.at(quantile(number, &mut column));
                point[part].insert(field.clone(), value);
            }
        }
    }
    points
}

/// The draws of one axis, trial by trial.
struct Column<'a> {
    stream: rand_chacha::ChaCha8Rng,
    strata: Vec<u32>,
    trials: u32,
    axis: &'a Axis,
}

impl Column<'_> {
    fn random(&mut self) -> f64 {
        open_unit(&mut self.stream)
    }

    /// A random point of a stratum that no other trial has.
    fn stratified(&mut self, number: u32) -> f64 {
        if self.strata.is_empty() {
            self.strata = (0..self.trials).collect();
            self.strata.shuffle(&mut self.stream);
        }
        let within = open_unit(&mut self.stream);
        (f64::from(self.strata[number as usize]) + within) / f64::from(self.trials)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, num::NonZeroU32};

    use super::*;

    fn axes(text: &str) -> IndexMap<String, Axis> {
        serde_yaml::from_str(text).expect("the test's own text is a map of axes")
    }

    fn trials(count: u32) -> NonZeroU32 {
        NonZeroU32::new(count).expect("not zero")
    }

    #[test]
    fn a_grid_has_every_combination_once() {
        let (shared, own) = (axes("c: [1, 2]"), axes("a: [x, y, z]\nb: [1, 2, 3, 4]"));
        let points = Draw::Grid.points(&SeedTree::new(0), &shared, ("A", &own));
        let mut seen: Vec<_> = points.iter().map(|p| format!("{p:?}")).collect();
        assert_eq!(seen.len(), 24);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 24);
        assert_eq!(Draw::Grid.points(&SeedTree::new(0), &axes("{}"), ("A", &axes("{}"))).len(), 1);
    }

    #[test]
    fn every_stratum_of_every_axis_is_met_once() {
        let own =
            axes("place: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]\nsteps: [1, 2, 3]\nkind: [a, b]");
        let draw = Draw::LatinHypercube(trials(12));
        let points = draw.points(&SeedTree::new(7), &axes("{}"), ("A", &own));
        let mut strata: Vec<u32> =
            points.iter().map(|p| p[1]["place"].parse::<u32>().expect("a number")).collect();
        strata.sort_unstable();
        assert_eq!(strata, (0..12).collect::<Vec<_>>());
        for (field, each) in [("steps", 4), ("kind", 6)] {
            let mut counts = BTreeMap::new();
            points.iter().for_each(|p| *counts.entry(p[1][field].clone()).or_insert(0) += 1);
            assert!(counts.values().all(|&n| n == each), "{field}: {counts:?}");
        }
    }

    #[test]
    fn shared_axes_agree_and_own_ones_are_independent_of_each_other() {
        let shared = axes("federation.cohort: { uniform: [1, 100] }");
        let (own, more) =
            (axes("rate: { uniform: [0, 1] }"), axes("x: [1, 2]\nrate: { uniform: [0, 1] }"));
        for draw in [Draw::Random(trials(9)), Draw::LatinHypercube(trials(9))] {
            let of = |owner, own| draw.points(&SeedTree::new(3), &shared, (owner, own));
            let (a, b, wider) = (of("A", &own), of("B", &own), of("A", &more));
            assert!(a.iter().zip(&b).all(|(a, b)| a[0] == b[0]));
            assert!(a.iter().zip(&b).any(|(a, b)| a[1] != b[1]));
            assert!(a.iter().zip(&wider).all(|(a, w)| a[1]["rate"] == w[1]["rate"]));
            assert_eq!(a, of("A", &own));
        }
    }
}
