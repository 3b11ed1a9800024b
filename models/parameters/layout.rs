use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// One trainable tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its path in the module tree, such as `encoder.blocks.0.query.weight`.
    pub path: String,
    /// Its shape, as it stands here.
    pub shape: Vec<usize>,
    /// The stage it belongs to: 0 the embeddings, 1..=L the layers, L + 1 the head.
    pub stage: usize,
    /// Where its elements stand in the flat vector.
    pub range: Range<usize>,
    /// Whether weight decay applies: not to biases and norms.
    pub decays: bool,
    /// Which of the tensor's rows stand here, if not all of them do.
    pub rows: Option<Arc<[u32]>>,
}

/// The trainable tensors of a model, in the order of the module tree.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Layout {
    slots: Vec<Slot>,
    by_path: BTreeMap<String, usize>,
    layers: usize,
}

impl Layout {
    pub(super) fn new(slots: Vec<Slot>, layers: usize) -> Self {
        let by_path = slots.iter().enumerate().map(|(i, s)| (s.path.clone(), i)).collect();
        Self { slots, by_path, layers }
    }

    /// The trainable tensors.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The trainable tensor at a path, if that tensor trains.
    pub fn slot(&self, path: &str) -> Option<&Slot> {
        self.by_path.get(path).map(|&i| &self.slots[i])
    }

    /// The trainable tensors that lie in a range of the flat vector.
    pub fn slots_in(&self, range: &Range<usize>) -> impl Iterator<Item = &Slot> {
        let Range { start, end } = *range;
        self.slots.iter().filter(move |s| start <= s.range.start && s.range.end <= end)
    }

    /// Trainable elements in all, d.
    pub fn len(&self) -> usize {
        self.slots.last().map_or(0, |s| s.range.end)
    }

    /// Whether nothing trains.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Layers of the model, L.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// The elements of the lower part of a split at `split`, as a prefix of the flat vector.
    ///
    /// Slots are ordered by stage, so the lower part is a prefix; at split 0 it is empty.
    pub fn lower(&self, split: usize) -> Range<usize> {
        let end = match split {
            0 => 0,
            _ => self
                .slots
                .iter()
                .filter(|s| s.stage <= split)
                .map(|s| s.range.end)
                .max()
                .unwrap_or(0),
        };
        0..end
    }

    /// The layouts of the two parts of a split at `split`, each of a flat vector of its own.
    pub fn halves(&self, split: usize) -> [Self; 2] {
        [self.lower(split), self.upper(split)].map(|part| {
            let moved = |slot: &Slot| {
                let range = slot.range.start - part.start..slot.range.end - part.start;
                Slot { range, ..slot.clone() }
            };
            Self::new(self.slots_in(&part).map(moved).collect(), self.layers)
        })
    }

    /// The layout of what trains in `stage` and above, as a flat vector of its own.
    pub fn from_stage(&self, stage: usize) -> Self {
        let start =
            self.slots.iter().find(|s| s.stage >= stage).map_or(self.len(), |s| s.range.start);
        let moved = |slot: &Slot| {
            let range = slot.range.start - start..slot.range.end - start;
            Slot { range, ..slot.clone() }
        };
        Self::new(self.slots_in(&(start..self.len())).map(moved).collect(), self.layers)
    }

    /// The elements of the upper part of a split at `split`.
    pub fn upper(&self, split: usize) -> Range<usize> {
        self.lower(split).end..self.len()
    }
}
