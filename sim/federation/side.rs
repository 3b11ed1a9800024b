//! The server's side of the algorithm, as the policy uses it.

use std::fmt;

use fleetune_algorithms::{
    mixing::Mixer,
    protocol::{ClientId, Server},
};

use super::mode::POLICY;

/// Who has the global model, and who joins the rounds of which group.
pub(super) enum Side<'a> {
    /// One server, in rounds.
    Cohorts(&'a mut dyn Server),
    /// One server, without rounds.
    Mixed(Mixer<'a>),
    /// One for the global model, and one for the rounds of each group.
    Parts { global: &'a mut dyn Server, parts: Vec<&'a mut dyn Server> },
}

impl<'a> Side<'a> {
    /// The server of the global model, to be looked at.
    pub(super) fn view(&self) -> &dyn Server {
        match self {
            Self::Cohorts(server) => &**server,
            Self::Mixed(mixer) => mixer.server(),
            Self::Parts { global, .. } => &**global,
        }
    }

    /// The server whose rounds a group takes part in, to be looked at.
    pub(super) fn of(&self, group: usize) -> &dyn Server {
        match self {
            Self::Parts { parts, .. } => &*parts[group],
            Self::Cohorts(_) | Self::Mixed(_) => self.view(),
        }
    }

    /// The server of the rounds of a group.
    pub(super) fn cohorts(&mut self, group: usize) -> &mut dyn Server {
        match self {
            Self::Cohorts(server) => &mut **server,
            Self::Parts { parts, .. } => &mut *parts[group],
            Self::Mixed(_) => unreachable!("{POLICY}"),
        }
    }

    /// The server of the global model and those of all groups.
    pub(super) fn parts(&mut self) -> (&mut dyn Server, &mut [&'a mut dyn Server]) {
        match self {
            Self::Parts { global, parts } => (&mut **global, parts),
            Self::Cohorts(_) | Self::Mixed(_) => unreachable!("{POLICY}"),
        }
    }

    /// Servers of groups.
    pub(super) fn part_count(&self) -> usize {
        match self {
            Self::Parts { parts, .. } => parts.len(),
            Self::Cohorts(_) | Self::Mixed(_) => 0,
        }
    }

    /// Takes the server of a federation with groups for that of the global model, and these for the groups'.
    pub(super) fn with_parts(self, parts: Vec<&'a mut dyn Server>) -> Self {
        match self {
            Self::Cohorts(global) | Self::Parts { global, .. } => Self::Parts { global, parts },
            Self::Mixed(_) => unreachable!("{POLICY}"),
        }
    }

    /// What the clients of a group have reported of their losses, if they do.
    pub(super) fn take_reports(&mut self, group: usize) -> Vec<(ClientId, f32)> {
        match self {
            Self::Cohorts(_) | Self::Parts { .. } => self.cohorts(group).take_reports(),
            Self::Mixed(_) => Vec::new(),
        }
    }

    /// What mixes updates without rounds.
    pub(super) fn mixer(&self) -> &Mixer<'a> {
        match self {
            Self::Mixed(mixer) => mixer,
            Self::Cohorts(_) | Self::Parts { .. } => unreachable!("{POLICY}"),
        }
    }

    /// As [`Side::mixer`], to be used.
    pub(super) fn mixer_mut(&mut self) -> &mut Mixer<'a> {
        match self {
            Self::Mixed(mixer) => mixer,
            Self::Cohorts(_) | Self::Parts { .. } => unreachable!("{POLICY}"),
        }
    }
}

impl fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cohorts(_) => f.write_str("Cohorts"),
            Self::Mixed(_) => f.write_str("Mixed"),
            Self::Parts { parts, .. } => write!(f, "Parts({})", parts.len()),
        }
    }
}
