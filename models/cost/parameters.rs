use std::ops::Range;

use super::CostModel;
use crate::{
    architecture::{HeadShape, Norm, Placement},
    parameters::Trainable,
};

/// Parameters, and the tensors that they make up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    elements: u64,
    tensors: u64,
}

impl Held {
    fn tensors(count: usize, elements: usize) -> Self {
        Self { elements: (count * elements) as u64, tensors: count as u64 }
    }
}

impl std::iter::Sum for Held {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, next| Self {
            elements: sum.elements + next.elements,
            tensors: sum.tensors + next.tensors,
        })
    }
}

impl CostModel {
    /// Parameters of the model, frozen ones and adapters included.
    pub fn parameters(&self) -> u64 {
        self.parameters_of(0..self.layers() + 2)
    }

    /// Parameters of `stages`, frozen ones and adapters included.
    pub fn parameters_of(&self, stages: Range<usize>) -> u64 {
        stages.map(|stage| self.all(stage).elements + self.adapters(stage).elements).sum()
    }

    /// Trainable elements of a stage.
    pub fn trainable(&self, stage: usize) -> u64 {
        self.training(stage).elements
    }

    /// Trainable tensors of a stage.
    pub fn trainable_tensors(&self, stage: usize) -> u64 {
        self.training(stage).tensors
    }

    fn training(&self, stage: usize) -> Held {
        let within = match (self.train, stage) {
            (Trainable::Head, _) => Held::default(),
            (Trainable::Full, _) => self.body(stage),
            (_, 0) => Held::default(),
            (Trainable::Layers, _) => self.body(stage),
            (Trainable::Bitfit, _) => {
                let shift = usize::from(self.architecture.norm.shifts());
                let shifts = self.norms(stage) * shift;
                [self.biases(stage), Held::tensors(shifts, self.architecture.hidden_size)]
                    .into_iter()
                    .sum()
            }
            (Trainable::Lora { .. }, _) => self.adapters(stage),
        };
        [within, self.head(stage, true)].into_iter().sum()
    }

    /// Everything but adapters.
    fn all(&self, stage: usize) -> Held {
        [self.body(stage), self.head(stage, false)].into_iter().sum()
    }

    /// What pretraining made: everything but adapters and the task's head.
    fn body(&self, stage: usize) -> Held {
        let c = &self.architecture;
        let norms = Held::tensors(self.norms(stage) * c.norm.vectors(), c.hidden_size);
        let weights: Held = match stage {
            0 => c.tables().map(|rows| Held::tensors(1, rows * c.hidden_size)).sum(),
            stage if stage <= c.num_hidden_layers => {
                c.linears().map(|(m, n)| Held::tensors(1, m * n)).sum()
            }
            _ => Held::default(),
        };
        [weights, self.biases(stage), norms].into_iter().sum()
    }

    fn biases(&self, stage: usize) -> Held {
        let c = &self.architecture;
        let layer = (1..=c.num_hidden_layers).contains(&stage) && c.biases;
        c.linears().filter(|_| layer).map(|(_, n)| Held::tensors(1, n)).sum()
    }

    fn norms(&self, stage: usize) -> usize {
        let c = &self.architecture;
        match (stage, c.placement) {
            (0, Placement::Post) => 1,
            (0, Placement::Pre) => 0,
            (stage, _) if stage <= c.num_hidden_layers => 2,
            (_, Placement::Post) => 0,
            (_, Placement::Pre) => 1,
        }
    }

    /// On the queries' and the values' projection.
    fn adapters(&self, stage: usize) -> Held {
        let (c, rank) = (&self.architecture, self.rank());
        if rank == 0 || !(1..=c.num_hidden_layers).contains(&stage) {
            return Held::default();
        }
        [c.query_width(), c.key_value_width()]
            .into_iter()
            .flat_map(|output| [c.hidden_size, output])
            .map(|width| Held::tensors(1, width * rank))
            .sum()
    }

    /// The head's parameters: all that a device holds, or those that train.
    fn head(&self, stage: usize, training: bool) -> Held {
        if stage <= self.architecture.num_hidden_layers {
            return Held::default();
        }
        let d = self.architecture.hidden_size;
        match &self.head {
            HeadShape::Mean { classes } => Held::tensors(1, d * classes),
            HeadShape::Words { classes, transform } => {
                let rows = Held::tensors(1, d * classes);
                let Some(_) = transform else { return rows };
                let weights = Held::tensors(1, d * d);
                let biases = [Held::tensors(2, d), Held::tensors(1, *classes)].into_iter().sum();
                let gain = Held::tensors(Norm::Layer.vectors() - 1, d);
                let before = match self.train {
                    _ if !training => vec![weights, gain, biases],
                    Trainable::Full | Trainable::Layers => vec![weights, gain, biases],
                    Trainable::Bitfit => vec![biases],
                    Trainable::Lora { .. } | Trainable::Head => Vec::new(),
                };
                before.into_iter().chain([rows]).sum()
            }
            HeadShape::Options { tied, .. } => {
                let trains = self.train.trains_vocabulary();
                let held = if training { trains } else { trains || !tied };
                Held::tensors(usize::from(held), d * self.architecture.vocab_size)
            }
        }
    }
}
