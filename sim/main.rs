//! fleetune
fn main() {}
