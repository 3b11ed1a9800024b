//! Q3, Q4: any law of service at one server.

use fleetune_devices::streams::SeedTree;

use super::{REPLICATIONS, SERVICE, forms, length, meter::Meter, station::Station};
use crate::{
    Experiment, Finding, Law, Measurement, ValidationError,
    experiment::{column, replicate},
};

pub(super) const CONSTANT: Experiment = Experiment {
    id: "Q3",
    title: "Constant services, M/D/1",
    statement: "Services that are all alike halve the wait. And where arrivals are as regular as \
                services, a customer who comes at the instant at which another leaves finds the \
                server free: completions precede arrivals.",
    closed_form: "Lq = ρ²/(2 (1 - ρ)); Wq = ρ/(2 μ (1 - ρ))",
    measure: constant,
};

pub(super) const GENERAL: Experiment = Experiment {
    id: "Q4",
    title: "Any law of service, M/G/1",
    statement: "The wait depends on the law of service through its mean and variance alone \
                (Pollaczek and Khinchine).",
    closed_form: "Wq = λ E[S²]/(2 (1 - ρ)) = ρ (1 + CV²)/(2 μ (1 - ρ)); Lq = λ Wq",
    measure: general,
};

/// Waits at one server under Poisson arrivals, held to the formula.
fn waits(
    seeds: &SeedTree,
    name: &str,
    rho: f64,
    service: Law,
    variation: f64,
    times: f64,
) -> Result<Vec<Finding>, ValidationError> {
    let station = Station::steady(rho, service, length(rho, times))?;
    let runs = replicate(seeds, REPLICATIONS, |seeds| station.run(seeds))?;
    let wait = forms::wait(rho, variation);
    let mean = |what: &str, unit: &str, theta: f64, of: fn(&Meter) -> f64| {
        Finding::mean(format!("{what}, {name}, ρ = {rho}"), unit, theta, &column(&runs, of))
    };
    Ok(vec![
        mean("time waiting Wq", "s", wait, Meter::wait),
        mean("number waiting Lq", "", rho * wait, Meter::waiting),
    ])
}

fn constant(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let service = Law::Constant(SERVICE);
    let mut findings = waits(seeds, "constant", 0.5, service, 0.0, 1.5)?;
    findings.extend(waits(seeds, "constant", 0.7, service, 0.0, 1.0)?);
    let customers = 1_000;
    let regular =
        Station { gaps: service, crowd: 0, ..Station::until_empty(1.0, service, customers) };
    let meter = regular.run(seeds)?;
    let found = u128::from(meter.found);
    findings.push(Finding::exact("customers found at regular arrivals, ρ = 1", "", 0, found));
    let span = u128::from(customers) * 1_000_000_000;
    findings.push(Finding::exact("server's busy time, ρ = 1", "ns", span, meter.area));
    Ok(findings.into())
}

fn general(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = Vec::new();
    for (variation, times) in [(0.5, 2.0), (1.5, 8.0)] {
        let service = Law::LogNormal { mean: SERVICE, variation };
        let name = format!("log-normal of CV {variation}");
        findings.extend(waits(seeds, &name, 0.5, service, variation, times)?);
    }
    let (low, high) = (fleetune_units::Seconds::ZERO, fleetune_units::Seconds::from_raw(2.0));
    let uniform = Law::Uniform { low, high };
    // CV² = (width² / 12) / mean² = 1/3.
    findings.extend(waits(seeds, "uniform", 0.5, uniform, (1.0_f64 / 3.0).sqrt(), 2.0)?);
    Ok(findings.into())
}
