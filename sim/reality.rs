//! What of a run was real, what was simulated and what was not done: for its report.

use fleetune_devices::{AvailabilityMode, Profile};
use fleetune_models::batch::Padding;
use fleetune_reports::records::{Statement, Treatment};
use fleetune_scenarios::Scenario;

use crate::clocks::{computing, transferring};

/// What devices draw.
fn drawing(scenario: &Scenario) -> String {
    let mut text =
        "the profile's power of each activity, integrated over simulated time while a device is engaged"
            .to_owned();
    let any = |has: fn(&Profile) -> bool| scenario.profiles.values().any(has);
    if any(|profile| profile.radio_tail.is_some()) {
        text.push_str(", and its radio's tail after a transfer");
    }
    if any(|profile| profile.battery.is_some()) {
        text.push_str("; batteries are drawn on at all times, and who runs empty leaves");
    }
    text
}

/// When devices are there.
fn coming(scenario: &Scenario) -> String {
    let fleet = &scenario.fleet;
    let mut text = match (&fleet.trace, fleet.availability) {
        (_, AvailabilityMode::Always) => "devices are always there".to_owned(),
        (Some(_), AvailabilityMode::Profile) => {
            "devices come and go as recorded in the scenario's trace".to_owned()
        }
        (None, AvailabilityMode::Profile) => {
            "devices come and go by the law of their profile".to_owned()
        }
    };
    if !fleet.eligibility.is_trivial() {
        text.push_str(" and are asked only while the scenario's conditions hold");
    }
    text + "; who leaves in mid-round loses its work"
}

pub(crate) fn reality(scenario: &Scenario) -> Vec<Statement> {
    let clock = &scenario.fleet.cost;
    let real = |subject: &str, how: &str| Statement {
        subject: subject.to_owned(),
        treatment: Treatment::Real,
        how: how.to_owned(),
    };
    let simulated = |subject: &str, how: &str| Statement {
        subject: subject.to_owned(),
        treatment: Treatment::Simulated,
        how: how.to_owned(),
    };
    let learning = if scenario.training.is_real() {
        vec![
            real(
                "local training",
                "every aggregated update was computed by really running the model on that client's texts",
            ),
            real(
                "accuracy and loss",
                "every evaluated round ran the global model on the server's whole test set",
            ),
            match scenario.model.costs_of.as_ref() {
                None => real(
                    "FLOPs and bytes",
                    "counted where the computation and the serialisation happen, operation by operation",
                ),
                Some(larger) => simulated(
                    "FLOPs and bytes",
                    &format!(
                        "those of {}, from its shapes, operation by operation; that the trained model's job did its own \
                         part of them was counted where it happened",
                        larger.title()
                    ),
                ),
            },
        ]
    } else {
        untrained(scenario)
    };
    let rest = vec![
        simulated("computing time", computing(clock)),
        simulated("network time", &transferring(clock, &scenario.network)),
        simulated("energy", &drawing(scenario)),
        simulated("availability", &coming(scenario)),
        simulated(
            if scenario.training.is_real() { "evaluation and aggregation" } else { "aggregation" },
            "the server's own work: it takes no simulated time and no device pays for it",
        ),
        simulated(
            "memory",
            "a device whose budget is below the counted peak takes no part; no device is slowed down by it",
        ),
    ];
    learning.into_iter().chain(rest).collect()
}

/// What takes the place of learning in a run without training.
fn untrained(scenario: &Scenario) -> Vec<Statement> {
    let statement = |subject: &str, treatment: Treatment, how: &str| Statement {
        subject: subject.to_owned(),
        treatment,
        how: how.to_owned(),
    };
    let charged = match scenario.model.costs_of.as_ref() {
        None => "the model's".to_owned(),
        Some(larger) => format!("those of {}", larger.title()),
    };
    vec![
        statement(
            "local training",
            Treatment::Absent,
            "no client's job was done, and no model has moved",
        ),
        statement(
            "evaluation",
            Treatment::Absent,
            "no model was evaluated: the results say what rounds take, and nothing of what would be learnt",
        ),
        statement("texts", Treatment::Absent, &untrained_task(scenario)),
        statement(
            "FLOPs and bytes",
            Treatment::Simulated,
            &format!(
                "{charged}, from its shapes, operation by operation, as the algorithm assigns them; a run that trains is \
                 charged the same"
            ),
        ),
    ]
}

/// What is known of the texts on the devices, in a scenario without training.
pub(crate) fn untrained_task(scenario: &Scenario) -> String {
    let longest = scenario.model.max_length;
    let classes = scenario.classes();
    match (scenario.dataset(), scenario.model.padding) {
        (Some(task), Padding::Longest) => format!(
            "nothing is learnt; batches are as long as the longest of their texts, which are those of {}, {classes} \
             classes, as the scenario spreads them over the devices",
            task.name
        ),
        _ => format!(
            "nothing is learnt, and no texts are needed: every local step has a full batch of {longest} tokens a text, \
             as it has with any texts where batches are padded to a fixed length; the head tells {classes} classes apart"
        ),
    }
}
