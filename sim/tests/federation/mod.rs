//! The federation's rules, driven by a server without learning whose workloads are known.

mod asynchronous;
mod batteries;
mod clocks;
mod conservation;
mod coupling;
mod descent;
mod diary;
mod disturbed;
mod eligibility;
mod faults;
mod grouped_learning;
mod hierarchy;
mod laws;
mod learning;
mod limits;
mod link_faults;
mod parts;
mod rules;
mod selection;
mod server_work;
mod split;
mod tails;
mod tallies;
mod tiers;
mod transfers;
mod world;
