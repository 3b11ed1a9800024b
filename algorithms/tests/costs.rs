//! What zeroth and first order cost: computation, memory, bytes.

use fleetune_algorithms::protocol::{Exchange, Payload, Server};
use fleetune_devices::{PhaseKind, Workload};
use fleetune_models::{batch::Padding, cost::CostModel, parameters::Trainable};

use crate::{
    tiny::architecture,
    world::{CLASSES, LENGTH, Spare, algorithm, exchange, setup},
};

const RATE: &str = r#""learning_rate":{"base":0.01}"#;

fn server(layers: usize, kind: &str, settings: &str) -> Box<dyn Server> {
    let json = format!(r#"{{"{kind}":{{"local_steps":2,"batch_size":5,{settings},{RATE}}}}}"#);
    algorithm(&json).server(setup(layers, Padding::Fixed, 4))
}

fn workload(server: &dyn Server) -> Workload {
    server.assign(Exchange::at(0, 0), 1, &Spare).workload
}

/// C2: a first-order step is a forward F and a backward of 2F; q directions take 2qF: 2q/3 of it. Of matrix products,
/// where everything trains; all else is elementwise and counted apart.
#[test]
fn q_directions_cost_two_thirds_of_q_first_order_steps() {
    for layers in [1, 4] {
        let (encoder, train) = (architecture(layers), Trainable::Full);
        let pass = CostModel::of(&encoder, CLASSES, train).whole([5, LENGTH], true);
        assert_eq!(pass.backward.products, 2 * pass.forward.products);
        let first = workload(server(layers, "fedavg", r#""train":"full""#).as_ref());
        for q in [1, 3, 5] {
            let settings = format!(r#""train":"full","perturbations":{q}"#);
            let zeroth = workload(server(layers, "mezo", &settings).as_ref());
            let [forward, whole] = [&zeroth, &first].map(|w| w.flops_of(PhaseKind::Forward).get());
            assert_eq!(forward, 2 * q * whole, "2q forwards for the one of backpropagation");
            assert!(zeroth.flops_of(PhaseKind::Backward).is_zero());
            let products = [2 * q * pass.forward.products, pass.forward.products * 3];
            assert_eq!(products[0] * 3, products[1] * 2 * q, "2q/3");
            let backward = first.flops_of(PhaseKind::Backward).get();
            assert_eq!(backward, 2 * pass.backward.flops().get(), "two local steps");
        }
    }
}

/// C2: no activations are kept: peak memory is the parameters and what one layer has alive, however many layers there
/// are. Backpropagation keeps every layer's.
#[test]
fn zeroth_order_holds_the_parameters_and_one_layers_activations() {
    let beyond_parameters = |layers: usize, kind: &str| {
        let (encoder, train) = (architecture(layers), Trainable::Layers);
        let cost = CostModel::of(&encoder, CLASSES, train);
        let peak = workload(server(layers, kind, r#""train":"layers""#).as_ref()).peak_memory;
        (peak.get() - 4 * cost.parameters(), cost)
    };
    let (one, cost) = beyond_parameters(1, "mezo");
    let layer = cost.pass(1..2, [5, LENGTH], false);
    assert_eq!(one, layer.peak_activations().get(), "the layer's, alone");
    for kind in ["mezo", "decomfl", "fedkseed", "signspsa"] {
        for layers in [2, 3, 6] {
            assert_eq!(beyond_parameters(layers, kind).0, one, "{kind}, {layers} layers");
        }
    }
    let kept = [1, 2, 3, 4].map(|layers| beyond_parameters(layers, "fedavg").0);
    let growth = [kept[1] - kept[0], kept[2] - kept[1], kept[3] - kept[2]];
    assert!(growth[1] == growth[2] && growth[1] > one, "{growth:?}: each layer adds its own");
}

/// C4: of real messages. Dense: d values of 4 bytes each way, behind a header of 24. Scalars: 4 bytes for each of the
/// step's scalars, whatever d is.
#[test]
fn dense_messages_grow_with_the_model_and_scalars_do_not() {
    let mut scalars = Vec::new();
    for (layers, train) in [(1, "bitfit"), (2, "layers"), (4, "full")] {
        let train = format!(r#""train":"{train}""#);
        let mut dense = server(layers, "fedavg", &train);
        let down = Payload::Dense(dense.weights().values.clone()).encode(0).len() as u64;
        let up = exchange(dense.as_mut(), Exchange::at(0, 0), &[1]).0;
        let up = up[0].payload.encode(0).len() as u64;
        let d = dense.weights().layout.len() as u64;
        assert_eq!([down, up], [24 + 4 * d; 2]);
        let charged = workload(dense.as_ref());
        assert_eq!([charged.download.get(), charged.upload.get()], [down, up]);

        let settings = format!(r#"{train},"perturbations":3,"catch_up":"scalars""#);
        let mut sparse = server(layers, "decomfl", &settings);
        let up = exchange(sparse.as_mut(), Exchange::at(0, 0), &[1, 2]).0;
        let up = up[0].payload.encode(0).len() as u64;
        // Down comes the round that it took part in, as the mean of the cohort's scalars: a header, one record of 20
        // bytes with one entry of 8.
        let charged = server_after(sparse.as_ref());
        assert_eq!(charged.upload.get(), up);
        assert_eq!([up, charged.download.get()], [24 + 4 * 6, 24 + 20 + 8 + 4 * 6]);
        scalars.push((d, up));
    }
    assert!(scalars.is_sorted_by(|(d, up), (more, same)| 2 * d < *more && up == same));
}

/// Of the round after the first.
fn server_after(server: &dyn Server) -> Workload {
    server.assign(Exchange::at(1, 0), 1, &Spare).workload
}
