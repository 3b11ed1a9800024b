use std::{path::Path, sync::Arc};

use fleetune_devices::{
    FleetConfig, MAX_DEVICES, Profiles,
    availability::trace::{TraceError, Traces},
};
use indexmap::IndexMap;

use super::model::resolved;
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

/// The trace can be read, for as many devices as the fleet has. Leaves its path absolute in the draft.
pub(super) fn traces(
    draft: &mut Draft,
    folder: &Path,
    faults: &mut Vec<Fault>,
) -> Option<Arc<Traces>> {
    let fleet = draft.fleet.as_mut()?;
    let keep = u32::try_from(devices(fleet)).ok().filter(|&devices| devices <= MAX_DEVICES)?;
    let trace = fleet.trace.as_mut()?;
    let path = FieldPath::from("fleet.trace");
    match resolved(Path::new(&trace.file), folder) {
        // Resolved paths are UTF-8.
        Ok(absolute) => trace.file = absolute.to_string_lossy().into_owned(),
        Err(message) => {
            faults.push(Fault::value(path.key("file"), message));
            return None;
        }
    }
    let error = match Traces::load(trace, keep) {
        Ok(traces) => return Some(traces),
        Err(error) => error,
    };
    let fault = match error {
        TraceError::RepeatsTooEarly { .. } => Fault::value(path.key("repeat"), error.to_string())
            .with_help("repeat after the trace's last end or later, or leave `repeat` out"),
        _ => Fault::value(path.key("file"), error.to_string())
            .with_help("docs/traces.md says what a trace is and how to make one"),
    };
    faults.push(fault);
    None
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
