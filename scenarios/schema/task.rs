use fleetune_models::tasks::{DatasetConfig, PartitionConfig};
use serde::{Deserialize, Serialize};

use super::whole;

/// What the model learns, from which data, and who holds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskConfig {
    /// The labelled texts.
    pub dataset: DatasetConfig,
    /// How the training examples are spread over the devices. The default is `iid`.
    #[serde(default)]
    pub partition: PartitionConfig,
    /// Test examples that an evaluation uses, or all if there are fewer. The default is 1000, which puts the standard
    /// error of an accuracy below 1.6 points.
    #[serde(default = "test_examples", deserialize_with = "whole::<_, _, 1, 1_000_000_000>")]
    pub test_examples: usize,
}

const fn test_examples() -> usize {
    1_000
}
