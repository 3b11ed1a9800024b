//! Every algorithm learns: the test loss of a separable task falls within a small budget.

use fleetune_models::batch::Padding;

use crate::world::{algorithm, loss, round, setup};

/// The test loss before and after `rounds` rounds in which cohorts of three take turns.
fn learn(json: &str, rounds: u64) -> [f64; 2] {
    let mut server = algorithm(json).server(setup(2, Padding::Longest, 8));
    let before = loss(server.as_ref());
    for number in 0..rounds {
        let first = number as u32;
        round(server.as_mut(), number, &[first % 5, (first + 1) % 5, (first + 3) % 5]);
    }
    [before, loss(server.as_ref())]
}

/// Below the uniform guess's ln 3 = 1.0986 (which a model that only lost its confidence cannot get under) by a tenth
/// of a nat at least.
fn learns(json: &str, rounds: u64) {
    let [before, after] = learn(json, rounds);
    assert!(before > 1.5, "a random model knows nothing: {before}");
    assert!(after < 1.0, "{before} -> {after}: {json}");
}

#[test]
fn mezo_learns() {
    learns(r#"{"mezo":{"local_steps":8,"batch_size":6,"learning_rate":{"base":0.002}}}"#, 40);
}

#[test]
fn fedspzo_learns() {
    learns(
        r#"{"fedspzo":{"local_steps":6,"batch_size":6,"split":1,"perturbations":{"lower":1,"upper":3},"learning_rate":{"base":0.002}}}"#,
        40,
    );
}

#[test]
fn fedspzo_learns_one_sided_and_apart() {
    learns(
        r#"{"fedspzo":{"local_steps":6,"batch_size":6,"split":1,"perturbations":{"lower":1,"upper":3},"variant":"separate","difference":"one_sided","directions":"rademacher","learning_rate":{"base":0.002}}}"#,
        40,
    );
}

#[test]
fn decomfl_learns() {
    learns(r#"{"decomfl":{"local_steps":8,"batch_size":6,"learning_rate":{"base":0.002}}}"#, 60);
}

#[test]
fn fedkseed_learns_with_either_way_to_draw() {
    for pro in [false, true] {
        let json = format!(
            r#"{{"fedkseed":{{"local_steps":8,"batch_size":6,"pro":{pro},"learning_rate":{{"base":0.002}}}}}}"#
        );
        learns(&json, 40);
    }
}

#[test]
fn zowarmup_learns() {
    learns(
        r#"{"zowarmup":{"local_steps":6,"batch_size":6,"warm_up":{"rounds":2,"optimizer":"sgd","learning_rate":{"base":0.1}},"learning_rate":{"base":0.002}}}"#,
        30,
    );
}

#[test]
fn signspsa_learns() {
    learns(r#"{"signspsa":{"local_steps":8,"batch_size":6,"learning_rate":{"base":0.002}}}"#, 60);
}

#[test]
fn fwdllm_learns() {
    learns(r#"{"fwdllm":{"batch_size":6,"learning_rate":{"base":0.01}}}"#, 300);
}

#[test]
fn fedavg_learns_by_sgd() {
    learns(
        r#"{"fedavg":{"local_steps":4,"batch_size":6,"optimizer":"sgd","learning_rate":{"base":0.1}}}"#,
        15,
    );
}

#[test]
fn fedavg_learns_by_adamw_on_adapters() {
    learns(
        r#"{"fedavg":{"train":{"lora":{"rank":4,"alpha":8.0}},"local_steps":4,"batch_size":6,"learning_rate":{"base":0.01}}}"#,
        15,
    );
}

#[test]
fn fedprox_learns() {
    learns(
        r#"{"fedprox":{"local_steps":4,"batch_size":6,"optimizer":"sgd","learning_rate":{"base":0.1},"mu":0.1}}"#,
        15,
    );
}

#[test]
fn fedadam_learns() {
    learns(
        r#"{"fedadam":{"local_steps":4,"batch_size":6,"learning_rate":{"base":0.1},"server_learning_rate":0.02}}"#,
        15,
    );
}

#[test]
fn fedyogi_learns() {
    learns(
        r#"{"fedyogi":{"local_steps":4,"batch_size":6,"learning_rate":{"base":0.1},"server_learning_rate":0.02}}"#,
        15,
    );
}

#[test]
fn fedsllm_learns_on_adapters() {
    learns(
        r#"{"fedsllm":{"split":1,"local_steps":4,"batch_size":6,"learning_rate":{"base":0.01}}}"#,
        15,
    );
}

#[test]
fn scaffold_learns() {
    learns(r#"{"scaffold":{"local_steps":4,"batch_size":6,"learning_rate":{"base":0.1}}}"#, 15);
}
