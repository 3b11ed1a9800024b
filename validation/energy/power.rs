//! E1, E2, E3: power over time.

use fleetune_devices::{
    energy::{Meter, Moment, Purpose},
    power::{LoadCurve, Share},
    streams::{SeedTree, open_unit},
};
use fleetune_units::Watts;

use super::{SECOND, watts};
use crate::{Experiment, Finding, Measurement, ValidationError};

pub(super) const HOST: Experiment = Experiment {
    id: "E1",
    title: "SimGrid's documented host",
    statement: "The example `energy-exec` of SimGrid's manual: four cores and three states of \
                Idle:Epsilon:All, 100:93.33:200, 93:90:170 and 90:90:150 W; idle, one core busy, \
                idle again. The energies are those of the manual.",
    closed_form: "P(u) = P_idle for u = 0, else P_ε + (P_all - P_ε) u; E = Σ P t",
    measure: host,
};

pub(super) const TWO_STATES: Experiment = Experiment {
    id: "E2",
    title: "A device of two states",
    statement: "However often a device turns busy and idle, its energy depends on the time spent \
                busy alone.",
    closed_form: "E = P_idle T + (P_busy - P_idle) t_busy",
    measure: two_states,
};

pub(super) const ADDITIVITY: Experiment = Experiment {
    id: "E3",
    title: "Additivity",
    statement: "Integrating a stretch at once or cut at arbitrary instants gives the same energy.",
    closed_form: "E(0, T) = Σ E(t_i, t_{i+1})",
    measure: additivity,
};

/// State `state` of the host.
fn curve(state: usize) -> LoadCurve {
    let [idle, epsilon, all] =
        [[100.0, 280.0 / 3.0, 200.0], [93.0, 90.0, 170.0], [90.0, 90.0, 150.0]][state];
    LoadCurve { idle: watts(idle), epsilon: watts(epsilon), all: watts(all) }
}

fn host(_: &SeedTree) -> Result<Measurement, ValidationError> {
    // Seconds, state, busy cores of four, joules after it, what. A core computes 1e8 flop at
    // 100 Mflop/s in 1 s, and at 20 Mflop/s in 5 s.
    let stretches = [
        (10, 0, 0, 1000.0, "10 s idle"),
        (1, 0, 1, 1120.0, "then 1e8 flop on a core"),
        (5, 2, 1, 1645.0, "then as many in the slowest state"),
        (4, 2, 0, 2005.0, "then 4 s idle"),
        (10, 2, 0, 2905.0, "then 10 s idle"),
    ];
    let mut meter = Meter::new(Moment(0), Watts::ZERO);
    let (mut now, mut findings) = (0, Vec::new());
    for (seconds, state, cores, total, what) in stretches {
        let share = Share::new(f64::from(cores) / 4.0).map_err(ValidationError::refused)?;
        let set = meter.set(Moment(now), curve(state).at(share), Purpose::Background);
        set.map_err(ValidationError::refused)?;
        now += seconds * SECOND;
        let read = meter.read(Moment(now)).map_err(ValidationError::refused)?;
        findings.push(Finding::within(what, "J", total, read.total().get(), 1e-9));
    }
    for (state, cores, power) in [(0, 4, 200.0), (1, 0, 93.0), (1, 1, 110.0), (1, 4, 170.0)] {
        let share = Share::new(f64::from(cores) / 4.0).map_err(ValidationError::refused)?;
        let what = format!("power of state {state}, {cores} of 4 cores busy");
        findings.push(Finding::within(what, "W", power, curve(state).at(share).get(), 1e-9));
    }
    Ok(findings.into())
}

fn two_states(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut rng = seeds.stream("spans", 0);
    let mut findings = Vec::new();
    for (idle, busy) in [(1.0, 5.0), (0.0, 12.5), (3.25, 3.5)] {
        let mut meter = Meter::new(Moment(0), watts(idle));
        let (mut now, mut busy_time) = (0_u64, 0_u64);
        for turn in 0..2_001 {
            let (power, purpose) = match turn % 2 {
                0 => (idle, Purpose::Background),
                _ => (busy, Purpose::Round),
            };
            meter.set(Moment(now), watts(power), purpose).map_err(ValidationError::refused)?;
            let span = (open_unit(&mut rng) * SECOND as f64) as u64;
            now += span;
            busy_time += span * (turn % 2);
        }
        let [total, busy_seconds] = [now, busy_time].map(|nanos| nanos as f64 / SECOND as f64);
        let accounts = meter.read(Moment(now)).map_err(ValidationError::refused)?;
        let name = format!("{idle} W idle, {busy} W busy, 1000 times");
        let expected = idle * total + (busy - idle) * busy_seconds;
        let measured = accounts.total().get();
        findings.push(Finding::within(format!("energy, {name}"), "J", expected, measured, 1e-8));
        let expected = busy * busy_seconds;
        let measured = accounts.rounds().get();
        findings.push(Finding::within(
            format!("of it busy, {name}"),
            "J",
            expected,
            measured,
            1e-8,
        ));
    }
    Ok(findings.into())
}

fn additivity(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut rng = seeds.stream("cuts", 0);
    let mut findings = Vec::new();
    for cuts in [1_u64, 10, 10_000] {
        let power = watts(1.0 + 20.0 * open_unit(&mut rng));
        let end = 3_600 * SECOND + 1;
        let mut at: Vec<u64> =
            (0..cuts).map(|_| (open_unit(&mut rng) * end as f64) as u64).collect();
        at.sort_unstable();
        let whole = Meter::new(Moment(0), power);
        let mut split = Meter::new(Moment(0), power);
        for moment in at {
            let set = split.set(Moment(moment), power, Purpose::Background);
            set.map_err(ValidationError::refused)?;
        }
        let [whole, split] = [whole, split].map(|meter| meter.read(Moment(end)));
        let whole = whole.map_err(ValidationError::refused)?.total().get();
        let split = split.map_err(ValidationError::refused)?.total().get();
        let expected = power.get() * end as f64 / 1e9;
        let what = format!("an hour and a nanosecond, cut {cuts} times");
        findings.push(Finding::within(what.clone(), "J", expected, split, 1e-12 * expected));
        findings.push(Finding::within(
            format!("{what}, less at once"),
            "J",
            0.0,
            split - whole,
            1e-12 * expected,
        ));
    }
    // A gigawatt for a nanosecond is a joule.
    let meter = Meter::new(Moment(5), watts(1e9));
    let read = meter.read(Moment(12)).map_err(ValidationError::refused)?;
    findings.push(Finding::within("7 ns at 1 GW", "J", 7.0, read.total().get(), 1e-12));
    Ok(findings.into())
}
