//! What happens at a moment, and who has to be shared anew after it.

use std::collections::BTreeSet;

use super::{
    Completed, FlowId, Transfers, Turn,
    flow::{Progress, State},
    hub::Hub,
};
use crate::network::fair_share::Sharing;

impl Transfers {
    /// Lets everything happen that is due at `self.now`, then shares.
    pub(super) fn happen(&mut self, completed: &mut Vec<Completed>) {
        let now = self.now;
        let (mut ended, mut begun) = (Vec::new(), Vec::new());
        while let Some((at, turn)) = self.calendar.first().copied().filter(|(at, _)| *at <= now) {
            match turn {
                Turn::Step(link) => self.revalue(link),
                Turn::End(id) => ended.push(id),
                Turn::Hub(link) => {
                    ended.extend(self.hubs.get(&link).into_iter().flat_map(|hub| hub.ended(now)));
                }
                Turn::Begin(id) => begun.push(id),
            }
            self.calendar.remove(&(at, turn));
            if let Turn::Hub(link) = turn
                && let Some(hub) = self.hubs.get_mut(&link)
            {
                hub.fired();
                self.changed_links.insert(link);
            }
        }
        for id in ended {
            if let Some(size) = self.flows.get(&id).map(|flow| flow.size) {
                completed.push(Completed { at: now, id, size });
                self.remove(id);
            }
        }
        for id in begun {
            let Some(flow) = self.flows.get_mut(&id) else { continue };
            flow.state = State::Moving(Progress::standing(flow.size, now));
            if flow.size.is_zero() {
                completed.push(Completed { at: now, id, size: flow.size });
                self.flows.remove(&id);
                continue;
            }
            for hop in &flow.route {
                let link = &mut self.links[hop.link];
                link.members.insert(id);
                if link.sharing == Sharing::Shared {
                    self.changed_links.insert(hop.link);
                }
            }
            self.begun.insert(id);
        }
        self.share();
    }

    /// Reads a link's profile at `self.now`.
    pub(super) fn revalue(&mut self, index: usize) {
        let link = &mut self.links[index];
        if let Some(step) = link.step {
            self.calendar.remove(&(step, Turn::Step(index)));
        }
        link.revalue(self.now);
        if let Some(step) = link.step {
            self.calendar.insert((step, Turn::Step(index)));
        }
        self.changed_links.insert(index);
    }

    /// Takes a flow out, whatever its state.
    pub(super) fn remove(&mut self, id: FlowId) {
        self.unseat(id);
        let Some(flow) = self.flows.remove(&id) else { return };
        self.begun.remove(&id);
        flow.leave_calendar(id, &mut self.calendar);
        for hop in &flow.route {
            let link = &mut self.links[hop.link];
            if link.members.remove(&id) && link.sharing == Sharing::Shared {
                link.crossing -= usize::from(flow.crossing);
                self.changed_links.insert(hop.link);
            }
        }
    }

    fn unseat(&mut self, id: FlowId) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        if let Some(hub) = flow.seat.and_then(|seat| self.hubs.get_mut(&seat.hub)) {
            hub.unseat(id, self.now, flow, &mut self.calendar);
        }
    }

    /// Shares the links that changed, and those tied to them.
    fn share(&mut self) {
        let mut touched = std::mem::take(&mut self.begun);
        let mut links = BTreeSet::new();
        for index in std::mem::take(&mut self.changed_links) {
            let link = &mut self.links[index];
            let contended = link.is_contended();
            let flipped = std::mem::replace(&mut link.contended, contended) != contended;
            // Where a link only caps, each of its flows has to look at its cap again.
            if flipped || !contended {
                touched.extend(&link.members);
            }
            links.insert(index);
        }
        let loose = self.look_at(&touched, &mut links);
        let meshed = self.form_hubs(&links, loose);
        self.share_components(meshed);
        for index in links {
            if let Some(hub) = self.hubs.get_mut(&index) {
                let capacity = self.links[index].capacity;
                hub.balance(capacity, self.now, &mut self.flows, &mut self.calendar);
            }
        }
    }

    /// Finds the caps and contended links of `touched`. Adds those links to `links`; returns the
    /// flows that need a new place, out of their old ones.
    fn look_at(
        &mut self,
        touched: &BTreeSet<FlowId>,
        links: &mut BTreeSet<usize>,
    ) -> BTreeSet<FlowId> {
        let mut loose = BTreeSet::new();
        for id in touched {
            let Some(flow) = self.flows.get(id) else { continue };
            let (mut cap, mut contended) = (flow.own_cap, Vec::new());
            for hop in &flow.route {
                let link = &self.links[hop.link];
                if link.contended {
                    contended.push(hop.link);
                } else {
                    cap = cap.min(link.capacity / hop.usage);
                }
            }
            let crossing = contended.len() > 1;
            let stays = flow.seat.is_some_and(|seat| contended == [seat.hub]) && flow.cap == cap;
            links.extend(contended);
            if stays {
                continue;
            }
            // At its old cap's place in the hub, so before the cap changes.
            self.unseat(*id);
            let Some(flow) = self.flows.get_mut(id) else { continue };
            for hop in &flow.route {
                let link = &mut self.links[hop.link];
                if link.sharing == Sharing::Shared {
                    link.crossing =
                        link.crossing + usize::from(crossing) - usize::from(flow.crossing);
                }
            }
            (flow.cap, flow.crossing) = (cap, crossing);
            loose.insert(*id);
        }
        loose
    }

    /// Makes a hub of every contended link in `links` whose flows cross no other, dissolves those
    /// that are none any more, and gives the `loose` flows their places. Returns the links whose
    /// components have to be solved.
    fn form_hubs(
        &mut self,
        links: &BTreeSet<usize>,
        mut loose: BTreeSet<FlowId>,
    ) -> BTreeSet<usize> {
        let mut meshed = BTreeSet::new();
        for index in links.iter().copied() {
            let link = &self.links[index];
            let star = link.contended && link.crossing == 0;
            if star && !self.hubs.contains_key(&index) {
                self.hubs.insert(index, Hub::new(index, self.now));
                loose.extend(&link.members);
            } else if !star && let Some(mut hub) = self.hubs.remove(&index) {
                for id in hub.members() {
                    if let Some(flow) = self.flows.get_mut(&id) {
                        hub.unseat(id, self.now, flow, &mut self.calendar);
                    }
                }
                hub.disarm(&mut self.calendar);
            }
            if link.contended && !star {
                meshed.insert(index);
            }
        }
        for id in loose {
            let Some(flow) = self.flows.get_mut(&id) else { continue };
            match flow.route.iter().find(|hop| self.links[hop.link].contended) {
                None => flow.go(id, self.now, flow.cap, &mut self.calendar),
                Some(hop) => {
                    if let Some(hub) = self.hubs.get_mut(&hop.link) {
                        hub.seat(id, hop.usage, flow);
                    }
                }
            }
        }
        meshed
    }
}
