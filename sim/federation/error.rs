//! Why a federation cannot go on.

use fleetune_algorithms::protocol::{ClientId, Counted, Exchange, ProtocolError};
use fleetune_devices::{
    cost::MissingMeasurement,
    energy::TimeWentBack,
    network::{config::TopologyError, transfers::TransferError},
};
use fleetune_units::Flops;

use super::{adaptive::NoChoice, compute::NoCourse, config::ConfigError, outcome::ObserverError};
use crate::{
    checkpoint::CheckpointError,
    kernel::{KernelError, TimeError},
};

/// Why a federation cannot go on. Fatal all of them; what was observed before stays valid, except
/// after a broken invariant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FederationError {
    /// The configuration cannot be run.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No deadlines can be chosen.
    #[error(transparent)]
    Deadlines(#[from] NoChoice),
    /// The network cannot be built for this fleet.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// Broken invariant: the network refused what the federation asked of it.
    #[error("broken invariant: {0}")]
    Transfer(#[from] TransferError),
    /// There are not as many session lists as devices.
    #[error("expected one list of sessions for each of {devices} devices, found {sessions}")]
    Sessions {
        /// Devices in the fleet.
        devices: usize,
        /// Lists given.
        sessions: usize,
    },
    /// There are not as many servers as groups.
    #[error("expected a server for each of {expected} groups, found {found}")]
    Parts {
        /// Groups.
        expected: usize,
        /// Servers given.
        found: usize,
    },
    /// The fleet has more devices than client numbers.
    #[error("expected at most 2^32 devices, found {0}")]
    FleetTooLarge(usize),
    /// The algorithm's server refused an exchange, or the learning diverged.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The observer failed.
    #[error("the run's observer failed: {0}")]
    Observer(#[source] ObserverError),
    /// A duration of a client is no simulated time: a device or link of almost no speed.
    #[error("client {client} cannot do its part in any simulated time: {source}")]
    ClientTime {
        /// Which client.
        client: ClientId,
        /// What was wrong.
        source: TimeError,
    },
    /// The cost mode is a table of measured steps without one of those that are taken.
    #[error(transparent)]
    Unmeasured(#[from] MissingMeasurement),
    /// A deadline, a limit or a transfer lies beyond the end of time.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Broken invariant: a job did other work than its assignment announced and was charged for.
    #[error(
        "broken invariant: client {client} was charged for {assigned:?} in round {} exchange {}, \
         but its job counted {counted:?}", exchange.round, exchange.index
    )]
    Miscounted {
        /// Which client.
        client: ClientId,
        /// In which exchange.
        exchange: Exchange,
        /// What it was charged for.
        assigned: Box<Counted>,
        /// What its job counted.
        counted: Box<Counted>,
    },
    /// Broken invariant: joining an exchange's updates took the server other work than the clock was charged for.
    #[error(
        "broken invariant: joining round {} exchange {} was to take the server {assigned}, so that its count would \
         come to {expected}, but it came to {counted}", exchange.round, exchange.index
    )]
    ServerMiscounted {
        /// Which exchange.
        exchange: Exchange,
        /// What the clock was charged for.
        assigned: Flops,
        /// What the algorithm has counted since the start.
        counted: Flops,
        /// What it should have counted.
        expected: Flops,
    },
    /// The run was stopped, and what it had learnt is kept.
    #[error("stopped early; what was done is kept")]
    Paused,
    /// What was kept is not of this run: it is to be run from an earlier checkpoint, or from its start.
    #[error("the checkpoint does not fit this run")]
    Astray,
    /// What was learnt cannot be kept.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Broken invariant of the kernel: an event in the past, or a livelock.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Broken invariant: an energy meter ran backwards.
    #[error(transparent)]
    Energy(#[from] TimeWentBack),
}

impl FederationError {
    /// Why `client` cannot take up its work.
    pub(super) fn no_course(client: ClientId, error: NoCourse) -> Self {
        match error {
            NoCourse::Time(source) => Self::ClientTime { client, source },
            NoCourse::Unmeasured(missing) => Self::Unmeasured(missing),
        }
    }

    /// Whether the simulator itself is at fault, rather than a scenario, an algorithm's learning
    /// or the observer.
    pub fn is_broken_invariant(&self) -> bool {
        matches!(
            self,
            Self::Miscounted { .. }
                | Self::ServerMiscounted { .. }
                | Self::Kernel(_)
                | Self::Energy(_)
        )
    }
}
