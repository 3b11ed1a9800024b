//! The tensors of all files of a checkpoint, by name.

use std::collections::BTreeMap;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::ModelError;

/// A file of tensors: its name for messages, and its bytes.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    pub(super) file: String,
    pub(super) bytes: Vec<u8>,
}

/// Tensors in the bytes of their files.
pub(super) struct Tensors<'a> {
    files: Vec<&'a str>,
    by_name: BTreeMap<String, (usize, TensorView<'a>)>,
}

impl<'a> Tensors<'a> {
    /// Reads the headers of all files.
    ///
    /// # Errors
    /// If a file is not of this format, or a tensor is in two of them.
    pub(super) fn open(shards: &'a [Shard]) -> Result<Self, ModelError> {
        let mut by_name: BTreeMap<String, (usize, TensorView<'a>)> = BTreeMap::new();
        for (file, shard) in shards.iter().enumerate() {
            let malformed =
                |reason: String| ModelError::Malformed { file: shard.file.clone(), reason };
            let tensors = SafeTensors::deserialize(&shard.bytes)
                .map_err(|error| malformed(error.to_string()))?;
            for (name, view) in tensors.tensors() {
                let name = as_of_today(name);
                if let Some((other, _)) = by_name.get(&name) {
                    let other = &shards[*other].file;
                    return Err(malformed(format!("tensor `{name}` is in {other} too")));
                }
                by_name.insert(name, (file, view));
            }
        }
        Ok(Self { files: shards.iter().map(|shard| shard.file.as_str()).collect(), by_name })
    }

    /// All names, in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// All names, each with its file.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.iter().map(|(name, (file, _))| (self.files[*file], name.as_str()))
    }

    /// The tensor of this name, if it has this shape and is of floats that are read here.
    pub(super) fn find(&self, name: &str, expected: &[usize]) -> Result<Found<'a>, ModelError> {
        let Some((file, view)) = self.by_name.get(name) else {
            let file = self.files.first().copied().unwrap_or_default().to_owned();
            return Err(ModelError::MissingTensor { file, tensor: name.to_owned() });
        };
        let file = self.files[*file].to_owned();
        if view.shape() != expected {
            return Err(ModelError::Shape {
                file,
                tensor: name.to_owned(),
                found: view.shape().to_vec(),
                expected: expected.to_vec(),
            });
        }
        if !matches!(view.dtype(), Dtype::F32 | Dtype::F16 | Dtype::BF16) {
            let reason =
                format!("tensor `{name}` is {:?}; expected F32, F16 or BF16", view.dtype());
            return Err(ModelError::Malformed { file, reason });
        }
        Ok(Found { view: view.clone(), file, name: name.to_owned() })
    }
}

/// The name that a tensor has today: checkpoints that were converted from TensorFlow, the first BERT among them, call gain
/// and shift of a layer norm gamma and beta.
fn as_of_today(name: String) -> String {
    let renamed = |from: &str, to: &str| name.strip_suffix(from).map(|stem| format!("{stem}{to}"));
    renamed("LayerNorm.gamma", "LayerNorm.weight")
        .or_else(|| renamed("LayerNorm.beta", "LayerNorm.bias"))
        .unwrap_or(name)
}

/// A tensor that was found.
pub(super) struct Found<'a> {
    view: TensorView<'a>,
    /// Where.
    file: String,
    pub(super) name: String,
}

impl Found<'_> {
    /// Its elements, as they are stored.
    pub(super) fn values(&self) -> Result<Vec<f32>, ModelError> {
        let bytes = self.view.data();
        let pairs = bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
        let values: Vec<f32> = match self.view.dtype() {
            Dtype::F16 => pairs.map(|b| f16::from_le_bytes(b).to_f32()).collect(),
            Dtype::BF16 => pairs.map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
            _ => {
                let fours = bytes.chunks_exact(4);
                fours.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
        };
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(values),
            Some(at) => Err(ModelError::Malformed {
                file: self.file.clone(),
                reason: format!("tensor `{}` holds {} at element {at}", self.name, values[at]),
            }),
        }
    }
}
