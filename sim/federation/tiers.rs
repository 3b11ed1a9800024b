//! Semi-synchronous tiers: FedAT (Z. Chai, Y. Chen, A. Anwar, L. Zhao, Y. Cheng, H. Rangwala, "FedAT: a high-performance
//! and communication-efficient federated learning system with asynchronous tiers", SC 2021, arXiv 2010.05958).
//!
//! ```text
//!   tier 1, the fastest   ├─round─┤├─round─┤├─round─┤├─round─┤
//!   tier 2                ├────round────┤├────round────┤├────
//!   tier 3, the slowest   ├──────────────round──────────────┤
//!                                 ▼    ▼     ▼         ▼
//!                          the global model, of each tier's latest
//! ```
//!
//! Devices of like speed are a tier. Each tier has synchronous rounds of its own and waits for no other. Whenever one
//! closes, the global model becomes the mean of the tiers' latest models (algorithm 1), each weighed by how often the
//! tier at the *other* end of the order has reported: of M tiers with T_m reports,
//!
//! ```text
//!   w = sum_m (T_{M+1-m} / T) w_m,    T = sum_m T_m
//! ```
//!
//! so that the slow, who report seldom, are not outvoted by the fast; and so that the model does not move until the
//! slowest have reported, which [`TierWeights::Even`] does without. A tier goes on from the global model as it is
//! when its next round opens.

use fleetune_algorithms::{
    mixing::mean_model,
    protocol::{Estimate, Exchange, Restoring, Snapshot, SnapshotError},
};
use fleetune_devices::network::Alone;
use fleetune_models::parameters::Weights;
use fleetune_units::Seconds;

use super::{
    clock::Undisturbed,
    config::TierWeights,
    error::FederationError,
    group::{GroupInfo, Membership},
    hierarchy::move_to,
    mode::{Mode, POLICY},
    outcome::{Fate, RoundOutcome},
    server::Federation,
};

/// What each tier has reported.
#[derive(Debug)]
pub(super) struct Tiers {
    tiers: Vec<Tier>,
    weights: TierWeights,
    /// Versions of the global model that there have been.
    moves: u64,
}

#[derive(Debug, Clone, Default)]
struct Tier {
    /// Its latest model; before its first report that is the start.
    latest: Weights,
    /// T_m: how often it has reported.
    reports: u64,
    /// The version of the global model that its open round started from.
    from: u64,
}

impl Tiers {
    pub(super) fn new(count: usize, weights: TierWeights) -> Self {
        Self { tiers: vec![Tier::default(); count], weights, moves: 0 }
    }

    /// Writes down the tiers' latest models; how often they have reported comes to be again.
    pub(super) fn save(&self, snapshot: &mut Snapshot) {
        // Before anybody has reported nobody has a model.
        let reported = self.tiers.iter().filter(|_| self.moves > 0);
        reported.for_each(|tier| snapshot.put_weights(&tier.latest));
    }

    /// Takes up what was written down by as many tiers, whose models are of the layout of `like`.
    pub(super) fn restore(
        &mut self,
        snapshot: &mut Restoring<'_>,
        like: &Weights,
    ) -> Result<(), SnapshotError> {
        for tier in self.tiers.iter_mut().filter(|_| self.moves > 0) {
            tier.latest = snapshot.take_weights(like)?;
        }
        Ok(())
    }

    /// A tier's model is this, and the global one that: gives the next global one, and how many versions of it came since
    /// the tier's round opened.
    fn report(&mut self, tier: usize, model: &Weights, global: &Weights) -> (Option<Weights>, u64) {
        if self.moves == 0 {
            self.tiers.iter_mut().for_each(|tier| tier.latest = global.clone());
        }
        let reporting = &mut self.tiers[tier];
        let staleness = self.moves - reporting.from;
        reporting.latest = model.clone();
        reporting.reports += 1;
        self.moves += 1;
        let weighed = self.tiers.iter().zip(self.tiers.iter().rev()).map(|(tier, mirrored)| {
            let weight = match self.weights {
                TierWeights::FedAt => mirrored.reports,
                TierWeights::Even => tier.reports.min(1),
            };
            (&tier.latest, weight)
        });
        (mean_model(&weighed.collect::<Vec<_>>()), staleness)
    }
}

impl Federation<'_> {
    fn tiers_mut(&mut self) -> &mut Tiers {
        match &mut self.mode {
            Mode::Tiers(tiers) => tiers,
            _ => unreachable!("{POLICY}"),
        }
    }

    /// Divides the devices that can run the algorithm into tiers of like speed, as many in each as in any other, or one
    /// more in the first ones: by how long the algorithm's first assignment takes them with nobody else on the network.
    /// Of two that take as long, the one with the lower number is the faster.
    pub(super) fn form_tiers(&mut self, count: usize) -> Vec<GroupInfo> {
        let able = (0..).zip(&self.capable).filter_map(|(id, &capable)| capable.then_some(id));
        let mut ranked: Vec<(Seconds, u32)> = able.map(|id| (self.takes(id), id)).collect();
        ranked.sort_by(|(a, i), (b, j)| a.get().total_cmp(&b.get()).then(i.cmp(j)));
        let mut groups = vec![None; self.devices.len()];
        // No tier is empty, however few devices there are.
        let count = count.min(ranked.len()).max(1);
        let tiers = self.tiers_mut();
        *tiers = Tiers::new(count, tiers.weights);
        let (each, over) = (ranked.len() / count, ranked.len() % count);
        let mut rest = ranked.as_slice();
        let mut tiers = Vec::new();
        for tier in 0..count {
            let (mine, others) = rest.split_at(each + usize::from(tier < over));
            mine.iter().for_each(|&(_, id)| groups[id as usize] = Some(tier as u32));
            tiers.push(GroupInfo { name: name(tier, count), devices: mine.len() as u32 });
            rest = others;
        }
        self.members = Membership::Of(groups);
        tiers
    }

    /// How long the first assignment takes a device that has the network to itself.
    fn takes(&self, client: u32) -> Seconds {
        let alone = Alone { device: self.device(client), wiring: &self.wiring };
        let undisturbed = Undisturbed { alone, clock: &self.clock };
        let work = self.assignment(0, Exchange::at(0, 0), client).workload;
        undisturbed.duration(&work)
    }

    /// A tier is about to open a round: it goes on from the global model.
    pub(super) fn refresh_tier(&mut self, tier: usize) {
        let tiers = self.tiers_mut();
        tiers.tiers[tier].from = tiers.moves;
        self.hand_down(tier);
    }

    /// A tier's round is over: the global model moves if anything has arrived.
    pub(super) fn join_tier(
        &mut self,
        tier: usize,
        mut outcome: RoundOutcome,
    ) -> Result<(), FederationError> {
        if !outcome.is_void() {
            let Mode::Tiers(tiers) = &mut self.mode else { unreachable!("{POLICY}") };
            let (global, parts) = self.server.parts();
            let (model, staleness) = tiers.report(tier, parts[tier].weights(), global.weights());
            if let Some(model) = model {
                move_to(global, &model);
            }
            let joined = outcome.clients.iter_mut();
            joined
                .filter(|client| client.fate == Fate::Aggregated)
                .for_each(|client| client.staleness = Some(staleness));
        }
        self.moved_on(vec![outcome])
    }
}

fn name(tier: usize, count: usize) -> String {
    match tier + 1 {
        1 if count == 1 => "tier 1".to_owned(),
        1 => "tier 1, fastest".to_owned(),
        last if last == count => format!("tier {last}, slowest"),
        tier => format!("tier {tier}"),
    }
}
