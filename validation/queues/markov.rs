//! Q1, Q2, Q6: Poisson arrivals and exponential services.

use fleetune_devices::streams::SeedTree;
use fleetune_units::Seconds;

use super::{
    REPLICATIONS, SERVICE, forms, length,
    meter::{Meter, Window},
    station::Station,
};
use crate::{
    Dot, Experiment, Figure, Finding, Law, Measurement, ValidationError, curve,
    experiment::{column, replicate},
    statistics::variance_band,
};

pub(super) const SINGLE: Experiment = Experiment {
    id: "Q1",
    title: "One server, M/M/1",
    statement: "Poisson arrivals and exponential services at one server that takes customers as \
                they come: numbers, waits and the whole law of the time spent.",
    closed_form: "L = ρ/(1 - ρ); W = 1/(μ - λ); Lq = ρ²/(1 - ρ); Wq = ρ W; P(N = k) = (1 - ρ) ρᵏ; \
                  the sojourn is exponential with mean W; arrivals see time averages",
    measure: single,
};

pub(super) const RUN_LENGTH: Experiment = Experiment {
    id: "Q2",
    title: "How long a run has to be",
    statement: "The variance of a time average over T falls as 1/T with a known factor. The run \
                lengths of all other experiments follow from it, and with them their power.",
    closed_form: "T Var(time average of N) → 2 ρ (1 + ρ)/(μ (1 - ρ)⁴)",
    measure: run_length,
};

pub(super) const SEVERAL: Experiment = Experiment {
    id: "Q6",
    title: "Several servers, M/M/c",
    statement: "Three servers behind one line under the load of two.",
    closed_form: "P(wait) = C = (aᶜ/c!)(c/(c - a))/(Σ_{k<c} aᵏ/k! + (aᶜ/c!)(c/(c - a))), a = λ/μ; \
                  Wq = C/(c μ - λ); Lq = λ Wq; a servers are busy",
    measure: several,
};

const EXPONENTIAL: Law = Law::Exponential { mean: SERVICE };

fn single(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (rho, times) in [(0.5, 3.0), (0.7, 1.5)] {
        let sojourn = 1.0 / (1.0 - rho);
        // The median of the exponential law, and where e⁻² of it is left.
        let longer = [std::f64::consts::LN_2, 2.0].map(|x| Seconds::from_raw(x * sojourn));
        let steady = Station::steady(rho, EXPONENTIAL, length(rho, times))?;
        let station = Station { longer: longer.to_vec(), ..steady };
        let runs = replicate(seeds, REPLICATIONS, |seeds| station.run(seeds))?;
        let mut mean = |what: &str, unit: &str, theta: f64, of: &dyn Fn(&Meter) -> f64| {
            let what = format!("{what}, ρ = {rho}");
            findings.push(Finding::mean(what, unit, theta, &column(&runs, of)));
        };
        mean("number in the system L", "", forms::number(rho), &Meter::number);
        mean("number waiting Lq", "", rho * forms::number(rho), &Meter::waiting);
        mean("time in the system W", "s", sojourn, &Meter::sojourn);
        mean("time waiting Wq", "s", rho * sojourn, &Meter::wait);
        for n in 0..3 {
            let theta = forms::geometric(rho, n as i32);
            mean(&format!("share of time with {n}"), "", theta, &|m| m.share(n));
        }
        let found = |m: &Meter| m.found as f64 / m.come as f64;
        mean("number that an arrival finds", "", forms::number(rho), &found);
        for (place, share) in [0.5, libm::exp(-2.0)].into_iter().enumerate() {
            let what = format!("share of sojourns above {:.3} s", longer[place].get());
            mean(&what, "", share, &|m| m.longer[place].1 as f64 / m.served as f64);
        }
        let waits = Finding::mean("", "s", rho * sojourn, &column(&runs, Meter::wait));
        dots.push(Dot::of(rho, &waits));
    }
    let (more, figure) = waits(seeds, dots)?;
    findings.extend(more);
    Ok(Measurement { findings, figures: vec![figure] })
}

/// The wait at other loads, and the figure of all of them.
fn waits(seeds: &SeedTree, mut dots: Vec<Dot>) -> Result<(Vec<Finding>, Figure), ValidationError> {
    let form = |rho: f64| rho / (1.0 - rho);
    let mut findings = Vec::new();
    for (rho, times) in [(0.3, 2.0), (0.6, 1.0), (0.8, 1.0)] {
        let station = Station::steady(rho, EXPONENTIAL, length(rho, times))?;
        let runs = replicate(seeds, REPLICATIONS, |seeds| station.run(seeds))?;
        let what = format!("time waiting Wq, ρ = {rho}");
        let finding = Finding::mean(what, "s", form(rho), &column(&runs, Meter::wait));
        dots.push(Dot::of(rho, &finding));
        findings.push(finding);
    }
    let figure = Figure::new(
        "queue-wait",
        "Time waiting before one server, M/M/1, services of 1 s",
        ("share of time that the server is busy, ρ", "mean wait, s"),
        "The line is Wq = ρ/(μ - λ), which grows without bound towards ρ = 1.",
    );
    Ok((findings, figure.with("Wq", curve((0.0, 0.85), 170, form), dots)))
}

fn run_length(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let runs: usize = 4_000;
    let mut findings = Vec::new();
    for (rho, seconds) in [(0.5, 3_000.0), (0.7, 4_000.0)] {
        // From empty, a few relaxation times are enough of a warm-up.
        let window = Window::new(Seconds::from_raw(300.0), Seconds::from_raw(seconds))?;
        let endless = Station::until_empty(rho, EXPONENTIAL, u64::MAX);
        let station = Station { crowd: 0, window, ..endless };
        let means = replicate(seeds, runs as u64, |seeds| Ok(station.run(seeds)?.number()))?;
        let mean = means.iter().sum::<f64>() / runs as f64;
        let squares: f64 = means.iter().map(|x| (x - mean) * (x - mean)).sum();
        let theta = forms::spread(rho);
        findings.push(Finding::variance(
            format!("T Var(time average of N), T = {seconds} s, ρ = {rho}"),
            "s",
            theta,
            seconds * squares / (runs as f64 - 1.0),
            variance_band(theta, runs),
            runs,
        ));
    }
    Ok(findings.into())
}

fn several(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let (servers, load) = (3_u32, 2.0);
    let station = Station {
        servers: servers as usize,
        ..Station::steady(load, EXPONENTIAL, length(2.0 / 3.0, 0.7))?
    };
    let runs = replicate(seeds, REPLICATIONS, |seeds| station.run(seeds))?;
    let delayed = forms::erlang_c(servers, load);
    let wait = delayed / (f64::from(servers) - load);
    let mean = |what: &str, unit: &str, theta: f64, of: &dyn Fn(&Meter) -> f64| {
        Finding::mean(what, unit, theta, &column(&runs, of))
    };
    Ok(vec![
        mean("share of customers who wait", "", delayed, &|m| m.delayed as f64 / m.served as f64),
        mean("time waiting Wq", "s", wait, &Meter::wait),
        mean("number waiting Lq", "", load * wait, &Meter::waiting),
        mean("busy servers", "", load, &|m| m.number() - m.waiting()),
    ]
    .into())
}
