//! Events per second and bytes per entity: the calendar beside a plain loop over a binary heap.
//!
//! ```text
//! cargo bench -p fleetune-kernel                 # events per second, then bytes per entity
//! cargo bench -p fleetune-kernel -- 1000 100000  # for these numbers of entities
//! ```

mod engines;
#[path = "harness/mod.rs"]
mod harness;

use engines::{Engine, Ours, Plain};

fn main() -> std::process::ExitCode {
    harness::main(&[
        ("plain loop", |n| Box::new(Plain::new(n)) as Box<dyn Engine>),
        ("calendar", |n| Box::new(Ours::new(n).expect("delays within 584 years"))),
    ])
}
