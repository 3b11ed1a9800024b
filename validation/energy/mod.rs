//! What devices draw: the E series. E6, waste, needs rounds and is with the federation.

mod battery;
mod power;
mod radio;

use fleetune_units::Watts;

use crate::Experiment;

/// The series, in order.
pub(crate) const EXPERIMENTS: [Experiment; 5] =
    [power::HOST, power::TWO_STATES, power::ADDITIVITY, battery::CONSERVATION, radio::TAIL];

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

fn watts(power: f64) -> Watts {
    Watts::from_raw(power)
}
