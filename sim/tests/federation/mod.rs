//! The federation's rules, driven by a server without learning whose workloads are known.

mod conservation;
mod coupling;
mod faults;
mod laws;
mod limits;
mod rules;
mod server_work;
mod split;
mod transfers;
mod world;
