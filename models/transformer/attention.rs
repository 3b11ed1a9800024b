use burn::tensor::Tensor;

use super::{
    Block, Prefix, Rotary, TransformerConfig, linear::widest, rotary::turn,
    softmax::attention_weights,
};
use crate::{
    architecture::Positions,
    batch::Masks,
    ledger::{Gradients, Ledger, ops},
};

/// How a layer attends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attention {
    /// Heads of the queries.
    heads: usize,
    /// Heads of keys and values, each shared by as many of the queries'.
    groups: usize,
    /// Width of a head.
    width: usize,
    /// To what came before alone.
    causal: bool,
    /// How positions turn queries and keys, if they do.
    rotary: Option<Rotary>,
}

impl Attention {
    pub(super) fn of(config: &TransformerConfig) -> Self {
        let (c, numerics) = (&config.architecture, &config.numerics);
        Self {
            heads: c.num_attention_heads,
            groups: c.key_value_heads(),
            width: c.head_width(),
            causal: numerics.causal,
            rotary: (c.positions == Positions::Rotary).then_some(numerics.rotary),
        }
    }

    /// Queries, keys and values from the same `[rows, d]`, and what attention makes of them, `[rows, d]`.
    pub(super) fn forward(
        &self,
        block: &Block,
        x: Tensor<2>,
        masks: &Masks,
        ledger: &mut Ledger,
    ) -> Tensor<2> {
        let Self { heads, groups, width, .. } = *self;
        let [rows, d] = x.dims();
        let [batch, seq] = masks.shape();
        let (q, kv) = (heads * width, groups * width);
        let before = ledger.flowing();
        let query = block.query.forward(x.clone(), ledger);
        let query = self.positioned(query, [batch, seq, heads], ledger);
        let queries_flow = ledger.flowing();
        // Three projections read the same input: what trains in one does not flow into the next.
        ledger.restart_flow(before);
        let key = block.key.forward(x.clone(), ledger);
        let key = self.positioned(key, [batch, seq, groups], ledger);
        let prefix_trains = block.prefix.as_ref().is_some_and(Prefix::trains);
        let keys_flow = ledger.flowing() || prefix_trains;
        ledger.restart_flow(before);
        let value = block.value.forward(x, ledger);
        let value = value.reshape([batch, seq, groups, width]).swap_dims(1, 2);
        let values_flow = ledger.flowing() || prefix_trains;
        let keys = seq + block.prefix.as_ref().map_or(0, Prefix::length);
        let held = rows * q + 2 * batch * keys * kv;
        let rank = widest([&block.query, &block.key, &block.value]);
        ledger.live(block.copies() * rows * d + held + rank * rows);

        // The queries of a group meet the same keys: they are stacked.
        let shared = seq * (heads / groups);
        let pairs = batch * heads * seq * keys;
        ledger.restart_flow(queries_flow || keys_flow);
        let scores_flow = ledger.flowing();
        let mask = if self.causal { masks.causal() } else { masks.attention() };
        let (key, value, mask) = match &block.prefix {
            Some(prefix) => {
                let [key, value] = prefix.before([key, value], ledger);
                (key, value, prefix.mask(mask))
            }
            None => (key, value, mask),
        };
        let of_scores = Gradients { left: queries_flow, right: keys_flow };
        ledger.product(batch * groups, [shared, width, keys], of_scores);
        ledger.keep(rows * q, keys_flow);
        ledger.keep(batch * keys * kv, queries_flow);
        let scores = query.reshape([batch, groups, shared, width]).matmul(key.swap_dims(2, 3));
        ledger.live(rows * d + held + pairs);
        ledger.elementwise(pairs, ops::SCALE_MASK, 2, false);
        ledger.elementwise(pairs, ops::SOFTMAX, 2, false);
        let scale = 1.0 / (width as f32).sqrt();
        let weights = attention_weights(scores.reshape([batch, heads, seq, keys]), scale, mask);
        let weights = weights.reshape([batch, groups, shared, keys]);

        let of_context = Gradients { left: scores_flow, right: values_flow };
        ledger.product(batch * groups, [shared, keys, width], of_context);
        ledger.keep(pairs, scores_flow || values_flow);
        ledger.keep(batch * keys * kv, scores_flow);
        ledger.flow(values_flow);
        let context = weights.matmul(value).reshape([batch, heads, seq, width]);
        block.output.forward(context.swap_dims(1, 2).reshape([rows, q]), ledger)
    }

    /// `[rows, heads * width]` as `[batch, heads, seq, width]`, turned by position if positions are rotary.
    fn positioned(
        &self,
        x: Tensor<2>,
        [batch, seq, heads]: [usize; 3],
        ledger: &mut Ledger,
    ) -> Tensor<4> {
        let x = x.reshape([batch, seq, heads, self.width]).swap_dims(1, 2);
        match &self.rotary {
            Some(rotary) => turn(x, rotary, ledger),
            None => x,
        }
    }
}
