use super::walk::Walk;
use crate::{
    architecture::{FeedForward, HeadShape, Norm, Placement},
    ledger::{Gradients, ops},
};

/// What [`Head`](crate::transformer::Head) charges where it runs.
impl Walk<'_> {
    /// The norm before the head, where there is one, and the head.
    pub(super) fn head(&mut self) {
        let trains = self.trains();
        if self.architecture().placement == Placement::Pre {
            self.norm(trains.weights || trains.shifts);
        }
        let [sequences, _] = self.shape;
        match &self.model.head {
            HeadShape::Mean { classes } => {
                self.mean(sequences);
                self.classes([sequences, *classes], false);
            }
            HeadShape::Words { classes, transform } => {
                self.pick(sequences);
                let masked = transform.is_some();
                if let Some(activation) = transform {
                    self.transform(*activation, sequences);
                }
                self.classes([sequences, *classes], masked);
            }
            HeadShape::Options { tokens, .. } => self.options(tokens),
        }
    }

    /// The mean of the states, brought to length one.
    fn mean(&mut self, texts: usize) {
        let (rows, d) = (self.rows(), self.architecture().hidden_size);
        self.ledger.live(rows * d + texts * d);
        self.ledger.elementwise(rows * d, ops::POOL, 1, false);
        self.ledger.elementwise(texts * d, ops::NORMALISE, 2, false);
        self.ledger.keep(texts * d, self.ledger.flowing());
    }

    /// Some of the states.
    fn pick(&mut self, picked: usize) {
        let (rows, d) = (self.rows(), self.architecture().hidden_size);
        self.ledger.live((rows + picked) * d);
        self.ledger.elementwise(picked * d, 0, 2, false);
    }

    /// A masked model's transform.
    fn transform(&mut self, activation: FeedForward, rows: usize) {
        let (trains, d) = (self.trains(), self.architecture().hidden_size);
        let gradients = Gradients { left: self.ledger.flowing(), right: trains.weights };
        self.ledger.product(1, [rows, d, d], gradients);
        let biased = self.biased();
        self.ledger.elementwise(rows * d, ops::ADD, 0, biased);
        self.ledger.keep(rows * d, trains.weights);
        self.ledger.flow(biased);
        let (operations, touched) = activation.elementwise();
        self.ledger.elementwise(rows * d, operations, touched, false);
        self.ledger.keep(rows * d, self.ledger.flowing());
        self.norm_of(Norm::Layer, rows, biased);
    }

    /// Whether the biases of a masked model's head train: it has them whatever its layers have.
    fn biased(&self) -> bool {
        self.backward && self.model.train.trains_biases()
    }

    /// A score for every class, with a bias or without.
    fn classes(&mut self, [texts, classes]: [usize; 2], masked: bool) {
        let d = self.architecture().hidden_size;
        let trains = self.backward;
        let left = self.ledger.flowing();
        self.ledger.product(1, [texts, d, classes], Gradients { left, right: trains });
        self.ledger.keep(texts * d, trains);
        if masked {
            let biased = self.biased();
            self.ledger.elementwise(texts * classes, ops::ADD, 0, biased);
            self.ledger.flow(biased);
        }
        self.ledger.elementwise(texts * classes, ops::CROSS_ENTROPY, 2, trains);
        self.ledger.flow(trains);
    }

    /// The mean log-likelihood of options of so many tokens.
    fn options(&mut self, tokens: &[usize]) {
        let (c, [sequences, _]) = (self.architecture(), self.shape);
        let (d, vocabulary) = (c.hidden_size, c.vocab_size);
        let (texts, all) = (sequences / tokens.len(), tokens.iter().sum::<usize>());
        let predicted = texts * all;
        self.pick(predicted);
        let right = self.backward && self.model.train.trains_vocabulary();
        let left = self.ledger.flowing();
        self.ledger.product(1, [predicted, d, vocabulary], Gradients { left, right });
        self.ledger.keep(predicted * d, right);
        self.ledger.flow(right);
        self.ledger.live(predicted * (d + vocabulary));
        self.ledger.elementwise(predicted * vocabulary, ops::SOFTMAX, 2, false);
        self.ledger.keep(predicted * vocabulary, self.ledger.flowing());
        let gradients = Gradients { left: self.ledger.flowing(), right: false };
        self.ledger.product(1, [texts, all, tokens.len()], gradients);
        self.ledger.elementwise(texts * tokens.len(), ops::CROSS_ENTROPY, 2, false);
    }
}
