//! Transfers in time: closed forms (N1-N11), laws on random networks, SimGrid's numbers, speed.

mod closed_forms;
mod kit;
mod random;
mod reference;
mod simgrid;
mod speed;
mod topologies;
mod world;
