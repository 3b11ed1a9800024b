//! E5: the tail of a radio under random transfers.

use fleetune_devices::{
    energy::{Meter, Moment, Purpose},
    radio::RadioTail,
    streams::SeedTree,
};
use fleetune_kernel::{Calendar, Class, Event, Handle, SimDuration, SimTime};
use fleetune_units::{Joules, Seconds, Watts};

use crate::{
    Dot, Experiment, Figure, Finding, Law, Measurement, ValidationError, curve,
    experiment::{column, replicate},
};

pub(super) const TAIL: Experiment = Experiment {
    id: "E5",
    title: "The radio's tail",
    statement: "After a transfer the radio stays up for τ in case more is to come; the next \
                transfer cuts the tail short. Transfers at rate λ that take no time.",
    closed_form: "energy per transfer P (1 - e^{-λτ})/λ; the radio is up for 1 - e^{-λτ} of the \
                  time",
    measure: tail,
};

#[derive(Debug, Clone, Copy)]
enum Radio {
    Transfer,
    TailEnds,
}

impl Event for Radio {
    fn entity(&self) -> String {
        "radio".into()
    }
}

/// What a replication drew for each transfer, by the meter and by the tail's own formula.
struct Drawn {
    metered: f64,
    computed: f64,
    up: f64,
}

/// Nanoseconds from `since`, if there is such a moment, to `now`.
fn span(since: Option<SimTime>, now: SimTime) -> u64 {
    since.and_then(|since| now.since(since)).unwrap_or_default().as_nanos()
}

const TRANSFERS: u64 = 4_000;
/// Transfers a second.
const RATE: f64 = 0.5;
const POWER: f64 = 3.0; // [W]

fn radio(seeds: &SeedTree, tail: RadioTail) -> Result<Drawn, ValidationError> {
    let mut rng = seeds.stream("gaps", 0);
    let gaps = Law::Exponential { mean: Seconds::from_raw(1.0 / RATE) };
    let mut calendar = Calendar::new();
    let mut meter = Meter::new(Moment(0), Watts::ZERO);
    let (mut ends, mut computed): (Option<Handle>, _) = (None, Joules::ZERO);
    let (mut last, mut since, mut up) = (None, None, 0_u64);
    let mut left = TRANSFERS;
    calendar.schedule(SimTime::ZERO, Class::Arrival, Radio::Transfer)?;
    while let Some(fired) = calendar.advance() {
        let now = Moment(fired.time.as_nanos());
        match fired.event {
            Radio::Transfer => {
                if let Some(handle) = ends.take() {
                    calendar.cancel(handle);
                }
                if let Some(before) = last {
                    computed += tail.energy(now.since(before));
                }
                since = since.or(Some(fired.time));
                if left == 0 {
                    up += span(since, fired.time);
                    break;
                }
                left -= 1;
                last = Some(now);
                meter
                    .set(now, tail.power, Purpose::Background)
                    .map_err(ValidationError::refused)?;
                let over = tail.ends(now).map(|at| SimTime::from_nanos(at.0));
                if let Some(over) = over {
                    ends = Some(calendar.schedule(over, Class::Timer, Radio::TailEnds)?);
                }
                let gap = SimDuration::from_seconds(gaps.sample(&mut rng).get())?;
                calendar.schedule_in(gap, Class::Arrival, Radio::Transfer)?;
            }
            Radio::TailEnds => {
                ends = None;
                meter
                    .set(now, Watts::ZERO, Purpose::Background)
                    .map_err(ValidationError::refused)?;
                up += span(since.take(), fired.time);
            }
        }
    }
    let end = calendar.now();
    let metered = meter.read(Moment(end.as_nanos())).map_err(ValidationError::refused)?;
    Ok(Drawn {
        metered: metered.total().get() / TRANSFERS as f64,
        computed: computed.get() / TRANSFERS as f64,
        up: up as f64 / end.as_nanos() as f64,
    })
}

fn tail(seeds: &SeedTree) -> Result<Measurement, ValidationError> {
    let form = |tau: f64| POWER * -libm::expm1(-RATE * tau) / RATE;
    let (mut findings, mut dots) = (Vec::new(), Vec::new());
    for tau in [0.5, 1.0, 2.0, 5.0, 10.0] {
        let tail = RadioTail { power: Watts::from_raw(POWER), length: Seconds::from_raw(tau) };
        let runs = replicate(seeds, 40, |seeds| radio(seeds, tail))?;
        let name = format!("τ = {tau} s, λ = {RATE}/s, P = {POWER} W");
        let metered = column(&runs, |run| run.metered);
        let finding =
            Finding::mean(format!("energy per transfer, {name}"), "J", form(tau), &metered);
        dots.push(Dot::of(tau, &finding));
        findings.push(finding);
        let up = column(&runs, |run| run.up);
        let share = -libm::expm1(-RATE * tau);
        findings.push(Finding::mean(format!("share of time up, {name}"), "", share, &up));
        let apart = runs.iter().map(|r| (r.metered - r.computed).abs()).fold(0.0, f64::max);
        findings.push(Finding::within(
            format!("metered less P min(τ, gap), {name}"),
            "J",
            0.0,
            apart,
            1e-9,
        ));
    }
    let figure = Figure::new(
        "radio-tail",
        "What a transfer costs in its tail, at one transfer in two seconds and 3 W",
        ("length of the tail τ, s", "energy per transfer, J"),
        "The line is P (1 - exp(-λτ))/λ: a long tail is cut short by the next transfer, and costs no \
         more than staying up.",
    );
    let figures = vec![figure.with("tail energy", curve((0.0, 12.0), 120, form), dots)];
    Ok(Measurement { findings, figures })
}
