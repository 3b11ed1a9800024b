use std::{fmt, ops::Range, sync::Arc};

use fleetune_devices::streams::SeedTree;
use fleetune_models::parameters::{Layout, Trainable, Weights};
use rand::seq::SliceRandom;

use super::Block;
use crate::{
    first_order::{Backpropagation, GradientOracle},
    noise::{Distribution, tensor_key},
    protocol::ClientId,
    setup::{Setup, Workshop},
    work::Tally,
};

/// The number of a mini-batch or of a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DrawId {
    /// What it is for; below 2¹⁶.
    pub(super) kind: u64,
    /// Its group; below 2⁸.
    pub(super) group: usize,
    /// Which of the group's; below 2⁴⁰.
    pub(super) index: u64,
}

impl DrawId {
    /// One number for all three.
    pub(super) fn number(self) -> u64 {
        self.of_group() << 40 | self.index
    }

    fn of_group(self) -> u64 {
        self.kind << 8 | self.group as u64
    }

    /// The same draw for something else.
    pub(super) fn for_kind(self, kind: u64) -> Self {
        Self { kind, ..self }
    }
}

/// Where gradients come from: a loss that is a mean over random mini-batches.
pub(crate) trait GradientSource: Sync + fmt::Debug {
    /// The blocks and where they stand in the flat vector, in order.
    fn blocks(&self) -> Vec<(Block, Range<usize>)>;

    /// The gradient at `at` on mini-batch number `draw`: independent of those of other groups and kinds.
    fn gradient(&self, draw: DrawId, at: &[f32]) -> Vec<f32>;

    /// Direction number `draw`: independent signs.
    fn signs(&self, draw: DrawId) -> Vec<f32>;
}

/// A scenario's own model, task and clients. A mini-batch is one that a random client takes in a step: what it is to
/// the federation, where clients weigh alike.
#[derive(Debug)]
pub(crate) struct ModelSource {
    workshop: Arc<Workshop>,
    streams: SeedTree,
}

impl ModelSource {
    /// With the point at which training starts.
    pub(crate) fn open(setup: Setup, train: Trainable, batch_size: usize) -> (Self, Weights) {
        let streams = setup.streams.subtree("probe", 0);
        let (workshop, start) = Workshop::open(setup, train, batch_size);
        (Self { workshop, streams }, start)
    }

    /// The texts of mini-batch number `draw`.
    ///
    /// The draws of a group take the clients in turn, in a random order: every one is as likely as any other to be the
    /// client of a draw, and that clients differ adds no noise to a group's mean over all of them.
    pub(super) fn texts(&self, draw: DrawId) -> Vec<u32> {
        let mut clients: Vec<ClientId> = (0..self.workshop.data.shards.len() as ClientId).collect();
        clients.shuffle(&mut self.streams.stream("clients", draw.of_group()));
        let client = clients[draw.index as usize % clients.len()];
        // Rounds that no training reaches.
        self.workshop.batches(client, u64::MAX - draw.number(), 1).swap_remove(0)
    }
}

impl GradientSource for ModelSource {
    fn blocks(&self) -> Vec<(Block, Range<usize>)> {
        blocks_of(&self.workshop.layout)
    }

    fn gradient(&self, draw: DrawId, at: &[f32]) -> Vec<f32> {
        let batches = vec![self.texts(draw)];
        let mut oracle = Backpropagation { workshop: &self.workshop, batches };
        oracle.gradient(0, at, &mut Tally::default())
    }

    fn signs(&self, draw: DrawId) -> Vec<f32> {
        let seed = self.streams.seed("signs", draw.number());
        let mut signs = vec![0.0; self.workshop.layout.len()];
        for slot in self.workshop.layout.slots() {
            let key = tensor_key(&slot.path);
            Distribution::Rademacher.fill(seed, key, &mut signs[slot.range.clone()]);
        }
        signs
    }
}

/// The stages of a layout in which something trains.
pub(crate) fn blocks_of(layout: &Layout) -> Vec<(Block, Range<usize>)> {
    let mut blocks: Vec<(Block, Range<usize>)> = Vec::new();
    for slot in layout.slots() {
        match blocks.last_mut() {
            Some((block, range)) if block.stage == slot.stage => {
                block.elements += slot.range.len();
                range.end = slot.range.end;
            }
            _ => {
                let name = match slot.stage {
                    0 => "embeddings".to_owned(),
                    head if head > layout.layers() => "head".to_owned(),
                    layer => format!("layer {layer}"),
                };
                let block = Block { stage: slot.stage, name, elements: slot.range.len() };
                blocks.push((block, slot.range.clone()));
            }
        }
    }
    blocks
}
