use crate::{
    architecture::{Architecture, Placement, Positions},
    transformer::LanguageHeadShape,
};

/// The paths and shapes of a transformer's parameters.
pub(super) fn shapes(of: &Architecture) -> impl Iterator<Item = (String, Vec<usize>)> {
    let layers = (0..of.num_hidden_layers).flat_map(|i| layer(of, i));
    embeddings(of).into_iter().chain(layers).chain(match of.placement {
        Placement::Pre => norm(of, "final_norm"),
        Placement::Post => Vec::new(),
    })
}

/// The paths and shapes of its language-model head's.
pub(super) fn head_shapes(
    of: &Architecture,
    head: LanguageHeadShape,
) -> impl Iterator<Item = (String, Vec<usize>)> {
    let (d, v) = (of.hidden_size, of.vocab_size);
    let transform = [
        ("bias", vec![v]),
        ("transform.dense.weight", vec![d, d]),
        ("transform.dense.bias", vec![d]),
        ("transform.norm.gamma", vec![d]),
        ("transform.norm.beta", vec![d]),
    ];
    let masked = transform.into_iter().filter(move |_| head.transform.is_some());
    masked.chain([("table", vec![v, d])]).map(|(path, shape)| (path.to_owned(), shape))
}

fn embeddings(of: &Architecture) -> Vec<(String, Vec<usize>)> {
    let table = |name: &str, rows| (format!("embeddings.{name}"), vec![rows, of.hidden_size]);
    let mut shapes = vec![table("word", of.vocab_size)];
    if let Positions::Learned { rows, .. } = of.positions {
        shapes.push(table("position", rows));
    }
    if of.type_vocab_size > 0 {
        shapes.push(table("segment", of.type_vocab_size));
    }
    if of.placement == Placement::Post {
        shapes.extend(norm(of, "embeddings.norm"));
    }
    shapes
}

fn layer(of: &Architecture, i: usize) -> Vec<(String, Vec<usize>)> {
    let (d, f) = (of.hidden_size, of.intermediate_size);
    let (q, kv) = (of.query_width(), of.key_value_width());
    let products = [
        Some(("query", d, q)),
        Some(("key", d, kv)),
        Some(("value", d, kv)),
        Some(("output", q, d)),
        Some(("up", d, f)),
        of.feed_forward.is_gated().then_some(("gate", d, f)),
        Some(("down", f, d)),
    ];
    let mut shapes = Vec::new();
    for (part, input, output) in products.into_iter().flatten() {
        shapes.push((format!("blocks.{i}.{part}.weight"), vec![input, output]));
        if of.biases {
            shapes.push((format!("blocks.{i}.{part}.bias"), vec![output]));
        }
    }
    for part in ["attention_norm", "output_norm"] {
        shapes.extend(norm(of, &format!("blocks.{i}.{part}")));
    }
    shapes
}

fn norm(of: &Architecture, path: &str) -> Vec<(String, Vec<usize>)> {
    let ends = ["gamma", "beta"].into_iter().take(of.norm.vectors());
    ends.map(|end| (format!("{path}.{end}"), vec![of.hidden_size])).collect()
}
