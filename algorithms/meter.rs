//! What work is measured by: the model that is trained, or a larger one whose costs are charged in its place.
//!
//! An algorithm composes a client's work of passes over stages, of passes over parameters, and of messages about them.
//! That composition is written once, over a [`Meter`], and read off twice: by the trained model's, which is what its
//! job will count, and by the larger one's, which is what the device is charged. So no quantity is scaled by a ratio:
//! embeddings, attention, feed-forward layers and head each grow as they do.
//!
//! # Blocks
//!
//! The trained model's L layers stand for the larger one's M. A border between layers k and k + 1 falls between layers
//! `round(k M / L)`, halves up, and the next; embeddings stand for embeddings and the head for the head. With M of L or
//! more, no two borders fall together. A split at the last quarter of 4 layers so is one at the last quarter of 24.
//!
//! # What stays
//!
//! Texts have as many tokens as the trained model's tokenizer makes of them. Messages are of 32-bit values, as this
//! program sends them, however many there are of them then. Seeds, scalars and signs are as many as before. An update is
//! encoded and made private in 32-bit floats.

use std::{ops::Range, sync::Arc};

use fleetune_devices::{Precision, Workload};
use fleetune_models::{
    architecture::{Dtype, Larger},
    cost::{BatchShape, CostModel, PassCost},
    parameters::Layout,
};
use fleetune_units::{Bytes, Flops};

use crate::{
    account::{Accounts, Scribe},
    protocol::{Assignment, Counted, Job, Update},
    work::{Resident, Tally},
};

/// A model by which work is measured, in terms of the trained model's stages.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    cost: CostModel,
    dtype: Dtype,
    /// Where each border of the trained model's stages, from before the embeddings to after the head, falls.
    borders: Vec<usize>,
    /// Trainable elements below each border.
    below: Vec<usize>,
    /// Trainable tensors.
    tensors: usize,
    /// Whom its tallies note for.
    scribe: Option<Scribe>,
}

impl Meter {
    /// The trained model itself.
    pub(crate) fn of_trained(cost: CostModel, layout: &Layout) -> Self {
        let borders: Vec<usize> = (0..cost.layers() + 3).collect();
        let elements = |border: &usize| {
            let slots = layout.slots().iter().filter(|slot| slot.stage < *border);
            slots.map(|slot| slot.range.len()).sum()
        };
        let below = borders.iter().map(elements).collect();
        let tensors = layout.slots().len();
        Self { cost, dtype: Dtype::F32, borders, below, tensors, scribe: None }
    }

    /// A larger model, trained as `trained` is.
    pub(crate) fn of_larger(larger: &Larger, trained: &CostModel) -> Self {
        let cost = CostModel { architecture: larger.architecture.clone(), ..trained.clone() };
        let layers = trained.layers();
        let within = (0..=layers).map(|k| image(k, layers, cost.layers()) + 1);
        let borders: Vec<usize> =
            [0].into_iter().chain(within).chain([cost.layers() + 2]).collect();
        Self::of_shapes(cost, larger.dtype, borders)
    }

    /// What devices are charged by that train `trained`, without a model at hand.
    pub(crate) fn charged_for(trained: CostModel, larger: Option<&Larger>) -> Self {
        match larger {
            Some(larger) => Self::of_larger(larger, &trained),
            None => {
                let borders = (0..trained.layers() + 3).collect();
                Self::of_shapes(trained, Dtype::F32, borders)
            }
        }
    }

    fn of_shapes(cost: CostModel, dtype: Dtype, borders: Vec<usize>) -> Self {
        let elements = |border: &usize| (0..*border).map(|s| cost.trainable(s) as usize).sum();
        let below = borders.iter().map(elements).collect();
        let tensors = (0..cost.layers() + 2).map(|s| cost.trainable_tensors(s) as usize).sum();
        Self { below, tensors, dtype, borders, cost, scribe: None }
    }

    /// With notes taken for these accounts.
    fn noting(self, accounts: Option<Accounts>) -> Self {
        let cost = &self.cost;
        let scribe = accounts.map(|accounts| Scribe { cost: Arc::new(cost.clone()), accounts });
        Self { scribe, ..self }
    }

    fn stages(&self, stages: Range<usize>) -> Range<usize> {
        self.borders[stages.start]..self.borders[stages.end]
    }

    /// The border above the lower part of a split, which at 0 is empty.
    pub(crate) fn border(split: usize) -> usize {
        if split == 0 { 0 } else { split + 1 }
    }

    /// The border above the head.
    pub(crate) fn end(&self) -> usize {
        self.borders.len() - 1
    }

    /// A pass over these stages of the trained model.
    pub(crate) fn pass(&self, stages: Range<usize>, batch: BatchShape, backward: bool) -> PassCost {
        self.cost.pass(self.stages(stages), batch, backward)
    }

    /// A pass over all stages.
    pub(crate) fn whole(&self, batch: BatchShape, backward: bool) -> PassCost {
        self.cost.whole(batch, backward)
    }

    /// [`CostModel::upper_training`].
    pub(crate) fn upper_training(&self, split: usize, batch: BatchShape) -> PassCost {
        self.cost.upper_training(self.borders[split + 1] - 1, batch)
    }

    /// Parameters as they are stored, frozen ones and adapters included.
    pub(crate) fn parameters(&self) -> Resident {
        let stages = 0..self.cost.layers() + 2;
        Resident::new(self.cost.stored(stages.clone()), stages)
    }

    /// Those of these stages of the trained model.
    pub(crate) fn parameters_of(&self, stages: Range<usize>) -> Resident {
        let stages = self.stages(stages);
        Resident::new(self.cost.stored(stages.clone()), stages)
    }

    /// Trainable elements, d.
    pub(crate) fn elements(&self) -> usize {
        self.below[self.end()]
    }

    /// Trainable elements of `stage` of the trained model and those above it.
    pub(crate) fn elements_from(&self, stage: usize) -> usize {
        self.elements() - self.below[stage]
    }

    /// Trainable elements of the two parts of a split.
    pub(crate) fn parts(&self, split: usize) -> [usize; 2] {
        let lower = self.below[Self::border(split)];
        [lower, self.elements() - lower]
    }

    /// Trainable tensors.
    pub(crate) fn tensors(&self) -> usize {
        self.tensors
    }

    /// Width of the states that pass between stages.
    pub(crate) fn width(&self) -> usize {
        self.cost.architecture.hidden_size
    }

    /// Nothing done yet, in this model's numbers.
    pub(crate) fn tally(&self) -> Tally {
        Tally::new(self.dtype, self.scribe.clone())
    }
}

/// Where the border above layer `k` of `layers` falls among `larger` layers: `round(k larger / layers)`, halves up.
fn image(k: usize, layers: usize, larger: usize) -> usize {
    (2 * k * larger + layers) / (2 * layers)
}

/// The format that a device computes these numbers in.
pub(crate) fn precision(dtype: Dtype) -> Precision {
    match dtype {
        Dtype::F32 => Precision::F32,
        Dtype::F16 => Precision::F16,
        Dtype::BF16 => Precision::BF16,
    }
}

/// The trained model's meter, and that of the model whose costs are charged, if it is another.
#[derive(Clone, Debug)]
pub(crate) struct Meters {
    /// By which jobs count.
    pub(crate) trained: Meter,
    larger: Option<Meter>,
}

impl Meters {
    /// `accounts`: of what is charged, if they are asked for.
    pub(crate) fn new(
        cost: CostModel,
        layout: &Layout,
        larger: Option<&Larger>,
        accounts: Option<Accounts>,
    ) -> Self {
        let trained = |cost| Meter::of_trained(cost, layout);
        match larger {
            None => Self { trained: trained(cost).noting(accounts), larger: None },
            Some(larger) => {
                let larger = Meter::of_larger(larger, &cost).noting(accounts);
                Self { trained: trained(cost), larger: Some(larger) }
            }
        }
    }

    /// By which devices are charged.
    pub(crate) fn charged(&self) -> &Meter {
        self.larger.as_ref().unwrap_or(&self.trained)
    }

    /// The assignment of `job`, which counts what `work` says by the trained model's meter.
    pub(crate) fn assignment(&self, work: impl Fn(&Meter) -> Workload, job: Job) -> Assignment {
        let Some(larger) = &self.larger else {
            return Assignment { workload: work(&self.trained), job };
        };
        let (due, workload) = (Counted::of(&work(&self.trained)), work(larger));
        let charged = Counted::of(&workload);
        let restated = move || {
            let update = job();
            Update { counted: update.counted.restated(due, charged), ..update }
        };
        Assignment { workload, job: Box::new(restated) }
    }

    /// `counted` work of a server that was to come to `due`, as what it is charged for.
    pub(crate) fn restated(counted: Flops, due: Flops, charged: Flops) -> Flops {
        Flops::new(charged.get().wrapping_add(counted.get().wrapping_sub(due.get())))
    }
}

impl Counted {
    /// What a job counts that does exactly this.
    pub fn of(work: &Workload) -> Self {
        Self {
            flops: work.flops(),
            traffic: work.traffic(),
            upload: work.upload,
            peak_memory: work.peak_memory,
        }
    }

    /// This count, of a job that was to count `due`, as the count of one that does what is `charged`: what is beyond or
    /// short of the one is beyond or short of the other, so that they agree exactly if the job kept to its own.
    pub(crate) fn restated(self, due: Self, charged: Self) -> Self {
        let bytes = |counted: Bytes, due: Bytes, charged: Bytes| {
            Bytes::new(charged.get().wrapping_add(counted.get().wrapping_sub(due.get())))
        };
        Self {
            flops: Meters::restated(self.flops, due.flops, charged.flops),
            traffic: bytes(self.traffic, due.traffic, charged.traffic),
            upload: bytes(self.upload, due.upload, charged.upload),
            peak_memory: bytes(self.peak_memory, due.peak_memory, charged.peak_memory),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_keep_their_order_and_their_ends() {
        for layers in 1..30 {
            for larger in layers..60 {
                let images: Vec<usize> = (0..=layers).map(|k| image(k, layers, larger)).collect();
                assert_eq!((images[0], images[layers]), (0, larger));
                assert!(images.windows(2).all(|w| w[0] < w[1]), "{layers} {larger} {images:?}");
                for (k, &at) in images.iter().enumerate() {
                    let off = (at as f64 - k as f64 * larger as f64 / layers as f64).abs();
                    assert!(off <= 0.5, "{layers} {larger} {k}");
                }
            }
        }
        // The last quarter, of 4 and of 28; halves up.
        assert_eq!([image(3, 4, 28), image(3, 4, 24), image(1, 4, 6)], [21, 18, 2]);
    }

    #[test]
    fn a_count_is_off_by_as_much_whatever_is_charged() {
        let of = |n: u64| Counted {
            flops: Flops::new(n.into()),
            traffic: Bytes::new(n + 1),
            upload: Bytes::new(n + 2),
            peak_memory: Bytes::new(n + 3),
        };
        assert_eq!(of(10).restated(of(10), of(7_000)), of(7_000));
        assert_eq!(of(12).restated(of(10), of(7_000)), of(7_002));
        assert_eq!(of(9).restated(of(10), of(7_000)), of(6_999));
        // Charged less than it is short of, it still cannot pass.
        assert_ne!(of(0).restated(of(10), of(0)), of(0));
    }
}
