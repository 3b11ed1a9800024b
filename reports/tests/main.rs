//! The crate as its users meet it.

mod synthetic;

mod charts;
mod coverage;
mod hostile;
mod run_directory;
mod schema;
