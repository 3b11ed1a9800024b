//! Groups of devices that have rounds of their own: the tiers of a semi-synchronous federation, the
//! edges of a hierarchical one. Where there are none of either, all devices are one group.

use fleetune_algorithms::protocol::Server;
use serde::{Deserialize, Serialize};

use super::{
    config::ConfigError,
    error::FederationError,
    mode::Mode,
    round::{Round, Waiting},
    server::Federation,
};

/// The devices that one server asks, and the round that it has with them.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Devices that can run the algorithm.
    pub(super) capable: u32,
    /// Those of them that are there.
    pub(super) ready: u32,
    /// Rounds that it has closed.
    pub(super) rounds: u64,
    pub(super) waiting: Option<Waiting>,
    pub(super) round: Option<Round>,
    /// None of its devices will ever come again.
    pub(super) deserted: bool,
}

impl Group {
    /// Devices that must be ready for a round to open: a cohort, or all there are of a group with
    /// fewer; anyone at all once the server has lost patience.
    pub(super) fn quorum(&self, cohort: u32) -> u32 {
        let content = self.waiting.as_ref().is_some_and(Waiting::is_content);
        if content { 1 } else { cohort.min(self.capable) }
    }

    /// Whether its server waits although, if no device comes or goes, it will never open a round.
    pub(super) fn waits_in_vain(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.is_in_vain(self.ready))
    }
}

/// Who belongs where.
#[derive(Debug)]
pub(super) enum Membership {
    /// All devices are one group.
    All,
    /// By device: its group, if it is in one.
    Of(Vec<Option<u32>>),
}

impl Membership {
    /// The group of `device`, if it is in one.
    pub(super) fn of(&self, device: u32) -> Option<usize> {
        match self {
            Self::All => Some(0),
            Self::Of(groups) => groups[device as usize].map(|group| group as usize),
        }
    }
}

/// What is to be known of a group before a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// How reports call it.
    pub name: String,
    /// Devices in it.
    pub devices: u32,
}

/// Says why a group's round is expected; its events are cancelled when it closes.
const OPEN: &str = "events of clients are cancelled when their round closes";

impl Federation<'_> {
    /// The open round of `group`.
    pub(super) fn open_mut(&mut self, group: usize) -> &mut Round {
        self.groups[group].round.as_mut().expect(OPEN)
    }

    /// The group of the client at `place`.
    ///
    /// Places tell clients apart over all groups: those of one group leave the same remainder.
    pub(super) fn group_at(&self, place: u32) -> usize {
        place as usize % self.groups.len()
    }

    /// The `index`-th place of `group`.
    pub(super) fn place(&self, group: usize, index: u32) -> Result<u32, FederationError> {
        let place = u64::from(index) * self.groups.len() as u64 + group as u64;
        u32::try_from(place).map_err(|_| FederationError::FleetTooLarge(self.devices.len()))
    }

    /// The open rounds of all groups.
    pub(super) fn open_rounds(&self) -> impl Iterator<Item = &Round> {
        self.groups.iter().filter_map(|group| group.round.as_ref())
    }

    /// There is a server for every group, and each can take over a model.
    pub(super) fn check_parts(&mut self) -> Result<(), FederationError> {
        let expected = match self.mode {
            Mode::Rounds | Mode::Asynchronous(_) => return Ok(()),
            Mode::Tiers(_) | Mode::Hierarchy(_) => self.groups.len(),
        };
        let found = self.server.part_count();
        if found != expected {
            return Err(FederationError::Parts { expected, found });
        }
        let (global, parts) = self.server.parts();
        let stuck = |server: &mut dyn Server| server.movable().is_none();
        match stuck(global) || parts.iter_mut().any(|part| stuck(*part)) {
            true => Err(ConfigError::NeedsOneServer.into()),
            false => Ok(()),
        }
    }

    /// Finds out who belongs where, and tells the observer.
    pub(super) fn form_groups(&mut self) {
        let groups = match self.mode {
            Mode::Rounds | Mode::Asynchronous(_) => return,
            Mode::Tiers(_) => self.form_tiers(self.groups.len()),
            Mode::Hierarchy(_) => self.find_edges(),
        };
        self.observer.groups(&groups);
    }

    /// Every group starts.
    pub(super) fn begin_groups(&mut self) -> Result<(), FederationError> {
        match self.mode {
            Mode::Asynchronous(_) => self.look(),
            Mode::Hierarchy(_) => self.send_down(),
            Mode::Rounds | Mode::Tiers(_) => {
                let able = |&group: &usize| self.groups[group].capable > 0;
                let able: Vec<usize> = (0..self.groups.len()).filter(able).collect();
                able.into_iter().try_for_each(|group| self.open_soon(group))
            }
        }
    }

    /// Whether, as no device will ever come or go, no round will ever open again.
    pub(super) fn waits_in_vain(&mut self) -> Result<bool, FederationError> {
        match &self.mode {
            Mode::Asynchronous(flow) => {
                let moving = self.open_rounds().any(|window| window.closing.is_some());
                Ok(flow.is_idle() && !moving)
            }
            Mode::Rounds | Mode::Tiers(_) => {
                let mut able = self.groups.iter().filter(|group| group.capable > 0);
                Ok(able.all(Group::waits_in_vain))
            }
            Mode::Hierarchy(_) => self.desert_edges(),
        }
    }

    /// Counts, for every group, the devices that can run the algorithm and those that are there.
    pub(super) fn count_ready(&mut self) {
        for device in (0..).take(self.devices.len()) {
            let Some(group) = self.members.of(device) else { continue };
            if self.capable[device as usize] {
                self.groups[group].capable += 1;
                self.groups[group].ready += u32::from(self.presence.is_online(device));
            }
        }
    }
}
