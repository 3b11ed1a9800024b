//! Flows on links, whose rates and ends are known on paper: the N series.
//!
//! What is built is what a scenario can say, a [`TopologyConfig`] over a fleet, where a topology
//! has flows between its devices and the server; elsewhere the graph itself. What runs is the
//! engine that a run uses.
//!
//! [`TopologyConfig`]: fleetune_devices::network::config::TopologyConfig

mod closed;
mod kit;
mod random;
mod rates;
mod topologies;

use crate::Experiment;

/// The series, in order.
pub(crate) const EXPERIMENTS: [Experiment; 11] = [
    closed::ONE,
    closed::SIZES,
    closed::TWO_LINKS,
    rates::PARKING_LOT,
    rates::CAPS,
    topologies::STAR,
    topologies::WIFI,
    random::MAX_MIN,
    closed::PROFILE,
    random::CONSERVATION,
    topologies::DUPLEX,
];
