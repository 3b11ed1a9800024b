use fleetune_devices::{CostMode, Workload, cost::Exchange};

use crate::{
    document::{Fault, FieldPath},
    draft::Draft,
    pace::pace,
};

/// The cost mode has a time for all that is asked of it, and nothing is said that it would pass over.
pub(super) fn check(draft: &Draft, faults: &mut Vec<Fault>) {
    let Some(fleet) = &draft.fleet else { return };
    let name = match &fleet.cost {
        CostMode::Fedscale(_) => "fedscale",
        CostMode::Fwdllm(_) => "fwdllm",
        CostMode::Measured(_) => "measured",
        _ => return,
    };
    let base = FieldPath::from("fleet.heterogeneity");
    let mut passed_over = |field: &str, what: &str| {
        let message =
            format!("this would change nothing: the clock `{name}` does not look at {what}");
        let help = "leave it out, or leave out `fleet.cost`";
        faults.push(Fault::value(base.key(field), message).with_help(help));
    };
    if fleet.heterogeneity.compute_sigma.get() > 0.0 {
        passed_over("compute_sigma", "how fast devices of a profile compute");
    }
    if fleet.heterogeneity.link_sigma.get() > 0.0 && name != "measured" {
        passed_over("link_sigma", "the devices' links");
    }
    measured(draft, &fleet.cost, faults);
}

/// Every algorithm's step was measured on every profile of the fleet.
fn measured(draft: &Draft, mode: &CostMode, faults: &mut Vec<Fault>) {
    let CostMode::Measured(table) = mode else { return };
    let algorithms = draft.algorithms.iter().flat_map(|all| all.iter());
    for (label, algorithm) in algorithms {
        let pace = pace(algorithm);
        let workload = &Workload::default();
        let exchange = Exchange {
            workload,
            algorithm: &pace.kind,
            batch: pace.batch_size,
            steps: pace.steps,
            trainable: 0,
        };
        for profile in draft.profiles.iter().flat_map(|all| all.keys()) {
            if let Err(missing) = table.step(profile, &exchange) {
                let message = format!("algorithm `{}`: {missing}", label.as_str());
                let fault = Fault::key(FieldPath::from("fleet.cost.measured"), message);
                faults.push(fault.with_help("add the step time, or use another cost mode"));
            }
        }
    }
}
