use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};

use crate::ledger::Ledger;

/// Keys and values that every token of every text meets before those of its own text (prefix tuning, Li and Liang 2021).
///
/// They train as they are. Li and Liang make them of a smaller matrix by a feed-forward network, which they drop after
/// training, because training them directly was unstable; here the start takes its place: keys are drawn so that the
/// prefixes differ, values are zero, so that at first a prefix adds nothing to the mean and only takes a share of it.
/// Rotary positions do not turn them, and tokens keep their positions.
#[derive(Module, Debug)]
pub struct Prefix {
    /// `[p, k]`, standard normal at the start.
    pub keys: Param<Tensor<2>>,
    /// `[p, k]`, zero at the start.
    pub values: Param<Tensor<2>>,
}

impl Prefix {
    /// At rest; `noise` gives standard normal values.
    pub(super) fn new(
        [length, width]: [usize; 2],
        device: &Device,
        noise: &mut dyn FnMut() -> f32,
    ) -> Self {
        let keys: Vec<f32> = (0..length * width).map(|_| noise()).collect();
        let keys = Tensor::from_data(TensorData::new(keys, [length, width]), device);
        let values = Tensor::zeros([length, width], device);
        Self { keys: Param::from_tensor(keys), values: Param::from_tensor(values) }
    }

    /// How many there are, p.
    pub(super) fn length(&self) -> usize {
        self.keys.shape().dims::<2>()[0]
    }

    /// Whether they train.
    pub(super) fn trains(&self) -> bool {
        self.keys.is_require_grad()
    }

    /// Keys and values of a batch, `[batch, groups, seq, width]`, with these before them.
    pub(super) fn before(&self, texts: [Tensor<4>; 2], ledger: &mut Ledger) -> [Tensor<4>; 2] {
        let [batch, groups, _, width] = texts[0].dims();
        let length = self.length();
        ledger.elementwise(2 * batch * length * groups * width, 0, 2, false);
        let [keys, values] = texts;
        let put = |own: &Param<Tensor<2>>, texts: Tensor<4>| {
            let own = own.val().reshape([1, length, groups, width]).swap_dims(1, 2);
            Tensor::cat(vec![own.repeat_dim(0, batch), texts], 2)
        };
        [put(&self.keys, keys), put(&self.values, values)]
    }

    /// An attention mask for what is before, too: nothing of it is hidden.
    pub(super) fn mask(&self, mask: Tensor<4>) -> Tensor<4> {
        let [batch, one, queries, _] = mask.dims();
        let open = Tensor::zeros([batch, one, queries, self.length()], &mask.device());
        Tensor::cat(vec![open, mask], 3)
    }
}
