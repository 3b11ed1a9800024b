use std::sync::Arc;

use super::{
    history::{Entry, Gap, History, RoundRecord},
    pool::Pool,
    recipe::Recipe,
    seeds::Seeds,
};
use crate::{
    protocol::{Horizon, Moment, Restoring, Snapshot, SnapshotError},
    setup::Workshop,
};

/// What the server keeps to bring clients up to date; it follows from where directions come from.
#[derive(Debug)]
pub(crate) enum Memory {
    /// Every client's scalars of every round: directions are new ones for each.
    OwnDirections(History),
    /// Every round's mean scalars: directions are the same for all clients.
    SharedDirections(History),
    /// A coefficient for every seed of a pool.
    Pool(Pool),
}

impl Memory {
    pub(super) fn seeds(&self) -> Seeds {
        match self {
            Self::OwnDirections(_) => Seeds::Fresh,
            Self::SharedDirections(_) => Seeds::Shared,
            Self::Pool(pool) => Seeds::Pool(pool.draws()),
        }
    }

    /// Versions that the model has had after its first, as far as they are told apart.
    pub(super) fn version(&self) -> usize {
        match self {
            Self::OwnDirections(history) | Self::SharedDirections(history) => history.version(),
            Self::Pool(_) => 0,
        }
    }

    pub(super) fn replays_from_the_start(&self) -> bool {
        matches!(self, Self::Pool(_))
    }

    /// Whether what was joined decides which directions are drawn.
    pub(super) fn learns_to_draw(&self) -> bool {
        matches!(self, Self::Pool(pool) if pool.learns())
    }

    /// What a client that holds `version` lacks.
    pub(super) fn gap(&self, version: usize) -> Gap {
        match self {
            Self::OwnDirections(history) | Self::SharedDirections(history) => history.gap(version),
            Self::Pool(pool) => pool.rebuild(),
        }
    }

    /// The smallest message with which a client replays `entries` entries of so many scalars.
    pub(super) fn gap_of(&self, entries: u64, scalars: usize) -> Gap {
        match self {
            Self::OwnDirections(_) | Self::SharedDirections(_) => {
                History::smallest(entries, scalars)
            }
            Self::Pool(pool) => Gap { entries, ..pool.rebuild() },
        }
    }

    /// The most entries that there can ever be to replay.
    pub(super) fn most_entries(&self, horizon: Horizon) -> u64 {
        match self {
            Self::OwnDirections(_) => horizon.rounds.saturating_mul(u64::from(horizon.cohort)),
            Self::SharedDirections(_) => horizon.rounds,
            Self::Pool(pool) => pool.len() as u64,
        }
    }

    /// The record of a round's scalars, as clients would replay it.
    pub(super) fn record(&self, when: Moment, entries: Vec<Entry>) -> RoundRecord {
        let record = RoundRecord { when, entries };
        match self {
            Self::OwnDirections(_) | Self::Pool(_) => record,
            Self::SharedDirections(_) => mean(&record),
        }
    }

    /// Goes on to a new version as if so many scalars of each of so many clients had been joined: what is kept is as
    /// long as it would be. How long a pool's is depends on which of its coefficients come to be zero.
    pub(super) fn pass_over(&mut self, clients: usize, scalars: usize) {
        match self {
            Self::OwnDirections(history) => history.pass_over(clients, scalars),
            Self::SharedDirections(history) => history.pass_over(1, scalars),
            Self::Pool(_) => {}
        }
    }

    /// Writes down what is kept.
    pub(super) fn save(&self, snapshot: &mut Snapshot) {
        match self {
            Self::OwnDirections(history) | Self::SharedDirections(history) => snapshot.put(history),
            Self::Pool(pool) => pool.save(snapshot),
        }
    }

    /// Takes up what was written down.
    pub(super) fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        match self {
            Self::OwnDirections(history) | Self::SharedDirections(history) => {
                *history = snapshot.take()?;
                Ok(())
            }
            Self::Pool(pool) => pool.restore(snapshot),
        }
    }

    /// Keeps what the new version was made of.
    pub(super) fn keep(&mut self, record: RoundRecord, workshop: &Arc<Workshop>, recipe: &Recipe) {
        let seeds = self.seeds();
        match self {
            Self::OwnDirections(history) | Self::SharedDirections(history) => history.push(record),
            Self::Pool(pool) => {
                let factor = recipe.rates(record.when).factor();
                for contribution in record.contributions() {
                    let of = (contribution.client, record.when.round);
                    let drawn = seeds.indices(&workshop.streams, of, recipe.local_steps);
                    pool.join(&contribution, &drawn, factor);
                }
                pool.close();
            }
        }
    }
}

/// One entry for all: each scalar's mean, weighed by the examples behind it.
fn mean(record: &RoundRecord) -> RoundRecord {
    let mut sums = vec![0.0; record.entries.first().map_or(0, |e| e.scalars.len())];
    for contribution in record.contributions() {
        for (sum, &g) in sums.iter_mut().zip(contribution.scalars) {
            *sum += contribution.share * f64::from(g);
        }
    }
    let examples = record.entries.iter().map(|e| e.examples).sum();
    let scalars = sums.into_iter().map(|s| s as f32).collect();
    RoundRecord { when: record.when, entries: vec![Entry { client: 0, examples, scalars }] }
}
