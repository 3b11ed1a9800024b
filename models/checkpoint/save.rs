use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::Tensor,
};
use half::f16;
use safetensors::{Dtype, tensor::TensorView};

use crate::{ModelError, families::Family, parameters::Path, transformer::Transformer};

/// A BERT encoder as the bytes of a safetensors file in 16-bit floats, with Hugging Face's names.
///
/// # Errors
/// If the file format refuses a tensor.
pub fn save_f16(encoder: &Transformer) -> Result<Vec<u8>, ModelError> {
    let mut collector = Collector { path: Path::default(), tensors: BTreeMap::new() };
    encoder.visit(&mut collector);
    let malformed = |e: safetensors::SafeTensorError| ModelError::Malformed {
        file: "model.safetensors".to_owned(),
        reason: e.to_string(),
    };
    let views = collector
        .tensors
        .iter()
        .map(|(name, (shape, bytes))| {
            Ok((
                name.as_str(),
                TensorView::new(Dtype::F16, shape.clone(), bytes).map_err(malformed)?,
            ))
        })
        .collect::<Result<Vec<_>, ModelError>>()?;
    safetensors::serialize(views, None).map_err(malformed)
}

struct Collector {
    path: Path,
    tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let stored = Family::Bert.stored(&self.path.joined());
        let stored = stored.expect("every path of a BERT encoder has a name");
        let value = param.val();
        let value = if stored.transposed { value.swap_dims(0, 1) } else { value };
        let shape = value.dims().to_vec();
        let data = value.into_data();
        let values = data.as_slice::<f32>().expect("parameters are stored as f32");
        let bytes = values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect();
        self.tensors.insert(stored.name, (shape, bytes));
    }
}
