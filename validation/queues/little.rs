//! Q8: Little's law, to the nanosecond.

use fleetune_devices::streams::SeedTree;

use super::{
    CROWD, SERVICE, closed,
    meter::{Meter, Window},
    poisson,
    processor::link,
    repair::exponential,
    series::queues,
    sharing::Sharing,
    station::{Discipline, Station},
};
use crate::{Experiment, Finding, Law, Measurement, ValidationError, experiment::replicate};

pub(super) const LAW: Experiment = Experiment {
    id: "Q8",
    title: "Little's law",
    statement: "Over a run that begins and ends empty, the integral of the number present is the \
                sum of the times spent, to the nanosecond: for every queue here, under every \
                discipline, for the part that waits and for a system of several queues.",
    closed_form: "∫ N(t) dt = Σ sojourns; ∫ Nq(t) dt = Σ waits",
    measure: little,
};

/// Replications of each queue.
const RUNS: u64 = 10;
const CUSTOMERS: u64 = 5_000;

fn little(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    let exponentials = Law::Exponential { mean: SERVICE };
    let lognormal = Law::LogNormal { mean: SERVICE, variation: 1.5 };
    let fifo = Station::until_empty(0.9, exponentials, CUSTOMERS);
    let stations = [
        ("M/M/1", fifo.clone()),
        ("M/M/1, last come first", Station { discipline: Discipline::Lifo, ..fifo.clone() }),
        ("M/D/1", Station::until_empty(0.9, Law::Constant(SERVICE), CUSTOMERS)),
        ("M/G/1", Station::until_empty(0.9, lognormal, CUSTOMERS)),
        ("M/M/3", Station { servers: 3, gaps: poisson(2.7), ..fifo }),
    ];
    for (name, station) in &stations {
        let meters = replicate(seeds, RUNS, |seeds| station.run(seeds))?;
        held(&mut findings, name, &meters, CROWD + CUSTOMERS, true);
    }
    for (name, alone) in [("a shared link", exponentials), ("a shared link, M/G/1", lognormal)] {
        let link = Sharing { jobs: CUSTOMERS, ..link(0.9, alone, Window::EVERYTHING) };
        let meters = replicate(seeds, RUNS, |seeds| Ok(link.run(seeds)?.meter))?;
        held(&mut findings, name, &meters, CROWD + CUSTOMERS, false);
    }
    let model: closed::Loop = exponential(5, 0.4, CUSTOMERS / 5, Window::EVERYTHING);
    let meters = replicate(seeds, RUNS, |seeds| model.run(seeds))?;
    held(&mut findings, "closed loop", &meters, CUSTOMERS, true);
    let model = queues([0.9, 0.8], CUSTOMERS, Window::EVERYTHING);
    let passages = replicate(seeds, RUNS, |seeds| model.run(seeds))?;
    for (place, name) in ["first of two queues", "second of two queues"].into_iter().enumerate() {
        let meters: Vec<_> = passages.iter().map(|p| p.queues[place].clone()).collect();
        held(&mut findings, name, &meters, CROWD + CUSTOMERS, true);
    }
    let meters: Vec<_> = passages.into_iter().map(|p| p.whole).collect();
    held(&mut findings, "two queues as one", &meters, CROWD + CUSTOMERS, false);
    Ok(findings.into())
}

/// Integrals equal to sums, everybody served; `waits` where service has a beginning.
fn held(findings: &mut Vec<Finding>, name: &str, meters: &[Meter], customers: u64, waits: bool) {
    let sum = |of: fn(&Meter) -> u128| meters.iter().map(of).sum::<u128>();
    let mut exact = |what: &str, unit: &str, expected: u128, measured: u128| {
        findings.push(Finding::exact(format!("{what}, {name}"), unit, expected, measured));
    };
    exact("∫ N dt", "ns", sum(|m| m.sojourns), sum(|m| m.area));
    if waits {
        exact("∫ Nq dt", "ns", sum(|m| m.waits), sum(|m| m.waiting_area));
    }
    exact("served", "", u128::from(customers) * meters.len() as u128, sum(|m| m.served.into()));
}
