//! The federation's rules, driven by a server without learning whose workloads are known.

mod conservation;
mod coupling;
mod descent;
mod faults;
mod laws;
mod learning;
mod limits;
mod rules;
mod server_work;
mod split;
mod transfers;
mod world;
