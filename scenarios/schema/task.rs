use fleetune_models::{
    alignment::AlignmentConfig,
    tasks::{DatasetConfig, PartitionConfig},
};
use serde::{Deserialize, Serialize};

use super::whole;

/// What the model learns, from which data, and who holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// The labelled texts.
    pub dataset: DatasetConfig,
    /// How the model's head is aligned with the classes. The default is `prompts`.
    #[serde(default, skip_serializing_if = "AlignmentConfig::is_prompts")]
    pub alignment: AlignmentConfig,
    /// How the training examples are spread over the devices. The default is `iid`.
    #[serde(default)]
    pub partition: PartitionConfig,
    /// Held-out examples that an evaluation uses, or all if there are fewer. The default is 1000, which puts the standard
    /// error of an accuracy below 1.6 points.
    #[serde(default = "test_examples", deserialize_with = "whole::<_, _, 1, 1_000_000_000>")]
    pub test_examples: usize,
    /// Which held-out texts the server evaluates on. The default is `test`, which is for reporting; choose
    /// hyperparameters on `validation`, so that the test texts stay unseen.
    #[serde(default)]
    pub evaluate_on: HeldOut,
}

/// Held-out texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldOut {
    /// For reporting results.
    #[default]
    Test,
    /// For choosing hyperparameters.
    Validation,
}

const fn test_examples() -> usize {
    1_000
}
