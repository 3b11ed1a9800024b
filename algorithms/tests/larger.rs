//! A larger model's costs charged while the small one learns.

use fleetune_algorithms::{
    protocol::{Exchange, Server, Verdict},
    setup::Setup,
    uplink::Algorithm,
};
use fleetune_devices::{PhaseKind, Precision, Workload};
use fleetune_models::{
    architecture::{
        Architecture, Dtype, FeedForward, Larger, Norm, Placement, Positions, llama_3_2_3b,
    },
    batch::Padding,
    cost::CostModel,
    parameters::Trainable,
};
use fleetune_units::Bytes;

use crate::{
    accounting::{charged, configurations},
    tiny::architecture,
    world::{CLASSES, HORIZON, LENGTH, Spare, algorithm, bits, setup},
};

/// Seven layers of another kind than the small model's three, not much wider.
fn other() -> Larger {
    let architecture = Architecture {
        vocab_size: 90,
        hidden_size: 24,
        num_hidden_layers: 7,
        num_attention_heads: 6,
        num_key_value_heads: Some(2),
        head_dim: Some(5),
        intermediate_size: 44,
        positions: Positions::Rotary,
        type_vocab_size: 0,
        feed_forward: FeedForward::Swiglu,
        norm: Norm::Layer,
        placement: Placement::Pre,
        biases: true,
    };
    Larger { name: "other".to_owned(), architecture, dtype: Dtype::F16 }
}

fn charging(larger: Option<Larger>, padding: Padding) -> Setup {
    Setup { charged: larger, ..setup(3, padding, 4) }
}

/// The exchanges of a run of so many, each with what its clients were charged and sent.
struct Diary {
    sent: Vec<Vec<u8>>,
    work: Vec<Workload>,
    weights: Vec<Vec<u32>>,
}

/// Runs a server, holding its jobs and itself to what is charged.
fn run(mut server: Box<dyn Server>, what: &str) -> Diary {
    let mut diary = Diary { sent: Vec::new(), work: Vec::new(), weights: Vec::new() };
    let mut now = Exchange::at(0, 0);
    for _ in 0..4 {
        server.convene(now, &[0, 3]);
        let mut updates = Vec::new();
        for client in [0, 3] {
            let assignment = server.assign(now, client, &Spare);
            let due = charged(&assignment.workload);
            let update = (assignment.job)();
            assert_eq!(update.counted, due, "{what} {now:?}");
            diary.sent.push(update.payload.encode(now.round));
            diary.work.push(assignment.workload);
            updates.push((client, update));
        }
        let join = server.join_counted() + server.join_work(now, &[0, 3]);
        let verdict = server.aggregate(now, updates).expect("finite and well formed");
        assert_eq!(server.join_counted(), join, "{what} {now:?}");
        diary.weights.push(bits(&server.weights().values));
        now = match verdict {
            Verdict::SameCohort => Exchange { index: now.index + 1, ..now },
            Verdict::RoundOver => Exchange::at(now.round + 1, 0),
        };
    }
    diary
}

#[test]
fn what_is_charged_changes_no_bit_of_what_is_learnt() {
    for json in configurations() {
        let [plain, larger] = [None, Some(other())]
            .map(|larger| run(algorithm(&json).server(charging(larger, Padding::Longest)), &json));
        assert!(plain.sent == larger.sent, "{json}");
        assert!(plain.weights == larger.weights, "{json}");
        for (plain, larger) in plain.work.iter().zip(&larger.work) {
            // All but the head grows; what goes over the wire grows where it is a vector.
            assert!(larger.flops() > plain.flops(), "{json}");
            assert!(larger.download >= plain.download && larger.upload >= plain.upload, "{json}");
            assert!(larger.phases.iter().all(|phase| phase.precision == Precision::F16), "{json}");
        }
    }
}

/// The composition of passes is the same, so that a model charged in its own place costs what it costs.
#[test]
fn a_model_in_its_own_place_costs_what_it_costs() {
    let itself = Larger {
        name: "itself".to_owned(),
        architecture: (&architecture(3)).into(),
        dtype: Dtype::F32,
    };
    for json in configurations() {
        let work = |larger| {
            let server = algorithm(&json).server(charging(larger, Padding::Longest));
            let forecast = server.forecast(1, &Spare, HORIZON);
            (run(server, &json).work, forecast)
        };
        assert_eq!(work(None), work(Some(itself.clone())), "{json}");
    }
}

#[test]
fn half_the_bytes_are_half_the_memory_and_traffic_and_the_same_messages() {
    for json in configurations() {
        let work = |dtype| {
            let larger = Some(Larger { dtype, ..other() });
            let server = algorithm(&json).server(charging(larger, Padding::Fixed));
            // Every download is dense or as long, whatever a device of either kind would choose.
            server.forecast(1, &Spare, HORIZON).swap_remove(0)
        };
        let [whole, half] = [Dtype::F32, Dtype::BF16].map(work);
        assert_eq!(whole.flops(), half.flops(), "{json}");
        assert_eq!(whole.traffic().get(), 2 * half.traffic().get(), "{json}");
        assert_eq!(whole.peak_memory.get(), 2 * half.peak_memory.get(), "{json}");
        assert_eq!((whole.download, whole.upload), (half.download, half.upload), "{json}");
    }
}

#[test]
fn forecasts_enclose_what_is_charged() {
    for json in configurations() {
        let server = algorithm(&json).server(charging(Some(other()), Padding::Longest));
        let forecast = server.forecast(0, &Spare, HORIZON);
        let first = server.assign(Exchange::at(0, 0), 0, &Spare).workload;
        for of in [
            |w: &Workload| w.flops().get(),
            |w: &Workload| w.traffic().get().into(),
            |w: &Workload| w.peak_memory.get().into(),
            |w: &Workload| w.download.get().into(),
            |w: &Workload| w.upload.get().into(),
        ] {
            let ends = || forecast.iter().map(of);
            let (least, most) = (ends().min().unwrap(), ends().max().unwrap());
            assert!((least..=most).contains(&of(&first)), "{json}");
        }
    }
}

fn llama() -> Larger {
    Larger { name: "LLaMA".to_owned(), architecture: llama_3_2_3b(), dtype: Dtype::F16 }
}

/// FedSPZO's parts, where the borders of 3 layers fall among 28: above layers 0, 9, 19 and 28.
#[test]
fn splits_fall_in_proportion() {
    let cost = CostModel {
        architecture: llama_3_2_3b(),
        head: CLASSES.into(),
        train: Trainable::Lora { rank: 3, alpha: 3.0 },
    };
    let pass = |stages| cost.pass(stages, [5, LENGTH], false).forward.flops().get();
    for (split, border) in [(0, 0), (1, 10), (2, 20), (3, 29)] {
        let json = format!(
            r#"{{"fedspzo":{{"train":{{"lora":{{"rank":3,"alpha":3.0}}}},"local_steps":1,"batch_size":5,
                "split":{split},"perturbations":{{"lower":2,"upper":3}},"learning_rate":{{"base":0.01}}}}}}"#
        );
        let server = algorithm(&json).server(charging(Some(llama()), Padding::Fixed));
        let work = server.assign(Exchange::at(0, 0), 1, &Spare).workload;
        let expected = 2 * 2 * pass(0..border) + 2 * 2 * 3 * pass(border..30);
        assert_eq!(work.flops_of(PhaseKind::Forward).get(), expected, "{split}");
        let elements = |stages: std::ops::Range<usize>| -> u64 {
            stages.map(|stage| cost.trainable(stage)).sum()
        };
        // A pass for each direction: 41 operations to make an element, two to add it; three to evaluate, one to update.
        let passes = 2 * elements(0..border) + 6 * elements(border..30);
        let made = work.flops_of(PhaseKind::Perturbation) + work.flops_of(PhaseKind::Optimizer);
        assert_eq!(made.get(), u128::from(4 * 43 * passes), "{split}");
        let boundaries = if split == 0 { 0 } else { 2 * 5 * LENGTH as u64 * 3072 };
        let peak = cost.whole([5, LENGTH], false).peak;
        let parts = cost
            .pass(0..border, [5, LENGTH], false)
            .peak
            .max(cost.pass(border..30, [5, LENGTH], false).peak);
        assert_eq!(peak, parts);
        assert_eq!(work.peak_memory.get(), 2 * (cost.parameters() + boundaries + peak), "{split}");
    }
}

/// What crosses the split is as wide as the larger model, and its server does the larger upper part.
#[test]
fn activations_cross_as_wide_as_they_are_charged() {
    let json = r#"{"fedsllm":{"train":{"lora":{"rank":2,"alpha":2.0}},"local_steps":2,"batch_size":5,"split":1,
                   "optimizer":"sgd","learning_rate":{"base":0.01}}}"#;
    let server = algorithm(json).server(charging(Some(llama()), Padding::Fixed));
    let now = Exchange::at(0, 0);
    let work = server.assign(now, 1, &Spare).workload;
    let header = 32;
    assert!(work.upload.get() - 4 * 5 * (LENGTH as u64 * 3072 + 2) <= header);
    let cost = CostModel {
        architecture: llama_3_2_3b(),
        head: CLASSES.into(),
        train: Trainable::Lora { rank: 2, alpha: 2.0 },
    };
    let pass = cost.upper_training(9, [5, LENGTH]);
    let trainable: u64 = (10..30).map(|stage| cost.trainable(stage)).sum();
    let step = u128::from(2 * trainable);
    let expected = 2 * ((pass.forward + pass.backward).flops().get() + step);
    assert_eq!(server.join_work(now, &[0, 3]).get(), expected);
}

/// Encodings and privacy go along: bytes and passes are those of as many values as the larger model has.
#[test]
fn encoded_and_private_updates_are_as_long_as_the_larger_models() {
    let steps = r#""train":"bitfit","local_steps":2,"batch_size":5,"learning_rate":{"base":0.01}"#;
    let encoding = r#""encoding":{"top_k":0.1,"values":{"q8":{}},"error_feedback":true}"#;
    let privacy = r#""privacy":{"clip":0.5,"noise_multiplier":1.0,"noise":"clients","delta":1e-3}"#;
    let cases = [
        format!(r#"{{"fedavg":{{{steps}}},{encoding}}}"#),
        format!(r#"{{"scaffold":{{{steps}}},{encoding}}}"#),
        format!(r#"{{"mezo":{{{steps},"upload":"delta"}},{privacy}}}"#),
        format!(r#"{{"decomfl":{{{steps}}},{privacy}}}"#),
        format!(r#"{{"mezo":{{{steps}}},"encoding":{{"values":"f16"}}}}"#),
        format!(
            r#"{{"zowarmup":{{{steps},"warm_up":{{"rounds":1,"learning_rate":{{"base":0.01}}}}}},
                   "encoding":{{"values":"f16"}}}}"#
        ),
    ];
    let cost = CostModel {
        architecture: other().architecture,
        head: CLASSES.into(),
        train: Trainable::Bitfit,
    };
    let elements: u64 = (0..9).map(|stage| cost.trainable(stage)).sum();
    for json in cases {
        let algorithm: Algorithm = serde_json::from_str(&json).unwrap();
        let cohort = std::num::NonZeroU32::new(2).unwrap();
        let [plain, larger] = [None, Some(other())]
            .map(|larger| run(algorithm.server(charging(larger, Padding::Longest), cohort), &json));
        assert!(plain.sent == larger.sent && plain.weights == larger.weights, "{json}");
        if let (Some(encoding), true) = (&algorithm.encoding, json.contains("fedavg")) {
            assert_eq!(larger.work[0].upload, encoding.size(elements as usize), "{json}");
        }
        if json.contains("decomfl") {
            assert_eq!(larger.work[0].upload, plain.work[0].upload, "{json}");
        }
        let encoding = |work: &Workload| work.flops_of(PhaseKind::Encoding);
        let vectors = !json.contains("decomfl") && !json.contains(r#""values":"f16""#);
        assert_eq!(
            encoding(&larger.work[0]) > encoding(&plain.work[0]),
            vectors || json.contains("zowarmup")
        );
        assert!(larger.work[0].upload > Bytes::new(0));
    }
}
