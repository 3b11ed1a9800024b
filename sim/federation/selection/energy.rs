//! Those first whom training has cost least.
//!
//! By joules it is scheduling by least attained service (Nuyens and Wierman, "The foreground-background queue: a survey",
//! 2008): whoever has spent the least is next, so that what devices spend drifts apart by no more than a round's energy
//! while all of them are there.
//!
//! By battery it is the power term of EAFL (Arouj and Abdelmoniem, "Towards energy-aware federated learning on
//! battery-powered clients", arXiv 2208.04505, 2022), `power(i) = battery level(i) - battery used(i)`, the greatest
//! first: EAFL's reward `f Util(i) + (1 - f) power(i)` with f = 0. What a round will use is taken to be what it has used
//! of the same device on average, and nothing before that is known.
//!
//! What a device has spent, and its battery's level, it says when it comes. The bytes of coming are counted for no policy.

use fleetune_algorithms::protocol::ClientId;
use fleetune_scenarios::schema::{EnergyConfig, EnergyMeasure};
use fleetune_units::Joules;

use super::{
    Call, Candidates, Policy, admit, entry,
    ranking::{By, Ranking, keys},
};
use crate::federation::outcome::RoundOutcome;

/// What a device has spent: in joules, over so many rounds.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    joules: f64,
    rounds: u32,
}

/// Those who have spent the least, or have the fullest battery.
#[derive(Debug)]
pub(super) struct Energy {
    by: EnergyMeasure,
    spent: Vec<Spent>,
}

impl Energy {
    pub(super) fn new(config: EnergyConfig) -> Self {
        Self { by: config.by, spent: Vec::new() }
    }

    /// The less, the sooner.
    fn rank(&self, device: u32, candidates: &dyn Candidates) -> By {
        let spent = self.spent.get(device as usize).copied().unwrap_or_default();
        match self.by {
            EnergyMeasure::Joules => By(spent.joules),
            EnergyMeasure::Battery => {
                let (level, full) = candidates.battery(device).unwrap_or((0.0, Joules::ZERO));
                let round = Joules::from_raw(spent.joules / f64::from(spent.rounds.max(1)));
                let used = if full.is_zero() { 0.0 } else { round / full };
                By(used - level)
            }
        }
    }
}

impl Policy for Energy {
    fn select(&self, call: &Call<'_>, candidates: &mut dyn Candidates) -> Vec<u32> {
        let keys = keys(call.seeds, call.round, candidates.devices());
        let able = keys.filter(|(_, device)| candidates.is_able(*device));
        let ranked = able.map(|(key, device)| ((self.rank(device, candidates), key), device));
        let mut ranking: Ranking<(By, u64)> = ranked.collect();
        let mut asked = Vec::new();
        admit(&mut ranking, call.wanted as usize, candidates, &mut asked);
        asked
    }

    fn observe(&mut self, outcome: &RoundOutcome, _: &[(ClientId, f32)]) {
        for client in &outcome.clients {
            let spent = entry(&mut self.spent, client.client);
            spent.joules += client.spent.total().energy.get();
            spent.rounds = spent.rounds.saturating_add(1);
        }
        for (client, tail) in &outcome.tails {
            entry(&mut self.spent, *client).joules += tail.total().energy.get();
        }
    }
}
