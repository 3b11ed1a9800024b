//! Everything that can happen in a federation.

use serde::{Deserialize, Serialize};

use crate::kernel::{Class, Event};

/// An event of the calendar. `place` is a client's place in the open round's selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FederationEvent {
    /// The present session of a device ends: it comes or goes.
    SessionEnds { device: u32 },
    /// A device's battery crosses a level, or is plugged in or not.
    BatteryTurns { device: u32 },
    /// An outage of a link begins or ends.
    LinkTurns { outage: u32, up: bool },
    /// A client's transfer is complete, by the clock of a cost mode.
    Transferred { place: u32 },
    /// A flow leaves its latency phase or moves its last byte, or a link changes.
    FlowTurns,
    /// A client has computed its update.
    Computed { place: u32 },
    /// An update is at the server.
    Arrived { place: u32 },
    /// A client of an asynchronous server has taken too long.
    TimedOut { place: u32 },
    /// A client may compute no longer: the deadline of its round is near.
    OutOfTime { place: u32 },
    /// The exchange of a group takes no more updates.
    Deadline { group: u32 },
    /// A group's server has waited long enough for a full cohort.
    Patience { group: u32 },
    /// A group's server looks for a cohort.
    OpenRound { group: u32 },
    /// A group's server turns to what has arrived.
    CloseExchange { group: u32 },
    /// A group's server has done its part of the training and joins what had arrived.
    ServerDone { group: u32 },
    /// The cloud joins its edges.
    CloudJoins,
    /// The limit of simulated time.
    Stop,
}

impl FederationEvent {
    /// The class under which it is scheduled.
    pub(super) fn class(self) -> Class {
        match self {
            Self::SessionEnds { .. } | Self::BatteryTurns { .. } | Self::LinkTurns { .. } => {
                Class::StateChange
            }
            Self::FlowTurns | Self::Transferred { .. } | Self::Computed { .. } => Class::Completion,
            Self::Arrived { .. } => Class::Arrival,
            Self::TimedOut { .. }
            | Self::OutOfTime { .. }
            | Self::Deadline { .. }
            | Self::Patience { .. } => Class::Timer,
            Self::OpenRound { .. }
            | Self::CloseExchange { .. }
            | Self::ServerDone { .. }
            | Self::CloudJoins => Class::Decision,
            // Last of all: a round that closes exactly at the limit counts.
            Self::Stop => Class::Probe,
        }
    }
}

impl Event for FederationEvent {
    fn entity(&self) -> String {
        match self {
            Self::SessionEnds { device } | Self::BatteryTurns { device } => {
                format!("device {device}")
            }
            Self::FlowTurns | Self::LinkTurns { .. } => "the network".into(),
            Self::Transferred { place }
            | Self::Computed { place }
            | Self::Arrived { place }
            | Self::TimedOut { place }
            | Self::OutOfTime { place } => {
                format!("the client at place {place}")
            }
            Self::Deadline { group } | Self::Patience { group } => {
                format!("a timer of the server of group {group}")
            }
            Self::OpenRound { group }
            | Self::CloseExchange { group }
            | Self::ServerDone { group } => format!("the server of group {group}"),
            Self::CloudJoins => "the cloud".into(),
            Self::Stop => "a timer of the run".into(),
        }
    }
}
