//! Who is behind a link.

use super::{
    Direction, Wiring,
    topology::LinkId,
    wiring::{Ways, shared_by},
};
use crate::fleet::DeviceId;

impl Wiring {
    /// How many links are shared: those of a star are the server's, towards the devices and from
    /// them; the others number all links of the topology.
    pub fn link_count(&self) -> u32 {
        match &self.ways {
            Ways::Star(_) => 2,
            Ways::Routed { network, .. } => network.topology.links().len() as u32,
        }
    }

    /// Whether a device's downloads or uploads cross a link. Behind a star's link is everybody.
    pub fn crosses(&self, device: DeviceId, link: LinkId) -> bool {
        match &self.ways {
            Ways::Star(_) => {
                [Direction::Down, Direction::Up].iter().any(|way| shared_by(*way) == link.index())
            }
            Ways::Routed { routes, .. } => routes.get(device.index()).is_some_and(|routes| {
                let both = routes.down.hops.iter().chain(&routes.up.hops);
                both.into_iter().any(|hop| hop.link == link.index())
            }),
        }
    }
}
