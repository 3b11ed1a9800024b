//! Architectures that are counted and not run: against what is published of them, and against naive counts.

use fleetune_models::{
    architecture::{
        Architecture, FeedForward, Norm, Placement, Positions, llama_3_2_3b, opt_1_3b,
        roberta_large,
    },
    cost::CostModel,
    parameters::Trainable,
};
use proptest::prelude::*;

const LORA: Trainable = Trainable::Lora { rank: 8, alpha: 8.0 };

fn body(architecture: Architecture) -> u64 {
    let layers = architecture.num_hidden_layers;
    let cost = CostModel { architecture, head: 1.into(), train: Trainable::Full };
    let head = cost.architecture.hidden_size as u64;
    assert_eq!(cost.parameters(), (0..layers + 2).map(|stage| cost.trainable(stage)).sum::<u64>());
    cost.parameters() - head
}

/// As the hub counts the tensors of `model.safetensors`, the pooler of RoBERTa apart: d² + d.
#[test]
fn published_models_have_the_published_number_of_parameters() {
    assert_eq!(body(roberta_large()) + 1024 * 1024 + 1024, 355_359_744);
    assert_eq!(body(opt_1_3b()), 1_315_758_080);
    assert_eq!(body(llama_3_2_3b()), 3_212_749_824);
    for architecture in [roberta_large(), opt_1_3b(), llama_3_2_3b()] {
        architecture.validate().unwrap();
    }
    let longest = [roberta_large(), opt_1_3b(), llama_3_2_3b()].map(|a| a.longest_input());
    assert_eq!(longest, [Some(512), Some(2048), None]);
}

/// peft's `print_trainable_parameters` for rank 8 on queries and values, and the biases and shifts, by arithmetic.
#[test]
fn what_trains_follows_the_shapes_of_what_it_adapts() {
    let trains = |architecture, train| {
        let cost = CostModel { architecture, head: 2.into(), train };
        let stages = 1..cost.layers() + 1;
        let tensors: u64 = stages.clone().map(|s| cost.trainable_tensors(s)).sum();
        (stages.map(|s| cost.trainable(s)).sum::<u64>(), tensors)
    };
    assert_eq!(trains(opt_1_3b(), LORA), (1_572_864, 24 * 4));
    assert_eq!(trains(roberta_large(), LORA), (786_432, 24 * 4));
    // Values are 8 heads of 128: 28 layers of 8 (3072 + 3072) + 8 (3072 + 1024).
    assert_eq!(trains(llama_3_2_3b(), LORA), (28 * 8 * (6144 + 4096), 28 * 4));
    // Five biases of d, one of f, two shifts.
    assert_eq!(trains(roberta_large(), Trainable::Bitfit), (24 * (7 * 1024 + 4096), 24 * 8));
    // There is no bias and no shift.
    assert_eq!(trains(llama_3_2_3b(), Trainable::Bitfit), (0, 0));
    assert!(!llama_3_2_3b().has_biases() && opt_1_3b().has_biases());
    // Seven products and two gains; embeddings apart.
    assert_eq!(trains(llama_3_2_3b(), Trainable::Layers), (28 * 100_669_440, 28 * 9));
    // The last norm trains with the layers, and stands with the head.
    let cost = CostModel { architecture: opt_1_3b(), head: 3.into(), train: Trainable::Layers };
    assert_eq!((cost.trainable(25), cost.trainable_tensors(25)), (5 * 2048, 3));
}

pub(crate) fn architectures() -> impl Strategy<Value = Architecture> {
    let sizes = (1_usize..4, 1_usize..4, 1_usize..5, 1_usize..40, 1_usize..20, 1_usize..4);
    let kinds = (0..4_usize, any::<bool>(), any::<bool>(), any::<bool>(), 0..3_usize);
    (sizes, kinds).prop_map(
        |((groups, share, width, d, f, layers), (feed, rms, pre, biases, segments))| Architecture {
            vocab_size: 50,
            hidden_size: d,
            num_hidden_layers: layers,
            num_attention_heads: groups * share,
            num_key_value_heads: Some(groups),
            head_dim: Some(width),
            intermediate_size: f,
            positions: match pre {
                true => Positions::Rotary,
                false => Positions::Learned { rows: 11, unused: 2 },
            },
            type_vocab_size: segments,
            feed_forward: [
                FeedForward::Gelu,
                FeedForward::GeluTanh,
                FeedForward::Relu,
                FeedForward::Swiglu,
            ][feed],
            norm: if rms { Norm::Rms } else { Norm::Layer },
            placement: if pre { Placement::Pre } else { Placement::Post },
            biases,
        },
    )
}

/// FLOPs and elements moved by a list of products `(times, m, k, n)`, multiplied out by hand.
fn products(list: &[(usize, usize, usize, usize)]) -> (u128, u64) {
    let mut sums = (0, 0);
    for &(times, m, k, n) in list {
        for _ in 0..times {
            sums.0 += 2 * (m * k * n) as u128;
            sums.1 += (m * k + k * n + m * n) as u64;
        }
    }
    sums
}

/// The products of one layer, matrix by matrix: attention takes each head of the queries by itself.
fn layer_products(a: &Architecture, [b, s]: [usize; 2]) -> Vec<(usize, usize, usize, usize)> {
    let (d, f, t, w) =
        (a.hidden_size, a.intermediate_size, b * s, a.head_dim.expect("it is published"));
    let (h, g) = (a.num_attention_heads, a.num_key_value_heads.expect("it is published"));
    let ups = if a.feed_forward == FeedForward::Swiglu { 2 } else { 1 };
    vec![
        (1, t, d, h * w),
        (2, t, d, g * w),
        (b * h, s, w, s),
        (b * h, s, s, w),
        (1, t, h * w, d),
        (ups, t, d, f),
        (1, t, f, d),
    ]
}

/// Arithmetic of everything but products in one layer's forward, operation by operation.
fn layer_elementwise(a: &Architecture, [b, s]: [usize; 2]) -> usize {
    let (d, f, t, w) =
        (a.hidden_size, a.intermediate_size, b * s, a.head_dim.expect("it is published"));
    let (q, k) = (a.num_attention_heads * w, a.num_key_value_heads.expect("it is published") * w);
    let gated = a.feed_forward == FeedForward::Swiglu;
    let biases = q + 2 * k + d + f + if gated { f } else { 0 } + d;
    let norm = if a.norm == Norm::Rms { 4 } else { 8 };
    let activation = match a.feed_forward {
        FeedForward::Gelu => 29,
        FeedForward::GeluTanh => 12,
        FeedForward::Relu => 1,
        FeedForward::Swiglu => 6,
    };
    let turned = if a.positions == Positions::Rotary { 3 * (q + k) } else { 0 };
    let pairs = b * a.num_attention_heads * s * s * (2 + 5);
    let of_tokens = usize::from(a.biases) * biases + 2 * norm * d + 2 * d + activation * f + turned;
    t * of_tokens + pairs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_layer_is_the_sum_of_its_operations(
        architecture in architectures(),
        shape in (1_usize..4, 1_usize..7),
    ) {
        let shape = [shape.0, shape.1];
        architecture.validate().unwrap();
        let (flops, moved) = products(&layer_products(&architecture, shape));
        let elementwise = layer_elementwise(&architecture, shape) as u128;
        let grouped = architecture.num_attention_heads != architecture.num_key_value_heads.unwrap();
        let full = CostModel { architecture, head: 2.into(), train: Trainable::Full };
        let pass = full.pass(1..2, shape, true);
        prop_assert_eq!(pass.forward.products, flops);
        prop_assert_eq!(pass.forward.elementwise, elementwise);
        // Within what is run everything trains: each factor of every product owes a gradient, but for the first input.
        let first = full.architecture.hidden_size * (shape[0] * shape[1]);
        prop_assert_eq!(full.whole(shape, true).backward.products, 2 * full.whole(shape, true).forward.products);
        prop_assert!(pass.backward.products <= 2 * flops);
        // Keys and values are read once for all queries of a group, so that products move no more than head by head.
        let of_products = |pass: fleetune_models::cost::PassCost| pass.forward.elements;
        prop_assert!(grouped || of_products(pass) >= moved);
        prop_assert!(pass.peak >= 2 * first as u64);
    }

    #[test]
    fn layers_are_alike_and_stages_add_up(
        architecture in architectures(),
        shape in (1_usize..4, 1_usize..7),
        choice in 0..5_usize,
    ) {
        let shape = [shape.0, shape.1];
        let train = [Trainable::Full, Trainable::Layers, Trainable::Bitfit, LORA, Trainable::Head][choice];
        let layers = architecture.num_hidden_layers;
        let cost = CostModel { architecture, head: 3.into(), train };
        let one = cost.pass(1..2, shape, false);
        let all = cost.whole(shape, false);
        let ends = [cost.pass(0..1, shape, false), cost.pass(layers + 1..layers + 2, shape, false)];
        prop_assert_eq!(all.forward, one.forward * layers as u64 + ends[0].forward + ends[1].forward);
        prop_assert_eq!(all.peak, [one.peak, ends[0].peak, ends[1].peak].into_iter().max().unwrap());
        // A pass that tracks nothing owes nothing.
        prop_assert_eq!((all.backward, all.kept), (Default::default(), 0));
        // With all stages below trained, a layer owes twice its forward in products.
        let upper = cost.upper_training(1, shape).backward.products;
        prop_assert!(upper >= one.forward.products * (layers as u128 - 1));
    }
}

/// From the definition, by hand: one text of 128 tokens through LLaMA-3.2-3B.
#[test]
fn a_forward_of_llama_is_that_of_the_formula() {
    let cost = CostModel { architecture: llama_3_2_3b(), head: 2.into(), train: Trainable::Head };
    let (t, d, q, k, f) = (128_u128, 3072_u128, 3072_u128, 1024_u128, 8192_u128);
    let layer = 4 * t * d * (q + k) + 6 * t * d * f + 4 * t * t * q;
    let pass = cost.whole([1, 128], false);
    assert_eq!(pass.forward.products, 28 * layer + 2 * d * 2);
    // The residual stream, its norm, and gate and up side by side are the most that is alive.
    assert_eq!(pass.peak, 2 * 128 * 3072 + 2 * 128 * 8192);
}

#[test]
fn impossible_architectures_are_refused() {
    let changed = |change: &dyn Fn(&mut Architecture)| {
        let mut architecture = llama_3_2_3b();
        change(&mut architecture);
        architecture.validate().unwrap_err().to_string()
    };
    assert!(changed(&|a| a.vocab_size = 0).contains("vocab_size"));
    assert!(changed(&|a| a.intermediate_size = (1 << 20) + 1).contains("intermediate_size"));
    assert!(changed(&|a| a.num_key_value_heads = Some(7)).contains("7 heads of keys"));
    assert!(changed(&|a| (a.head_dim, a.hidden_size) = (None, 3073)).contains("head_dim"));
    assert!(changed(&|a| a.num_hidden_layers = 4000).contains("at most 274877906944"));
    assert!(
        changed(&|a| a.positions = Positions::Learned { rows: 2, unused: 2 }).contains("positions")
    );
}
