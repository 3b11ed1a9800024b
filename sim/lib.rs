//! fleetune: real federated fine-tuning of language models on a simulated fleet.
//!
//! * [`kernel`]: clock, calendar, cancellation; knows nothing of learning;
//! * [`federation`]: rounds, clients, transfers, energy, in simulated time;
//! * [`adapt`]: batch sizes and deadlines that a federation fits to its devices;
//! * [`prepare`]: what all cells of a scenario share; [`cell`]: one simulation; [`campaign`]: all of them;
//! * [`checkpoint`]: what a cell that was killed goes on from; [`keep`]: a campaign whose cells are kept;
//! * [`sweep`]: many variations of a scenario, run once and kept;
//! * [`compare`]: runs side by side, and which may be;
//! * [`plan`]: what a round will cost, without training; [`probe`]: what it will bring, and at which learning rate;
//! * [`timing`]: runs that train nothing, for fleets of up to millions;
//! * [`calibrate`]: this host as a device profile, and the cost model held against it;
//! * [`validate`]: the program held to closed forms;
//! * [`cli`]: the program, one file a command.

pub mod adapt;
pub mod calibrate;
pub mod campaign;
pub mod cell;
pub mod checkpoint;
pub mod cli;
mod clocks;
pub mod compare;
pub mod federation;
pub mod keep;
pub mod plan;
pub mod prepare;
pub mod probe;
mod reality;
mod results;
pub mod sweep;
pub mod tallies;
pub mod timing;
pub mod validate;

pub use fleetune_kernel as kernel;
