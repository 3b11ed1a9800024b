//! The server's side of the algorithm, as the policy uses it.

use std::fmt;

use fleetune_algorithms::{
    mixing::Mixer,
    protocol::{ClientId, Server},
};

/// A server that joins whole cohorts, or one whose clients are joined as they come.
pub(super) enum Side<'a> {
    /// In rounds.
    Cohorts(&'a mut dyn Server),
    /// Without rounds.
    Mixed(Mixer<'a>),
}

/// Why one is expected and not the other.
const POLICY: &str = "the policy was fixed when the federation was made";

impl<'a> Side<'a> {
    /// The server, to be looked at.
    pub(super) fn view(&self) -> &dyn Server {
        match self {
            Self::Cohorts(server) => &**server,
            Self::Mixed(mixer) => mixer.server(),
        }
    }

    /// The server of rounds.
    pub(super) fn cohorts(&mut self) -> &mut dyn Server {
        match self {
            Self::Cohorts(server) => &mut **server,
            Self::Mixed(_) => unreachable!("{POLICY}"),
        }
    }

    /// What clients have reported of their losses, if they do.
    pub(super) fn take_reports(&mut self) -> Vec<(ClientId, f32)> {
        match self {
            Self::Cohorts(server) => server.take_reports(),
            Self::Mixed(_) => Vec::new(),
        }
    }

    /// What mixes updates without rounds.
    pub(super) fn mixer(&self) -> &Mixer<'a> {
        match self {
            Self::Mixed(mixer) => mixer,
            Self::Cohorts(_) => unreachable!("{POLICY}"),
        }
    }

    /// As [`Side::mixer`], to be used.
    pub(super) fn mixer_mut(&mut self) -> &mut Mixer<'a> {
        match self {
            Self::Mixed(mixer) => mixer,
            Self::Cohorts(_) => unreachable!("{POLICY}"),
        }
    }
}

impl fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cohorts(_) => "Cohorts",
            Self::Mixed(_) => "Mixed",
        })
    }
}
