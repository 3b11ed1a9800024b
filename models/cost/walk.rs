use super::{BatchShape, CostModel};
use crate::{
    architecture::{Architecture, Norm, Placement},
    ledger::{Gradients, Ledger, ops},
    parameters::Trainable,
};

/// What trains in a stage.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trains {
    pub(super) weights: bool,
    pub(super) biases: bool,
    pub(super) shifts: bool,
    pub(super) adapters: bool,
}

/// Goes through the operations of a pass by their shapes, and charges each as the encoder does where it runs it.
pub(super) struct Walk<'a> {
    pub(super) model: &'a CostModel,
    pub(super) shape: BatchShape,
    pub(super) backward: bool,
    pub(super) ledger: Ledger,
}

impl<'a> Walk<'a> {
    /// `flowing`: whether gradients are owed for what comes into the first stage.
    pub(super) fn new(
        model: &'a CostModel,
        shape: BatchShape,
        backward: bool,
        flowing: bool,
    ) -> Self {
        let mut ledger = Ledger::new();
        ledger.flow(flowing);
        Self { model, shape, backward, ledger }
    }

    pub(super) fn architecture(&self) -> &'a Architecture {
        &self.model.architecture
    }

    pub(super) fn rows(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    pub(super) fn trains(&self) -> Trains {
        let train = self.model.train;
        let weights = matches!(train, Trainable::Full | Trainable::Layers);
        let bitfit = train == Trainable::Bitfit;
        let (biases, shifts) = (self.architecture().biases, self.architecture().norm.shifts());
        Trains {
            weights: self.backward && weights,
            biases: self.backward && biases && (weights || bitfit),
            shifts: self.backward && shifts && bitfit,
            adapters: self.backward && matches!(train, Trainable::Lora { .. }),
        }
    }

    pub(super) fn embeddings(&mut self) {
        let (rows, d) = (self.rows(), self.architecture().hidden_size);
        let trains = self.backward && self.model.train == Trainable::Full;
        let more = self.architecture().tables().count() as u64 - 1;
        self.ledger.live(rows * d + rows);
        // A row of the tokens' table is read, one of the others' sum, if there is any, and the sum is written.
        let touched = 2 + u64::from(more > 0);
        self.ledger.elementwise(rows * d, more * ops::ADD, touched, trains);
        self.ledger.flow(trains);
        if self.architecture().placement == Placement::Post {
            self.norm(trains);
        }
    }

    pub(super) fn layer(&mut self) {
        let trains = self.trains();
        let pre = self.architecture().placement == Placement::Pre;
        let (rows, d) = (self.rows(), self.architecture().hidden_size);
        for part in [Self::attend, Self::feed] {
            if pre {
                self.norm(trains.weights || trains.shifts);
            }
            part(self, trains);
            self.ledger.elementwise(rows * d, ops::ADD, 3, false);
            if !pre {
                self.norm(trains.weights || trains.shifts);
            }
        }
    }

    pub(super) fn norm(&mut self, trains: bool) {
        self.norm_of(self.architecture().norm, self.rows(), trains);
    }

    pub(super) fn norm_of(&mut self, kind: Norm, rows: usize, trains: bool) {
        let elements = rows * self.architecture().hidden_size;
        self.ledger.elementwise(elements, kind.operations(), 2, trains);
        self.ledger.keep(elements, trains || self.ledger.flowing());
        self.ledger.flow(trains);
    }

    /// Queries, keys and values from the same input, and what attention makes of them.
    fn attend(&mut self, trains: Trains) {
        let (c, rows) = (self.architecture(), self.rows());
        let [batch, seq] = self.shape;
        let (d, q, kv) = (c.hidden_size, c.query_width(), c.key_value_width());
        let before = self.ledger.flowing();
        let queries = self.branch(before, |walk| {
            walk.linear([d, q], trains, true);
            walk.turn(q);
        });
        let keys = self.branch(before, |walk| {
            walk.linear([d, kv], trains, false);
            walk.turn(kv);
        });
        let values = self.branch(before, |walk| walk.linear([d, kv], trains, true));
        let held = rows * (q + 2 * kv);
        self.ledger.live(self.input_beside_residual() + held + self.rank() * rows);

        // The queries of a group meet the same keys.
        let (groups, width) = (c.key_value_heads(), c.head_width());
        let shared = seq * (c.num_attention_heads / groups);
        let pairs = batch * c.num_attention_heads * seq * seq;
        self.ledger.restart_flow(queries || keys);
        let scores = self.ledger.flowing();
        let of_scores = Gradients { left: queries, right: keys };
        self.ledger.product(batch * groups, [shared, width, seq], of_scores);
        self.ledger.keep(rows * q, keys);
        self.ledger.keep(rows * kv, queries);
        self.ledger.live(rows * d + held + pairs);
        self.ledger.elementwise(pairs, ops::SCALE_MASK, 2, false);
        self.ledger.elementwise(pairs, ops::SOFTMAX, 2, false);
        let of_context = Gradients { left: scores, right: values };
        self.ledger.product(batch * groups, [shared, seq, width], of_context);
        self.ledger.keep(pairs, scores || values);
        self.ledger.keep(rows * kv, scores);
        self.ledger.flow(values);
        self.linear([q, d], trains, false);
    }

    /// The feed-forward layer.
    fn feed(&mut self, trains: Trains) {
        let (c, rows) = (self.architecture(), self.rows());
        let (d, f) = (c.hidden_size, c.intermediate_size);
        let before = self.ledger.flowing();
        let mut flowing = self.branch(before, |walk| walk.linear([d, f], trains, false));
        let wide = if c.feed_forward.is_gated() {
            flowing |= self.branch(before, |walk| walk.linear([d, f], trains, false));
            2 * f
        } else {
            f
        };
        self.ledger.restart_flow(flowing);
        let (operations, touched) = c.feed_forward.elementwise();
        self.ledger.elementwise(rows * f, operations, touched, false);
        self.ledger.keep(rows * wide, flowing);
        self.ledger.live(2 * rows * d + rows * wide);
        self.linear([f, d], trains, false);
    }

    /// Something that begins with gradients `before`; says whether they flow after it.
    fn branch(&mut self, before: bool, run: impl FnOnce(&mut Self)) -> bool {
        self.ledger.restart_flow(before);
        run(self);
        self.ledger.flowing()
    }

    /// A product with a weight, its bias if there is one, and an adapter if it is `adapted`.
    fn linear(&mut self, [input, output]: [usize; 2], trains: Trains, adapted: bool) {
        let (rows, rank) = (self.rows(), if adapted { self.rank() } else { 0 });
        let adapter = trains.adapters && rank > 0;
        let left = self.ledger.flowing();
        let gradients = Gradients { left, right: trains.weights };
        self.ledger.product(1, [rows, input, output], gradients);
        if self.architecture().biases {
            self.ledger.elementwise(rows * output, ops::ADD, 0, trains.weights || trains.biases);
        }
        self.ledger.keep(rows * input, trains.weights || adapter);
        if rank > 0 {
            self.ledger.product(1, [rows, input, rank], Gradients { left, right: adapter });
            let both = Gradients { left: adapter, right: adapter };
            self.ledger.product(1, [rows, rank, output], both);
            self.ledger.elementwise(rows * output, ops::LORA_ADD, 3, adapter);
            self.ledger.keep(rows * rank, adapter);
        }
        self.ledger.flow(trains.weights || trains.biases || adapter);
    }

    /// Rotary positions, if there are.
    fn turn(&mut self, width: usize) {
        if self.architecture().longest_input().is_none() {
            self.ledger.elementwise(self.rows() * width, ops::ROTARY, 2, false);
        }
    }

    /// The residual stream; and its norm beside it, where that is taken before.
    fn input_beside_residual(&self) -> usize {
        let copies = match self.architecture().placement {
            Placement::Post => 1,
            Placement::Pre => 2,
        };
        copies * self.rows() * self.architecture().hidden_size
    }

    fn rank(&self) -> usize {
        self.model.rank()
    }
}
