use super::{
    formula::{Dim, Size},
    walk::{Trains, Walk},
};
use crate::{
    architecture::{Placement, Projection},
    ledger::{Gradients, ops},
};

impl Walk<'_> {
    /// Queries, keys and values from the same input, and what attention makes of them.
    pub(super) fn attend(&mut self, trains: Trains) {
        let before = self.ledger.flowing();
        let [[_, q], [_, kv]] =
            [Projection::Query, Projection::Key].map(|part| self.model.widths(part));
        let queries = self.branch(before, |walk| {
            walk.projection(Projection::Query, trains);
            walk.turn(q);
        });
        let keys = self.branch(before, |walk| {
            walk.projection(Projection::Key, trains);
            walk.turn(kv);
        });
        let values = self.branch(before, |walk| walk.projection(Projection::Value, trains));
        let prefix = self.model.prefix();
        let (keys, values) = match prefix {
            0 => (keys, values),
            _ => (keys || trains.adapters, values || trains.adapters),
        };
        let adapted = [Projection::Query, Projection::Key, Projection::Value];
        let (queries_held, held) = (self.rows() * q, self.held(kv));
        self.live(&[
            ("input and residual", self.input_beside_residual()),
            ("queries", queries_held),
            ("keys and values", Dim::number(2) * held),
            ("side path", self.side_path(&adapted)),
        ]);
        self.weigh([queries, keys, values], [q, kv], trains);
    }

    /// Scores, their softmax, and the values' mean by it.
    fn weigh(&mut self, [queries, keys, values]: [bool; 3], [q, kv]: [Dim; 2], trains: Trains) {
        let c = self.architecture();
        let (heads, groups) = (c.num_attention_heads, c.key_value_heads());
        // The queries of a group meet the same keys.
        let shared = Dim::new("(tokens·h/g)", self.tokens_of(heads / groups));
        let width = Dim::new("w", c.head_width());
        let groups = self.texts * Dim::new("g", groups);
        let pairs = self.texts * Dim::new("h", heads) * self.tokens * self.keys();
        let (queries_held, held) = (self.rows() * q, self.held(kv));
        self.ledger.restart_flow(queries || keys);
        let scores = self.ledger.flowing();
        if self.model.prefix() > 0 {
            let copied = Dim::number(2) * self.texts * self.prefix() * kv;
            self.elementwise("prefix put before keys and values", copied, 0, 2, false);
        }
        let of_scores = Gradients { left: queries, right: keys };
        self.product(
            "scores",
            groups,
            [shared.into(), width.into(), self.keys().into()],
            of_scores,
        );
        self.keep("queries", queries_held, keys);
        self.keep("keys", held, queries);
        self.live(&[
            ("residual", self.states()),
            ("queries", queries_held),
            ("keys and values", Dim::number(2) * held),
            ("scores", pairs),
        ]);
        self.elementwise("scale and mask", pairs, ops::SCALE_MASK, 2, false);
        self.elementwise("softmax", pairs, ops::SOFTMAX, 2, false);
        let of_context = Gradients { left: scores, right: values };
        self.product(
            "context",
            groups,
            [shared.into(), self.keys().into(), width.into()],
            of_context,
        );
        self.keep("attention", pairs, scores || values);
        self.keep("values", held, scores);
        self.ledger.flow(values);
        self.projection(Projection::Output, trains);
    }

    fn tokens_of(&self, heads: usize) -> usize {
        (self.tokens * Dim::number(heads)).value()
    }

    fn prefix(&self) -> Dim {
        Dim::new("p", self.model.prefix())
    }

    /// Keys that a token meets: those of its text, and the prefix.
    fn keys(&self) -> Dim {
        let tokens = Size::from(self.tokens).value();
        match self.model.prefix() {
            0 => self.tokens,
            prefix => Dim::new("(p+tokens)", prefix + tokens),
        }
    }

    /// Elements of the keys of the batch, and of the values.
    fn held(&self, kv: Dim) -> Size {
        match self.model.prefix() {
            0 => self.rows() * kv,
            _ => self.texts * self.keys() * kv,
        }
    }

    /// The residual stream; and its norm beside it, where that is taken before.
    fn input_beside_residual(&self) -> Size {
        let copies = match self.architecture().placement {
            Placement::Post => 1,
            Placement::Pre => 2,
        };
        Dim::number(copies) * self.states()
    }
}
