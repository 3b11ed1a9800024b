use fleetune_devices::Profile;

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    schema::{EnergyConfig, EnergyMeasure, PolicyConfig, SelectionConfig},
};

/// The choice of whom to ask has what it needs; what it asks of algorithms is checked with them.
pub(super) fn check(draft: &Draft, faults: &mut Vec<Fault>) {
    let Some(federation) = draft.federation else { return };
    let mut refuse = |message: String, help: &str| {
        let path = FieldPath::from("federation.selection");
        faults.push(Fault::value(path, message).with_help(help));
    };
    let selection = federation.selection;
    if selection == SelectionConfig::Random {
        return;
    }
    if matches!(federation.policy, PolicyConfig::Asynchronous(_)) {
        let message = "without rounds whoever is free is asked one by one, each as likely: there is no cohort to choose";
        refuse(message.to_owned(), "write `random`, or let the policy be synchronous");
    }
    if matches!(federation.policy, PolicyConfig::Adaptive(_)) {
        let message = "adaptive rounds choose their deadlines for cohorts that are drawn at random";
        refuse(message.to_owned(), "write `random`, or let the policy be synchronous");
    }
    match selection {
        SelectionConfig::Resources(_) if federation.deadline.is_none() => {
            let message = "there is no deadline by which those who are asked could be done";
            refuse(message.to_owned(), "give `federation.deadline`, such as 10 min");
        }
        SelectionConfig::Energy(EnergyConfig { by: EnergyMeasure::Battery }) => {
            let without = |profile: &&Profile| profile.battery.is_none();
            if let Some(profile) =
                draft.profiles.iter().flat_map(|used| used.values()).find(without)
            {
                let message = format!("the devices of `{}` have no battery", profile.name);
                refuse(message, "write `by: joules`, or give its profile a battery");
            }
        }
        _ => {}
    }
}
