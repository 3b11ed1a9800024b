//! What a device costs in memory, as the documentation says it: a million of them must fit.

use std::mem::size_of;

use fleetune_devices::{
    Battery, Device, Processor, Sessions,
    availability::{Position, trace::TraceSessions},
    eligibility::StateChanges,
    energy::Meter,
};

#[test]
fn devices_are_as_small_as_documented() {
    assert_eq!(size_of::<Position>(), 16, "all that an idle device needs of its own");
    assert_eq!(size_of::<Device>(), 40);
    assert_eq!(size_of::<Meter>(), 56);
    assert_eq!(size_of::<TraceSessions>(), 32);
    assert_eq!(size_of::<Sessions>(), 88);
    assert_eq!(size_of::<Battery>(), 80);
    assert_eq!(size_of::<Processor>(), 248);
    assert_eq!(size_of::<StateChanges>(), 320);
}
