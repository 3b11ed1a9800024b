use std::ops::Range;

use super::{
    CostModel,
    formula::{Dim, Size},
};
use crate::{
    architecture::{HeadShape, Placement, Projection},
    parameters::Trainable,
};

/// What a tensor is, as far as it decides whether it trains and how it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Embeddings.
    Table,
    /// A weight of a layer's product.
    Weight(Projection),
    Bias,
    Gain,
    Shift,
    /// Added to the model in order to train.
    Adapter,
    /// The task's head.
    Head,
    /// The weight of a masked model's transform before the head.
    Transform,
    /// Output embeddings, where options are scored by the whole vocabulary.
    Vocabulary,
}

/// Tensors of a stage that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensors {
    /// What they are.
    pub what: &'static str,
    /// How many there are in the stage.
    pub count: usize,
    /// Elements of one.
    pub elements: Size,
    /// Whether they train.
    pub trains: bool,
    /// Bytes that the codes of one are packed into, and how many scales come with it, if it is quantised.
    pub codes: Option<(usize, usize)>,
}

impl Tensors {
    fn all(&self) -> u64 {
        (self.count * self.elements.value()) as u64
    }
}

/// How much a device stores of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Numbers, scales of quantised weights included.
    pub elements: u64,
    /// Bytes of packed codes.
    pub packed: u64,
}

impl CostModel {
    /// Parameters of the model, frozen ones and adapters included.
    pub fn parameters(&self) -> u64 {
        self.parameters_of(0..self.layers() + 2)
    }

    /// Parameters of `stages`, frozen ones and adapters included.
    pub fn parameters_of(&self, stages: Range<usize>) -> u64 {
        self.sum(stages, Tensors::all)
    }

    /// How `stages` are stored.
    pub fn stored(&self, stages: Range<usize>) -> Stored {
        let plain = |tensors: &Tensors| match tensors.codes {
            None => tensors.all(),
            Some((_, scales)) => (tensors.count * scales) as u64,
        };
        let packed = |tensors: &Tensors| {
            tensors.codes.map_or(0, |(bytes, _)| (tensors.count * bytes) as u64)
        };
        Stored { elements: self.sum(stages.clone(), plain), packed: self.sum(stages, packed) }
    }

    /// Trainable elements of a stage.
    pub fn trainable(&self, stage: usize) -> u64 {
        self.tensors(stage).filter(|tensors| tensors.trains).map(|tensors| tensors.all()).sum()
    }

    /// Trainable tensors of a stage.
    pub fn trainable_tensors(&self, stage: usize) -> u64 {
        let training = self.tensors(stage).filter(|tensors| tensors.trains);
        training.map(|tensors| tensors.count as u64).sum()
    }

    /// A sum over the tensors of `stages`, in which all layers are alike.
    fn sum(&self, stages: Range<usize>, of: impl Fn(&Tensors) -> u64) -> u64 {
        let layers = stages.start.max(1)..stages.end.min(self.layers() + 1);
        let ends = [0, self.layers() + 1].into_iter().filter(|stage| stages.contains(stage));
        let each = |stage| self.tensors(stage).map(|tensors| of(&tensors)).sum::<u64>();
        let ends: u64 = ends.map(each).sum();
        match layers.len() {
            0 => ends,
            count => ends + count as u64 * each(1),
        }
    }

    /// The tensors of a stage: the layers', where it is one.
    pub fn tensors(&self, stage: usize) -> impl Iterator<Item = Tensors> {
        let pieces = match stage {
            0 => self.of_embeddings(),
            stage if stage <= self.layers() => self.of_layer(),
            _ => self.of_head(),
        };
        let norms = self.of_norms(stage);
        pieces.into_iter().chain(norms).map(move |(kind, what, count, elements)| {
            let codes = match kind {
                Kind::Weight(projection) => self.codes(projection),
                _ => None,
            };
            Tensors { what, count, elements, trains: self.trains(kind, stage), codes }
        })
    }

    fn trains(&self, kind: Kind, stage: usize) -> bool {
        match (kind, self.train) {
            (Kind::Vocabulary, train) => train.trains_vocabulary(),
            (Kind::Head | Kind::Adapter, _) | (_, Trainable::Full) => true,
            (_, Trainable::Layers) => stage > 0,
            (Kind::Bias | Kind::Shift, Trainable::Bitfit) => stage > 0,
            _ => false,
        }
    }

    /// Bytes and scales of a projection's codes, if it is quantised.
    fn codes(&self, projection: Projection) -> Option<(usize, usize)> {
        let widths = self.widths(projection);
        let [_, output] = widths.map(|dim| Size::from(dim).value());
        Some((self.packed(widths)?, self.frozen.scales(output)))
    }

    fn of_embeddings(&self) -> Vec<Piece> {
        let d = self.width();
        let tables = self.architecture.tables();
        tables
            .map(|(rows_of, rows)| {
                let what = if rows_of == "V" { "token table" } else { "table" };
                (Kind::Table, what, 1, Dim::new(rows_of, rows) * d)
            })
            .collect()
    }

    fn of_layer(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (projection, _) in self.architecture.projections() {
            let [input, output] = self.widths(projection);
            pieces.push((Kind::Weight(projection), projection.name(), 1, input * output));
            if self.architecture.biases {
                pieces.push((Kind::Bias, "bias", 1, output.into()));
            }
            let rank = self.rank(projection);
            if rank > 0 {
                let r = Dim::new("r", rank);
                pieces.push((Kind::Adapter, "side path A", 1, input * r));
                pieces.push((Kind::Adapter, "side path B", 1, r * output));
            }
        }
        let (d, [_, kv]) = (self.width(), self.widths(Projection::Key));
        match self.train {
            Trainable::Bottleneck { width } => {
                let m = Dim::new("m", width);
                pieces.push((Kind::Adapter, "bottleneck down", 2, d * m));
                pieces.push((Kind::Adapter, "bias", 2, m.into()));
                pieces.push((Kind::Adapter, "bottleneck up", 2, m * d));
                pieces.push((Kind::Adapter, "bias", 2, d.into()));
            }
            Trainable::Prefix { length } => {
                let prefix = Dim::new("p", length) * kv;
                pieces.push((Kind::Adapter, "prefix of keys and of values", 2, prefix));
            }
            _ => {}
        }
        pieces
    }

    fn of_head(&self) -> Vec<Piece> {
        let d = self.width();
        let rows = |classes| (Kind::Head, "classes", 1, d * Dim::new("classes", classes));
        match &self.head {
            HeadShape::Mean { classes } => vec![rows(*classes)],
            HeadShape::Words { classes, transform: None } => vec![rows(*classes)],
            HeadShape::Words { classes, transform: Some(_) } => vec![
                (Kind::Transform, "transform", 1, d * d),
                (Kind::Bias, "bias", 1, d.into()),
                (Kind::Gain, "gain of a norm", 1, d.into()),
                // A masked model's head has them whatever its layers have.
                (Kind::Bias, "shift of a norm", 1, d.into()),
                rows(*classes),
                (Kind::Bias, "bias", 1, Dim::new("classes", *classes).into()),
            ],
            HeadShape::Options { tied, .. } => {
                let own = !tied || self.train.trains_vocabulary();
                let table = Dim::new("V", self.architecture.vocab_size) * d;
                vec![(Kind::Vocabulary, "output embeddings", usize::from(own), table)]
            }
        }
    }

    fn of_norms(&self, stage: usize) -> Vec<Piece> {
        let c = &self.architecture;
        let count = match (stage, c.placement) {
            (0, Placement::Post) => 1,
            (0, Placement::Pre) => 0,
            (stage, _) if stage <= c.num_hidden_layers => 2,
            (_, Placement::Post) => 0,
            (_, Placement::Pre) => 1,
        };
        let d = Size::from(self.width());
        let shifts = if c.norm.shifts() { count } else { 0 };
        let both =
            [(Kind::Gain, "gain of a norm", count, d), (Kind::Shift, "shift of a norm", shifts, d)];
        both.into_iter().filter(|(.., count, _)| *count > 0).collect()
    }

    fn width(&self) -> Dim {
        Dim::new("d", self.architecture.hidden_size)
    }
}

/// Kind, name, how many, and the elements of one.
type Piece = (Kind, &'static str, usize, Size);
