//! What there is besides rounds, by policy.

use super::{
    asynchronous::Asynchronous, hierarchy::Hierarchy, outcome::RoundOutcome, tiers::Tiers,
};

/// The state of a policy.
#[derive(Debug)]
pub(super) enum Mode {
    /// Nothing but rounds of one server.
    Rounds,
    /// No rounds: windows.
    Asynchronous(Asynchronous),
    /// Each tier has rounds of its own.
    Tiers(Tiers),
    /// Each edge has rounds of its own, and the cloud joins the edges.
    Hierarchy(Hierarchy),
}

/// Why one is expected and not the other.
pub(super) const POLICY: &str = "the policy was fixed when the federation was made";

impl Mode {
    /// Rounds that are over, and of which the global model has not heard yet.
    pub(super) fn held(&self) -> &[RoundOutcome] {
        match self {
            Self::Hierarchy(hierarchy) => hierarchy.held(),
            Self::Rounds | Self::Asynchronous(_) | Self::Tiers(_) => &[],
        }
    }
}
