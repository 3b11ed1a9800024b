use std::collections::BTreeSet;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData},
};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::shapes::shapes;
use crate::{
    ModelError,
    families::{Family, ModelConfig},
    parameters::Path,
    transformer::Transformer,
};

/// A file of tensors: its name for messages, and its bytes.
#[derive(Clone, Debug)]
pub(super) struct Shard {
    pub(super) file: String,
    pub(super) bytes: Vec<u8>,
}

/// The transformer of this configuration with the weights in these safetensors files.
pub(super) fn load(
    config: &ModelConfig,
    device: &Device,
    shards: &[Shard],
) -> Result<Transformer, ModelError> {
    let family = config.family();
    let opened = shards.iter().map(|shard| {
        let malformed = |e: safetensors::SafeTensorError| ModelError::Malformed {
            file: shard.file.clone(),
            reason: e.to_string(),
        };
        Ok((shard.file.as_str(), SafeTensors::deserialize(&shard.bytes).map_err(malformed)?))
    });
    let shards = opened.collect::<Result<Vec<_>, ModelError>>()?;
    let mut names = shards.iter().flat_map(|(_, tensors)| tensors.names());
    // Some checkpoints prefix every name with the model's.
    let prefixed = names.any(|name| name.starts_with(family.prefix()));
    let prefix = if prefixed { family.prefix() } else { "" };
    let transformer = config.transformer();
    let mut filler = Filler {
        path: Path::default(),
        shards: &shards,
        family,
        prefix,
        used: BTreeSet::new(),
        error: None,
    };
    // Before anything is allocated: an architecture can ask for far more than its file holds.
    for (path, shape) in shapes(&transformer.architecture) {
        filler.view(&path, &shape)?;
    }
    let encoder = Transformer::zeros(&transformer, device).map(&mut filler);
    if let Some(error) = filler.error {
        return Err(error);
    }
    for (file, tensors) in &shards {
        for name in tensors.names() {
            let bare = name.strip_prefix(prefix).unwrap_or(name);
            if !filler.used.contains(name) && !family.is_unused(bare) {
                return Err(ModelError::Malformed {
                    file: (*file).to_owned(),
                    reason: format!(
                        "tensor `{name}` is not part of the architecture in config.json"
                    ),
                });
            }
        }
    }
    Ok(encoder)
}

struct Filler<'a> {
    path: Path,
    shards: &'a [(&'a str, SafeTensors<'a>)],
    family: Family,
    prefix: &'a str,
    used: BTreeSet<String>,
    error: Option<ModelError>,
}

impl Filler<'_> {
    /// The tensor of a path, if it has the right shape.
    fn view(&self, path: &str, shape: &[usize]) -> Result<Found<'_>, ModelError> {
        let stored =
            self.family.stored(path).expect("every path of the family's models has a name");
        let name = format!("{}{}", self.prefix, stored.name);
        let found = self.shards.iter().find_map(|(file, tensors)| {
            tensors.tensor(&name).ok().map(|view| ((*file).to_owned(), view))
        });
        let Some((file, view)) = found else {
            let file = self.shards.first().map_or("", |(file, _)| *file).to_owned();
            return Err(ModelError::MissingTensor { file, tensor: name });
        };
        let mut expected = shape.to_vec();
        if stored.transposed {
            expected.reverse();
        }
        if view.shape() != expected {
            let found = view.shape().to_vec();
            return Err(ModelError::Shape { file, tensor: name, found, expected });
        }
        Ok(Found { view, file, name, transposed: stored.transposed })
    }

    fn values(&mut self, path: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let Found { view, file, name, transposed } = self.view(path, shape)?;
        let malformed = |reason: String| ModelError::Malformed { file: file.clone(), reason };
        let values = to_f32(&view).ok_or_else(|| {
            malformed(format!("tensor `{name}` is {:?}; expected F32, F16 or BF16", view.dtype()))
        })?;
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            return Err(malformed(format!("tensor `{name}` holds {} at element {at}", values[at])));
        }
        self.used.insert(name);
        Ok(if transposed { transpose(&values, shape[0], shape[1]) } else { values })
    }
}

/// A tensor that was found.
struct Found<'a> {
    view: TensorView<'a>,
    /// Where.
    file: String,
    name: String,
    transposed: bool,
}

/// `[columns, rows]` as stored to `[rows, columns]`.
fn transpose(stored: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| stored[(i % columns) * rows + i / columns]).collect()
}

fn to_f32(view: &TensorView<'_>) -> Option<Vec<f32>> {
    let bytes = view.data();
    let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
    match view.dtype() {
        Dtype::F32 => Some(
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        ),
        Dtype::F16 => Some(pairs().map(|b| f16::from_le_bytes(b).to_f32()).collect()),
        Dtype::BF16 => Some(pairs().map(|b| bf16::from_le_bytes(b).to_f32()).collect()),
        _ => None,
    }
}

impl ModuleMapper for Filler<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let shape = param.shape().dims::<D>();
        match self.values(&self.path.joined(), &shape) {
            Ok(values) => {
                param.map(|old| Tensor::from_data(TensorData::new(values, shape), &old.device()))
            }
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}
