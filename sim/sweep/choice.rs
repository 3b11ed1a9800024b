//! Which trial of an algorithm is the best.

use fleetune_scenarios::{
    schema::Label,
    sweep::{Objective, Settings, Sweep},
};
use indexmap::IndexMap;

use super::run::TrialOutcome;
use crate::cell::{CellResult, Ending};

/// What was chosen for an algorithm.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The trial's number.
    pub trial: u32,
    /// The algorithm's own settings in it.
    pub settings: Settings,
}

/// The best trial of every algorithm; of equals the first.
pub fn choose(objective: Objective, trials: &[TrialOutcome]) -> IndexMap<Label, Chosen> {
    let mut best: IndexMap<Label, (f64, Chosen)> = IndexMap::new();
    for outcome in trials {
        let (trial, badness) = (&outcome.trial, outcome.badness(objective));
        let label = &trial.algorithm;
        if best.get(label).is_some_and(|(least, _)| badness.total_cmp(least).is_ge()) {
            continue;
        }
        let settings = Sweep::own_settings(label, &trial.settings);
        best.insert(label.clone(), (badness, Chosen { trial: trial.number, settings }));
    }
    best.into_iter().map(|(label, (_, chosen))| (label, chosen)).collect()
}

impl TrialOutcome {
    /// What the choice minimises: a mean over seeds; infinite if the learning diverged in any of them.
    pub fn badness(&self, objective: Objective) -> f64 {
        let sum: f64 = self.cells.iter().map(|cell| cell_badness(objective, cell)).sum();
        let mean = sum / self.cells.len() as f64;
        if mean.is_nan() { f64::INFINITY } else { mean }
    }
}

impl TrialOutcome {
    /// Loss after the last round, mean over seeds; infinite if the learning diverged in any of them.
    pub fn loss(&self) -> f64 {
        self.badness(Objective::Loss)
    }

    /// Accuracy after the last evaluated round, mean over seeds.
    pub fn accuracy(&self) -> f64 {
        let last = |cell: &CellResult| cell.rounds.last().map_or(0.0, |round| round.accuracy);
        self.cells.iter().map(last).sum::<f64>() / self.cells.len() as f64
    }
}

fn cell_badness(objective: Objective, cell: &CellResult) -> f64 {
    match (&cell.ending, cell.rounds.last()) {
        (Ending::Diverged(_), _) | (_, None) => f64::INFINITY,
        (Ending::Ran(_), Some(last)) => match objective {
            Objective::Loss => last.loss,
            Objective::Accuracy => -last.accuracy,
        },
    }
}
