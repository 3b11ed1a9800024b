use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{EncoderConfig, gelu::gelu, linear::Linear, norm::Norm, softmax::attention_weights};
use crate::{
    batch::Masks,
    ledger::{Gradients, Ledger, ops},
};

/// One transformer layer, post-norm as in BERT: attention, residual, norm; feed-forward, residual, norm.
#[derive(Module, Debug)]
pub struct Block {
    /// Query projection, `[d, d]`.
    pub query: Linear,
    /// Key projection, `[d, d]`.
    pub key: Linear,
    /// Value projection, `[d, d]`.
    pub value: Linear,
    /// Output projection of attention, `[d, d]`.
    pub output: Linear,
    /// Norm after attention.
    pub attention_norm: Norm,
    /// First feed-forward layer, `[d, f]`.
    pub up: Linear,
    /// Second feed-forward layer, `[f, d]`.
    pub down: Linear,
    /// Norm after the feed-forward layer.
    pub output_norm: Norm,
    /// Attention heads.
    pub heads: usize,
}

impl Block {
    /// A layer of zeros with identity norms.
    pub fn zeros(config: &EncoderConfig, device: &Device) -> Self {
        let (d, f) = (config.hidden_size, config.intermediate_size);
        let norm = || Norm::identity(d, config.layer_norm_eps, device);
        Self {
            query: Linear::zeros(d, d, device),
            key: Linear::zeros(d, d, device),
            value: Linear::zeros(d, d, device),
            output: Linear::zeros(d, d, device),
            attention_norm: norm(),
            up: Linear::zeros(d, f, device),
            down: Linear::zeros(f, d, device),
            output_norm: norm(),
            heads: config.num_attention_heads,
        }
    }

    /// `[rows, d]` to `[rows, d]`, rows being the tokens of the batch.
    pub fn forward(&self, x: Tensor<2>, masks: &Masks, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, d] = x.dims();
        let attended = self.attend(x.clone(), masks, ledger);
        ledger.elementwise(rows * d, ops::ADD, 3, false);
        let x = self.attention_norm.forward(attended + x, ledger);
        let wide = gelu(self.up.forward(x.clone(), ledger), ledger);
        let [_, f] = wide.dims();
        ledger.live(2 * rows * d + rows * f);
        let fed = self.down.forward(wide, ledger);
        ledger.elementwise(rows * d, ops::ADD, 3, false);
        self.output_norm.forward(fed + x, ledger)
    }

    fn attend(&self, x: Tensor<2>, masks: &Masks, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, d] = x.dims();
        let [batch, seq] = masks.shape();
        let (heads, width) = (self.heads, d / self.heads);
        let split = |t: Tensor<2>| t.reshape([batch, seq, heads, width]).swap_dims(1, 2);
        let before = ledger.flowing();
        let query = self.query.forward(x.clone(), ledger);
        let queries_flow = ledger.flowing();
        // Three projections read the same input: what trains in one does not flow into the next.
        ledger.restart_flow(before);
        let key = self.key.forward(x.clone(), ledger);
        let keys_flow = ledger.flowing();
        ledger.restart_flow(before);
        let value = self.value.forward(x, ledger);
        let values_flow = ledger.flowing();
        ledger.live(4 * rows * d + self.adapter_rank() * rows);

        ledger.restart_flow(queries_flow || keys_flow);
        let scores_flow = ledger.flowing();
        let pairs = batch * heads * seq * seq;
        let size = [seq, width, seq];
        ledger.product(batch * heads, size, Gradients { left: queries_flow, right: keys_flow });
        ledger.keep(rows * d, keys_flow);
        ledger.keep(rows * d, queries_flow);
        let scores = split(query).matmul(split(key).swap_dims(2, 3));
        ledger.live(4 * rows * d + pairs);
        ledger.elementwise(pairs, ops::SCALE_MASK, 2, false);
        ledger.elementwise(pairs, ops::SOFTMAX, 2, false);
        let scale = 1.0 / (width as f32).sqrt();
        let weights = attention_weights(scores, scale, masks.attention());

        ledger.product(
            batch * heads,
            [seq, seq, width],
            Gradients { left: scores_flow, right: values_flow },
        );
        ledger.keep(pairs, scores_flow || values_flow);
        ledger.keep(rows * d, scores_flow);
        ledger.flow(values_flow);
        let context = weights.matmul(split(value)).swap_dims(1, 2).reshape([rows, d]);
        self.output.forward(context, ledger)
    }

    /// Rank of the adapters on the projections, 0 without.
    fn adapter_rank(&self) -> usize {
        [&self.query, &self.key, &self.value]
            .iter()
            .filter_map(|l| l.lora.as_ref())
            .map(|l| l.a.shape().dims::<2>()[1])
            .max()
            .unwrap_or(0)
    }
}
