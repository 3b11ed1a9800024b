use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    TransformerConfig, activation::activated, attention::Attention, linear::Linear, norm::Norm,
};
use crate::{
    architecture::{FeedForward, Placement},
    batch::Masks,
    ledger::{Ledger, ops},
};

/// One transformer layer. Post-norm, as in BERT: attention, residual, norm; feed-forward, residual, norm. Pre-norm, as in
/// GPT-2: norm, attention, residual; norm, feed-forward, residual.
#[derive(Module, Debug)]
pub struct Block {
    /// Query projection, `[d, q]`.
    pub query: Linear,
    /// Key projection, `[d, k]`.
    pub key: Linear,
    /// Value projection, `[d, k]`.
    pub value: Linear,
    /// Output projection of attention, `[q, d]`.
    pub output: Linear,
    /// The norm of the attention.
    pub attention_norm: Norm,
    /// First feed-forward layer, `[d, f]`.
    pub up: Linear,
    /// The gate of the feed-forward layer, `[d, f]`, if it has one.
    pub gate: Option<Linear>,
    /// Second feed-forward layer, `[f, d]`.
    pub down: Linear,
    /// The norm of the feed-forward layer.
    pub output_norm: Norm,
    #[module(skip)]
    attention: Attention,
    #[module(skip)]
    feed_forward: FeedForward,
    #[module(skip)]
    placement: Placement,
}

impl Block {
    /// A layer of zeros with identity norms.
    pub fn zeros(config: &TransformerConfig, device: &Device) -> Self {
        let c = &config.architecture;
        let (d, f, q, kv) =
            (c.hidden_size, c.intermediate_size, c.query_width(), c.key_value_width());
        let norm = || Norm::identity(c.norm, d, config.numerics.norm_epsilon, device);
        let linear = |widths| Linear::zeros(widths, c.biases, device);
        Self {
            query: linear([d, q]),
            key: linear([d, kv]),
            value: linear([d, kv]),
            output: linear([q, d]),
            attention_norm: norm(),
            up: linear([d, f]),
            gate: c.feed_forward.is_gated().then(|| linear([d, f])),
            down: linear([f, d]),
            output_norm: norm(),
            attention: Attention::of(config),
            feed_forward: c.feed_forward,
            placement: c.placement,
        }
    }

    /// `[rows, d]` to `[rows, d]`, rows being the tokens of the batch.
    pub fn forward(&self, x: Tensor<2>, masks: &Masks, ledger: &mut Ledger) -> Tensor<2> {
        let x = self.around(x, &self.attention_norm, ledger, |x, ledger| {
            self.attention.forward(self, x, masks, ledger)
        });
        self.around(x, &self.output_norm, ledger, |x, ledger| self.feed(x, ledger))
    }

    /// A part of the layer with its norm and its residual.
    fn around(
        &self,
        x: Tensor<2>,
        norm: &Norm,
        ledger: &mut Ledger,
        part: impl FnOnce(Tensor<2>, &mut Ledger) -> Tensor<2>,
    ) -> Tensor<2> {
        let [rows, d] = x.dims();
        match self.placement {
            Placement::Post => {
                let y = part(x.clone(), ledger);
                ledger.elementwise(rows * d, ops::ADD, 3, false);
                norm.forward(y + x, ledger)
            }
            Placement::Pre => {
                let y = part(norm.forward(x.clone(), ledger), ledger);
                ledger.elementwise(rows * d, ops::ADD, 3, false);
                y + x
            }
        }
    }

    fn feed(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, d] = x.dims();
        let before = ledger.flowing();
        let up = self.up.forward(x.clone(), ledger);
        let [_, f] = up.dims();
        let mut flowing = ledger.flowing();
        let gate = self.gate.as_ref().map(|gate| {
            ledger.restart_flow(before);
            let wide = gate.forward(x, ledger);
            flowing |= ledger.flowing();
            wide
        });
        ledger.restart_flow(flowing);
        let wide = rows * f * (1 + usize::from(gate.is_some()));
        let wide_layer = activated(self.feed_forward, up, gate, ledger);
        ledger.live(2 * rows * d + wide);
        self.down.forward(wide_layer, ledger)
    }

    /// Copies of the residual stream that are alive beside a part's own input.
    pub(super) fn copies(&self) -> usize {
        match self.placement {
            Placement::Post => 1,
            Placement::Pre => 2,
        }
    }

    /// Rank of the adapters on the projections, 0 without.
    pub(super) fn adapter_rank(&self) -> usize {
        [&self.query, &self.key, &self.value]
            .iter()
            .filter_map(|l| l.lora.as_ref())
            .map(|l| l.a.shape().dims::<2>()[1])
            .max()
            .unwrap_or(0)
    }
}
