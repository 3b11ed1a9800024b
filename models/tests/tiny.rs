//! Small random classifiers and texts for them: no law here may rest on the quality of a checkpoint.

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData, activation::log_softmax},
};
use fleetune_models::{
    architecture::Projections,
    batch::{Batch, Encoded},
    families::Activation,
    families::BertConfig,
    ledger::Ledger,
    parameters::{Layout, Trainable, require_gradients, take_gradients},
    transformer::{Classifier, Head, Transformer, TransformerConfig},
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
