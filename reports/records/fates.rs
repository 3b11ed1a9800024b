//! What becomes of client-rounds.

use std::ops::AddAssign;

use super::ProfileParticipation;

/// How many client-rounds met each end. Every one that was started met exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fates {
    /// The result was used.
    pub completed: u64,
    /// What was lost, as [`LOSSES`] names it.
    pub lost: [u64; LOSSES.len()],
}

/// An end without use: its name, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// In one word, in lower case.
    pub name: &'static str,
    /// In a clause.
    pub meaning: &'static str,
}

/// All ends without use, in the order in which they are told.
pub const LOSSES: [Loss; 6] = [
    Loss {
        name: "left",
        meaning: "the device went offline, was no longer eligible or had an empty battery before its result was at \
                  the server",
    },
    Loss { name: "late", meaning: "the deadline came first" },
    Loss { name: "surplus", meaning: "enough others were faster" },
    Loss {
        name: "stale",
        meaning: "the model had moved on too far since the device was asked, and the result was discarded",
    },
    Loss { name: "interrupted", meaning: "the run ended first" },
    Loss {
        name: "excluded",
        meaning: "the device lacks the memory for a further exchange of the round",
    },
];

impl Fates {
    /// How many were started.
    pub fn started(&self) -> u64 {
        self.lost.iter().fold(self.completed, |sum, &lost| sum.saturating_add(lost))
    }

    /// Ends without use that occurred, with how often.
    pub fn losses(&self) -> impl Iterator<Item = (Loss, u64)> + '_ {
        LOSSES.into_iter().zip(self.lost).filter(|(_, count)| *count > 0)
    }
}

impl AddAssign for Fates {
    fn add_assign(&mut self, other: Self) {
        self.completed = self.completed.saturating_add(other.completed);
        let pairs = self.lost.iter_mut().zip(other.lost);
        pairs.for_each(|(sum, more)| *sum = sum.saturating_add(more));
    }
}

impl ProfileParticipation {
    /// What became of the client-rounds of this profile.
    pub fn fates(&self) -> Fates {
        let Self { completed, left, late, surplus, stale, interrupted, excluded, .. } = *self;
        Fates { completed, lost: [left, late, surplus, stale, interrupted, excluded] }
    }
}
