//! The simulator and the program, from outside: one binary, a module a subject.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails here, and says where")]

mod federation;
mod kernel;
mod planning;
mod program;
mod readme;
