//! A random cohort, coupled across algorithms.
//!
//! The server asks the devices with the least keys. Two algorithms that see the same devices online thus ask the same
//! ones, and one that must leave some behind for want of memory differs from the other only in
//! their replacements: common random numbers, draw by draw.
//!
//! A uniformly random ranking makes every set of eligible devices of a given size equally likely,
//! so this is sampling without replacement.

use super::{
    Call, Candidates, Policy, admit,
    ranking::{Ranking, keys},
};

/// Anyone, each as likely.
#[derive(Debug)]
pub(super) struct Random;

impl Policy for Random {
    /// Those whose memory cannot hold the algorithm draw along, so that it is seen in whose place others came.
    fn select(&self, call: &Call<'_>, candidates: &mut dyn Candidates) -> Vec<u32> {
        let keys = keys(call.seeds, call.round, candidates.devices());
        let mut ranking: Ranking<u64> =
            keys.filter(|(_, device)| candidates.is_there(*device)).collect();
        let mut asked = Vec::new();
        admit(&mut ranking, call.wanted as usize, candidates, &mut asked);
        asked
    }
}
