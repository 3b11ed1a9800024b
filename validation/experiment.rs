//! Experiments and what they leave behind.

use fleetune_devices::streams::SeedTree;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    Figure, Finding, ValidationError, Verdict, availability, compute, energy, network, queues,
};

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
    /// Carries it out, with all randomness from a tree of its own.
    pub measure: fn(&SeedTree) -> Result<Measurement, ValidationError>,
}

/// What an experiment gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measurement {
    /// Numbers held to closed forms.
    pub findings: Vec<Finding>,
    /// Curves of closed forms with what was measured on them.
    pub figures: Vec<Figure>,
}

impl From<Vec<Finding>> for Measurement {
    fn from(findings: Vec<Finding>) -> Self {
        Self { findings, figures: Vec::new() }
    }
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
    /// What there is to see.
    pub figures: Vec<Figure>,
}

impl Experiment {
    /// Carries it out. The same numbers on every call.
    ///
    /// # Errors
    /// [`ValidationError`] if its model cannot be simulated. A closed form that fails is no error
    /// but a [`Verdict`].
    pub fn run(&self) -> Result<Record, ValidationError> {
        let seeds = SeedTree::new(ROOT_SEED).subtree(self.id, 0);
        let Measurement { findings, figures } = (self.measure)(&seeds)?;
        Ok(Record {
            id: self.id.into(),
            title: self.title.into(),
            statement: self.statement.into(),
            closed_form: self.closed_form.into(),
            findings,
            figures,
        })
    }
}

impl Record {
    /// The worst verdict of its findings; powerless if there is none.
    pub fn verdict(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Powerless)
    }
}

/// All experiments of this crate, in the order of the catalogue. Those that need the federation or
/// a model are with the program, which has all of them.
pub fn experiments() -> Vec<Experiment> {
    [
        &queues::EXPERIMENTS[..],
        &network::EXPERIMENTS,
        &availability::EXPERIMENTS,
        &compute::EXPERIMENTS,
        &energy::EXPERIMENTS,
    ]
    .concat()
}

/// Carries experiments out, on as many threads as `rayon` has, and gives their records in the same
/// order.
///
/// # Errors
/// The [`ValidationError`] of an experiment that could not be carried out.
pub fn run(experiments: Vec<Experiment>) -> Result<Vec<Record>, ValidationError> {
    run_watched(&experiments, &|_| ())
}

/// As [`run`], and calls `watch` with each record as soon as there is one, in no order.
///
/// # Errors
/// As [`run`].
pub fn run_watched(
    experiments: &[Experiment],
    watch: &(dyn Fn(&Record) + Sync),
) -> Result<Vec<Record>, ValidationError> {
    let one = |experiment: &Experiment| experiment.run().inspect(watch);
    experiments.par_iter().map(one).collect()
}

/// `count` independent replications, in order; each grows its streams from a tree of its own.
///
/// # Errors
/// The first error of a replication.
pub fn replicate<T: Send>(
    seeds: &SeedTree,
    count: u64,
    one: impl Fn(&SeedTree) -> Result<T, ValidationError> + Sync,
) -> Result<Vec<T>, ValidationError> {
    (0..count).into_par_iter().map(|i| one(&seeds.subtree("replication", i))).collect()
}

/// One number of each replication.
pub fn column<T>(runs: &[T], of: impl Fn(&T) -> f64) -> Vec<f64> {
    runs.iter().map(of).collect()
}
