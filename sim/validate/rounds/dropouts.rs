//! R6: devices that leave, and rounds that succeed all the same.

use fleetune_devices::{availability::Means, streams::SeedTree};
use fleetune_units::Seconds;
use fleetune_validation::{
    DeviceSpec, Dot, Experiment, Figure, Finding, Measurement, ValidationError, chi_squared,
    closed_forms::{round_succeeds, rounds_to_success},
    column, curve, fleet,
};

use crate::{
    federation::{Closing, Fate, FederationConfig, RoundOutcome},
    validate::script::{config, flops, rounds, work},
};

pub(super) const DROPOUT: Experiment = Experiment {
    id: "R6",
    title: "Dropouts",
    statement: "A device that is there stays for w with probability e^{-w/U}, whatever happened \
                before. Of m = 6 asked, k = 5 are needed: the round succeeds with the binomial \
                tail, and rounds up to the first success are geometric.",
    closed_form: "P = Σ_{j≥k} C(m, j) (1-p)ʲ p^{m-j}, p = 1 - e^{-w/U}; E[rounds] = 1/P",
    measure: dropout,
};

const UP: f64 = 10.0; // mean time there [s]
const NEEDED: u32 = 5;
const ASKED: u32 = 6;

/// How many left, and whether as many as needed arrived.
fn fate(round: &RoundOutcome) -> (u32, bool) {
    (round.count(Fate::Left), round.closing == Closing::Full)
}

fn dropout(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let means = Means { mean_on: Seconds::from_raw(UP), mean_off: Seconds::from_raw(1.0) };
    let fleet = fleet(&vec![DeviceSpec { means: Some(means), ..DeviceSpec::default() }; 40])?;
    let config = FederationConfig { over_commitment: 1.2, ..config(NEEDED) };
    let lost = |w: f64| -libm::expm1(-w / UP);
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for (place, (w, count)) in (0..).zip([(1.0, 80_000), (2.0, 80_000), (4.0, 70_000)]) {
        let job = |_: &SeedTree, _, _| work(flops(Seconds::from_raw(w)), 0, 0);
        let seeds = seeds.subtree("work", place);
        let found = rounds(&config, count, &fleet, &seeds, &job, fate)?;
        let theta = round_succeeds(ASKED, NEEDED, lost(w));
        let success = column(&found, |one| f64::from(u8::from(one.1)));
        let finding = Finding::mean(format!("rounds that succeed, w = {w} s"), "", theta, &success);
        dots.push(Dot::of(w, &finding));
        findings.push(finding);
        if w == 2.0 {
            findings.extend(until_success(&found, theta, lost(w)));
        }
        if w == 4.0 {
            // Where a round fails, everyone's fate is known: nobody was too slow.
            let failed = found.iter().filter(|one| !one.1);
            let few = failed.filter(|one| one.0 < ASKED - NEEDED + 1).count();
            findings.push(Finding::exact(
                "failed rounds that lost fewer than two",
                "",
                0,
                few as u128,
            ));
        }
    }
    let figure = Figure::new(
        "dropouts",
        "Rounds of 6 asked and 5 needed, on devices that stay for 10 s on average",
        ("work of each client w, s", "share of rounds that succeed"),
        "The line is the binomial tail at p = 1 - exp(-w/U).",
    );
    let form = |w: f64| round_succeeds(ASKED, NEEDED, lost(w));
    let figures = vec![figure.with("success", curve((0.0, 6.0), 120, form), dots)];
    Ok(Measurement { findings, figures })
}

/// Rounds up to and with each success: their mean and their law.
fn until_success(found: &[(u32, bool)], success: f64, lost: f64) -> Vec<Finding> {
    let (mut waits, mut since) = (Vec::new(), 0_u32);
    for &(_, succeeded) in found {
        since += 1;
        if succeeded {
            waits.push(since);
            since = 0;
        }
    }
    // One, two, three, more.
    let mut counts = [0_u64; 4];
    waits.iter().for_each(|&wait| counts[(wait.min(4) - 1) as usize] += 1);
    let fail = 1.0 - success;
    let law = [success, success * fail, success * fail * fail, fail * fail * fail];
    let theta = rounds_to_success(ASKED, NEEDED, lost);
    vec![
        Finding::mean("rounds to a success, w = 2 s", "", theta, &column(&waits, |&w| w.into())),
        chi_squared(
            format!("law of the rounds to {} successes, w = 2 s", waits.len()),
            &counts,
            &law,
        ),
    ]
}
