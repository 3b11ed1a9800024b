//! N1, N2, N3, N9: when flows end.

use fleetune_devices::{
    energy::Moment,
    network::{
        fair_share::Flow,
        model::{Lv08, TransferModel},
        topology::{Duplex, Node, Topology},
    },
    streams::SeedTree,
};
use fleetune_units::Seconds;

use super::kit::{FAST, MB, Way, World, ended, flows, play, rate, reached, start};
use crate::{DeviceSpec, Experiment, Figure, Finding, Measurement, ValidationError, curve};

pub(super) const ONE: Experiment = Experiment {
    id: "N1",
    title: "One flow",
    statement: "A flow alone waits out the latencies on its route and then has the least of the \
                rates there. Under LV08, SimGrid's model of TCP, latencies count 13.01 times, \
                links carry 0.97 of their capacity, and acknowledgements that come back on the \
                same channel take 0.05 of the rate; SimGrid's manual has the last number.",
    closed_form: "T = L + S/min(b, C); LV08: T = 13.01 L + S/(0.97 C), or 1.05 S/(0.97 C)",
    measure: one,
};

pub(super) const SIZES: Experiment = Experiment {
    id: "N2",
    title: "Flows of different sizes on one link",
    statement: "Flows that begin together share the link equally; whenever one ends the others \
                speed up.",
    closed_form: "T_k = L + (Σ_{j<k} s_j + (n - k + 1) s_k)/C, s_1 ≤ ... ≤ s_n",
    measure: sizes,
};

pub(super) const TWO_LINKS: Experiment = Experiment {
    id: "N3",
    title: "A long flow and two short ones",
    statement: "Links of 10 and 20 MB/s in a row; a flow over both and one on each. The long flow \
                gets half of the slow link, the short one on the fast link the rest of that.",
    closed_form: "rates 5, 5 and 15 MB/s; 10 MB each end at 2, 2 and 2/3 s",
    measure: two_links,
};

pub(super) const PROFILE: Experiment = Experiment {
    id: "N9",
    title: "A capacity that changes",
    statement: "A flow has moved the integral of the capacity b(t), whatever its steps, periods \
                and outages.",
    closed_form: "S = ∫ b(t) dt; a drop from b0 to b1 at t1: T = t1 + (S - b0 t1)/b1",
    measure: profile,
};

/// A star whose server sends at so many bytes a second, so many milliseconds away.
fn star(capacity: f64, milliseconds: u32) -> String {
    format!(
        "server: {{ uplink: {capacity} B/s, downlink: {FAST} B/s, latency: {milliseconds} ms }}"
    )
}

/// 1 Mbit/s.
const SLOW: f64 = 125e3;

fn one(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    // b, C [B/s], latencies of device and server [ms].
    for (access, server, near, far) in
        [(FAST, SLOW, 0, 10), (SLOW, FAST, 10, 0), (50e3, SLOW, 4, 6), (1e9, SLOW, 0, 0)]
    {
        let latency = Seconds::from_raw(f64::from(near) / 1e3);
        let device = DeviceSpec { latency, ..reached(FAST, access) };
        let world = World::new(&star(server, far), &[device], TransferModel::Raw)?;
        let expected = f64::from(near + far) / 1e3 + 100e3 / access.min(server);
        let what = format!(
            "100 kB, b = {}, C = {}, L = {} ms",
            rate(access).human(),
            rate(server).human(),
            near + far
        );
        findings.push(ended(what, expected, world.downloads(100_000)?[0], 0));
    }
    let tcp = TransferModel::Lv08(Lv08::default());
    for (sharing, usage) in [("split_duplex", 1.0), ("shared", 1.05)] {
        let graph = format!(
            "topology: {{ graph: {{ nodes: [cell], devices: [{{ at: cell }}], links: [{{ name: backhaul, \
             from: server, to: cell, capacity: 1 Mbit/s, latency: 10 ms, sharing: {sharing} }}] }} }}"
        );
        let world = World::new(&graph, &[reached(FAST, FAST)], tcp)?;
        let expected = 13.01 * 0.01 + usage * 100e3 / (0.97 * SLOW);
        let what = format!("LV08, 100 kB, 1 Mbit/s {sharing}, 10 ms");
        findings.push(ended(what, expected, world.downloads(100_000)?[0], 0));
    }
    Ok(findings.into())
}

fn sizes(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    let sizes = [100_000_u64, 200_000, 450_000, 450_000, 1_000_000];
    for count in [2, 5] {
        let devices = vec![reached(FAST, FAST); count];
        let world = World::new(&star(SLOW, 10), &devices, TransferModel::Raw)?;
        let all: Vec<_> = (0..).zip(&sizes[..count]).map(|(d, s)| (d, Way::Down, *s)).collect();
        let ends = world.ends(&all)?;
        for (k, end) in ends.into_iter().enumerate() {
            let smaller: u64 = sizes[..k].iter().sum();
            let bytes = smaller + (count - k) as u64 * sizes[k];
            let what = format!("end of flow {} of {count}, {} kB", k + 1, sizes[k] / 1000);
            findings.push(ended(what, 0.01 + bytes as f64 / SLOW, end, 0));
        }
    }
    Ok(findings.into())
}

fn two_links(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut net = Topology::new();
    let node = Node::Router;
    for (place, capacity) in [(0, 10.0 * MB), (1, 20.0 * MB)] {
        let ends = (node(place), node(place + 1));
        net.cable(ends, rate(capacity), Seconds::ZERO, Duplex::Split);
    }
    let mut all = Vec::new();
    for (from, to) in [(0, 2), (0, 1), (1, 2)] {
        let route = net.route(node(from), node(to)).map_err(ValidationError::refused)?;
        all.push((Flow { route: route.hops, ..Flow::over([]) }, 10_000_000));
    }
    let ends = flows(net.links(), &all)?;
    let expected =
        [("the long flow", 2.0), ("on the slow link", 2.0), ("on the fast link", 2.0 / 3.0)];
    let each = expected.into_iter().zip(ends);
    Ok(each
        .map(|((what, expected), end)| ended(format!("end of 10 MB, {what}"), expected, end, 0))
        .collect::<Vec<Finding>>()
        .into())
}

/// A cell whose backhaul has this profile.
fn changing(profile: &str) -> Result<World, ValidationError> {
    let graph = format!(
        "topology: {{ graph: {{ nodes: [cell], devices: [{{ at: cell }}], links: [{{ name: backhaul, from: \
         server, to: cell, profile: {profile} }}] }} }}"
    );
    World::new(&graph, &[reached(FAST, FAST), reached(FAST, FAST)], TransferModel::Raw)
}

fn profile(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    let drop =
        changing("{ steps: [{ at: 0 s, capacity: 4 MB/s }, { at: 1 s, capacity: 1 MB/s }] }")?;
    let mut dots = Vec::new();
    for megabytes in [1_u32, 2, 4, 5, 6, 8] {
        let size = f64::from(megabytes);
        let expected = if size <= 4.0 { size / 4.0 } else { 1.0 + (size - 4.0) / 1.0 };
        let end = drop.ends(&[(0, Way::Down, u64::from(megabytes) * 1_000_000)])?[0];
        dots.push(crate::Dot { x: size, y: end.0 as f64 / 1e9, half_width: 0.0 });
        let what = format!("{megabytes} MB, 4 MB/s and from 1 s on 1 MB/s");
        findings.push(ended(what, expected, end, 0));
    }
    // Two flows have moved the integral together.
    let end = drop.downloads(3_000_000)?[1];
    findings.push(ended("two flows of 3 MB there", 3.0, end, 0));
    // 2 MB/s for a second, nothing for three: S MB take S/2 periods.
    let outages = changing(
        "{ steps: [{ at: 0 s, capacity: 2 MB/s }, { at: 1 s, capacity: 0 B/s }], period: 4 s }",
    )?;
    for (begin, megabytes, expected) in [(0.0, 1, 0.5), (0.0, 5, 8.5), (0.5, 2, 4.5), (2.0, 2, 5.0)]
    {
        let begun = Moment((begin * 1e9) as u64);
        let mut engine = outages.engine();
        engine.settle(begun).map_err(ValidationError::refused)?;
        start(&mut engine, 0, begun, outages.transfer(0, Way::Down, megabytes * 1_000_000)?)?;
        let what = format!("{megabytes} MB from {begin} s on, 2 MB/s in the first of every 4 s");
        findings.push(ended(what, expected, play(&mut engine, 1)?[0], 0));
    }
    let line = curve((0.0, 8.0), 80, |s| if s <= 4.0 { s / 4.0 } else { 1.0 + (s - 4.0) });
    let figure = Figure::new(
        "capacity-drop",
        "A link drops from 4 MB/s to 1 MB/s after a second",
        ("bytes to move, MB", "end of the transfer, s"),
        "The line is t1 + (S - b0 t1)/b1. The bend is at what the fast second carries, 4 MB.",
    );
    let figures = vec![figure.with("one flow", line, dots)];
    Ok(Measurement { findings, figures })
}
