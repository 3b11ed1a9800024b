//! FedSPZO with one perturbation of either block is MeZO with one perturbation.

use fleetune_algorithms::protocol::{Exchange, Payload, Server};
use fleetune_devices::{PhaseKind, Workload};
use fleetune_models::batch::Padding;

use crate::world::{Spare, algorithm, bits, round, setup};

const RATE: &str = r#"{"base":0.01,"upper":{"from_layer":2,"rate":0.02},"schedule":{"linear":{"rounds":3,"final_fraction":0.2}}}"#;

fn fedspzo(train: &str, split: usize, lower: u32, upper: u32) -> String {
    format!(
        r#"{{"fedspzo":{{"train":{train},"local_steps":2,"batch_size":4,"split":{split},"epsilon":0.002,
        "perturbations":{{"lower":{lower},"upper":{upper}}},"learning_rate":{RATE}}}}}"#
    )
}

fn mezo(train: &str, perturbations: u32) -> String {
    format!(
        r#"{{"mezo":{{"train":{train},"local_steps":2,"batch_size":4,"perturbations":{perturbations},"epsilon":0.002,
        "learning_rate":{RATE}}}}}"#
    )
}

/// The global models after each of three rounds of different cohorts.
fn course(json: &str) -> Vec<Vec<u32>> {
    let mut server = algorithm(json).server(setup(3, Padding::Longest, 9));
    [&[0, 3, 1][..], &[4, 2], &[1, 0, 2, 4]]
        .iter()
        .zip(0..)
        .map(|(cohort, number)| {
            round(server.as_mut(), number, cohort);
            bits(&server.weights().values)
        })
        .collect()
}

#[test]
fn fedspzo_with_one_perturbation_each_is_mezo_to_the_bit_at_every_split() {
    for train in [r#""layers""#, r#""bitfit""#, r#"{"lora":{"rank":2,"alpha":4.0}}"#, r#""full""#] {
        let expected = course(&mezo(train, 1));
        assert!(expected[0] != expected[1] && expected[1] != expected[2], "it trains");
        for split in 0..=3 {
            assert!(course(&fedspzo(train, split, 1, 1)) == expected, "{train}, split {split}");
        }
    }
}

#[test]
fn fedspzo_of_everything_above_is_mezo_with_as_many_perturbations() {
    assert!(course(&fedspzo(r#""layers""#, 0, 1, 3)) == course(&mezo(r#""layers""#, 3)));
    // More perturbations are another method.
    assert!(course(&fedspzo(r#""layers""#, 2, 1, 3)) != course(&mezo(r#""layers""#, 3)));
}

/// How clients catch up costs more or less; what they learn is the same.
#[test]
fn the_way_to_catch_up_changes_nothing_that_is_learnt() {
    for kind in ["mezo", "decomfl", "fedkseed"] {
        let models = ["dense", "scalars", "fastest", "fewest_bytes"].map(|catch_up| {
            course(&format!(
                r#"{{"{kind}":{{"local_steps":2,"batch_size":4,"catch_up":"{catch_up}","learning_rate":{RATE}}}}}"#
            ))
        });
        assert!(models.iter().all(|model| *model == models[0]), "{kind}");
    }
}

/// ZOWarmUp's first phase is FedAvg, to the bit; its second is federated MeZO from there, whose schedule starts anew and
/// whose clients have no start to replay from.
#[test]
fn zowarmup_is_fedavg_and_then_mezo() {
    let common = r#""train":"layers","local_steps":2,"batch_size":4"#;
    let fedavg = format!(r#"{{"fedavg":{{{common},"learning_rate":{RATE}}}}}"#);
    let warm_up = format!(
        r#"{{"zowarmup":{{{common},"warm_up":{{"rounds":2,"learning_rate":{RATE}}},"learning_rate":{RATE}}}}}"#
    );
    let (mixed, first) = (course(&warm_up), course(&fedavg));
    assert!(mixed[..2] == first[..2] && mixed[2] != first[2]);
    // In its first round a falling rate is the constant one.
    let constant = r#"{"base":0.01,"upper":{"from_layer":2,"rate":0.02}}"#;
    let (warming, training) = warm_up.rsplit_once(RATE).expect("it was just put there");
    assert!(course(&format!("{warming}{constant}{training}")) == mixed);

    let mut server = algorithm(&warm_up).server(setup(3, Padding::Longest, 9));
    let work =
        |server: &dyn Server, round| server.assign(Exchange::at(round, 0), 1, &Spare).workload;
    let gradients = |work: &Workload| !work.flops_of(PhaseKind::Backward).is_zero();
    for number in 0..2 {
        assert!(gradients(&work(server.as_ref(), number)));
        round(server.as_mut(), number, &[0, 1]);
    }
    let dense = Payload::size(server.weights().values.len());
    let next = work(server.as_ref(), 2);
    assert!(!gradients(&next) && next.download == dense);
    let (before, update) =
        (server.weights().values.clone(), (server.assign(Exchange::at(2, 0), 1, &Spare).job)());
    let Payload::Scalars(scalars) = &update.payload else { panic!("scalars go up") };
    assert_eq!(scalars.len(), 2);
    round(server.as_mut(), 2, &[1]);
    assert_ne!(bits(&before), bits(&server.weights().values));
}
