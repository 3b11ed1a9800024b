//! R4, R5: deadlines, and devices that are slow.

use fleetune_devices::streams::SeedTree;
use fleetune_units::{FlopsPerSecond, Seconds};
use fleetune_validation::{
    DeviceSpec, Dot, Experiment, Figure, Finding, Measurement, ValidationError, chi_squared,
    closed_forms::{arrivals, binomial, deadline_exponential, slow_round},
    column, curve, fleet,
};

use super::{EXPONENTIAL, SECOND, same};
use crate::{
    federation::FederationConfig,
    validate::script::{config, drawn, duration, flops, rounds, work},
};

pub(super) const DEADLINE: Experiment = Experiment {
    id: "R4",
    title: "Deadlines",
    statement: "A round waits for all of n clients but no longer than D; who is not there by then \
                is lost, so the number of updates is binomial. n = 10, mean 1 s, D = 2 s: 1.9041 s \
                and 8.6466 updates.",
    closed_form: "E[round] = ∫₀^D 1 - Fⁿ dt; updates ~ Binomial(n, F(D))",
    measure: deadline,
};

pub(super) const SLOW_CLASS: Experiment = Experiment {
    id: "R5",
    title: "A class of slow devices",
    statement: "Selection is uniform, so a cohort of n among N devices, S of them slow, has a slow \
                one with the hypergeometric probability; and every device is asked equally often.",
    closed_form: "P = 1 - C(N-S, n)/C(N, n); P(a device is asked) = n/N",
    measure: slow_class,
};

const COHORT: u32 = 10;

fn deadline(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(EXPONENTIAL, seeds, exchange, client)), 0, 0)
    };
    let form = |d: f64| deadline_exponential(COHORT, SECOND, Seconds::from_raw(d)).get();
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    // 2 s is the catalogue's, and its law of updates needs the rounds.
    for (place, (d, count)) in
        (0..).zip([(0.5, 8_000), (1.0, 8_000), (2.0, 70_000), (3.0, 10_000), (5.0, 15_000)])
    {
        let limit = Seconds::from_raw(d);
        let config = FederationConfig { deadline: Some(limit), ..config(COHORT) };
        let seeds = seeds.subtree("deadline", place);
        let of = |round: &crate::federation::RoundOutcome| (duration(round), round.participants());
        let found = rounds(&config, count, &same(COHORT)?, &seeds, &job, of)?;
        let times = column(&found, |one| one.0);
        let finding = Finding::mean(format!("mean round, D = {d} s"), "s", form(d), &times);
        dots.push(Dot::of(d, &finding));
        findings.push(finding);
        let expected = arrivals(COHORT, EXPONENTIAL, limit);
        let updates = column(&found, |one| f64::from(one.1));
        findings.push(Finding::mean(format!("updates, D = {d} s"), "", expected, &updates));
        if d == 2.0 {
            let updates: Vec<u32> = found.iter().map(|one| one.1).collect();
            findings.push(law_of_updates(&updates, EXPONENTIAL.cdf(limit)));
        }
    }
    let figure = Figure::new(
        "deadline",
        "A round of 10 clients with a deadline",
        ("deadline D, s", "mean round, s"),
        "The line is ∫₀^D 1 - Fⁿ dt: a short deadline is the round's length, a long one changes \
         nothing, H_10 = 2.93 s.",
    );
    let figures = vec![figure.with("mean round", curve((0.0, 6.0), 120, form), dots)];
    Ok(Measurement { findings, figures })
}

/// Five and fewer are one cell: there are hardly any.
fn law_of_updates(updates: &[u32], p: f64) -> Finding {
    const FEWEST: u32 = 5;
    let mut counts = [0_u64; (COHORT - FEWEST + 1) as usize];
    let mut law = counts.map(|_| 0.0);
    for k in 0..=COHORT {
        law[k.saturating_sub(FEWEST) as usize] += binomial(COHORT, k, p);
    }
    for &k in updates {
        counts[k.saturating_sub(FEWEST) as usize] += 1;
    }
    chi_squared(format!("law of the updates, D = 2 s, {} rounds", updates.len()), &counts, &law)
}

fn slow_class(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    const ALL: u32 = 20;
    const ASKED: u32 = 5;
    let job = |_: &SeedTree, _, _| work(1_000_000_000, 0, 0);
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (slow, count) in [(2, 70_000), (3, 40_000), (5, 20_000), (10, 4_000)] {
        // Spread over the fleet: being first or last must not matter.
        let is_slow = |device: u32| device * slow / ALL != (device + 1) * slow / ALL;
        let speed = |device| FlopsPerSecond::from_raw(if is_slow(device) { 0.5e9 } else { 1e9 });
        let spec = |device| DeviceSpec { speed: speed(device), ..DeviceSpec::default() };
        let specs: Vec<_> = (0..ALL).map(spec).collect();
        let seeds = seeds.subtree("slow", slow.into());
        let slowed =
            |round: &crate::federation::RoundOutcome| f64::from(u8::from(duration(round) > 1.5));
        let found = rounds(&config(ASKED), count, &fleet(&specs)?, &seeds, &job, slowed)?;
        let theta = slow_round(ALL, slow, ASKED);
        let what = format!("slow rounds, S = {slow} of {ALL}, n = {ASKED}");
        let finding = Finding::mean(what, "", theta, &found);
        dots.push(Dot::of(slow.into(), &finding));
        findings.push(finding);
    }
    findings.push(asked_equally(seeds, ALL, ASKED)?);
    let figure = Figure::new(
        "slow-class",
        "Rounds of 5 among 20 devices that have a slow one among them",
        ("slow devices S", "share of rounds"),
        "The line is 1 - C(20-S, 5)/C(20, 5): three slow devices of twenty slow most rounds.",
    );
    let line = (0..=15).map(|s| (f64::from(s), slow_round(ALL, s, ASKED))).collect();
    Ok(Measurement { findings, figures: vec![figure.with("slow rounds", line, dots)] })
}

/// The first of a round's selection, which is one draw from all devices.
fn asked_equally(seeds: &SeedTree, all: u32, asked: u32) -> Result<Finding, ValidationError> {
    let job = |_: &SeedTree, _, _| work(1_000_000, 0, 0);
    let first = |round: &crate::federation::RoundOutcome| round.clients.first().map(|c| c.client);
    let seeds = seeds.subtree("asked", 0);
    let found = rounds(&config(asked), 160_000, &same(all)?, &seeds, &job, first)?;
    let mut counts = vec![0_u64; all as usize];
    found.iter().flatten().for_each(|&client| counts[client as usize] += 1);
    let law = vec![1.0 / f64::from(all); all as usize];
    Ok(chi_squared(format!("who is asked first, {} rounds", found.len()), &counts, &law))
}
