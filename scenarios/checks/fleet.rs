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

/// What devices can say of themselves and the federation does not act on yet: refused, so that nothing is ignored.
pub(super) fn not_simulated(draft: &Draft, faults: &mut Vec<Fault>) {
    let mut refuse = |path: FieldPath, there: bool| {
        if there {
            let help = "leave it out; the device models have it, rounds do not follow it yet";
            faults.push(Fault::key(path, "this is not simulated yet").with_help(help));
        }
    };
    if let Some(fleet) = &draft.fleet {
        let path = FieldPath::from("fleet");
        refuse(path.key("trace"), fleet.trace.is_some());
        refuse(path.key("eligibility"), !fleet.eligibility.is_trivial());
        refuse(path.key("cost"), !fleet.cost.is_roofline());
    }
    for (name, profile) in draft.profiles.iter().flatten() {
        let path = FieldPath::from("profiles").key(name);
        refuse(path.key("charging"), profile.charging.is_some());
        refuse(path.key("wifi"), profile.wifi.is_some());
        refuse(path.key("battery"), profile.battery.is_some());
        refuse(path.key("throttle"), profile.throttle.is_some());
        refuse(path.key("background_load"), profile.background_load.is_some());
        refuse(path.key("radio_tail"), profile.radio_tail.is_some());
    }
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
