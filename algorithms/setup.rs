//! What an algorithm starts from: the model, the clients' data and the random streams of one cell.

use std::sync::Arc;

use burn::tensor::Device;
use fleetune_devices::streams::SeedTree;
use fleetune_models::{
    architecture::{Architecture, Frozen, HeadShape, Larger},
    batch::{Batch, Encoded, Padding, padded_length},
    cost::{BatchShape, CostModel},
    parameters::{Layout, Trainable, Weights, read},
    transformer::Classifier,
};
use rand::seq::SliceRandom;

use crate::{
    account::Accounts,
    meter::Meters,
    noise::normal,
    protocol::{ClientId, Scope},
    settings::BatchSizes,
};

/// The clients' training data, tokenised.
#[derive(Debug)]
pub struct TrainingData {
    /// All training texts.
    pub examples: Vec<Encoded>,
    /// The texts of each client, as indices; none is empty. There are none at all where nothing is trained and batches
    /// are padded to a fixed length.
    pub shards: Vec<Vec<u32>>,
    /// Tokens to which texts are truncated.
    pub max_length: usize,
    /// How batches are padded.
    pub padding: Padding,
}

/// What a cell gives to an algorithm.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The aligned pretrained model, on `device`.
    pub model: Classifier,
    /// Its architecture.
    pub architecture: Architecture,
    /// The model whose costs are charged, if that is another one.
    pub charged: Option<Larger>,
    /// How the weights of the layers are stored if they do not train.
    pub frozen: Frozen,
    /// The host device that computes.
    pub device: Device,
    /// The clients' data.
    pub data: Arc<TrainingData>,
    /// The replication's randomness.
    pub streams: SeedTree,
    /// Texts in each client's mini-batches, if not as the algorithm is configured.
    pub batches: BatchSizes,
    /// Where accounts of workloads go, if anybody asks for them.
    pub accounts: Option<Accounts>,
}

/// What all clients of an algorithm share: frozen weights, layout, costs, data, randomness.
#[derive(Debug)]
pub(crate) struct Workshop {
    /// The adapted model with the initial trainable values.
    pub(crate) model: Classifier,
    pub(crate) layout: Arc<Layout>,
    pub(crate) meters: Meters,
    head: HeadShape,
    pub(crate) device: Device,
    pub(crate) data: Arc<TrainingData>,
    pub(crate) streams: SeedTree,
    /// As configured.
    batch_size: usize,
    batches: BatchSizes,
}

impl Workshop {
    /// Adapts the model to what trains, quantises what does not if it is to be, and reads the common starting point.
    pub(crate) fn open(setup: Setup, train: Trainable, batch_size: usize) -> (Arc<Self>, Weights) {
        let seed = setup.streams.seed("adapter initialisation", 0);
        let mut drawn = 0;
        let (model, layout) = train.adapt(setup.model, &mut || {
            drawn += 1;
            normal(seed, 0, drawn)
        });
        let frozen = if train.trains_weights() { Frozen::Plain } else { setup.frozen };
        let model = model.quantised(frozen);
        let weights = read(&model, &layout);
        let cost = CostModel::of(setup.architecture.clone(), model.head.shape(), train);
        let (head, larger) = (cost.head.clone(), setup.charged.as_ref());
        let meters = Meters::new(cost.with_frozen(frozen), &layout, larger, setup.accounts);
        let workshop = Self {
            model,
            layout,
            meters,
            head,
            device: setup.device,
            data: setup.data,
            streams: setup.streams,
            batch_size,
            batches: setup.batches,
        };
        (Arc::new(workshop), weights)
    }

    /// Texts in a client's mini-batches.
    pub(crate) fn batch_size(&self, client: ClientId) -> usize {
        self.batches.of(client, self.batch_size)
    }

    /// The texts of a client's `steps` mini-batches in `round`, as indices.
    ///
    /// Each round walks through a fresh permutation of the client's texts (again and again, if they are few), so
    /// every algorithm with the same batch size sees the same batches.
    pub(crate) fn batches(&self, client: ClientId, round: u64, steps: usize) -> Vec<Vec<u32>> {
        let (shard, size) = (&self.data.shards[client as usize], self.batch_size(client));
        let mut stream = self.streams.subtree("batches", u64::from(client)).stream("round", round);
        let mut queue: Vec<u32> = Vec::new();
        (0..steps)
            .map(|_| {
                let mut batch = Vec::with_capacity(size);
                while batch.len() < size {
                    if queue.is_empty() {
                        queue.clone_from(shard);
                        queue.shuffle(&mut stream);
                    }
                    batch.extend(queue.pop());
                }
                batch
            })
            .collect()
    }

    /// A mini-batch on the host.
    pub(crate) fn collate(&self, texts: &[u32]) -> Batch {
        let examples: Vec<&Encoded> =
            texts.iter().map(|&i| &self.data.examples[i as usize]).collect();
        self.model.collate(&examples, self.data.max_length, self.data.padding)
    }

    /// The shape of every mini-batch, if texts are brought to a fixed length and all clients' batches are as configured:
    /// then it is that of any client's in any round, for a client with few texts takes them more than once.
    pub(crate) fn common_shape(&self) -> Option<BatchShape> {
        let data = &self.data;
        let common =
            data.padding == Padding::Fixed && matches!(self.batches, BatchSizes::Configured);
        common.then_some([self.sequences(self.batch_size), data.max_length])
    }

    /// The sequences that a head reads of so many texts.
    pub(crate) fn sequences(&self, texts: usize) -> usize {
        texts * self.head.sequences()
    }

    /// What forecasts depend on that depend on nothing but the shapes of mini-batches.
    pub(crate) fn forecast_scope(&self) -> Scope {
        self.common_shape().map_or(Scope::Client, |_| Scope::Fleet)
    }

    /// The shapes of a client's `steps` mini-batches in `round`, without collating them.
    pub(crate) fn shapes(&self, client: ClientId, round: u64, steps: usize) -> Vec<BatchShape> {
        if let Some(common) = self.common_shape() {
            return vec![common; steps];
        }
        let shape = |texts: &Vec<u32>| {
            let lengths: Vec<usize> = texts.iter().map(|&i| self.length(i)).collect();
            self.shape(texts.len(), &lengths)
        };
        self.batches(client, round, steps).iter().map(shape).collect()
    }

    /// The smallest and the largest shapes that a client's `steps` mini-batches can have, whatever the round.
    ///
    /// No batch is longer than the client's longest text. Within a permutation texts are distinct: a batch that takes
    /// r of them from one has a text at least as long as the r-th shortest.
    pub(crate) fn shape_bounds(&self, client: ClientId, steps: usize) -> [Vec<BatchShape>; 2] {
        if let Some(common) = self.common_shape() {
            return [vec![common; steps], vec![common; steps]];
        }
        let (shard, size) = (&self.data.shards[client as usize], self.batch_size(client));
        let mut lengths: Vec<usize> = shard.iter().map(|&i| self.length(i)).collect();
        lengths.sort_unstable();
        let least = |step| self.shape(size, &lengths[..longest_run(lengths.len(), size, step)]);
        [(0..steps).map(least).collect(), vec![self.shape(size, &lengths); steps]]
    }

    /// The shape of a batch of so many texts, of which some have these lengths, the longest among them.
    fn shape(&self, texts: usize, lengths: &[usize]) -> BatchShape {
        let tokens = padded_length(lengths, self.data.max_length, self.data.padding);
        [self.sequences(texts), tokens]
    }

    /// Different texts among the first `drawn` of a client's mini-batches: none comes twice before all have come.
    pub(crate) fn distinct(&self, client: ClientId, drawn: u64) -> u64 {
        drawn.min(self.data.shards[client as usize].len() as u64)
    }

    fn length(&self, text: u32) -> usize {
        let tokens = self.data.examples[text as usize].ids.len() + self.head.appended();
        tokens.min(self.data.max_length)
    }

    /// The model with these trainable parameters.
    pub(crate) fn model_with(&self, weights: &Weights) -> Classifier {
        weights.install_in(self.model.clone())
    }
}

/// The most texts that mini-batch `step` of `size` takes from one permutation, where permutations of `texts` texts
/// follow each other.
fn longest_run(texts: usize, size: usize, step: usize) -> usize {
    let first = size.min(texts - step * size % texts);
    first.max((size - first).min(texts))
}

#[cfg(test)]
mod tests {
    use fleetune_models::{batch::Padding, parameters::Trainable};

    use super::*;
    use crate::world::{CLIENTS, setup};

    #[test]
    fn every_pass_over_the_batches_covers_the_shard_once() {
        for size in [1, 3, 4, 20] {
            let (workshop, _) = Workshop::open(setup(1, Padding::Fixed, 5), Trainable::Head, size);
            for client in 0..CLIENTS {
                let mut shard = workshop.data.shards[client as usize].clone();
                shard.sort_unstable();
                let batches = workshop.batches(client, 3, 2 * shard.len());
                assert!(batches.iter().all(|batch| batch.len() == size));
                for pass in batches.concat().chunks_exact(shard.len()) {
                    let mut pass = pass.to_vec();
                    pass.sort_unstable();
                    assert_eq!(pass, shard);
                }
            }
        }
    }

    #[test]
    fn batches_are_common_to_all_algorithms_and_new_in_every_round() {
        let open = |train| Workshop::open(setup(1, Padding::Fixed, 5), train, 4).0;
        let (one, other) = (open(Trainable::Head), open(Trainable::lora(1, 1.0)));
        let many = one.batches(2, 7, 5);
        assert_eq!(many, other.batches(2, 7, 5));
        assert_eq!(many[..2], other.batches(2, 7, 2), "fewer steps see the first of them");
        assert_ne!(many, one.batches(2, 8, 5));
        let (reseeded, _) = Workshop::open(setup(1, Padding::Fixed, 6), Trainable::Head, 4);
        assert_ne!(many, reseeded.batches(2, 7, 5));
    }

    #[test]
    fn shapes_are_those_of_the_batches_and_lie_within_their_bounds() {
        for padding in [Padding::Fixed, Padding::Longest] {
            for size in [1, 4, 7] {
                let (workshop, _) = Workshop::open(setup(1, padding, 5), Trainable::Head, size);
                for (client, round) in (0..CLIENTS).flat_map(|c| (0..6).map(move |r| (c, r))) {
                    let shapes = workshop.shapes(client, round, 4);
                    let [least, most] = workshop.shape_bounds(client, 4);
                    let batches = workshop.batches(client, round, 4);
                    for (step, texts) in batches.iter().enumerate() {
                        assert_eq!(shapes[step], workshop.collate(texts).shape());
                        assert!((least[step][1]..=most[step][1]).contains(&shapes[step][1]));
                    }
                }
            }
        }
    }

    #[test]
    fn the_longest_run_is_the_one_counted_out() {
        for (texts, size, step) in (1..8)
            .flat_map(|t| (1..20).flat_map(move |size| (0..9).map(move |step| (t, size, step))))
        {
            let mut taken = vec![0; texts.max(size * (step + 1) / texts + 1)];
            (step * size..(step + 1) * size).for_each(|place| taken[place / texts] += 1);
            let counted = taken.iter().max().copied().unwrap();
            assert_eq!(longest_run(texts, size, step), counted, "{texts} {size} {step}");
        }
    }
}
