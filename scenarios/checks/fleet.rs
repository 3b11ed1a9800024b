use fleetune_devices::{FleetConfig, MAX_DEVICES, Profiles};
use indexmap::IndexMap;

use crate::{
    document::{Fault, FieldPath, Spot},
    draft::Draft,
};

/// Every group's profile is the scenario's own or the library's. Leaves in the draft exactly those that are used.
pub(super) fn profiles(draft: &mut Draft, library: &Profiles, faults: &mut Vec<Fault>) {
    let (Some(fleet), Some(own)) = (&draft.fleet, &draft.profiles) else { return };
    let mut used = IndexMap::new();
    for (index, group) in fleet.groups.iter().enumerate() {
        let name = group.profile.as_str();
        let shipped = || library.get(name).map(|profile| (**profile).clone());
        match own.get(name).cloned().or_else(shipped) {
            Some(profile) => drop(used.insert(name.to_owned(), profile)),
            None => {
                let known: Vec<&str> =
                    own.keys().map(String::as_str).chain(library.names()).collect();
                let path = FieldPath::from("fleet.groups").index(index).key("profile");
                let fault = Fault::unknown("device profile", name, &known);
                faults.push(fault.placed(|| path, Spot::Value));
            }
        }
    }
    draft.profiles = Some(used);
}

/// The number of devices.
pub(super) fn devices(fleet: &FleetConfig) -> u64 {
    fleet.groups.iter().map(|group| u64::from(group.count.get())).sum()
}

/// The fleet can be held in memory, and is large enough for a cohort.
pub(super) fn sizes(draft: &Draft, faults: &mut Vec<Fault>) {
    let Some(fleet) = &draft.fleet else { return };
    let devices = devices(fleet);
    if devices > u64::from(MAX_DEVICES) {
        let message = format!(
            "the groups have {devices} devices in all; at most {MAX_DEVICES} can be simulated"
        );
        faults.push(
            Fault::key(FieldPath::from("fleet.groups"), message).with_help("lower the counts"),
        );
    }
    let Some(federation) = &draft.federation else { return };
    let cohort = federation.cohort;
    if u64::from(cohort) > devices {
        let message = format!("a cohort of {cohort} clients; the fleet has only {devices} devices");
        let help = format!("ask for at most {devices}, or enlarge `fleet.groups`");
        faults.push(Fault::value(FieldPath::from("federation.cohort"), message).with_help(help));
    }
}
