//! Progressive filling, the inner loop of [`super::fair_share`] and of the transfer engine.
//!
//! The links' levels wait in a heap and the caps in sorted order, so that each step looks only at
//! what stops next: O(h log h) for h hops in all, where scanning would take O(h x levels).

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use super::{
    fair_share::Hop,
    number::{Key, Sum},
};

/// A flow to be filled.
#[derive(Debug, Clone)]
pub(super) struct Filled {
    /// Its hops over shared links, in the common list.
    pub(super) hops: Range<usize>,
    pub(super) weight: f64,
    /// The most it can use, fat pipes included; may be infinite.
    pub(super) cap: f64,
}

/// What a shared link still has and how fast the rising flows take it.
#[derive(Debug, Clone, Copy)]
struct Rest {
    left: Sum,
    /// Sum of usage x weight over rising flows.
    slope: Sum,
    /// How many rising flows cross it; the slope's rounding cannot tell that it is none.
    rising: usize,
}

impl Rest {
    /// The level at which the link is full.
    fn full_at(&self) -> f64 {
        if self.rising > 0 { self.left.get().max(0.0) / self.slope.get() } else { f64::INFINITY }
    }
}

/// The rates of `flows` over shared links of these `capacities`. Every flow must have a finite cap
/// or a hop; hops must name links that exist, each at most once a flow.
pub(super) fn fill(capacities: &[f64], hops: &[Hop], flows: &[Filled]) -> Vec<f64> {
    let empty = Rest { left: Sum::default(), slope: Sum::default(), rising: 0 };
    let mut links = vec![empty; capacities.len()];
    for (link, capacity) in links.iter_mut().zip(capacities) {
        link.left = Sum::of(*capacity);
    }
    let mut crossing: Vec<Vec<usize>> = vec![Vec::new(); links.len()];
    let mut caps = Vec::with_capacity(flows.len());
    for (index, flow) in flows.iter().enumerate() {
        for hop in &hops[flow.hops.clone()] {
            links[hop.link].slope.add(hop.usage * flow.weight);
            links[hop.link].rising += 1;
            crossing[hop.link].push(index);
        }
        caps.push((Key(flow.cap / flow.weight), index));
    }
    caps.sort_unstable();
    let mut queue: BinaryHeap<_> =
        links.iter().zip(0..).map(|(link, index)| Reverse((Key(link.full_at()), index))).collect();
    let mut filling = Filling { hops, flows, rates: vec![None; flows.len()], links };
    let mut caps = caps.into_iter().peekable();
    let mut level = 0.0_f64;
    while let Some(Reverse((Key(known), link))) = queue.pop() {
        let full_at = filling.links[link].full_at();
        if full_at > known {
            // Others have stopped since; a link's level only ever rises.
            if full_at.is_finite() {
                queue.push(Reverse((Key(full_at), link)));
            }
            continue;
        }
        if let Some((_, flow)) = caps.next_if(|(cap, _)| cap.0 <= full_at) {
            filling.stop(flow, flows[flow].cap);
            queue.push(Reverse((Key(full_at), link)));
            continue;
        }
        level = level.max(full_at);
        for flow in &crossing[link] {
            let Filled { weight, cap, .. } = flows[*flow];
            filling.stop(*flow, (weight * level).min(cap));
        }
    }
    for (_, flow) in caps {
        filling.stop(flow, flows[flow].cap);
    }
    filling.rates.into_iter().map(|rate| rate.unwrap_or(0.0)).collect()
}

struct Filling<'a> {
    hops: &'a [Hop],
    flows: &'a [Filled],
    rates: Vec<Option<f64>>,
    links: Vec<Rest>,
}

impl Filling<'_> {
    /// Gives a flow its rate, unless it has one.
    fn stop(&mut self, index: usize, rate: f64) {
        if self.rates[index].is_some() {
            return;
        }
        self.rates[index] = Some(rate);
        let flow = &self.flows[index];
        for hop in &self.hops[flow.hops.clone()] {
            let link = &mut self.links[hop.link];
            link.left.add(-(hop.usage * rate));
            link.slope.add(-(hop.usage * flow.weight));
            link.rising -= 1;
        }
    }
}
