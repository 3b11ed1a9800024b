//! Events per second and bytes per entity: our calendar, a plain loop, and nexosim.
//!
//! ```text
//! cargo run --release --manifest-path benches/Cargo.toml                  # 1e3 to 1e6 entities
//! cargo run --release --manifest-path benches/Cargo.toml -- 1000 100000   # for these numbers
//! ```
//!
//! `README.md` beside this file says what was measured and what was learned.

#[path = "../kernel/benches/engines/mod.rs"]
mod engines;
#[path = "../kernel/benches/harness/mod.rs"]
mod harness;
mod nexo;

use engines::{Engine, Ours, Plain};
use nexo::{Actors, OneActor};

fn main() -> std::process::ExitCode {
    harness::main(&[
        ("plain loop", |n| Box::new(Plain::new(n)) as Box<dyn Engine>),
        ("calendar", |n| Box::new(Ours::new(n).expect("delays within 584 years"))),
        ("nexosim", |n| Box::new(Actors::new(n).expect("models without ports are valid"))),
        ("nexosim, one model", |n| Box::new(OneActor::new(n).expect("one model is valid"))),
    ])
}
