use std::{collections::BTreeSet, fmt, sync::Arc};

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::Tensor,
};
use serde::{Deserialize, Serialize};

use super::{Layout, Slot, access::Path};
use crate::{
    architecture::Projections,
    transformer::{Classifier, Reads},
};

/// Which parameters are fine-tuned. A head with a column for each class always is.
///
/// A head of label words has more, of the pretrained language-model head: the transform and the biases of a masked model,
/// which train as those of the layers do; and the output embeddings where options are scored, which train with
/// [`Trainable::Full`] and [`Trainable::Head`] alone. All of these stand in the head's stage. They are copies: where output
/// embeddings were tied to the input's, the two are free of each other once they train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Trainable {
    /// Everything, embeddings included.
    Full,
    /// All layers and the head; the embeddings stay.
    Layers,
    /// Biases and norm shifts, and the head (BitFit, Ben Zaken et al. 2022).
    Bitfit,
    /// Low-rank side paths on projections of every layer, and the head (LoRA, Hu et al. 2021).
    Lora {
        /// Rank r of the side paths.
        rank: usize,
        /// Their scale is alpha / r.
        alpha: f64,
        /// Which projections have one. The default is query and value.
        #[serde(default, skip_serializing_if = "Projections::is_default")]
        projections: Projections,
    },
    /// Bottlenecks after the attention and after the feed-forward layer of every layer, and the head (adapters, Houlsby
    /// et al. 2019).
    Bottleneck {
        /// Width m of the bottlenecks.
        width: usize,
    },
    /// Keys and values before those of the text in every layer, and the head (prefix tuning, Li and Liang 2021).
    Prefix {
        /// How many, p.
        length: usize,
    },
    /// The head alone.
    Head,
}

impl Trainable {
    /// LoRA on the query and value projections.
    pub const fn lora(rank: usize, alpha: f64) -> Self {
        Self::Lora { rank, alpha, projections: Projections::QUERY_VALUE }
    }

    /// Whether the layers' own weights train.
    pub const fn trains_weights(self) -> bool {
        matches!(self, Self::Full | Self::Layers)
    }

    /// Whether something is added to the layers, to be trained.
    pub const fn adds(self) -> bool {
        matches!(self, Self::Lora { .. } | Self::Bottleneck { .. } | Self::Prefix { .. })
    }

    /// [`Trainable::Layers`], as a default.
    pub fn layers() -> Self {
        Self::Layers
    }

    /// [`Trainable::Bitfit`], as a default.
    pub fn bitfit() -> Self {
        Self::Bitfit
    }

    /// Adds what this choice adds to the model, with standard normal values by `noise` where it does not start from
    /// zero, and says which tensors train.
    #[must_use]
    pub fn adapt(
        self,
        mut model: Classifier,
        noise: &mut dyn FnMut() -> f32,
    ) -> (Classifier, Arc<Layout>) {
        for block in &mut model.encoder.blocks {
            match self {
                Self::Lora { rank, alpha, projections } => {
                    for projection in projections.iter() {
                        if let Some(linear) = block.projection_mut(projection) {
                            *linear = linear.clone().with_lora(rank, alpha, noise);
                        }
                    }
                }
                Self::Bottleneck { width } => block.add_bottlenecks(width, noise),
                Self::Prefix { length } => block.add_prefix(length, noise),
                Self::Full | Self::Layers | Self::Bitfit | Self::Head => {}
            }
        }
        let layout = Arc::new(self.layout(&model));
        (model, layout)
    }

    fn layout(self, model: &Classifier) -> Layout {
        let layers = model.encoder.blocks.len();
        let vocabulary = matches!(model.head.reads, Reads::Options { .. });
        let (path, slots) = (Path::default(), Vec::new());
        let mut lister = Lister { path, choice: self, layers, vocabulary, slots };
        model.visit(&mut lister);
        Layout::new(lister.slots, layers)
    }

    /// `vocabulary`: whether the head's weights are the output embeddings of all tokens, not a column for each class.
    fn trains(self, path: &str, stage: usize, vocabulary: bool) -> bool {
        if path == "head.weight" {
            return !vocabulary || self.trains_vocabulary();
        }
        match self {
            Self::Full => true,
            Self::Layers => stage > 0,
            Self::Bitfit => stage > 0 && (path.ends_with(".bias") || path.ends_with(".beta")),
            Self::Lora { .. } => path.ends_with(".lora.a") || path.ends_with(".lora.b"),
            Self::Bottleneck { .. } => path.contains("_bottleneck."),
            Self::Prefix { .. } => path.contains(".prefix."),
            Self::Head => false,
        }
    }

    /// Whether output embeddings train, which belong to the pretrained model as the embeddings do.
    pub(crate) fn trains_vocabulary(self) -> bool {
        matches!(self, Self::Full | Self::Head)
    }

    /// Whether biases and norm shifts train.
    pub(crate) fn trains_biases(self) -> bool {
        matches!(self, Self::Full | Self::Layers | Self::Bitfit)
    }
}

impl fmt::Display for Trainable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("all parameters"),
            Self::Layers => f.write_str("all layers and the head"),
            Self::Bitfit => f.write_str("biases and the head"),
            Self::Lora { rank, projections, .. } if projections.is_default() => {
                write!(f, "LoRA of rank {rank} and the head")
            }
            Self::Lora { rank, projections, .. } => {
                write!(f, "LoRA of rank {rank} on {projections} and the head")
            }
            Self::Bottleneck { width } => write!(f, "bottlenecks of width {width} and the head"),
            Self::Prefix { length } => write!(f, "prefixes of {length} and the head"),
            Self::Head => f.write_str("the head"),
        }
    }
}

/// The stage a path belongs to.
fn stage(path: &str, layers: usize) -> usize {
    let Some(rest) = path.strip_prefix("encoder.blocks.") else {
        let behind = ["head.", "encoder.final_norm."].iter().any(|part| path.starts_with(part));
        return if behind { layers + 1 } else { 0 };
    };
    let index: usize = rest
        .split('.')
        .next()
        .and_then(|i| i.parse().ok())
        .expect("Burn names the entries of a Vec by their index");
    index + 1
}

struct Lister {
    path: Path,
    choice: Trainable,
    layers: usize,
    vocabulary: bool,
    slots: Vec<Slot>,
}

impl ModuleVisitor for Lister {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.joined();
        let stage = stage(&path, self.layers);
        if !self.choice.trains(&path, stage, self.vocabulary) {
            return;
        }
        let shape: Vec<usize> = param.shape().dims::<D>().to_vec();
        let start = self.slots.last().map_or(0, |s| s.range.end);
        let range = start..start + shape.iter().product::<usize>();
        let plain = [".bias", ".beta", ".gamma"].iter().any(|end| path.ends_with(end));
        self.slots.push(Slot { path, shape, stage, range, decays: !plain, rows: None });
    }
}

/// The model on the autodiff form of its device, with exactly the tensors of `layout` requiring gradients.
pub fn require_gradients(model: Classifier, layout: &Layout) -> Classifier {
    let paths = layout.slots().iter().map(|s| s.path.as_str()).collect();
    model.map(&mut Marker { path: Path::default(), paths })
}

struct Marker<'a> {
    path: Path,
    paths: BTreeSet<&'a str>,
}

impl ModuleMapper for Marker<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let trains = self.paths.contains(self.path.joined().as_str());
        param.map(Tensor::autodiff).set_require_grad(trains)
    }
}
