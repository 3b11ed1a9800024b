//! The scenario language: YAML with units, checked before anything runs.
//!
//! [`check`] is the one way in. It returns a [`Scenario`] that can be run as it is, or every mistake it finds, each with
//! file, line, column, the field's path and what to do:
//!
//! ```text
//! error: unknown key `cohrt`: did you mean `cohort`?
//!   --> scenarios/quickstart.yaml:31:3
//!    |
//! 31 |   cohrt: 8
//!    |   ^^^^^ in federation.cohrt
//!    = help: accepted keys: cohort, over_commitment, policy, selection, deadline, stop, evaluate_every
//! ```
//!
//! What a scenario may say is [`schema::Spec`]; `scenarios/*.yaml` are examples, `scenarios/profiles/` is the library of
//! devices. Lists and maps may be written in block or flow style, choices with settings as a map with one key
//! (`partition: { dirichlet: { alpha: 1.0 } }`), quantities with their unit (`12 MB/s`).
//!
//! # How a text becomes a scenario
//!
//! text → tree of plain values ([`yaml`](self), bounded in size and depth, aliases written out) → [`Overrides`] applied
//! → sections, each read into its type → checks across fields and files → [`Scenario`].
//!
//! # Guarantees
//!
//! 1. No text makes [`check`] panic, and none takes more than bounded time and memory.
//! 2. [`Scenario::resolved_yaml`] reads back as an equal scenario with the same [`Scenario::hash`].
//! 3. An error about a field points at the field: in the file, or in the `--set` that gave it.

mod checks;
mod document;
mod draft;
mod errors;
mod explain;
mod load;
mod overrides;
mod pace;
mod scenario;
pub mod schema;
mod sections;
mod suggest;
pub mod sweep;
mod yaml;

pub use self::{
    document::{FieldPath, Segment},
    errors::{Origin, ScenarioError},
    explain::explain,
    load::{check, check_text},
    overrides::Overrides,
    pace::{Pace, pace},
    scenario::Scenario,
    schema::Spec,
};
