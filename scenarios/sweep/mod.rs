//! Sweeps: many variations of one scenario, to search, to compare or to take an algorithm apart.
//!
//! A sweep is a YAML file that names a scenario and one or more studies of it:
//!
//! ```yaml
//! name: rates
//! scenario: quickstart.yaml                 # relative to this file
//! studies:
//!   search:
//!     set: { task.evaluate_on: validation, root_seed: 1 }
//!     seeds: 2
//!     draw: { latin_hypercube: 12 }         # trials for each algorithm; or grid, or { random: 12 }
//!     tune:                                 # fields of each algorithm's own settings
//!       MeZO: { local_steps: [2, 4], learning_rate.base: { log_uniform: [1e-3, 1e-2] } }
//!     choose: loss                          # the least mean over seeds after the last round
//!   test:
//!     with: search                          # the settings chosen there
//!     seeds: 8
//!   mixes:
//!     with: search
//!     fleets:                               # every algorithm once on each
//!       phones: { groups: [{ profile: phone-mid, count: 40 }] }
//!       boards: { groups: [{ profile: raspberry-pi-4, count: 40 }] }
//! ```
//!
//! Every algorithm of a study gets the same number of trials; a study without axes has one trial per algorithm. A trial
//! is a scenario like any other: it is checked like one, and its cells are what `fleetune run` would run.

mod axis;
mod check;
mod draw;
mod schema;

use indexmap::IndexMap;

pub use self::{
    axis::Axis,
    check::{FLEET, Sweep, check_sweep, is_sweep},
    schema::{AblationPage, Claim, Draw, Objective, PageSpec, StudySpec, SweepSpec, Thresholds},
};
use crate::schema::Label;

/// Fields of a scenario and what they are set to, as YAML text: what `--set` takes.
pub type Settings = IndexMap<String, String>;

/// One variation of a study's scenario, for one algorithm.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The algorithm's label.
    pub algorithm: Label,
    /// The trial's number among the algorithm's, from 0.
    pub number: u32,
    /// What the axes gave: fields of the scenario for `vary`, of the algorithm's settings for `tune`.
    pub point: Settings,
    /// Everything that differs from the base scenario.
    pub settings: Settings,
}
