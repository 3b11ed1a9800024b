use std::collections::BTreeSet;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData},
};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::names;
use crate::{
    ModelError,
    encoder::{Encoder, EncoderConfig},
    parameters::Path,
};

/// The encoder of this architecture with the weights in the bytes of a safetensors file.
pub(super) fn load(
    config: &EncoderConfig,
    device: &Device,
    bytes: &[u8],
    file: &str,
) -> Result<Encoder, ModelError> {
    let malformed = |reason: String| ModelError::Malformed { file: file.to_owned(), reason };
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| malformed(e.to_string()))?;
    // Some checkpoints prefix every name with the model's.
    let prefix = match tensors.names().iter().any(|n| n.starts_with("bert.")) {
        true => "bert.",
        false => "",
    };
    let mut filler = Filler {
        path: Path::default(),
        tensors: &tensors,
        prefix,
        file,
        used: BTreeSet::new(),
        error: None,
    };
    // Before anything is allocated: an architecture can ask for far more than its file holds.
    for (path, shape) in shapes(config) {
        filler.view(&path, &shape)?;
    }
    let encoder = Encoder::zeros(config, device).map(&mut filler);
    if let Some(error) = filler.error {
        return Err(error);
    }
    for name in tensors.names() {
        let bare = name.strip_prefix(prefix).unwrap_or(name);
        if !filler.used.contains(name) && !names::is_unused(bare) {
            return Err(malformed(format!(
                "tensor `{name}` is not part of the architecture in config.json"
            )));
        }
    }
    Ok(encoder)
}

struct Filler<'a> {
    path: Path,
    tensors: &'a SafeTensors<'a>,
    prefix: &'a str,
    file: &'a str,
    used: BTreeSet<String>,
    error: Option<ModelError>,
}

impl Filler<'_> {
    /// The tensor of a path, if it has the right shape; its name, and whether it is stored transposed.
    fn view(
        &self,
        path: &str,
        shape: &[usize],
    ) -> Result<(TensorView<'_>, String, bool), ModelError> {
        let file = || self.file.to_owned();
        let (name, transposed) = names::bert(path).expect("every path of the encoder has a name");
        let name = format!("{}{name}", self.prefix);
        let view = self
            .tensors
            .tensor(&name)
            .map_err(|_| ModelError::MissingTensor { file: file(), tensor: name.clone() })?;
        let mut expected = shape.to_vec();
        if transposed {
            expected.reverse();
        }
        if view.shape() != expected {
            let found = view.shape().to_vec();
            return Err(ModelError::Shape { file: file(), tensor: name, found, expected });
        }
        Ok((view, name, transposed))
    }

    fn values(&mut self, path: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let file = || self.file.to_owned();
        let (view, name, transposed) = self.view(path, shape)?;
        let values = to_f32(&view).ok_or_else(|| ModelError::Malformed {
            file: file(),
            reason: format!("tensor `{name}` is {:?}; expected F32, F16 or BF16", view.dtype()),
        })?;
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let reason = format!("tensor `{name}` holds {} at element {at}", values[at]);
            return Err(ModelError::Malformed { file: file(), reason });
        }
        self.used.insert(name);
        Ok(if transposed { transpose(&values, shape[0], shape[1]) } else { values })
    }
}

/// The paths and shapes of an encoder's parameters.
fn shapes(config: &EncoderConfig) -> impl Iterator<Item = (String, Vec<usize>)> {
    let (d, f) = (config.hidden_size, config.intermediate_size);
    let table = |name: &str, rows| (format!("embeddings.{name}"), vec![rows, d]);
    let tables = [
        table("word", config.vocab_size),
        table("position", config.max_position_embeddings),
        table("segment", config.type_vocab_size),
    ];
    let norm = move |of: String| ["gamma", "beta"].map(|end| (format!("{of}.{end}"), vec![d]));
    let layer = move |i: usize| {
        let dense = [
            ("query", d, d),
            ("key", d, d),
            ("value", d, d),
            ("output", d, d),
            ("up", d, f),
            ("down", f, d),
        ];
        let dense = dense.into_iter().flat_map(move |(part, input, output)| {
            let of = format!("blocks.{i}.{part}");
            [(format!("{of}.weight"), vec![input, output]), (format!("{of}.bias"), vec![output])]
        });
        let norms = ["attention_norm", "output_norm"];
        dense.chain(norms.into_iter().flat_map(move |part| norm(format!("blocks.{i}.{part}"))))
    };
    let tables = tables.into_iter().chain(norm("embeddings.norm".to_owned()));
    tables.chain((0..config.num_hidden_layers).flat_map(layer))
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
