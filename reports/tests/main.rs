//! The crate as its users meet it.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod synthetic;

mod answers;
mod charged;
mod charts;
mod contrasts;
mod coverage;
mod hostile;
mod reference;
mod run_directory;
mod schema;
mod staleness;
