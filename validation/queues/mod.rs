//! Queues whose behaviour is known on paper: the Q series.
//!
//! Each replication starts with a crowd at the door where there is a steady state to be measured,
//! so the warm-up is needed and whoever forgets it is found out. Run lengths follow from the
//! variance of a time average (experiment Q2): twice as long as a half-width of 2 % would need.

use fleetune_kernel::SimDuration;
use fleetune_units::Seconds;

use crate::{Experiment, Law, ValidationError};

mod closed;
mod engine;
mod forms;
mod little;
mod markov;
mod meter;
mod pollaczek;
mod processor;
mod repair;
mod series;
mod sharing;
mod station;
mod streams;
mod tandem;

/// The series, in order.
pub(crate) const EXPERIMENTS: [Experiment; 11] = [
    markov::SINGLE,
    markov::RUN_LENGTH,
    pollaczek::CONSTANT,
    pollaczek::GENERAL,
    processor::SHARING,
    markov::SEVERAL,
    repair::CLOSED,
    little::LAW,
    series::TANDEM,
    engine::INVARIANTS,
    streams::STREAMS,
];

/// Independent replications of a stochastic experiment.
const REPLICATIONS: u64 = 40;

/// The unit of time: the mean of all services.
const SERVICE: Seconds = Seconds::from_raw(1.0);

/// Customers at the door when a replication starts, and the time that makes them forgotten.
const CROWD: u64 = 100;
const WARM_UP: Seconds = Seconds::from_raw(1_000.0);

/// Seconds as a span of the kernel, rounded up.
fn span(time: Seconds) -> Result<SimDuration, ValidationError> {
    Ok(SimDuration::from_seconds(time.get())?)
}

/// Exponential with mean `SERVICE / share`: a Poisson stream that asks for `share` of a server.
fn poisson(share: f64) -> Law {
    Law::Exponential { mean: Seconds::from_raw(SERVICE.get() / share) }
}

/// How long each replication has to be so that L of an M/M/1 queue is known to about 1.2 % at the
/// level of the rule, t ≈ 4.3: 2 t² (1 + ρ) / (ρ (1 - ρ)² e²) services in all, from Q2; `times`
/// that for what varies more.
fn length(rho: f64, times: f64) -> Seconds {
    let (t, error) = (4.3, 0.012);
    let total = 2.0 * t * t * (1.0 + rho) / (rho * (1.0 - rho) * (1.0 - rho) * error * error);
    Seconds::from_raw(times * total * SERVICE.get() / REPLICATIONS as f64)
}
