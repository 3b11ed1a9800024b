//! Devices that come and go, and work on them: the A series.
//!
//! Sessions are the devices' own; their ends, and those of work, are events on the kernel's
//! calendar.

mod forms;
mod jobs;
mod presence;
mod shares;
mod work;

use fleetune_devices::{Availability, availability::Means};
use fleetune_units::Seconds;

use crate::Experiment;

/// The series, in order.
pub(crate) const EXPERIMENTS: [Experiment; 5] =
    [shares::ON_OFF, work::UNINTERRUPTED, work::RESTART, work::RESUME, work::CHECKPOINTS];

/// Exponential times on and off of these means.
fn exponential(mean_on: f64, mean_off: f64) -> Availability {
    let [mean_on, mean_off] = [mean_on, mean_off].map(Seconds::from_raw);
    Availability::Exponential(Means { mean_on, mean_off })
}
