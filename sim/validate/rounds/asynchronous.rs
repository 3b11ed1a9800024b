//! R7: how stale updates are, and how often the model moves, where there are no rounds.

use fleetune_algorithms::mixing::{FedBuff, Rule};
use fleetune_devices::streams::SeedTree;
use fleetune_units::FlopsPerSecond;
use fleetune_validation::{
    DeviceSpec, Dot, Experiment, Figure, Finding, Measurement, ValidationError, column, curve,
    fleet, replicate,
};

use super::EXPONENTIAL;
use crate::{
    federation::{Fate, FederationConfig, Policy, RoundOutcome},
    validate::script::{config, drawn, flops, run, work},
};

pub(super) const STALENESS: Experiment = Experiment {
    id: "R7",
    title: "Without rounds",
    statement: "n clients are always at work and client i takes an exponential time of rate λ_i. \
                Updates arrive at the rate of all together. The others deliver λ_j/λ_i times while \
                i is at work; with a buffer of K only every K-th makes a version.",
    closed_form: "K = 1: mean staleness Σ_{j≠i} λ_j/λ_i; equal rates: geometric, mean n - 1, variance \
                  n(n - 1). Any K, equal rates: mean (n - 1)/K, versions every K/Σλ",
    measure: staleness,
};

/// Independent federations.
const REPLICATIONS: u64 = 64;
/// Versions before a federation is taken to have forgotten that all began at once.
const BURN_IN: u64 = 200;

/// What a federation's stationary part was like.
struct Stationary {
    /// Mean and mean square of all staleness.
    staleness: (f64, f64),
    /// Mean staleness of the updates of client 0.
    of_first: f64,
    /// Mean time between versions [s].
    between: f64,
}

/// Federations of clients at these speeds, as multiples of 1 GFLOP/s, all always at work, with a buffer of `buffer`.
fn federations(
    seeds: &SeedTree,
    speeds: &[f64],
    buffer: u32,
    versions: u64,
) -> Result<Vec<Stationary>, ValidationError> {
    let speed = |times: &f64| FlopsPerSecond::from_raw(times * 1e9);
    let spec = |times: &f64| DeviceSpec { speed: speed(times), ..DeviceSpec::default() };
    let fleet = fleet(&speeds.iter().map(spec).collect::<Vec<_>>())?;
    let (concurrency, rule) = (speeds.len() as u32, Rule::FedBuff(FedBuff::default()));
    let policy = Policy::Asynchronous { concurrency, rule };
    let rules = FederationConfig { policy, ..config(buffer) };
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(EXPONENTIAL, seeds, exchange, client)), 0, 0)
    };
    replicate(seeds, REPLICATIONS, |seeds| {
        let of = |window: &RoundOutcome| (window.closed, joined(window));
        let (windows, _) = run(&rules, BURN_IN + versions, &fleet, seeds, &job, of)?;
        let (before, after) = windows.split_at(BURN_IN as usize);
        // What the end of the run broke off has no version.
        let after = &after[..versions as usize];
        let time = |windows: &[(crate::kernel::SimTime, _)]| {
            windows.last().map_or(0.0, |(closed, _)| closed.as_seconds())
        };
        let all = || after.iter().flat_map(|(_, joined)| joined).copied();
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            let (sum, count) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
            sum / count
        };
        Ok(Stationary {
            staleness: (
                mean(&mut all().map(|one| one.1)),
                mean(&mut all().map(|one| one.1 * one.1)),
            ),
            of_first: mean(&mut all().filter(|one| one.0 == 0).map(|one| one.1)),
            between: (time(after) - time(before)) / versions as f64,
        })
    })
}

/// Clients whose updates were joined, and how stale these were.
fn joined(window: &RoundOutcome) -> Vec<(u32, f64)> {
    let counted = window.clients.iter().filter(|client| client.fate == Fate::Aggregated);
    counted.map(|client| (client.client, client.staleness.unwrap_or(0) as f64)).collect()
}

fn staleness(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for n in [2_u32, 5, 10, 20] {
        let seeds = seeds.subtree("equal", n.into());
        let versions = 600 * u64::from(n);
        let found = federations(&seeds, &vec![1.0; n as usize], 1, versions)?;
        let mean = f64::from(n - 1);
        let finding = Finding::mean(
            format!("mean staleness, n = {n}, K = 1"),
            "",
            mean,
            &column(&found, |one| one.staleness.0),
        );
        dots.push(Dot::of(n.into(), &finding));
        findings.push(finding);
        let what = format!("time between versions, n = {n}, K = 1");
        let between = column(&found, |one| one.between);
        findings.push(Finding::mean(what, "s", 1.0 / f64::from(n), &between));
        if n == 5 {
            let squares =
                column(&found, |one| one.staleness.1 - mean * (2.0 * one.staleness.0 - mean));
            let what = format!("variance of staleness, n = {n}, K = 1");
            findings.push(Finding::mean(what, "", f64::from(n) * mean, &squares));
        }
    }
    // Client 0 is half as fast as the first of the others and a quarter of the second: (2 + 4)/1.
    let uneven = federations(&seeds.subtree("uneven", 0), &[1.0, 2.0, 4.0], 1, 12_000)?;
    let first = column(&uneven, |one| one.of_first);
    findings.push(Finding::mean(
        "mean staleness of the slowest, λ = 1, 2, 4, K = 1",
        "",
        6.0,
        &first,
    ));
    let between = column(&uneven, |one| one.between);
    findings.push(Finding::mean(
        "time between versions, λ = 1, 2, 4, K = 1",
        "s",
        1.0 / 7.0,
        &between,
    ));
    for buffer in [2_u32, 4, 8] {
        let seeds = seeds.subtree("buffer", buffer.into());
        let found = federations(&seeds, &[1.0; 10], buffer, 24_000 / u64::from(buffer))?;
        let mean = 9.0 / f64::from(buffer);
        let stale = column(&found, |one| one.staleness.0);
        findings.push(Finding::mean(
            format!("mean staleness, n = 10, K = {buffer}"),
            "",
            mean,
            &stale,
        ));
        let between = column(&found, |one| one.between);
        let what = format!("time between versions, n = 10, K = {buffer}");
        findings.push(Finding::mean(what, "s", f64::from(buffer) / 10.0, &between));
    }
    let figure = Figure::new(
        "staleness",
        "Mean staleness with n clients always at work, a version by every update",
        ("clients n", "mean staleness, versions"),
        "The line is n - 1: while a client is at work, each of the others delivers once on average.",
    );
    let line = curve((1.0, 20.0), 20, |n| n - 1.0);
    Ok(Measurement { findings, figures: vec![figure.with("n - 1", line, dots)] })
}
