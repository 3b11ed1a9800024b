//! The simulator and the program, from outside: one binary, a module a subject.

mod federation;
mod kernel;
mod planning;
mod program;
mod readme;
