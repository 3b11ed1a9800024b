//! Random networks, flows and events, and a clock to play them by.

use std::collections::BTreeMap;

use fleetune_devices::{
    energy::Moment,
    network::{
        capacity::{CapacityProfile, Step},
        fair_share::{Capacity, Flow, Hop, Sharing, solve},
        topology::LinkId,
        transfers::{Completed, FlowId, Transfer, Transfers},
    },
};
use fleetune_units::{Bytes, Seconds};
use proptest::prelude::*;

use super::kit::{link, rate};

/// Everything that happens, to flows named by their place.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) links: Vec<(Sharing, CapacityProfile)>,
    pub(crate) flows: Vec<(Moment, Transfer)>,
    /// Breaks a flow off.
    pub(crate) aborts: Vec<(Moment, usize)>,
    /// Kills a link, or restores it.
    pub(crate) outages: Vec<(Moment, usize, bool)>,
}

/// What a clock can bring.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Start(usize),
    Abort(usize),
    Kill(usize),
    Restore(usize),
}

const SPAN: u64 = 20_000_000_000; // [ns]

fn profiles() -> impl Strategy<Value = CapacityProfile> {
    let capacity = || prop_oneof![1 => Just(0.0), 6 => 1e3..1e5_f64];
    let steps = prop::collection::btree_map(1..SPAN, capacity(), 0..4);
    (1e3..1e5_f64, prop_oneof![2 => Just(BTreeMap::new()), 1 => steps], any::<bool>()).prop_map(
        |(first, steps, periodic)| {
            let step = |at: u64, capacity| Step {
                at: Seconds::new(at as f64 / 1e9).unwrap(),
                capacity: rate(capacity),
            };
            let mut all = vec![step(0, first)];
            all.extend(steps.into_iter().map(|(at, capacity)| step(at, capacity)));
            let period = Seconds::new(SPAN as f64 / 1e9).unwrap();
            CapacityProfile::new(&all, periodic.then_some(period)).unwrap()
        },
    )
}

fn flows(links: usize) -> impl Strategy<Value = (Moment, Transfer)> {
    let usage = prop_oneof![4 => Just(1.0), 1 => 0.05..2.0_f64];
    let weight = prop_oneof![2 => Just(1.0), 1 => 0.1..5.0_f64];
    let route = prop_oneof![
        2 => prop::collection::btree_map(0..links, usage.clone(), 1..=1),
        1 => prop::collection::btree_map(0..links, usage, 1..=links.min(4)),
    ];
    let size = prop_oneof![1 => 0..5_u64, 9 => 100..200_000_u64];
    let latency = prop_oneof![1 => Just(0), 4 => 0..SPAN / 20];
    let start = prop_oneof![1 => Just(0), 1 => 0..SPAN];
    (route, weight, prop::option::of(100.0..4e4_f64), size, latency, start).prop_map(
        |(route, weight, cap, size, latency, start)| {
            let route = route.into_iter().map(|(link, usage)| Hop { link, usage }).collect();
            let flow = Flow { route, weight, cap: cap.map(rate) };
            let latency = Seconds::new(latency as f64 / 1e9).unwrap();
            (Moment(start), Transfer { flow, size: Bytes::new(size), latency })
        },
    )
}

prop_compose! {
    pub(crate) fn worlds()(links in 1_usize..8)(
        links in prop::collection::vec(
            (prop_oneof![4 => Just(Sharing::Shared), 1 => Just(Sharing::FatPipe)], profiles()), links),
        flows in prop::collection::vec(flows(links), 1..25),
        aborts in prop::collection::vec((0..2 * SPAN, 0..25_usize), 0..4),
        outages in prop::collection::vec((0..SPAN, 0..links, 1..SPAN), 0..3),
    ) -> World {
        let aborts = aborts.into_iter()
            .filter(|(_, flow)| *flow < flows.len())
            .map(|(at, flow)| (Moment(at), flow)).collect();
        let outages = outages.into_iter().flat_map(|(at, link, length)| {
            [(Moment(at), link, true), (Moment(at + length), link, false)]
        }).collect();
        World { links, flows, aborts, outages }
    }
}

impl World {
    pub(crate) fn transfers(&self) -> Transfers {
        let links = self.links.iter().map(|(sharing, profile)| (profile.clone(), *sharing));
        Transfers::with_profiles(Moment(0), links)
    }

    /// All events in order of time; at one moment links change, then flows start, then end.
    pub(crate) fn events(&self) -> Vec<(Moment, Event)> {
        let change = |(at, link, dies): &(Moment, usize, bool)| {
            (*at, if *dies { Event::Kill(*link) } else { Event::Restore(*link) })
        };
        let starts = self.flows.iter().enumerate().map(|(flow, (at, _))| (*at, Event::Start(flow)));
        let aborts = self.aborts.iter().map(|(at, flow)| (*at, Event::Abort(*flow)));
        let mut events: Vec<_> =
            self.outages.iter().map(change).chain(starts).chain(aborts).collect();
        events.sort_by_key(|(at, _)| *at);
        events
    }

    /// When to look no longer: a periodic link steps for ever, and over a dead one flows wait.
    pub(crate) fn end(&self) -> Moment {
        Moment(20 * SPAN)
    }

    /// Does what an event says, at a settled moment. Returns what an abort returned.
    pub(crate) fn apply(
        &self,
        transfers: &mut Transfers,
        now: Moment,
        event: Event,
    ) -> Option<(FlowId, Bytes)> {
        match event {
            Event::Start(flow) => {
                let transfer = self.flows[flow].1.clone();
                transfers.start(FlowId(flow as u64), now, transfer).unwrap();
            }
            Event::Abort(flow) => {
                let id = FlowId(flow as u64);
                return transfers.abort(id, now).unwrap().map(|moved| (id, moved));
            }
            Event::Kill(index) => transfers.kill(link(index as u32), now).unwrap(),
            Event::Restore(index) => transfers.restore(link(index as u32), now).unwrap(),
        }
        None
    }

    /// Plays it with `watch` called at every settled moment.
    pub(crate) fn play(&self, mut watch: impl FnMut(&mut Transfers, Moment)) -> Played {
        let mut transfers = self.transfers();
        let mut played = Played::default();
        for (at, event) in self.events() {
            while let Some(due) = transfers.next().filter(|due| *due <= at) {
                played.completed.extend(transfers.settle(due).unwrap());
                watch(&mut transfers, due);
            }
            played.completed.extend(transfers.settle(at).unwrap());
            played.aborted.extend(self.apply(&mut transfers, at, event));
        }
        while let Some(due) = transfers.next().filter(|due| *due <= self.end()) {
            played.completed.extend(transfers.settle(due).unwrap());
            watch(&mut transfers, due);
        }
        played
    }

    /// The rates of all moving flows, solved as one problem, without components or stars.
    pub(crate) fn global_rates(&self, transfers: &Transfers) -> BTreeMap<FlowId, f64> {
        let links: Vec<Capacity> = self
            .links
            .iter()
            .zip(0..)
            .map(|((sharing, _), index)| Capacity {
                capacity: transfers.capacity(LinkId(index)),
                sharing: *sharing,
            })
            .collect();
        let moving: Vec<FlowId> = (0..self.flows.len() as u64)
            .map(FlowId)
            .filter(|id| links_of(self, *id).any(|l| transfers.flows_over(l).any(|f| f == *id)))
            .collect();
        let flow = |id: &FlowId| self.flows[id.0 as usize].1.flow.clone();
        let flows: Vec<Flow> = moving.iter().map(flow).collect();
        let rates = solve(&links, &flows).unwrap();
        moving.into_iter().zip(rates).map(|(id, rate)| (id, rate.get())).collect()
    }
}

fn links_of(world: &World, id: FlowId) -> impl Iterator<Item = LinkId> + '_ {
    world.flows[id.0 as usize].1.flow.route.iter().map(|hop| link(hop.link as u32))
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Played {
    pub(crate) completed: Vec<Completed>,
    pub(crate) aborted: Vec<(FlowId, Bytes)>,
}

impl Played {
    /// When each of `flows` flows ended, [s]; NaN if it did not.
    pub(crate) fn ends(&self, flows: usize) -> Vec<f64> {
        let mut ends = vec![f64::NAN; flows];
        for done in &self.completed {
            ends[done.id.0 as usize] = done.at.0 as f64 / 1e9;
        }
        ends
    }
}
