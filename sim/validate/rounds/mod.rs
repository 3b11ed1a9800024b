//! Rounds, and what takes their place, on the real federation: the R series.

mod asynchronous;
mod dropouts;
mod stragglers;
mod synchronous;

use fleetune_devices::Fleet;
use fleetune_units::Seconds;
use fleetune_validation::{DeviceSpec, Experiment, Law, ValidationError, fleet};

/// The series, in order.
pub(super) const EXPERIMENTS: [Experiment; 7] = [
    synchronous::EXPONENTIAL,
    synchronous::OVER_SELECTION,
    synchronous::LAWS,
    stragglers::DEADLINE,
    stragglers::SLOW_CLASS,
    dropouts::DROPOUT,
    asynchronous::STALENESS,
];

const SECOND: Seconds = Seconds::from_raw(1.0);

/// Exponential of mean 1 s.
const EXPONENTIAL: Law = Law::Exponential { mean: SECOND };

/// Devices of 1 GFLOP/s that are always there.
fn same(count: u32) -> Result<Fleet, ValidationError> {
    fleet(&vec![DeviceSpec::default(); count as usize])
}
