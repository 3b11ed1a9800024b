//! What training will bring, and at which learning rates, from the curvature of the loss at the start.
//!
//! [`probe`] measures the landscape ([`fleetune_algorithms::probe`]) of everything that the scenario's zeroth-order
//! algorithms train, and puts the second-order model of their steps over what `plan` says that these cost.
//! [`verify`](verify()) runs the federation at a grid of rates, and with other perturbations, to hold the predictions
//! against what really happens.

mod forecast;
mod outlook;
mod verify;

use fleetune_algorithms::{
    probe::{Effort, Landscape, Subject, survey},
    registry::AlgorithmConfig,
};
use fleetune_scenarios::schema::CostsOf;
use serde::{Deserialize, Serialize};

use self::outlook::Outlook;
pub use self::{
    forecast::{Configuration, Costs, ProfileSeconds, Rates, RunForecast, StepForecast, TwoRates},
    verify::{Agreement, GridPoint, Ranked, Verification, verify},
};
use crate::{
    plan::worlds,
    prepare::{PrepareError, Prepared},
};

/// Everything a probe found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// The scenario's name.
    pub scenario: String,
    /// Its hash.
    pub hash: String,
    /// The model as whose costs are given, if that is not the one that learns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub costs_of: Option<String>,
    /// S: clients that are averaged in a round.
    pub cohort: u32,
    /// What was measured: one landscape for all algorithms that train the same, on mini-batches of the same size, at the
    /// same ε.
    pub landscapes: Vec<Surveyed>,
    /// What follows for each algorithm that the model covers.
    pub algorithms: Vec<AlgorithmForecast>,
    /// The other algorithms.
    pub uncovered: Vec<Uncovered>,
}

/// A landscape and what it was measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Surveyed {
    /// What trains.
    pub train: String,
    /// Texts in a mini-batch.
    pub batch_size: usize,
    /// ε.
    pub epsilon: f64,
    /// What was found.
    pub landscape: Landscape,
}

/// What a landscape means for an algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlgorithmForecast {
    /// Its label in the scenario.
    pub label: String,
    /// Its landscape, an index into [`ProbeReport::landscapes`].
    pub landscape: usize,
    /// As the scenario configures it.
    pub configured: Configuration,
    /// Other perturbations on the same budget of device FLOPs, those that end the lowest first.
    pub alternatives: Vec<Configuration>,
}

/// An algorithm that the model does not cover.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uncovered {
    /// Its label.
    pub label: String,
    /// Why not.
    pub reason: String,
}

/// Probes every algorithm of a scenario that the model covers, at the model's start in its first replication.
///
/// A pure function of the scenario and the effort: threads change nothing.
///
/// # Errors
/// If a world cannot be made.
pub fn probe(prepared: &Prepared, effort: Effort) -> Result<ProbeReport, PrepareError> {
    let layers = prepared.scenario.checkpoint().config.layers();
    let worlds = worlds(prepared)?;
    let mut report = ProbeReport {
        scenario: prepared.scenario.name.as_str().to_owned(),
        hash: prepared.scenario.hash().to_owned(),
        costs_of: prepared.scenario.model.costs_of.as_ref().map(CostsOf::title),
        cohort: prepared.scenario.federation.cohort,
        landscapes: Vec::new(),
        algorithms: Vec::new(),
        uncovered: Vec::new(),
    };
    for (label, algorithm) in &prepared.scenario.algorithms {
        let label = label.as_str().to_owned();
        if algorithm.encoding.is_some() || algorithm.privacy.is_some() {
            let reason = "its updates are changed on their way: encoded or made private".to_owned();
            report.uncovered.push(Uncovered { label, reason });
            continue;
        }
        let config = &algorithm.kind;
        let subject = match Subject::of(config, layers) {
            Ok(subject) => subject,
            Err(reason) => {
                report.uncovered.push(Uncovered { label, reason: reason.to_owned() });
                continue;
            }
        };
        let known = |s: &Surveyed| {
            s.train == subject.train.to_string()
                && s.batch_size == subject.batch_size
                && s.epsilon == subject.epsilon
        };
        let landscape = report.landscapes.iter().position(known).unwrap_or_else(|| {
            report.landscapes.push(Surveyed {
                train: subject.train.to_string(),
                batch_size: subject.batch_size,
                epsilon: subject.epsilon,
                landscape: survey(prepared.setup(&worlds[0]), &subject, effort),
            });
            report.landscapes.len() - 1
        });
        let outlook = Outlook::new(prepared, &worlds, &report.landscapes[landscape].landscape);
        let algorithm = forecast_of(&outlook, &label, config, landscape);
        report.algorithms.extend(algorithm);
    }
    Ok(report)
}

fn forecast_of(
    outlook: &Outlook<'_>,
    label: &str,
    config: &AlgorithmConfig,
    landscape: usize,
) -> Option<AlgorithmForecast> {
    let configured = outlook.configured(label, config)?;
    let mut alternatives = outlook.alternatives(label, config, &configured);
    let end = |c: &Configuration| c.run.by_block.change.value;
    alternatives.sort_by(|a, b| end(a).total_cmp(&end(b)));
    Some(AlgorithmForecast { label: label.to_owned(), landscape, configured, alternatives })
}
