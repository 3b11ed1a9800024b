//! N6, N7, N11: stars, Wi-Fi cells and cables, as scenarios write them.

use fleetune_devices::{
    energy::Moment,
    network::{model::TransferModel, transfers::FlowId},
    streams::SeedTree,
};
use fleetune_units::BytesPerSecond;

use super::kit::{FAST, MB, Way, World, ended, reached, start};
use crate::{Dot, Experiment, Figure, Finding, Measurement, ValidationError, curve};

pub(super) const STAR: Experiment = Experiment {
    id: "N6",
    title: "The parameter server's star",
    statement: "n devices behind access links of b exchange S bytes with a server behind a link of \
                C. As long as n b is below C more devices cost no time; beyond the knee at \
                n = C/b the server's link is what everyone waits for.",
    closed_form: "x_i = min(b_i, θ); equal b: T = L + S max(1/b, n/C)",
    measure: star,
};

pub(super) const WIFI: Experiment = Experiment {
    id: "N7",
    title: "The Wi-Fi cell",
    statement: "Stations share air time, not bytes: everyone gets the same rate, and one slow \
                station slows the whole cell.",
    closed_form: "x = 1/Σ(1/r_j) each",
    measure: wifi,
};

pub(super) const DUPLEX: Experiment = Experiment {
    id: "N11",
    title: "Duplex and fat pipes",
    statement: "Whether a download and an upload meet on a cable depends on the cable; a fat pipe \
                gives every flow its capacity, however many there are.",
    closed_form: "split duplex: both at C; shared: both at C/2; fat pipe: each at min(b, C)",
    measure: duplex,
};

const B: f64 = 2.0 * MB;
const C: f64 = 10.0 * MB;
const SIZE: u64 = 5_000_000;

/// T of the star with equal access links [s].
fn star_time(n: f64) -> f64 {
    0.02 + SIZE as f64 * (1.0 / B).max(n / C)
}

fn star(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let topology = format!("server: {{ uplink: {C} B/s, downlink: {C} B/s, latency: 20 ms }}");
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for n in [1_u32, 2, 4, 5, 6, 8, 10, 15, 20] {
        let devices = vec![reached(B, B); n as usize];
        let world = World::new(&topology, &devices, TransferModel::Raw)?;
        for (way, name) in [(Way::Down, "downloads"), (Way::Up, "uploads")] {
            let all: Vec<_> = (0..n).map(|device| (device, way, SIZE)).collect();
            let last = world.ends(&all)?.into_iter().max().unwrap_or(Moment(0));
            findings.push(ended(format!("the last of {n} {name}"), star_time(n.into()), last, 0));
            if way == Way::Up {
                dots.push(Dot { x: n.into(), y: last.0 as f64 / 1e9, half_width: 0.0 });
            }
        }
    }
    // Unequal: 1 and 2 have what they can, 6 and 9 share the rest of 12.
    let topology = "server: { uplink: 12 MB/s, downlink: 12 MB/s, latency: 0 s }";
    let devices = [1.0, 2.0, 6.0, 9.0].map(|b| reached(b * MB, b * MB));
    let world = World::new(topology, &devices, TransferModel::Raw)?;
    let mut engine = world.engine();
    for device in 0..4 {
        start(&mut engine, device.into(), Moment(0), world.transfer(device, Way::Down, SIZE)?)?;
    }
    engine.settle(Moment(0)).map_err(ValidationError::refused)?;
    for (device, (b, expected)) in (0..).zip([(1, 1.0), (2, 2.0), (6, 4.5), (9, 4.5)]) {
        let x = engine.rate(FlowId(device)).map_or(f64::NAN, BytesPerSecond::get);
        let what = format!("rate at b = {b} of 1, 2, 6 and 9 MB/s, C = 12 MB/s");
        findings.push(Finding::within(what, "B/s", expected * MB, x, 1e-6));
    }
    let figure = Figure::new(
        "star-knee",
        "Time to exchange 5 MB with n devices, b = 2 MB/s each, behind C = 10 MB/s",
        ("devices n", "last transfer ends, s"),
        "The line is L + S max(1/b, n/C). Up to n = C/b = 5 devices the access links decide, \
         beyond it the server's link.",
    );
    let figures = vec![figure.with("uploads", curve((1.0, 20.0), 190, star_time), dots)];
    Ok(Measurement { findings, figures })
}

fn wifi(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let topology =
        "topology: { wifi: { cells: [{ name: hall, uplink: 1 TB/s, downlink: 1 TB/s }] } }";
    let mut findings = Vec::new();
    for speeds in [vec![54.0], vec![54.0, 54.0], vec![54.0, 11.0], vec![54.0, 11.0, 1.0]] {
        let devices: Vec<_> = speeds.iter().map(|r| reached(r * MB, r * MB)).collect();
        let world = World::new(topology, &devices, TransferModel::Raw)?;
        let share = 1.0 / speeds.iter().map(|r| 1.0 / r).sum::<f64>();
        for (way, name) in [(Way::Down, "down"), (Way::Up, "up")] {
            let all: Vec<_> =
                (0..).zip(&speeds).map(|(device, _)| (device, way, 1_000_000)).collect();
            let ends = world.ends(&all)?;
            let last = ends.iter().copied().max().unwrap_or(Moment(0));
            let first = ends.into_iter().min().unwrap_or(Moment(0));
            let list = speeds.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
            let what = format!("1 MB {name} each, stations of {list} MB/s");
            findings.push(ended(format!("last of {what}"), 1.0 / share, last, 1));
            findings.push(ended(format!("first of {what}"), 1.0 / share, first, 1));
        }
    }
    Ok(findings.into())
}

fn duplex(_: &SeedTree) -> Result<Measurement, ValidationError> {
    let world = |sharing: &str, devices: usize| {
        let graph = format!(
            "topology: {{ graph: {{ nodes: [cell], devices: [{{ at: cell }}], links: [{{ name: cable, from: \
             server, to: cell, capacity: 1 MB/s, sharing: {sharing} }}] }} }}"
        );
        World::new(&graph, &vec![reached(FAST, FAST); devices], TransferModel::Raw)
    };
    let mut findings = Vec::new();
    for (sharing, expected) in [("split_duplex", 1.0), ("shared", 2.0), ("fat_pipe", 1.0)] {
        let ends =
            world(sharing, 1)?.ends(&[(0, Way::Down, 1_000_000), (0, Way::Up, 1_000_000)])?;
        for (way, end) in ["down", "up"].into_iter().zip(ends) {
            findings.push(ended(
                format!("1 MB {way}, and 1 MB the other way, {sharing}"),
                expected,
                end,
                0,
            ));
        }
    }
    // The same way they share a split-duplex cable and not a fat pipe.
    for (sharing, expected) in [("split_duplex", 50.0), ("fat_pipe", 1.0)] {
        let last = world(sharing, 50)?.downloads(1_000_000)?.into_iter().max();
        let what = format!("the last of 50 downloads of 1 MB, {sharing}");
        findings.push(ended(what, expected, last.unwrap_or(Moment(0)), 0));
    }
    Ok(findings.into())
}
