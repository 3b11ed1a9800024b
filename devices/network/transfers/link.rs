use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::FlowId;
use crate::{
    energy::Moment,
    network::{capacity::CapacityProfile, fair_share::Sharing, number::maybe_moment},
};

/// A link and who moves over it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Link {
    pub(super) sharing: Sharing,
    pub(super) profile: CapacityProfile,
    pub(super) dead: bool,
    /// What it has now: its profile's, or nothing.
    pub(super) capacity: f64,
    /// When its profile steps next.
    #[serde(with = "maybe_moment")]
    pub(super) step: Option<Moment>,
    /// Whether two or more flows shared it when it was last looked at. A link that is not
    /// contended only caps its flow, and ties nobody to anybody.
    pub(super) contended: bool,
    /// How many of its flows cross another contended link too. With none it is the hub of a star.
    pub(super) crossing: usize,
    /// The flows that move over it, by id.
    #[serde(skip)]
    pub(super) members: BTreeSet<FlowId>,
}

impl Link {
    pub(super) fn new(profile: CapacityProfile, sharing: Sharing, now: Moment) -> Self {
        Self {
            sharing,
            capacity: profile.at(now).get(),
            step: profile.next_step(now),
            profile,
            dead: false,
            contended: false,
            crossing: 0,
            members: BTreeSet::new(),
        }
    }

    /// Reads its profile at `now`.
    pub(super) fn revalue(&mut self, now: Moment) {
        self.capacity = if self.dead { 0.0 } else { self.profile.at(now).get() };
        self.step = self.profile.next_step(now);
    }

    /// Whether its flows have to share it.
    pub(super) fn is_contended(&self) -> bool {
        self.sharing == Sharing::Shared && self.members.len() > 1
    }
}
