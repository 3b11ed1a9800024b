//! E4: what leaves a battery is what the device drew.

use fleetune_devices::{
    Battery, BatteryConfig, Efficiency, Level, Load, Processor,
    energy::{Meter, Moment, Outcome, Purpose},
    streams::{SeedTree, open_unit},
};
use fleetune_units::{Joules, Seconds, Watts};

use super::{SECOND, watts};
use crate::{Experiment, Figure, Finding, Measurement, ValidationError, curve};

pub(super) const CONSERVATION: Experiment = Experiment {
    id: "E4",
    title: "Batteries",
    statement: "What a battery loses is what the device drew over its efficiency; it is never \
                below empty; a device dies at the very nanosecond at which it is empty, and what \
                it was doing is lost and counted.",
    closed_form: "drop = Σ P_s t_s/η; death at t* = η E/P",
    measure: conservation,
};

/// 1 kJ at 80 %, charged at 50 W.
fn config() -> Result<BatteryConfig, ValidationError> {
    Ok(BatteryConfig {
        capacity: Joules::from_raw(1000.0),
        discharge_efficiency: Efficiency::new(0.8).map_err(ValidationError::refused)?,
        charge_power: watts(50.0),
        initial: Level::FULL,
    })
}

fn conservation(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let mut findings = levels()?;
    findings.extend(drains(seeds)?);
    findings.extend(death()?);
    let mut battery = Battery::new(config()?, Moment(0));
    battery.set(Moment(0), watts(10.0), false).map_err(ValidationError::refused)?;
    let dots = (0..=10).map(|i| {
        let y = battery.stored(Moment(i * 10 * SECOND)).get();
        crate::Dot { x: 10.0 * i as f64, y, half_width: 0.0 }
    });
    let figure = Figure::new(
        "battery-death",
        "A battery of 1 kJ at 80 % efficiency under 10 W",
        ("time, s", "stored, J"),
        "The line is E - P t/η, and nothing from t* = η E/P = 80 s on.",
    );
    let line = curve((0.0, 100.0), 100, |t| (1000.0 - 12.5 * t).max(0.0));
    let figures = vec![figure.with("stored energy", line, dots.collect())];
    Ok(Measurement { findings, figures })
}

/// When levels are crossed, downwards and upwards.
fn levels() -> Result<Vec<Finding>, ValidationError> {
    let mut battery = Battery::new(config()?, Moment(0));
    let level = |share| Level::new(share).map_err(ValidationError::refused);
    battery.set(Moment(5), watts(10.0), false).map_err(ValidationError::refused)?;
    let nanos = |at: Option<Moment>| at.map_or(0, |at| u128::from(at.0));
    let death = battery.crossing(Level::EMPTY, Moment(5));
    let low = battery.crossing(level(0.2)?, Moment(5));
    let mut findings = vec![
        Finding::exact("empty under 10 W from 5 ns on", "ns", 80_000_000_005, nanos(death)),
        Finding::exact("at 20 % under 10 W from 5 ns on", "ns", 64_000_000_005, nanos(low)),
    ];
    let at = low.unwrap_or_default();
    battery.set(at, watts(3.0), true).map_err(ValidationError::refused)?;
    // 300 J at 50 W; just above is just after.
    let half = battery.crossing(level(0.5)?, at);
    findings.push(Finding::exact(
        "above 50 % on the mains since",
        "ns",
        70_000_000_006,
        nanos(half),
    ));
    Ok(findings)
}

/// Random draws until it is empty.
fn drains(seeds: &SeedTree) -> Result<Vec<Finding>, ValidationError> {
    let (mut worst, mut below, mut wrong) = (0.0_f64, 0_u128, 0_u128);
    let runs = 200;
    for run in 0..runs {
        let mut rng = seeds.stream("draws", run);
        let mut battery = Battery::new(config()?, Moment(0));
        let (mut now, mut drawn) = (0_u64, 0.0);
        loop {
            let power = watts(30.0 * open_unit(&mut rng));
            battery.set(Moment(now), power, false).map_err(ValidationError::refused)?;
            let span = (20.0 * open_unit(&mut rng) * SECOND as f64) as u64;
            let (end, dies) = (now + span, battery.crossing(Level::EMPTY, Moment(now)));
            if let Some(death) = dies.filter(|death| death.0 <= end) {
                // Alive to the last nanosecond, and dead at the next.
                let before = battery.is_alive(Moment(death.0 - 1));
                wrong += u128::from(!before || battery.is_alive(death));
                drawn += power.get() * (death.0 - now) as f64 / 1e9;
                below += u128::from(!battery.stored(Moment(end)).is_zero());
                // A nanosecond's worth is what rounding up may draw beyond the rest.
                worst = worst.max((drawn - 800.0).abs() - power.get() * 1e-9);
                break;
            }
            now = end;
            drawn += power.get() * span as f64 / 1e9;
            let stored = battery.stored(Moment(now)).get();
            worst = worst.max((1000.0 - stored - drawn / 0.8).abs());
        }
    }
    Ok(vec![
        Finding::within(
            format!("largest distance of the drop from Σ P t/η, {runs} drains"),
            "J",
            0.0,
            worst,
            1e-9,
        ),
        Finding::exact("batteries dead too early or too late", "", 0, wrong),
        Finding::exact("batteries with something left after death", "", 0, below),
    ])
}

/// A device that dies while it computes.
fn death() -> Result<Vec<Finding>, ValidationError> {
    let refused = ValidationError::refused;
    let mut battery = Battery::new(config()?, Moment(0));
    let mut meter = Meter::new(Moment(0), watts(1.0));
    let mut processor = Processor::new(Moment(0), None, None, &SeedTree::new(0), 0);
    battery.set(Moment(0), watts(1.0), false).map_err(refused)?;
    let (begin, power) = (Moment(50 * SECOND), watts(5.0));
    battery.set(begin, power, false).map_err(refused)?;
    meter.set(begin, power, Purpose::Round).map_err(refused)?;
    processor.set(begin, Load::Busy(power)).map_err(refused)?;
    let finish = processor.finish(Seconds::from_raw(200.0)).unwrap_or_default();
    let dies = battery.crossing(Level::EMPTY, begin).unwrap_or(finish);
    processor.set(dies, Load::Idle).map_err(refused)?;
    battery.set(dies, Watts::ZERO, false).map_err(refused)?;
    meter.settle(dies, Outcome::Wasted).map_err(refused)?;
    meter.set(dies, Watts::ZERO, Purpose::Background).map_err(refused)?;
    let later = Moment(999 * SECOND);
    let accounts = meter.read(later).map_err(refused)?;
    Ok(vec![
        Finding::exact("death, 50 s at 1 W and then at 5 W", "ns", 200_000_000_000, dies.0.into()),
        Finding::within(
            "work done of 200 s when it dies",
            "s",
            150.0,
            processor.done().get(),
            1e-9,
        ),
        Finding::within("energy of the lost work", "J", 750.0, accounts.wasted.get(), 1e-9),
        Finding::within("useful energy", "J", 0.0, accounts.useful.get(), 1e-9),
        Finding::within(
            "all energy, as the battery has it",
            "J",
            800.0,
            battery.delivered(later).get(),
            1e-9,
        ),
        Finding::within(
            "all energy, as the meter has it",
            "J",
            800.0,
            accounts.total().get(),
            1e-9,
        ),
    ])
}
