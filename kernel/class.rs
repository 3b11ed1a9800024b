//! What comes first among events of one instant.

use serde::{Deserialize, Serialize};

/// The second key of the calendar's order: physics before decisions.
///
/// At one instant, first the world changes, then what was under way completes, then it arrives,
/// then timers run out, then the server decides, and only then is anything observed. So a client
/// whose upload ends exactly at the deadline counts, by rule and not by accident; and one whose
/// device leaves exactly when its upload ends has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The world changes: a device comes or goes, a link changes its rate.
    StateChange,
    /// Work ends: a computation, the last byte of a flow.
    Completion,
    /// Something reaches its addressee: an update at the server.
    Arrival,
    /// A timer runs out: a deadline.
    Timer,
    /// Someone acts upon all of the above: the server closes a round or opens one.
    Decision,
    /// Observation without consequence: an evaluation, a sample of a curve.
    Probe,
}

impl Class {
    /// All classes, in their order.
    pub const ALL: [Self; 6] = [
        Self::StateChange,
        Self::Completion,
        Self::Arrival,
        Self::Timer,
        Self::Decision,
        Self::Probe,
    ];
}
