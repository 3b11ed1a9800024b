//! Links and flows that are tied to one another, solved together.

use std::collections::{BTreeMap, BTreeSet};

use super::{FlowId, Transfers};
use crate::network::{
    fair_share::Hop,
    filling::{Filled, fill},
};

impl Transfers {
    /// Solves the components that the contended links `seeds` belong to.
    pub(super) fn share_components(&mut self, mut seeds: BTreeSet<usize>) {
        while let Some(seed) = seeds.pop_first() {
            let (links, flows) = self.component(seed);
            seeds.retain(|link| !links.contains_key(link));
            self.solve(&links, &flows);
        }
    }

    /// The contended links that can be reached from `seed` over flows, with their places in order
    /// of index, and those flows.
    fn component(&self, seed: usize) -> (BTreeMap<usize, usize>, BTreeSet<FlowId>) {
        let (mut links, mut flows) = (BTreeSet::from([seed]), BTreeSet::new());
        let mut queue = vec![seed];
        while let Some(link) = queue.pop() {
            for id in &self.links[link].members {
                if !flows.insert(*id) {
                    continue;
                }
                for hop in self.flows.get(id).into_iter().flat_map(|flow| &flow.route) {
                    if self.links[hop.link].contended && links.insert(hop.link) {
                        queue.push(hop.link);
                    }
                }
            }
        }
        (links.into_iter().zip(0..).collect(), flows)
    }

    fn solve(&mut self, links: &BTreeMap<usize, usize>, flows: &BTreeSet<FlowId>) {
        let capacities: Vec<f64> = links.keys().map(|link| self.links[*link].capacity).collect();
        let mut hops = Vec::new();
        let mut filled = Vec::with_capacity(flows.len());
        for flow in flows.iter().filter_map(|id| self.flows.get(id)) {
            let first = hops.len();
            let local = |hop: &Hop| Some(Hop { link: *links.get(&hop.link)?, usage: hop.usage });
            hops.extend(flow.route.iter().filter_map(local));
            filled.push(Filled { hops: first..hops.len(), weight: flow.weight, cap: flow.cap });
        }
        let rates = fill(&capacities, &hops, &filled);
        for (id, rate) in flows.iter().zip(rates) {
            if let Some(flow) = self.flows.get_mut(id) {
                flow.go(*id, self.now, rate, &mut self.calendar);
            }
        }
    }
}
