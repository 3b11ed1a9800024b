//! N4, N5: what max-min fairness gives, where it is a formula.

use fleetune_devices::{
    energy::Moment,
    network::{
        fair_share::Flow,
        topology::{Duplex, Node, Topology},
        transfers::{FlowId, Transfer, Transfers},
    },
    streams::{SeedTree, open_unit},
};
use fleetune_units::{Bytes, BytesPerSecond, Seconds};

use super::kit::{MB, ended, flows, rate, shared, start};
use crate::{Experiment, Finding, Measurement, ValidationError};

pub(super) const PARKING_LOT: Experiment = Experiment {
    id: "N4",
    title: "The parking lot",
    statement: "A flow over L links of one capacity C and one on each of them. Max-min fairness \
                gives all of them half a link; proportional fairness would give the long one \
                C/(L + 1), so the test tells them apart.",
    closed_form: "x = C/2 for every flow, whatever L",
    measure: parking_lot,
};

pub(super) const CAPS: Experiment = Experiment {
    id: "N5",
    title: "Caps and weights",
    statement: "On one link every flow has its cap or its weight's share of what the capped ones \
                leave.",
    closed_form: "x_j = min(b_j, w_j θ), Σ x_j = C",
    measure: caps,
};

/// Rates of flows that have just begun.
fn rates(engine: &mut Transfers, all: &[Flow]) -> Result<Vec<f64>, ValidationError> {
    for (id, flow) in (0..).zip(all) {
        let (size, latency) = (Bytes::new(1_000_000_000), Seconds::ZERO);
        start(engine, id, Moment(0), Transfer { flow: flow.clone(), size, latency })?;
    }
    engine.settle(Moment(0)).map_err(ValidationError::refused)?;
    let rate = |id| engine.rate(FlowId(id)).map_or(f64::NAN, BytesPerSecond::get);
    Ok((0..all.len() as u64).map(rate).collect())
}

fn parking_lot(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    for links in [2, 5, 20] {
        let mut net = Topology::new();
        let node = Node::Router;
        for place in 0..links {
            let ends = (node(place), node(place + 1));
            net.cable(ends, rate(MB), Seconds::ZERO, Duplex::Split);
        }
        let mut all = Vec::new();
        for (from, to) in std::iter::once((0, links)).chain((0..links).map(|i| (i, i + 1))) {
            let route = net.route(node(from), node(to)).map_err(ValidationError::refused)?;
            all.push(Flow { route: route.hops, ..Flow::over([]) });
        }
        let found = rates(&mut Transfers::new(Moment(0), net.links()), &all)?;
        let worst = found[1..].iter().fold(0.0_f64, |worst, x| worst.max((x - MB / 2.0).abs()));
        let name = format!("L = {links}");
        findings.push(Finding::within(
            format!("the long flow, {name}"),
            "B/s",
            MB / 2.0,
            found[0],
            1e-6,
        ));
        findings.push(Finding::within(
            format!("largest distance of a short flow from C/2, {name}"),
            "B/s",
            0.0,
            worst,
            1e-6,
        ));
        let sized: Vec<_> = all.into_iter().map(|flow| (flow, 1_000_000)).collect();
        let last = flows(net.links(), &sized)?.into_iter().max().unwrap_or(Moment(0));
        findings.push(ended(
            format!("the last of {} flows of 1 MB, {name}", links + 1),
            2.0,
            last,
            0,
        ));
    }
    Ok(findings.into())
}

/// θ with Σ min(b_j, w_j θ) = C, by halving.
fn level(flows: &[Flow], capacity: f64) -> f64 {
    let used = |theta: f64| flows.iter().map(|flow| given(flow, theta)).sum::<f64>();
    let (mut low, mut high) = (0.0, 1e12);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if used(middle) < capacity { low = middle } else { high = middle }
    }
    high
}

fn given(flow: &Flow, theta: f64) -> f64 {
    flow.cap.map_or(f64::INFINITY, BytesPerSecond::get).min(flow.weight * theta)
}

fn caps(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    // 1, 2.25 and 6.75 of 10: worked by hand.
    let flow = |weight, cap: Option<f64>| Flow { weight, cap: cap.map(rate), ..Flow::over([0]) };
    let by_hand = [flow(1.0, None), flow(3.0, None), flow(2.0, Some(MB))];
    let found = rates(&mut Transfers::new(Moment(0), &[shared(10.0 * MB)]), &by_hand)?;
    let expected = [2.25, 6.75, 1.0];
    let mut findings = Vec::new();
    for ((name, expected), x) in
        ["weight 1", "weight 3", "weight 2, cap 1 MB/s"].into_iter().zip(expected).zip(found)
    {
        findings.push(Finding::within(
            format!("{name}, of 10 MB/s"),
            "B/s",
            expected * MB,
            x,
            1e-6,
        ));
    }
    let mut rng = seeds.stream("flows", 0);
    let (mut worst, mut capped, mut count) = (0.0_f64, 0_u32, 0_u32);
    for _ in 0..300 {
        let number = 2 + (open_unit(&mut rng) * 20.0) as usize;
        let mut draw = || {
            let weight = 0.1 + 5.0 * open_unit(&mut rng);
            let cap = (open_unit(&mut rng) < 0.5).then(|| 1e3 + MB * open_unit(&mut rng));
            flow(weight, cap)
        };
        let mut all: Vec<Flow> = (0..number).map(|_| draw()).collect();
        // Someone takes what the capped ones leave, so that the link is full.
        all.push(flow(1.0, None));
        let capacity = 5.0 * MB;
        let found = rates(&mut Transfers::new(Moment(0), &[shared(capacity)]), &all)?;
        let theta = level(&all, capacity);
        for (flow, x) in all.iter().zip(found) {
            let expected = given(flow, theta);
            worst = worst.max((x / expected - 1.0).abs());
            capped += u32::from(expected < flow.weight * theta);
            count += 1;
        }
    }
    // Both kinds occur.
    let share = f64::from(capped) / f64::from(count);
    let what = format!(
        "largest relative distance from min(b, w θ), {count} flows, {:.0} % at their cap",
        100.0 * share
    );
    findings.push(Finding::within(what, "", 0.0, worst, 1e-9));
    Ok(findings.into())
}
