//! Small random classifiers and texts for them: no law here may rest on the quality of a checkpoint.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData, activation::log_softmax},
};
use fleetune_models::{
    architecture::{FeedForward, Projections},
    batch::{Batch, Encoded},
    families::Activation,
    families::BertConfig,
    ledger::Ledger,
    parameters::{Layout, Trainable, require_gradients, take_gradients},
    transformer::{
        Classifier, Head, LanguageHead, LanguageHeadShape, Place, Transformer, TransformerConfig,
    },
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// Uniform draws with mean 0 and variance 1.
pub(crate) fn noise(seed: u64) -> impl FnMut() -> f32 {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    move || ((stream.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0) * 3.0_f32.sqrt()
}

/// A narrow BERT of `layers` layers: width 16, 2 heads, feed-forward 24, 40 tokens, 12 positions.
pub(crate) fn architecture(layers: usize) -> BertConfig {
    BertConfig {
        vocab_size: 40,
        hidden_size: 16,
        num_hidden_layers: layers,
        num_attention_heads: 2,
        intermediate_size: 24,
        max_position_embeddings: 12,
        type_vocab_size: 2,
        layer_norm_eps: 1e-12,
        hidden_act: Activation::Gelu,
        position_embedding_type: None,
    }
}

/// An encoder whose every parameter is drawn.
pub(crate) fn encoder(
    config: impl Into<TransformerConfig>,
    seed: u64,
    device: &Device,
) -> Transformer {
    Transformer::zeros(&config.into(), device).map(&mut Randomise(noise(seed)))
}

/// A classifier whose every parameter is drawn.
pub(crate) fn classifier(
    config: impl Into<TransformerConfig>,
    classes: usize,
    seed: u64,
    device: &Device,
) -> Classifier {
    let config = config.into();
    let head = Head::zeros(config.architecture.hidden_size, classes, 4.0, device);
    let model = Classifier { encoder: Transformer::zeros(&config, device), head };
    model.map(&mut Randomise(noise(seed)))
}

/// As [`classifier`], adapted to what trains; adapters are drawn too, so that nothing is zero.
pub(crate) fn adapted(
    config: impl Into<TransformerConfig>,
    (classes, train): (usize, Trainable),
    seed: u64,
    device: &Device,
) -> (Classifier, std::sync::Arc<Layout>) {
    let model = classifier(config, classes, seed, device);
    let (model, layout) = train.adapt(model, &mut noise(seed + 1));
    (model.map(&mut Randomise(noise(seed + 2))), layout)
}

/// The heads there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of class prompts.
    Mean,
    /// Of a causal model's label words.
    Words,
    /// Of a masked model's label words.
    Masked,
    /// Of options of several tokens, the output embeddings tied.
    Options,
    /// As those, the output embeddings apart.
    Untied,
}

/// Every head.
pub(crate) const KINDS: [Kind; 5] =
    [Kind::Mean, Kind::Words, Kind::Masked, Kind::Options, Kind::Untied];

/// As [`classifier`], with a head of this kind for `classes` of at most 5.
pub(crate) fn headed(
    config: impl Into<TransformerConfig>,
    (kind, classes): (Kind, usize),
    seed: u64,
    device: &Device,
) -> Classifier {
    let config = config.into();
    let (transform, tied) = match kind {
        Kind::Mean => return classifier(config, classes, seed, device),
        Kind::Masked => (Some(FeedForward::GeluTanh), true),
        Kind::Words | Kind::Options => (None, true),
        Kind::Untied => (None, false),
    };
    let shape = LanguageHeadShape { transform, tied };
    let pretrained = LanguageHead::zeros(&config, shape, device);
    let head = match kind {
        Kind::Masked => pretrained.of_words(&[3, 1, 4, 15, 9][..classes], Place::FromStart(0)),
        Kind::Words => pretrained.of_words(&[3, 1, 4, 15, 9][..classes], Place::FromEnd(0)),
        _ => {
            let options = [vec![3], vec![1, 4], vec![4], vec![15, 9, 2], vec![1, 6]];
            pretrained.of_options(options[..classes].to_vec())
        }
    };
    let model = Classifier { encoder: Transformer::zeros(&config, device), head };
    model.map(&mut Randomise(noise(seed)))
}

/// As [`adapted`], with a head of this kind.
pub(crate) fn adapted_head(
    config: impl Into<TransformerConfig>,
    head: (Kind, usize),
    train: Trainable,
    seed: u64,
    device: &Device,
) -> (Classifier, std::sync::Arc<Layout>) {
    let (model, layout) = train.adapt(headed(config, head, seed, device), &mut noise(seed + 1));
    (model.map(&mut Randomise(noise(seed + 2))), layout)
}

struct Randomise<F>(F);

impl<F: FnMut() -> f32> ModuleMapper for Randomise<F> {
    /// Vectors (biases, norms) move by 0.3; tables and matrices are drawn with variance 1/columns.
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            let (shape, device) = (old.shape(), old.device());
            let columns = old.dims()[D - 1] as f32;
            let mut values = old.into_data().try_to_vec::<f32>().expect("parameters are f32");
            for value in &mut values {
                let drawn = (self.0)();
                *value = if D == 1 { *value + 0.3 * drawn } else { drawn / columns.sqrt() };
            }
            Tensor::from_data(TensorData::new(values, shape), &device)
        })
    }
}

/// `count` texts of 2 to `longest` tokens, with labels below `classes`.
pub(crate) fn texts(count: usize, longest: usize, classes: usize, seed: u64) -> Vec<Encoded> {
    let mut stream = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: usize| stream.next_u32() as usize % n;
    (0..count)
        .map(|_| {
            let length = 2 + below(longest - 1);
            let ids = (0..length).map(|_| below(40) as u32).collect();
            Encoded { ids, label: below(classes) }
        })
        .collect()
}

/// Logits as numbers, row by row.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

/// The mean cross-entropy's gradient over the trainable parameters, by Burn's backpropagation.
pub(crate) fn gradient(
    model: &Classifier,
    layout: &Layout,
    batch: &Batch,
    device: &Device,
) -> Vec<f32> {
    let model = require_gradients(model.clone(), layout);
    let device = device.clone().autodiff();
    let logits = model.forward(&batch.to_device(&device), &mut Ledger::new());
    let [size, classes] = logits.dims();
    let mut chosen = vec![0.0_f32; size * classes];
    for (row, &label) in batch.labels.iter().enumerate() {
        chosen[row * classes + label] = -1.0 / size as f32;
    }
    let chosen = Tensor::<2>::from_data(TensorData::new(chosen, [size, classes]), &device);
    let mut gradients = (log_softmax(logits, 1) * chosen).sum().backward();
    take_gradients(&model, layout, &mut gradients)
}

/// Every way to adapt a model.
pub(crate) const CHOICES: [Trainable; 8] = [
    Trainable::Full,
    Trainable::Layers,
    Trainable::Bitfit,
    Trainable::lora(3, 6.0),
    Trainable::Head,
    Trainable::Lora { rank: 2, alpha: 3.0, projections: Projections::ALL },
    Trainable::Bottleneck { width: 3 },
    Trainable::Prefix { length: 2 },
];
