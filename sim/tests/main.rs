//! The simulator and the program, from outside: one binary, a module a subject.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here, and says where")]

mod engine;
mod federation;
mod fuzzing;
#[path = "../../algorithms/tests/world.rs"]
#[allow(dead_code, reason = "this binary and that of the algorithms use different parts")]
mod learners;
mod planning;
mod program;
mod readme;
mod timing;
#[path = "../../models/tests/tiny.rs"]
#[allow(dead_code, reason = "this binary and that of the models use different parts")]
mod tiny;
mod validation;
