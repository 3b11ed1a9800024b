//! What a run holds its devices to, beside their profiles.

use std::sync::Arc;

use fleetune_devices::{Eligibility, availability::trace::Traces};

use super::{clock::Clock, outages::Outage};

/// What a run holds its devices to, beside their profiles. The default asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// What a device must be to take part, beside being there.
    pub eligibility: Eligibility,
    /// Recorded times in place of the profiles' laws.
    pub traces: Option<Arc<Traces>>,
    /// Whose clock says how long work takes.
    pub clock: Clock,
    /// Links that are down for a while.
    pub outages: Vec<Outage>,
}
