use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_yaml::Value;

use super::Axis;
use crate::schema::{Label, Name};

/// What a sweep's file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepSpec {
    /// What its directory is called.
    pub name: Name,
    /// One sentence for people. The default is empty.
    #[serde(default)]
    pub description: String,
    /// The scenario that is varied; a relative path is taken from the sweep's folder.
    pub scenario: PathBuf,
    /// The seed that random axes are drawn from. The default is 0.
    #[serde(default)]
    pub seed: u64,
    /// The studies, in the order in which they are run.
    pub studies: IndexMap<Name, StudySpec>,
    /// What a page about the results says beside them. The default is nothing: no page.
    #[serde(default)]
    pub page: Option<PageSpec>,
}

/// One study: trials of some algorithms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudySpec {
    /// What it is for, in a sentence. The default is empty.
    #[serde(default)]
    pub about: String,
    /// An earlier study that chooses: every algorithm takes the settings chosen there.
    #[serde(default, rename = "with")]
    pub chosen_in: Option<Name>,
    /// Fields that differ from the scenario in all trials, as for `--set`.
    #[serde(default)]
    pub set: IndexMap<String, Value>,
    /// Replications of every trial. The default is the scenario's.
    #[serde(default)]
    pub seeds: Option<NonZeroU32>,
    /// The algorithms that take part. The default is those of `tune`, or all if it is empty.
    #[serde(default)]
    pub algorithms: Option<Vec<Label>>,
    /// How trials are drawn from the axes.
    #[serde(default)]
    pub draw: Draw,
    /// Axes for all algorithms alike: fields of the scenario. A trial of the same number has the same values for every
    /// algorithm.
    #[serde(default)]
    pub vary: IndexMap<String, Axis>,
    /// Axes by algorithm: fields of its own settings.
    #[serde(default)]
    pub tune: IndexMap<Label, IndexMap<String, Axis>>,
    /// Fleets that all algorithms are run on, by name: fields of the scenario's `fleet` that differ from it. Every fleet
    /// gets a run directory of its own, and the study a page on which they stand side by side. The default is the
    /// scenario's fleet alone.
    #[serde(default)]
    pub fleets: IndexMap<Name, IndexMap<String, Value>>,
    /// By what the best trial of every algorithm is chosen. The default is not to choose.
    #[serde(default)]
    pub choose: Option<Objective>,
}

/// How trials are drawn from axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Draw {
    /// Every combination; all axes must be lists.
    #[default]
    Grid,
    /// So many independent points.
    Random(NonZeroU32),
    /// So many points, of which each axis sees one in each of so many equal strata (McKay et al., Technometrics 1979):
    /// a list's alternatives come up equally often, give or take one.
    LatinHypercube(NonZeroU32),
}

/// What makes one trial better than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The least loss on the held-out texts after the last round, mean over seeds. A trial that diverged is the worst.
    Loss,
    /// The greatest accuracy on the held-out texts after the last round, mean over seeds.
    Accuracy,
}

/// What a page says beside the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageSpec {
    /// Its heading.
    pub title: String,
    /// What was asked and how; Markdown.
    pub introduction: String,
    /// The study whose costs to the target are compared.
    pub compare: Name,
    /// The algorithm that the others are compared with.
    pub reference: Label,
    /// Other targets at which computation is compared, beside the scenario's. The default is none.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Algorithms that are compared to explain the result: the claims are not about them. The default is none.
    #[serde(default)]
    pub controls: Vec<Label>,
    /// What has been claimed of the reference's advantage in computation.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Gradients that the forecasts are measured with, at most. The default is that of `fleetune probe`.
    #[serde(default)]
    pub samples: Option<NonZeroU64>,
    /// A study that takes an algorithm apart along two of its axes.
    #[serde(default)]
    pub ablation: Option<AblationPage>,
    /// What the results mean and where they end; Markdown.
    pub discussion: String,
}

/// What else may count as success.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Accuracies on the held-out texts, fractions. The default is none.
    #[serde(default)]
    pub accuracy: Vec<f64>,
    /// Losses on the held-out texts. The default is none.
    #[serde(default)]
    pub loss: Vec<f64>,
}

/// A published advantage: so many times less computation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Where it is made.
    pub source: String,
    /// The least factor.
    pub low: f64,
    /// The greatest factor.
    pub high: f64,
}

/// A study over two axes of one algorithm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AblationPage {
    /// The study.
    pub study: Name,
    /// The axis of the table's rows.
    pub rows: String,
    /// The axis of the table's columns.
    pub columns: String,
}
