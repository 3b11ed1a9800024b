//! Agreement with SimGrid 3.32, flow by flow; tests/simgrid/generate.py made the numbers.

use fleetune_devices::{
    energy::Moment,
    network::{
        capacity::CapacityProfile,
        fair_share::{Capacity, Hop, Sharing},
        model::{Lv08, TransferModel},
        topology::Route,
        transfers::{FlowId, Transfers},
    },
};
use fleetune_units::{Bytes, Seconds};
use serde::Deserialize;

use super::kit::{pipe, shared};

/// Relative; the clock's nanosecond is up to 3e-10 of the shortest transfer.
const TOLERANCE: f64 = 1e-9;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct World {
    model: String,
    /// Bandwidth [B/s], latency [ms], policy.
    links: Vec<(f64, f64, String)>,
    /// Links and directions.
    pairs: Vec<Vec<(usize, i8)>>,
    /// Pair, size [B], start [ms].
    flows: Vec<(usize, u64, u64)>,
    /// [s]
    ends: Vec<f64>,
}

impl World {
    fn model(&self) -> TransferModel {
        match self.model.as_str() {
            "raw" => TransferModel::Cm02,
            "lv08" => TransferModel::Lv08(Lv08 { cross_traffic: false }),
            "lv08_cross_traffic" => TransferModel::Lv08(Lv08 { cross_traffic: true }),
            other => panic!("what is {other}?"),
        }
    }

    /// Two of ours for each of theirs: one a direction, though only split duplex uses both.
    fn links(&self) -> Vec<Capacity> {
        let link = |(bandwidth, _, policy): &(f64, f64, String)| match policy.as_str() {
            "fat_pipe" => [pipe(*bandwidth); 2],
            "shared" | "split_duplex" => [shared(*bandwidth); 2],
            other => panic!("what is {other}?"),
        };
        self.links.iter().flat_map(link).collect()
    }

    fn route(&self, pair: usize, sign: i8) -> Route {
        let hop = |(link, direction): &(usize, i8)| {
            let against = self.links[*link].2 == "split_duplex" && *direction * sign < 0;
            Hop::whole(2 * link + usize::from(against))
        };
        let latency = self.pairs[pair].iter().map(|(link, _)| self.links[*link].1 / 1e3).sum();
        let hops = self.pairs[pair].iter().map(hop).collect();
        Route { hops, latency: Seconds::new(latency).unwrap() }
    }

    fn ends(&self) -> Vec<f64> {
        let (model, links) = (self.model(), self.links());
        let carried = |link: &Capacity| {
            let profile = CapacityProfile::constant(link.capacity * model.bandwidth_factor());
            (profile, link.sharing)
        };
        let mut transfers = Transfers::with_profiles(Moment(0), links.iter().map(carried));
        let mut order: Vec<usize> = (0..self.flows.len()).collect();
        order.sort_by_key(|flow| self.flows[*flow].2);
        let mut ends = vec![f64::NAN; self.flows.len()];
        let mut settle = |transfers: &mut Transfers, now| {
            for done in transfers.settle(now).unwrap() {
                ends[done.id.0 as usize] = done.at.0 as f64 / 1e9;
            }
        };
        for index in order {
            let (pair, size, start) = self.flows[index];
            let now = Moment(start * 1_000_000);
            settle(&mut transfers, now);
            let (there, back) = (self.route(pair, 1), self.route(pair, -1));
            let transfer = model.transfer(&links, &there, Some(&back), Bytes::new(size));
            transfers.start(FlowId(index as u64), now, transfer).unwrap();
        }
        while let Some(next) = transfers.next() {
            settle(&mut transfers, next);
        }
        ends
    }
}

fn agree(file: &str) -> (usize, usize) {
    let worlds: Vec<World> = serde_json::from_str(file).unwrap();
    let (mut flows, mut worst) = (0, 0.0_f64);
    for (index, world) in worlds.iter().enumerate() {
        for (flow, (ours, theirs)) in world.ends().iter().zip(&world.ends).enumerate() {
            // The manual's example takes less than a second.
            let clock = if *theirs < 2.0 { 2e-9 } else { 0.0 };
            let off = (ours - theirs).abs();
            assert!(
                off <= TOLERANCE * theirs + clock,
                "{} platform {index}, flow {flow}: {ours} s, but SimGrid has {theirs} s",
                world.model
            );
            worst = worst.max(off / theirs);
            flows += 1;
        }
    }
    println!("{} platforms, {flows} flows, at most {worst:.1e} apart", worlds.len());
    (worlds.len(), flows)
}

#[test]
fn raw_agrees_with_simgrid_on_every_flow() {
    let (platforms, flows) = agree(include_str!("../simgrid/raw.json"));
    assert!(platforms > 30 && flows > 2000);
}

#[test]
fn lv08_agrees_with_simgrid_on_every_flow() {
    let (platforms, flows) = agree(include_str!("../simgrid/lv08.json"));
    assert!(platforms > 30 && flows > 2000);
}

#[test]
fn n1_the_example_of_simgrids_manual() {
    // 100 kB over 1 Mbit/s with 10 ms.
    let route = Route { hops: vec![Hop::whole(0)], latency: Seconds::new(0.01).unwrap() };
    let links = [shared(125e3)];
    for (model, expected) in [
        (TransferModel::Raw, 0.81),
        (TransferModel::Cm02, 0.81),
        (TransferModel::Lv08(Lv08 { cross_traffic: false }), 0.130_1 + 0.8 / 0.97),
        (TransferModel::Lv08(Lv08::default()), 0.130_1 + 0.8 * 1.05 / 0.97),
    ] {
        let capacity = links[0].capacity * model.bandwidth_factor();
        let mut transfers = Transfers::new(Moment(0), &[Capacity { capacity, ..links[0] }]);
        let transfer = model.transfer(&links, &route, Some(&route), Bytes::new(100_000));
        transfers.start(FlowId(0), Moment(0), transfer).unwrap();
        let ends = super::kit::run(&mut transfers);
        super::kit::close(&[ends[0].at.0 as f64 / 1e9], &[expected]);
    }
}

#[test]
fn the_window_caps_long_routes() {
    // 1 GB over 1 GB/s with a second: 4 MiB every two seconds, at 0.97.
    let route = Route { hops: vec![Hop::whole(0)], latency: Seconds::new(1.0).unwrap() };
    let model = TransferModel::Lv08(Lv08 { cross_traffic: false });
    let transfer = model.transfer(&[shared(1e9)], &route, None, Bytes::new(1_000_000_000));
    assert_eq!(transfer.flow.cap.unwrap().get(), 0.97 * 4_194_304.0 / 2.0);
    assert_eq!(transfer.latency.get(), 13.01);
}

#[test]
fn acknowledgements_share_the_cable_they_come_back_on() {
    let there = Route { hops: vec![Hop::whole(0), Hop::whole(1)], latency: Seconds::ZERO };
    let back = Route { hops: vec![Hop::whole(1), Hop::whole(2)], latency: Seconds::ZERO };
    let model = TransferModel::Lv08(Lv08::default());
    for (sharing, both) in [(Sharing::Shared, 1.05), (Sharing::FatPipe, 1.0)] {
        let links = [Capacity { sharing, ..shared(1e6) }; 3];
        let usages: Vec<_> = model
            .transfer(&links, &there, Some(&back), Bytes::new(1))
            .flow
            .route
            .iter()
            .map(|hop| (hop.link, hop.usage))
            .collect();
        assert_eq!(usages, [(0, 1.0), (1, both), (2, 0.05)]);
    }
}

#[test]
fn models_are_read_by_name() {
    let read = |text: &str| serde_yaml::from_str::<TransferModel>(text).map_err(|e| e.to_string());
    assert_eq!(read("raw"), Ok(TransferModel::Raw));
    assert_eq!(read("lv08"), Ok(TransferModel::Lv08(Lv08 { cross_traffic: true })));
    let without = TransferModel::Lv08(Lv08 { cross_traffic: false });
    assert_eq!(read("lv08: { cross_traffic: false }"), Ok(without));
    assert_eq!(serde_yaml::to_string(&without).map(|text| read(&text)).unwrap(), Ok(without));
    for (bad, says) in [
        ("tcp", "expected `raw` or `lv08`"),
        ("raw: {}", "nothing to choose"),
        ("lv08: { window: 3 }", "unknown field `window`"),
        ("{ lv08: {}, raw: {} }", "found lv08 and raw"),
    ] {
        assert!(read(bad).unwrap_err().contains(says), "{bad}: {:?}", read(bad));
    }
}
