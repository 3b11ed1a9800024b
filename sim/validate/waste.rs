//! E6: what rounds spend in vain.

use fleetune_devices::{availability::Means, streams::SeedTree};
use fleetune_units::{Seconds, Watts};
use fleetune_validation::{
    DeviceSpec, Experiment, Finding, Law, Measurement, ValidationError,
    closed_forms::{harmonic, kth_exponential},
    column, fleet,
};

use super::script::{config, drawn, flops, rounds, run, work};
use crate::federation::{
    Anatomy, ClientOutcome, Closing, Fate, FederationConfig, Resources, RoundOutcome,
};

pub(super) const WASTE: Experiment = Experiment {
    id: "E6",
    title: "Waste",
    statement: "In rounds with over-commitment, a deadline and dropouts, every FLOP, byte and joule \
                is useful or wasted, by the fate of its client; energy is power times time in \
                each state. Of exponential work, those who lose the race work as long as the round \
                lasts.",
    closed_form: "useful + waste = total; E = Σ P_s t_s; 10 of 13: waste (m - k)(H_m - H_{m-k}), \
                  useful Σ_{i≤k} H_m - H_{m-i}",
    measure: waste,
};

/// Idle, computing, sending, receiving [W].
const POWER: [f64; 4] = [1.0, 5.0, 3.0, 2.0];
const DOWNLOAD: u64 = 300_000;
const UPLOAD: u64 = 200_000;

fn waste(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = books(seeds)?;
    findings.extend(race(seeds)?);
    Ok(findings.into())
}

/// Of one client, what the books are held to.
fn energy(times: &Anatomy) -> f64 {
    let [idle, compute, transmit, receive] = POWER;
    times.wait.as_seconds() * idle
        + times.compute.as_seconds() * compute
        + times.upload.as_seconds() * transmit
        + times.download.as_seconds() * receive
}

/// What all clients of a round of that fate spent, by their own books, and how many there were.
fn spent(round: &RoundOutcome, fate: Fate) -> (u64, Resources) {
    let mine = || round.clients.iter().filter(|c| c.fate == fate);
    (mine().count() as u64, mine().map(|c| c.spent.total()).sum())
}

/// One federation whose every fate occurs.
fn books(seeds: &SeedTree) -> Result<Vec<Finding>, ValidationError> {
    let means = Means { mean_on: Seconds::from_raw(30.0), mean_off: Seconds::from_raw(5.0) };
    let power = POWER.map(Watts::from_raw);
    let spec = DeviceSpec { power, means: Some(means), ..DeviceSpec::default() };
    let config = FederationConfig {
        over_commitment: 1.3,
        deadline: Some(Seconds::from_raw(3.0)),
        ..config(10)
    };
    let law = Law::Exponential { mean: Seconds::from_raw(1.0) };
    let job = |seeds: &SeedTree, exchange, client| {
        work(flops(drawn(law, seeds, exchange, client)), DOWNLOAD, UPLOAD)
    };
    const FATES: [(Fate, &str); 4] = [
        (Fate::Aggregated, "aggregated"),
        (Fate::Left, "left"),
        (Fate::Late, "late"),
        (Fate::Surplus, "surplus"),
    ];
    let of = |round: &RoundOutcome| {
        let by_power: f64 = round.clients.iter().map(|c| energy(&c.times)).sum();
        let limit = 3_000_000_000;
        let is_late = |c: &&ClientOutcome| c.fate == Fate::Late;
        let engaged = |c: &ClientOutcome| c.times.engaged().as_nanos();
        let early = round.clients.iter().filter(is_late).filter(|c| engaged(c) != limit).count();
        // A round that its deadline closes has no race to lose.
        let misnamed = match round.closing {
            Closing::Deadline => round.count(Fate::Surplus),
            _ => round.count(Fate::Late),
        };
        (FATES.map(|(fate, _)| spent(round, fate)), by_power, early, misnamed)
    };
    let (found, standing) = run(&config, 4_000, &fleet(&vec![spec; 40])?, seeds, &job, of)?;
    let sum = |fate: usize| -> (u64, Resources) {
        let clients = found.iter().map(|round| round.0[fate].0).sum();
        (clients, found.iter().map(|round| round.0[fate].1).sum())
    };
    let [(useful_clients, useful), left, late, surplus] = [0, 1, 2, 3].map(sum);
    let wasted: Resources = [left.1, late.1, surplus.1].into_iter().sum();
    let ledger = &standing.ledger;
    let exact = |what: &str, unit, a: u128, b: u128| Finding::exact(what, unit, a, b);
    let close = |what: &str, a: f64, b: f64| Finding::within(what, "J", a, b, 1e-9 * a);
    let mut findings = vec![
        exact(
            "bytes up, useful",
            "B",
            u128::from(useful_clients * UPLOAD),
            ledger.useful.uplink.get().into(),
        ),
        exact(
            "bytes down, useful",
            "B",
            u128::from(useful_clients * DOWNLOAD),
            ledger.useful.downlink.get().into(),
        ),
        exact("FLOPs, useful", "FLOP", useful.device_flops.get(), ledger.useful.device_flops.get()),
        exact(
            "FLOPs, wasted by all fates",
            "FLOP",
            wasted.device_flops.get(),
            ledger.wasted.device_flops.get(),
        ),
        exact(
            "bytes up, wasted by all fates",
            "B",
            wasted.uplink.get().into(),
            ledger.wasted.uplink.get().into(),
        ),
        exact(
            "bytes down, wasted by all fates",
            "B",
            wasted.downlink.get().into(),
            ledger.wasted.downlink.get().into(),
        ),
        close("energy, wasted by all fates", wasted.energy.get(), ledger.wasted.energy.get()),
        close(
            "energy, power times time",
            found.iter().map(|round| round.1).sum(),
            ledger.total().energy.get(),
        ),
        exact(
            "late clients not engaged for exactly 3 s",
            "",
            0,
            found.iter().map(|round| round.2 as u128).sum(),
        ),
        exact(
            "clients late without a deadline, or surplus at one",
            "",
            0,
            found.iter().map(|round| u128::from(round.3)).sum(),
        ),
    ];
    // Every fate occurs, or its books would be empty.
    let all = standing.asked;
    let counted = useful_clients + left.0 + late.0 + surplus.0;
    let what = format!(
        "clients: {useful_clients} aggregated, {} left, {} late, {} surplus",
        left.0, late.0, surplus.0
    );
    findings.push(exact(&what, "", all.into(), counted.into()));
    Ok(findings)
}

/// Over-commitment alone: 10 of 13.
fn race(seeds: &SeedTree) -> Result<Vec<Finding>, ValidationError> {
    let (needed, asked) = (10, 13);
    let config = FederationConfig { over_commitment: 1.3, ..config(needed) };
    let law = Law::Exponential { mean: Seconds::from_raw(1.0) };
    let job =
        |seeds: &SeedTree, exchange, client| work(flops(drawn(law, seeds, exchange, client)), 0, 0);
    let of = |round: &RoundOutcome| {
        let ledger = round.spent();
        [ledger.useful, ledger.wasted].map(|part| part.device_flops.get() as f64 / 1e9)
    };
    let fleet = fleet(&vec![DeviceSpec::default(); asked as usize])?;
    let found = rounds(&config, 20_000, &fleet, &seeds.subtree("race", 0), &job, of)?;
    let second = Seconds::from_raw(1.0);
    let wasted = f64::from(asked - needed) * kth_exponential(needed, asked, second).get();
    let useful: f64 = (1..=needed).map(|i| harmonic(asked) - harmonic(asked - i)).sum();
    Ok(vec![
        Finding::mean("wasted a round, 10 of 13", "GFLOP", wasted, &column(&found, |one| one[1])),
        Finding::mean("useful a round, 10 of 13", "GFLOP", useful, &column(&found, |one| one[0])),
    ])
}
