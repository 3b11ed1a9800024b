use thiserror::Error;

use super::devices::DeviceRange;
use crate::{
    fleet::DeviceId,
    network::{config::NodeName, routes::RouteError},
};

/// Why a topology cannot be built. The scenario has to be mended; nothing was built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// Two nodes, aggregators, cells or links have one name.
    #[error("two {what} are called \"{name}\"; names must be unique")]
    DuplicateName {
        /// What they are.
        what: &'static str,
        /// The name.
        name: NodeName,
    },
    /// A node called as the server is.
    #[error("\"server\" is always there and always the server; call the node something else")]
    ReservedName,
    /// A link or an attachment names a node that was not declared.
    #[error("{place} names the unknown node \"{name}\"; known are: server{}", also(known))]
    UnknownNode {
        /// Where it is named.
        place: String,
        /// The name as given.
        name: NodeName,
        /// Every name that would do.
        known: Vec<NodeName>,
    },
    /// A link that leads back to where it begins.
    #[error("the link \"{link}\" leads from \"{node}\" to itself")]
    Loop {
        /// The link.
        link: NodeName,
        /// Its ends.
        node: NodeName,
    },
    /// A link without a capacity, or with two.
    #[error("the link \"{link}\" needs either a capacity or a profile of capacities")]
    OneCapacity {
        /// The link.
        link: NodeName,
    },
    /// Devices are to be joined at edges, and there are none.
    #[error("a hierarchy needs edge aggregators: expected `two_tier: {{...}}`")]
    NoAggregators,
    /// There is nothing to connect devices to.
    #[error("expected at least one of {what}; found none")]
    Empty {
        /// What there should be.
        what: &'static str,
    },
    /// A list of devices goes beyond the fleet.
    #[error("devices {range} are listed, but the fleet has {count} devices, counted from 0")]
    NoSuchDevice {
        /// As given.
        range: DeviceRange,
        /// How many there are.
        count: usize,
    },
    /// A device is listed in two places.
    #[error("{device} is listed twice, in \"{first}\" and in \"{second}\"")]
    ListedTwice {
        /// The device.
        device: DeviceId,
        /// Where it is first.
        first: NodeName,
        /// Where it is again.
        second: NodeName,
    },
    /// A device is listed nowhere, and every place has a list.
    #[error(
        "{device} is connected to nothing: list it somewhere, or leave `devices` out in one place, \
         which then takes all that are listed nowhere"
    )]
    Unlisted {
        /// The device.
        device: DeviceId,
    },
    /// A device cannot reach the server, or the server not it.
    #[error("a device is cut off from the server: {source}")]
    Disconnected {
        /// Between which nodes.
        source: RouteError,
    },
}

fn also(names: &[NodeName]) -> String {
    names.iter().map(|name| format!(", {}", name.as_str())).collect()
}
