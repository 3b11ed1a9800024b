//! The student: where it starts and how it is trained.

use burn::{
    module::{Module, ModuleMapper, Param},
    optim::{AdamWConfig, GradientsParams},
    tensor::{Device, Tensor, TensorData},
};
use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{DistillConfig, HELD_OUT, projection::Basis, vocabulary::Pieces};
use crate::{
    ModelError,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    families::BertConfig,
    ledger::Ledger,
    parameters::Path,
    transformer::{Embeddings, Transformer},
};

/// What the student learns from: sentence i and its target vector, row i of `targets`.
///
/// The last [`HELD_OUT`] sentences of a fixed shuffle are never trained on.
#[derive(Clone, Debug)]
pub struct Data {
    /// The sentences in the student's pieces.
    pub sentences: Vec<Encoded>,
    /// Target vectors of length one, `[sentences, width]`.
    pub targets: Vec<f32>,
    /// Their width.
    pub width: usize,
}

impl Data {
    /// The sentences that train, and those held out.
    pub fn split(&self) -> (Vec<usize>, Vec<usize>) {
        let mut order: Vec<usize> = (0..self.sentences.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(0));
        let held_out = order.split_off(order.len().saturating_sub(HELD_OUT));
        (order, held_out)
    }

    /// A batch of these sentences and their targets.
    pub fn batch(&self, rows: &[usize], max_length: usize) -> (Batch, TensorData) {
        let texts: Vec<&Encoded> = rows.iter().map(|&i| &self.sentences[i]).collect();
        let targets: Vec<f32> = rows
            .iter()
            .flat_map(|&i| &self.targets[i * self.width..][..self.width])
            .copied()
            .collect();
        let batch = Batch::collate(&texts, max_length, Padding::Longest);
        (batch, TensorData::new(targets, [rows.len(), self.width]))
    }
}

/// Standard deviation of BERT's initial weights.
const INITIAL_DEVIATION: f32 = 0.02;

/// Embedding tables projected from the teacher's; layers as BERT initialises them.
///
/// # Errors
/// If the teacher cannot be loaded.
pub fn initial(
    teacher: &Checkpoint,
    pieces: &Pieces,
    config: &BertConfig,
    seed: u64,
    device: &Device,
) -> Result<Transformer, ModelError> {
    let source = teacher.encoder(device)?;
    let wide = teacher.config.width();
    let table = |tensor: Tensor<2>| {
        tensor.into_data().try_into_vec::<f32>().expect("the teacher is stored as f32")
    };
    let words = table(source.embeddings.word.val());
    let kept: Vec<f32> =
        pieces.teacher_ids.iter().flat_map(|&id| &words[id * wide..][..wide]).copied().collect();
    let basis = Basis::of(&kept, wide, config.hidden_size);
    let Embeddings { position: Some(positions), segment: Some(segments), .. } = source.embeddings
    else {
        let reason =
            "the teacher has no table of positions or of segments; expected a BERT".to_owned();
        return Err(ModelError::Architecture(reason));
    };
    let (positions, segments) = (table(positions.val()), table(segments.val()));
    let mut student = Transformer::zeros(&config.into(), device)
        .map(&mut Initialiser { path: Path::default(), stream: ChaCha8Rng::seed_from_u64(seed) });
    let fill = |param: &mut Param<Tensor<2>>, rows: usize, from: &[f32]| {
        let values = basis.coordinates(&from[..rows * wide]);
        let data = TensorData::new(values, [rows, config.hidden_size]);
        *param = param.clone().map(|old| Tensor::from_data(data, &old.device()));
    };
    fill(&mut student.embeddings.word, pieces.len(), &kept);
    let tables = [
        (&mut student.embeddings.position, config.max_position_embeddings, &positions),
        (&mut student.embeddings.segment, config.type_vocab_size, &segments),
    ];
    for (table, rows, from) in tables {
        table.iter_mut().for_each(|table| fill(table, rows, from));
    }
    Ok(student)
}

struct Initialiser {
    path: Path,
    stream: ChaCha8Rng,
}

impl ModuleMapper for Initialiser {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let path = self.path.joined();
        if !path.starts_with("blocks.") || !path.ends_with(".weight") {
            return param;
        }
        let shape = param.shape().dims::<D>();
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|_| {
                let z: f32 = StandardNormal.sample(&mut self.stream);
                z * INITIAL_DEVIATION
            })
            .collect();
        param.map(|old| Tensor::from_data(TensorData::new(values, shape), &old.device()))
    }
}

/// Steps over which the learning rate rises at the start.
const WARM_UP: usize = 100;

/// Batches whose sentences are sorted by length together: less padding, still well mixed.
const BUCKET: usize = 16;

/// Trains the student by AdamW with warm-up and a linear fall to zero; returns it on the plain `device`.
pub fn train(
    student: Transformer,
    data: &Data,
    config: &DistillConfig,
    device: &Device,
    progress: &mut dyn FnMut(String),
) -> Transformer {
    let tracking = device.clone().autodiff();
    let mut student = student.train();
    let mut optimizer = AdamWConfig::new().with_weight_decay(0.01).init();
    let mut batches = Batches::new(data, config.batch_size, config.seed);
    let mut smoothed = None;
    for step in 0..config.steps {
        let (batch, targets) = data.batch(&batches.next_rows(), config.max_length);
        let targets = Tensor::<2>::from_data(targets, &tracking);
        let vectors = student.embed(&batch.to_device(&tracking), &mut Ledger::new());
        let loss = loss(vectors, targets, config.gram_weight);
        let value: f32 = loss.clone().into_scalar();
        smoothed = Some(smoothed.map_or(value, |s: f32| 0.98 * s + 0.02 * value));
        let gradients = GradientsParams::from_grads(loss.backward(), &student);
        student = optimizer.step(rate(step, config), student, gradients);
        if step % 100 == 0 || step + 1 == config.steps {
            let shown = smoothed.unwrap_or(value);
            progress(format!("student: step {step} of {}, loss {shown:.4}", config.steps));
        }
    }
    student.valid()
}

fn rate(step: usize, config: &DistillConfig) -> f64 {
    let rise = (step + 1) as f64 / WARM_UP as f64;
    let fall = (config.steps - step) as f64 / config.steps as f64;
    config.learning_rate * rise.min(1.0) * fall
}

/// Mean cosine distance plus `gram_weight` times the mean squared difference of all pairwise cosines.
fn loss(vectors: Tensor<2>, targets: Tensor<2>, gram_weight: f64) -> Tensor<1> {
    let cosine = (vectors.clone() * targets.clone()).sum_dim(1).mean();
    let gram = vectors.clone().matmul(vectors.transpose());
    let wanted = targets.clone().matmul(targets.transpose());
    (gram - wanted).square().mean().mul_scalar(gram_weight) - cosine + 1.0
}

/// Endless batches of training rows: shuffled each pass, sorted by length within buckets.
struct Batches {
    rows: Vec<usize>,
    lengths: Vec<usize>,
    size: usize,
    queue: Vec<Vec<usize>>,
    stream: ChaCha8Rng,
}

impl Batches {
    fn new(data: &Data, size: usize, seed: u64) -> Self {
        Self {
            rows: data.split().0,
            lengths: data.sentences.iter().map(|s| s.ids.len()).collect(),
            size,
            queue: Vec::new(),
            stream: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    fn next_rows(&mut self) -> Vec<usize> {
        loop {
            if let Some(rows) = self.queue.pop() {
                return rows;
            }
            self.refill();
        }
    }

    fn refill(&mut self) {
        self.rows.shuffle(&mut self.stream);
        let bucket = self.size * BUCKET;
        for chunk in self.rows.chunks(bucket) {
            let mut chunk = chunk.to_vec();
            chunk.sort_by_key(|&i| self.lengths[i]);
            self.queue.extend(chunk.chunks_exact(self.size).map(<[usize]>::to_vec));
        }
        let mut queue = std::mem::take(&mut self.queue);
        queue.shuffle(&mut self.stream);
        self.queue = queue;
        assert!(!self.queue.is_empty(), "the corpus holds at least one batch");
    }
}
