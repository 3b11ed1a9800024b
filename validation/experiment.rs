//! Experiments and what they leave behind.

use fleetune_devices::streams::SeedTree;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Finding, ValidationError, Verdict, queues};

/// The root of all randomness of the experiments.
pub const ROOT_SEED: u64 = 1;

/// A closed form and how the simulator is held to it.
#[derive(Debug, Clone, Copy)]
pub struct Experiment {
    /// Its number in the catalogue, such as `Q1`.
    pub id: &'static str,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// What is claimed, in a sentence or two.
    pub statement: &'static str,
    /// The closed form, as text.
    pub closed_form: &'static str,
    pub(crate) measure: fn(&SeedTree) -> Result<Vec<Finding>, ValidationError>,
}

/// An experiment that was carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its number in the catalogue.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// What is claimed.
    pub statement: String,
    /// The closed form, as text.
    pub closed_form: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Experiment {
    /// Carries it out. The same numbers on every call.
    ///
    /// # Errors
    /// [`ValidationError`] if its model cannot be simulated. A closed form that fails is no error
    /// but a [`Verdict`].
    pub fn run(&self) -> Result<Record, ValidationError> {
        let seeds = SeedTree::new(ROOT_SEED).subtree(self.id, 0);
        Ok(Record {
            id: self.id.into(),
            title: self.title.into(),
            statement: self.statement.into(),
            closed_form: self.closed_form.into(),
            findings: (self.measure)(&seeds)?,
        })
    }
}

impl Record {
    /// The worst verdict of its findings; powerless if there is none.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Powerless)
    }
}

/// All experiments, in the order of the catalogue.
pub fn experiments() -> Vec<Experiment> {
    queues::EXPERIMENTS.to_vec()
}

/// Carries experiments out, on as many threads as `rayon` has, and gives their records in the same
/// order.
///
/// # Errors
/// The [`ValidationError`] of an experiment that could not be carried out.
pub fn run(experiments: Vec<Experiment>) -> Result<Vec<Record>, ValidationError> {
    experiments.par_iter().map(Experiment::run).collect()
}

/// `count` independent replications, in order; each grows its streams from a tree of its own.
pub(crate) fn replicate<T: Send>(
    seeds: &SeedTree,
    count: u64,
    one: impl Fn(&SeedTree) -> Result<T, ValidationError> + Sync,
) -> Result<Vec<T>, ValidationError> {
    (0..count).into_par_iter().map(|i| one(&seeds.subtree("replication", i))).collect()
}

/// One number of each replication.
pub(crate) fn column<T>(runs: &[T], of: impl Fn(&T) -> f64) -> Vec<f64> {
    runs.iter().map(of).collect()
}
