use fleetune_devices::{
    Fleet, Profiles,
    network::{Wiring, config::TopologyConfig},
    streams::SeedTree,
};

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
};

/// The topology connects every device of the fleet to the server, each once.
pub(super) fn topology(draft: &Draft, faults: &mut Vec<Fault>) {
    let (Some(network), Some(fleet), Some(profiles)) =
        (&draft.network, &draft.fleet, &draft.profiles)
    else {
        return;
    };
    // A star has nothing to get wrong, and may have a million devices.
    if network.topology == TopologyConfig::Star {
        return;
    }
    let mut used = Profiles::empty();
    profiles.values().for_each(|profile| used.insert(profile.clone()));
    // What is drawn, speeds and rates, decides nothing here; a fleet that cannot be drawn has a fault of its own.
    let Ok(fleet) = Fleet::draw(fleet, &used, &SeedTree::new(0)) else { return };
    let link = network.server.link();
    if let Err(error) = Wiring::new(&network.topology, network.transfers, &link, &fleet.devices) {
        faults.push(Fault::key(FieldPath::from("network.topology"), error.to_string()));
    }
}
