use burn::tensor::{Tensor, activation};

use super::gelu::{gelu, gelu_tanh};
use crate::{
    architecture::FeedForward,
    ledger::{Ledger, ops},
};

/// What stands between the products of a feed-forward layer: of the wide layer `up`, `[rows, f]`, and of `gate` where there
/// is one.
pub(super) fn activated(
    kind: FeedForward,
    up: Tensor<2>,
    gate: Option<Tensor<2>>,
    ledger: &mut Ledger,
) -> Tensor<2> {
    match (kind, gate) {
        (FeedForward::Gelu, _) => gelu(up, ledger),
        (FeedForward::GeluTanh, _) => gelu_tanh(up, ledger),
        (FeedForward::Relu, _) => {
            let [rows, width] = up.dims();
            ledger.elementwise(rows * width, ops::RELU, 2, false);
            ledger.keep(rows * width, ledger.flowing());
            activation::relu(up)
        }
        (FeedForward::Swiglu, gate) => {
            let [rows, width] = up.dims();
            ledger.elementwise(rows * width, ops::SWIGLU, 3, false);
            ledger.keep(2 * rows * width, ledger.flowing());
            match gate {
                Some(gate) => activation::silu(gate) * up,
                None => activation::silu(up),
            }
        }
    }
}
