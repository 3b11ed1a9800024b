//! The head made from class prompts.
//!
//! Column c is the embedding of a prompt for class c less the mean over classes, and logits are a scaled cosine.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{
    ModelError,
    batch::{Batch, Encoded, Padding},
    ledger::Ledger,
    tokenizer::Tokenizer,
    transformer::{Classifier, Head, Transformer},
};

/// The inverse temperature of the cosine scores. Sentence encoders are trained with scales of 10 to 20; at 10 the
/// zero-shot loss on the built-in tasks is below that of the uniform guess.
pub const LOGIT_SCALE: f64 = 10.0;

/// A classifier whose head holds the embeddings of the classes' prompts, less their mean.
///
/// # Errors
/// If a prompt cannot be tokenised.
pub fn aligned(
    encoder: Transformer,
    prompts: &[&str],
    tokenizer: &Tokenizer,
    max_length: usize,
    device: &Device,
) -> Result<Classifier, ModelError> {
    let encoded: Vec<Encoded> =
        prompts.iter().map(|p| tokenizer.encode(p, 0)).collect::<Result<_, _>>()?;
    let batch = Batch::collate(&encoded.iter().collect::<Vec<_>>(), max_length, Padding::Longest);
    let vectors = encoder.embed(&batch.to_device(device), &mut Ledger::new());
    let [classes, width] = vectors.dims();
    let centred: Tensor<2> = vectors.clone() - vectors.mean_dim(0);
    let data: TensorData = centred.swap_dims(0, 1).into_data();
    let mut head = Head::zeros(width, classes, LOGIT_SCALE, device);
    head.weight = head.weight.map(|old| Tensor::from_data(data, &old.device()));
    Ok(Classifier { encoder, head })
}
