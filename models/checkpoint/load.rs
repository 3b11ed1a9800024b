use std::collections::BTreeSet;

use burn::{
    module::{Module, ModuleMapper, Param},
    tensor::{Device, Tensor, TensorData},
};

use super::{
    shapes::{head_shapes, shapes},
    tensors::{Found, Tensors},
};
use crate::{
    ModelError,
    families::{Family, ModelConfig, Stored},
    parameters::Path,
    transformer::{LanguageHead, Transformer},
};

/// A checkpoint's tensors and what its family calls them.
pub(super) struct Loader<'a> {
    config: &'a ModelConfig,
    tensors: Tensors<'a>,
    /// What stands before every name of the body's.
    prefix: &'static str,
}

impl<'a> Loader<'a> {
    pub(super) fn new(config: &'a ModelConfig, tensors: Tensors<'a>) -> Self {
        let family = config.family();
        // Some checkpoints prefix every name with the model's.
        let prefixed = tensors.names().any(|name| name.starts_with(family.prefix()));
        Self { config, tensors, prefix: if prefixed { family.prefix() } else { "" } }
    }

    fn family(&self) -> Family {
        self.config.family()
    }

    /// Every tensor of the body is there, of its shape and in floats, and there is none that nobody knows. Nothing is
    /// allocated: an architecture can ask for far more than its files hold.
    pub(super) fn check(&self) -> Result<(), ModelError> {
        let mut used = BTreeSet::new();
        for (path, shape) in shapes(&self.config.architecture()) {
            used.insert(self.find(&self.body(&path), &shape)?.name);
        }
        for (file, name) in self.tensors.all() {
            let bare = name.strip_prefix(self.prefix).unwrap_or(name);
            if !used.contains(name) && !self.family().is_unused(bare) {
                return Err(ModelError::Malformed {
                    file: file.to_owned(),
                    reason: format!(
                        "tensor `{name}` is not part of the architecture in config.json"
                    ),
                });
            }
        }
        Ok(())
    }

    /// Every tensor of the language-model head is there.
    pub(super) fn check_language_head(&self) -> Result<(), ModelError> {
        let architecture = self.config.architecture();
        for (path, shape) in head_shapes(&architecture, self.config.language_head()) {
            self.find(&self.head(&path), &shape)?;
        }
        Ok(())
    }

    /// The transformer.
    pub(super) fn body_on(&self, device: &Device) -> Result<Transformer, ModelError> {
        self.check()?;
        self.fill(Transformer::zeros(&self.config.transformer(), device), |path| self.body(path))
    }

    /// The language-model head.
    pub(super) fn language_head_on(&self, device: &Device) -> Result<LanguageHead, ModelError> {
        self.check()?;
        self.check_language_head()?;
        let (config, shape) = (self.config.transformer(), self.config.language_head());
        self.fill(LanguageHead::zeros(&config, shape, device), |path| self.head(path))
    }

    fn fill<M: Module>(&self, zeros: M, stored: impl Fn(&str) -> Stored) -> Result<M, ModelError> {
        let mut filler = Filler { path: Path::default(), loader: self, stored, error: None };
        let filled = zeros.map(&mut filler);
        filler.error.map_or(Ok(filled), Err)
    }

    /// Where the parameter of the body at `path` is stored.
    fn body(&self, path: &str) -> Stored {
        let stored = self.family().stored(path);
        let stored = stored.expect("every path of the family's models has a name");
        Stored { name: format!("{}{}", self.prefix, stored.name), ..stored }
    }

    /// Where the parameter of the language-model head at `path` is stored.
    fn head(&self, path: &str) -> Stored {
        let stored = self.family().stored_head(path);
        let stored = stored.expect("every path of the family's heads has a name");
        let shape = self.config.language_head();
        // A causal model says whether it is tied; of a masked one the output is, unless it is stored.
        let own = match shape.transform {
            Some(_) => self.tensors.names().any(|name| name == stored.name),
            None => !shape.tied,
        };
        if path == "table" && !own { self.body("embeddings.word") } else { stored }
    }

    /// A tensor that has the shape of its parameter, and is of floats.
    fn find(&self, stored: &Stored, shape: &[usize]) -> Result<Found<'_>, ModelError> {
        let mut expected = shape.to_vec();
        if stored.transposed {
            expected.reverse();
        }
        self.tensors.find(&stored.name, &expected)
    }

    fn values(&self, stored: &Stored, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let values = self.find(stored, shape)?.values()?;
        Ok(if stored.transposed { transpose(&values, shape[0], shape[1]) } else { values })
    }
}

/// `[columns, rows]` as stored to `[rows, columns]`.
fn transpose(stored: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| stored[(i % columns) * rows + i / columns]).collect()
}

struct Filler<'a, F> {
    path: Path,
    loader: &'a Loader<'a>,
    stored: F,
    error: Option<ModelError>,
}

impl<F: Fn(&str) -> Stored> ModuleMapper for Filler<'_, F> {
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
        match self.loader.values(&(self.stored)(&self.path.joined()), &shape) {
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
