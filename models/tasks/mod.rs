//! What is learned: labelled texts, their split, and who holds them.
//!
//! A [`Task`] is a set of classes, each with the prompt that task alignment starts its row of the head from, and
//! labelled texts in three splits. Tasks come from two places, named by a [`DatasetConfig`]:
//!
//! * three are built in ([`BuiltinTask`]): real English sentences with human ratings, whose origin, terms and counts
//!   `models/assets/text/README.md` gives;
//! * any other is read from the user's own CSV, TSV or JSON Lines file ([`FileConfig`]).
//!
//! [`partition`] then gives every training example to exactly one client.
//!
//! Nothing here knows of tensors or tokens, and everything is a pure function of its arguments: the split is decided by
//! a keyed hash ([`split`]), so it depends neither on a seed nor on the order of the rows.
//!
//! ```
//! # use fleetune_models::tasks;
//! use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
//! use tasks::{BuiltinTask, PartitionConfig, partition};
//!
//! let task = BuiltinTask::Source.load();
//! assert_eq!(task.classes[1].name, "tweet");
//!
//! let config: PartitionConfig = serde_json::from_str(r#"{"dirichlet": {"alpha": 1.0}}"#)?;
//! let mut stream = ChaCha8Rng::seed_from_u64(7);
//! let shards = partition(&task.train_labels(), task.classes.len(), 60, &config, &mut stream)?;
//! assert_eq!(shards.iter().map(Vec::len).sum::<usize>(), task.train.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builtin;
mod config;
mod error;
pub mod files;
mod partition;
pub mod split;
mod task;

pub use self::{
    builtin::BuiltinTask,
    config::{ColumnName, DatasetConfig, FileConfig, Percent, TestSource},
    error::TaskError,
    partition::{Alpha, Minimum, PartitionConfig, PartitionError, Sigma, partition},
    task::{ClassInfo, Example, Task},
};
