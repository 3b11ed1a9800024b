//! `--set`: what it changes, and that its mistakes are told as its own.

use fleetune_scenarios::Origin;

use crate::{checked, printed, small};

#[test]
fn an_override_has_the_effect_of_the_edit() {
    let edited = small()
        .replace("cohort: 4", "cohort: 6")
        .replace("dirichlet: { alpha: 1.0 }", "by_size: { sigma: 0.5 }")
        .replace("count: 12", "count: 40")
        .replace("latency: 10 ms", "latency: 25 ms");
    let edited = checked(&edited, &[]).expect("the edited scenario is right");
    let set = [
        "federation.cohort=6",
        "task.partition={ by_size: { sigma: 0.5 } }",
        "fleet.groups.0.count=40",
        "network.server.latency=25 ms",
    ];
    let set = checked(&small(), &set).expect("the overrides are right");
    assert_eq!(set, edited);
    assert_ne!(set.hash(), checked(&small(), &[]).expect("it is right").hash());
}

#[test]
fn fields_left_to_their_default_can_be_set() {
    let set = ["root_seed=7", "algorithms.FedAvg.fedavg.optimizer.adamw.weight_decay=0.01"];
    let scenario = checked(&small(), &set).expect("the overrides are right");
    assert_eq!(scenario.root_seed, 7);
    assert!(scenario.resolved_yaml().contains("weight_decay: 0.01"));
}

#[test]
fn a_mistake_in_an_override_points_at_the_override() {
    for (set, column, part) in [
        ("federation.cohort=-3", 19, "found -3"),
        ("federation.cohort=13", 19, "the fleet has only 12 devices"),
        ("federation.cohrt=3", 1, "did you mean `cohort`?"),
        ("federatoin.cohort=3", 1, "did you mean `federation`?"),
        ("fleet.groups.0.cout=3", 1, "did you mean `count`?"),
        ("fleet.groups.1.count=3", 14, "it has one entry, 0"),
        ("fleet.groups.0.profile=fone-high", 24, "did you mean `phone-high`?"),
        ("task.partition={ dirichlet: { alpha: -1 } }", 38, "expected a positive number"),
        ("network.server={ uplnk: 1 Gbit/s }", 18, "did you mean `uplink`?"),
        ("seeds=.nan", 7, "found .nan"),
        ("name=[1", 6, "not closed"),
        ("cohort", 1, "expected path=value"),
    ] {
        let errors = checked(&small(), &[set]).expect_err(set);
        assert_eq!(errors.len(), 1, "{set}: {}", printed(&errors));
        let error = &errors[0];
        assert_eq!(error.origin(), &Origin::Set(set.to_owned()), "{error}");
        assert_eq!(error.column(), Some(column), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_mistake_in_the_file_stays_the_files_own() {
    let text = small().replace("rounds: 20", "rounds: 0");
    let errors = checked(&text, &["federation.cohort=-3"]).expect_err("both are wrong");
    let lines: Vec<_> = errors.iter().map(|error| (error.origin().clone(), error.line())).collect();
    let wanted = [
        (Origin::File("small.yaml".to_owned()), Some(21)),
        (Origin::Set("federation.cohort=-3".to_owned()), Some(1)),
    ];
    assert_eq!(lines, wanted, "{}", printed(&errors));
}
