//! R1, R2, R3: how long a round lasts that waits for the last, or for the k-th.

use fleetune_devices::streams::SeedTree;
use fleetune_units::{FlopsPerSecond, Seconds};
use fleetune_validation::{
    DeviceSpec, Dot, Experiment, Figure, Finding, Law, Measurement, ValidationError,
    closed_forms::{
        harmonic, kth_exponential, kth_exponential_variance, slowest, slowest_pareto,
        slowest_uniform, slowest_weibull,
    },
    fleet, kolmogorov,
};

use super::{SECOND, same};
use crate::validate::script::{config, drawn, duration, flops, rounds, work};

pub(super) const EXPONENTIAL: Experiment = Experiment {
    id: "R1",
    title: "The synchronous round",
    statement: "A round waits for the slowest of n clients. With exponential times it grows with \
                the logarithm of n; what every client needs besides, D, is added once.",
    closed_form: "E = D + H_n/λ; Var = Σ_{k≤n} 1/(k λ)²; P(T ≤ t) = (1 - e^{-λt})ⁿ",
    measure: exponential,
};

pub(super) const OVER_SELECTION: Experiment = Experiment {
    id: "R2",
    title: "Over-selection",
    statement: "A round that asks m clients and takes the first k leaves the tail to the others. \
                100 of 130 take 1.45 instead of 5.19: 3.6 times shorter.",
    closed_form: "E = (H_m - H_{m-k})/λ",
    measure: over_selection,
};

pub(super) const LAWS: Experiment = Experiment {
    id: "R3",
    title: "Other laws",
    statement: "The slowest of n clients whose times are uniform, Pareto, Weibull, or of two \
                classes of devices.",
    closed_form: "uniform: a + (b - a) n/(n + 1); Pareto: x_m Γ(n+1) Γ(1-1/α)/Γ(n+1-1/α); Weibull: \
                  s Γ(1+1/k) Σ_j (-1)^{j+1} C(n,j) j^{-1/k}; any: ∫ 1 - Π F_i dt",
    measure: laws,
};

fn exponential(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    // Large cohorts vary less, so fewer rounds tell as much.
    let cohorts = [
        (1, 80_000),
        (2, 60_000),
        (5, 25_000),
        (10, 15_000),
        (20, 9_000),
        (50, 5_000),
        (100, 4_000),
        (1_000, 1_600),
    ];
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(super::EXPONENTIAL, seeds, exchange, client)), 0, 0)
    };
    for (n, count) in cohorts {
        let seeds = seeds.subtree("cohort", n.into());
        let times = rounds(&config(n), count, &same(n)?, &seeds, &job, duration)?;
        let finding = Finding::mean(format!("mean round, n = {n}"), "s", harmonic(n), &times);
        dots.push(Dot::of(n.into(), &finding));
        findings.push(finding);
        if n == 10 {
            let cdf = |t: f64| libm::pow(-libm::expm1(-t), 10.0);
            findings.push(kolmogorov(
                format!("law of a round, n = {n}, {count} rounds"),
                times,
                cdf,
            ));
        }
    }
    findings.push(variance(seeds)?);
    findings.push(with_transfers(seeds)?);
    let figure = Figure::new(
        "round-time",
        "A synchronous round of n clients, exponential times of mean 1 s",
        ("clients n (logarithmic)", "mean round, s"),
        "The line is H_n, the n-th harmonic number. A thousand clients take seven times as long as \
         one: the slowest decides.",
    );
    let line = (1..=1_000_u32).map(|n| (f64::from(n), harmonic(n))).collect();
    Ok(Measurement { findings, figures: vec![figure.logarithmic().with("H_n", line, dots)] })
}

/// Of ten clients, around the mean that is known.
fn variance(seeds: &SeedTree) -> Result<Finding, ValidationError> {
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(super::EXPONENTIAL, seeds, exchange, client)), 0, 0)
    };
    let seeds = seeds.subtree("variance", 0);
    let squares = rounds(&config(10), 200_000, &same(10)?, &seeds, &job, |round| {
        let apart = duration(round) - harmonic(10);
        apart * apart
    })?;
    let theta = kth_exponential_variance(10, 10, SECOND);
    Ok(Finding::mean("variance of a round, n = 10", "s²", theta, &squares))
}

/// D: half a second down and a quarter up at 1 MB/s, and a latency of 50 ms each way.
fn with_transfers(seeds: &SeedTree) -> Result<Finding, ValidationError> {
    let spec = DeviceSpec { latency: Seconds::from_raw(0.05), ..DeviceSpec::default() };
    let fleet = fleet(&vec![spec; 10])?;
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(super::EXPONENTIAL, seeds, exchange, client)), 500_000, 250_000)
    };
    let seeds = seeds.subtree("transfers", 0);
    let times = rounds(&config(10), 15_000, &fleet, &seeds, &job, duration)?;
    let theta = 0.5 + 0.25 + 2.0 * 0.05 + harmonic(10);
    Ok(Finding::mean("mean round with D = 0.85 s of transfers, n = 10", "s", theta, &times))
}

fn over_selection(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(super::EXPONENTIAL, seeds, exchange, client)), 0, 0)
    };
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (asked, count) in
        [(100, 4_000), (110, 1_200), (120, 1_000), (130, 1_000), (150, 800), (200, 600)]
    {
        let config = crate::federation::FederationConfig {
            over_commitment: f64::from(asked) / 100.0,
            ..config(100)
        };
        let seeds = seeds.subtree("asked", asked.into());
        let times = rounds(&config, count, &same(asked)?, &seeds, &job, duration)?;
        let theta = kth_exponential(100, asked, SECOND).get();
        let finding = Finding::mean(format!("mean round, 100 of {asked}"), "s", theta, &times);
        dots.push(Dot::of(asked.into(), &finding));
        findings.push(finding);
    }
    let figure = Figure::new(
        "over-commitment",
        "A round that asks m clients and takes the first 100",
        ("clients asked m", "mean round, s"),
        "The line is H_m - H_{m-100}. Ten more than needed more than halve the round, thirty more \
         cut it to 28 %.",
    );
    let line =
        (100..=210_u32).map(|m| (f64::from(m), kth_exponential(100, m, SECOND).get())).collect();
    Ok(Measurement { findings, figures: vec![figure.with("100 of m", line, dots)] })
}

fn laws(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let s = Seconds::from_raw;
    let weibull = |shape| Law::Weibull { shape, scale: SECOND };
    let cases: [(&str, u32, Law, Seconds, u64); 5] = [
        (
            "uniform on 1 to 3 s",
            7,
            Law::Uniform { low: s(1.0), high: s(3.0) },
            slowest_uniform(7, s(1.0), s(3.0)),
            3_000,
        ),
        (
            "Pareto, α = 4, from 1 s",
            10,
            Law::Pareto { shape: 4.0, scale: SECOND },
            slowest_pareto(10, 4.0, SECOND),
            30_000,
        ),
        ("Weibull, k = 0.6", 10, weibull(0.6), slowest_weibull(10, 0.6, SECOND), 40_000),
        ("Weibull, k = 2", 10, weibull(2.0), slowest_weibull(10, 2.0, SECOND), 6_000),
        ("Weibull, k = 2", 100, weibull(2.0), slowest_weibull(100, 2.0, SECOND), 2_000),
    ];
    let mut findings = Vec::new();
    for (place, (name, n, law, theta, count)) in (0..).zip(cases) {
        let job = |seeds: &SeedTree, exchange, client| {
            work(flops(drawn(law, seeds, exchange, client)), 0, 0)
        };
        let seeds = seeds.subtree("law", place);
        let times = rounds(&config(n), count, &same(n)?, &seeds, &job, duration)?;
        findings.push(Finding::mean(
            format!("mean round, {name}, n = {n}"),
            "s",
            theta.get(),
            &times,
        ));
    }
    // Equal work on devices of two speeds: six fast, and two four times slower.
    let slow = DeviceSpec { speed: FlopsPerSecond::from_raw(0.25e9), ..DeviceSpec::default() };
    let mut specs = vec![DeviceSpec::default(); 6];
    specs.extend([slow.clone(), slow]);
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(super::EXPONENTIAL, seeds, exchange, client)), 0, 0)
    };
    let mixed = seeds.subtree("mixed", 0);
    let times = rounds(&config(8), 30_000, &fleet(&specs)?, &mixed, &job, duration)?;
    let mut each = vec![super::EXPONENTIAL; 6];
    each.extend([Law::Exponential { mean: s(4.0) }; 2]);
    let theta = slowest(&each).get();
    findings.push(Finding::mean("mean round, 6 fast and 2 slow devices", "s", theta, &times));
    Ok(findings.into())
}
