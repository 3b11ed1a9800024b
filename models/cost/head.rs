use super::{
    formula::{Dim, Size},
    walk::Walk,
};
use crate::{
    architecture::{FeedForward, HeadShape, Norm, Placement},
    ledger::{Gradients, ops},
};

/// What [`Head`](crate::transformer::Head) charges where it runs.
impl Walk<'_> {
    /// The norm before the head, where there is one, and the head.
    pub(super) fn head(&mut self) {
        self.enter("head");
        let trains = self.trains();
        if self.architecture().placement == Placement::Pre {
            self.norm(trains.weights || trains.shifts);
        }
        match &self.model.head {
            HeadShape::Mean { classes } => {
                self.mean();
                self.classes(*classes, false);
            }
            HeadShape::Words { classes, transform } => {
                self.pick(self.texts.into());
                let masked = transform.is_some();
                if let Some(activation) = transform {
                    self.transform(*activation);
                }
                self.classes(*classes, masked);
            }
            HeadShape::Options { tokens, .. } => self.options(tokens),
        }
    }

    /// The mean of the states, brought to length one.
    fn mean(&mut self) {
        let vectors = self.texts * self.width();
        self.live(&[("states", self.states()), ("sentence vectors", vectors)]);
        self.elementwise("mean of states", self.states(), ops::POOL, 1, false);
        self.elementwise("length one", vectors, ops::NORMALISE, 2, false);
        self.keep("sentence vectors", vectors, self.ledger.flowing());
    }

    /// So many of the states.
    fn pick(&mut self, picked: Size) {
        let picked = picked * self.width();
        self.live(&[("states", self.states()), ("states that are read", picked)]);
        self.elementwise("states that are read", picked, 0, 2, false);
    }

    /// A masked model's transform.
    fn transform(&mut self, activation: FeedForward) {
        let (trains, texts, d) = (self.trains(), self.texts, self.width());
        let gradients = Gradients { left: self.ledger.flowing(), right: trains.weights };
        self.product("transform", Size::default(), [texts, d, d].map(Size::from), gradients);
        let biased = self.biased();
        self.elementwise("biases", texts * d, ops::ADD, 0, biased);
        self.keep("input of a weight", texts * d, trains.weights);
        self.ledger.flow(biased);
        let (operations, touched) = activation.elementwise();
        self.elementwise("activation", texts * d, operations, touched, false);
        self.keep("input of the activation", texts * d, self.ledger.flowing());
        self.norm_of(Norm::Layer, texts * d, biased);
    }

    /// Whether the biases of a masked model's head train: it has them whatever its layers have.
    fn biased(&self) -> bool {
        self.backward && self.model.train.trains_biases()
    }

    /// A score for every class, with a bias or without.
    fn classes(&mut self, classes: usize, masked: bool) {
        let (texts, d, classes) = (self.texts, self.width(), Dim::new("classes", classes));
        let (left, right) = (self.ledger.flowing(), self.backward);
        let sides = [texts, d, classes].map(Size::from);
        self.product("classes", Size::default(), sides, Gradients { left, right });
        self.keep("input of the classes", texts * d, right);
        if masked {
            let biased = self.biased();
            self.elementwise("biases", texts * classes, ops::ADD, 0, biased);
            self.ledger.flow(biased);
        }
        self.elementwise("cross-entropy", texts * classes, ops::CROSS_ENTROPY, 2, right);
        self.ledger.flow(right);
    }

    /// The mean log-likelihood of options of so many tokens.
    fn options(&mut self, tokens: &[usize]) {
        let (d, vocabulary) = (self.width(), Dim::new("V", self.architecture().vocab_size));
        let options = Dim::new("options", tokens.len());
        let texts = Dim::new("texts", Size::from(self.texts).value() / tokens.len());
        let all = Dim::new("option tokens", tokens.iter().sum());
        let (states, scores) = (texts * all * d, texts * all * vocabulary);
        self.pick(texts * all);
        let right = self.backward && self.model.train.trains_vocabulary();
        let left = self.ledger.flowing();
        let sides = [texts * all, d.into(), vocabulary.into()];
        self.product("output embeddings", Size::default(), sides, Gradients { left, right });
        self.keep("input of a weight", states, right);
        self.ledger.flow(right);
        self.live(&[("states that are read", states), ("scores", scores)]);
        self.elementwise("log-likelihoods", scores, ops::SOFTMAX, 2, false);
        self.keep("scores", scores, self.ledger.flowing());
        let gradients = Gradients { left: self.ledger.flowing(), right: false };
        let sides = [texts, all, options].map(Size::from);
        self.product("means of options", Size::default(), sides, gradients);
        self.elementwise("cross-entropy", texts * options, ops::CROSS_ENTROPY, 2, false);
    }
}
