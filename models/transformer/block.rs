use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    Bottleneck, Prefix, TransformerConfig,
    activation::activated,
    attention::Attention,
    linear::{Linear, widest},
    norm::Norm,
};
use crate::{
    architecture::{FeedForward, Frozen, Placement, Projection},
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
    /// Keys and values before those of the texts, if they are to train.
    pub prefix: Option<Prefix>,
    /// An adapter after the attention.
    pub attention_bottleneck: Option<Bottleneck>,
    /// An adapter after the feed-forward layer.
    pub output_bottleneck: Option<Bottleneck>,
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
            prefix: None,
            attention_bottleneck: None,
            output_bottleneck: None,
            attention: Attention::of(config),
            feed_forward: c.feed_forward,
            placement: c.placement,
        }
    }

    /// `[rows, d]` to `[rows, d]`, rows being the tokens of the batch.
    pub fn forward(&self, x: Tensor<2>, masks: &Masks, ledger: &mut Ledger) -> Tensor<2> {
        let after = (&self.attention_norm, self.attention_bottleneck.as_ref());
        let x = self
            .around(x, after, ledger, |x, ledger| self.attention.forward(self, x, masks, ledger));
        let after = (&self.output_norm, self.output_bottleneck.as_ref());
        self.around(x, after, ledger, |x, ledger| self.feed(x, ledger))
    }

    /// A part of the layer with its adapter, its norm and its residual.
    fn around(
        &self,
        x: Tensor<2>,
        (norm, bottleneck): (&Norm, Option<&Bottleneck>),
        ledger: &mut Ledger,
        part: impl FnOnce(Tensor<2>, &mut Ledger) -> Tensor<2>,
    ) -> Tensor<2> {
        let [rows, d] = x.dims();
        let part = |x, ledger: &mut Ledger| {
            let y = part(x, ledger);
            match bottleneck {
                Some(bottleneck) => bottleneck.forward(y, ledger),
                None => y,
            }
        };
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
        let rank = widest([&self.up, &self.down].into_iter().chain(&self.gate));
        ledger.live(2 * rows * d + wide + rank * rows);
        self.down.forward(wide_layer, ledger)
    }

    /// Copies of the residual stream that are alive beside a part's own input.
    pub(super) fn copies(&self) -> usize {
        match self.placement {
            Placement::Post => 1,
            Placement::Pre => 2,
        }
    }

    /// The product of that name; none for the gate of a layer without one.
    pub(crate) fn projection_mut(&mut self, projection: Projection) -> Option<&mut Linear> {
        match projection {
            Projection::Query => Some(&mut self.query),
            Projection::Key => Some(&mut self.key),
            Projection::Value => Some(&mut self.value),
            Projection::Output => Some(&mut self.output),
            Projection::Up => Some(&mut self.up),
            Projection::Gate => self.gate.as_mut(),
            Projection::Down => Some(&mut self.down),
        }
    }

    /// Adds both adapters, of this width.
    pub(crate) fn add_bottlenecks(&mut self, inner: usize, noise: &mut dyn FnMut() -> f32) {
        let ([_, outer], device) = (self.output.widths(), self.output.weight.device());
        let mut bottleneck = || Some(Bottleneck::new([outer, inner], &device, noise));
        self.attention_bottleneck = bottleneck();
        self.output_bottleneck = bottleneck();
    }

    /// Adds so many keys and values.
    pub(crate) fn add_prefix(&mut self, length: usize, noise: &mut dyn FnMut() -> f32) {
        let ([_, width], device) = (self.key.widths(), self.key.weight.device());
        self.prefix = Some(Prefix::new([length, width], &device, noise));
    }

    /// With the weights of its products quantised.
    pub(super) fn quantise(&mut self, frozen: Frozen) {
        for projection in Projection::ALL {
            if let Some(linear) = self.projection_mut(projection) {
                *linear = linear.clone().quantised(frozen);
            }
        }
    }
}
