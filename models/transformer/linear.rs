use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};

use super::quantise::Codes;
use crate::{
    architecture::Frozen,
    ledger::{Gradients, Ledger, ops},
};

/// A dense layer `y = x W + b`, with an optional low-rank side path.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[input, output]`: W, or the codes Q of a quantised `W = Q s`.
    pub weight: Param<Tensor<2>>,
    /// The scales s of a quantised weight: `[output]`, one for each output, or `[1]`.
    pub scales: Option<Param<Tensor<1>>>,
    /// `[output]`, if there is one.
    pub bias: Option<Param<Tensor<1>>>,
    /// LoRA (Hu et al. 2021): `y += (alpha / r) x A B`.
    pub lora: Option<Lora>,
    #[module(skip)]
    frozen: Frozen,
}

/// The low-rank side path of a [`Linear`].
#[derive(Module, Debug)]
pub struct Lora {
    /// `[input, r]`, Gaussian with standard deviation 1/sqrt(input).
    pub a: Param<Tensor<2>>,
    /// `[r, output]`, zero at the start: the adapted model is the pretrained one.
    pub b: Param<Tensor<2>>,
    /// alpha / r.
    pub scale: f64,
}

impl Linear {
    /// A layer of zeros, to be filled from a checkpoint or an initialisation.
    pub fn zeros([input, output]: [usize; 2], biased: bool, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::zeros([input, output], device)),
            scales: None,
            bias: biased.then(|| Param::from_tensor(Tensor::zeros([output], device))),
            lora: None,
            frozen: Frozen::Plain,
        }
    }

    /// With its weight, which must not train from now on, as codes and scales. The bias and the side path stay.
    #[must_use]
    pub fn quantised(mut self, frozen: Frozen) -> Self {
        let [input, output] = self.widths();
        let device = self.weight.device();
        let weight = self.weight.val().into_data();
        let weight = weight.as_slice::<f32>().expect("parameters are stored as f32");
        let Some(Codes { codes, scales }) = Codes::of(frozen, weight, output) else { return self };
        let codes = TensorData::new(codes, [input, output]);
        self.weight = Param::from_tensor(Tensor::from_data(codes, &device));
        let scales = Tensor::from_data(TensorData::new(scales.clone(), [scales.len()]), &device);
        self.scales = Some(Param::from_tensor(scales));
        self.frozen = frozen;
        self
    }

    /// Input and output width.
    pub fn widths(&self) -> [usize; 2] {
        self.weight.shape().dims()
    }

    /// Adds a low-rank side path of `rank`; A's values are given by `noise` (standard normal), B is zero.
    #[must_use]
    pub fn with_lora(mut self, rank: usize, alpha: f64, noise: &mut dyn FnMut() -> f32) -> Self {
        let [input, output] = self.widths();
        let device = self.weight.device();
        let scale = 1.0 / (input as f32).sqrt();
        let a: Vec<f32> = (0..input * rank).map(|_| noise() * scale).collect();
        self.lora = Some(Lora {
            a: Param::from_tensor(Tensor::from_data(TensorData::new(a, [input, rank]), &device)),
            b: Param::from_tensor(Tensor::zeros([rank, output], &device)),
            scale: alpha / rank as f64,
        });
        self
    }

    /// `[rows, input]` to `[rows, output]`. Charges the products, the bias and what backward keeps.
    pub fn forward(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, input] = x.dims();
        let [_, output] = self.widths();
        let trains = self.weight.is_require_grad();
        let y = self.product(x.clone(), ledger);
        let bias_trains = self.bias.as_ref().is_some_and(|bias| bias.is_require_grad());
        if self.bias.is_some() {
            ledger.elementwise(rows * output, ops::ADD, 0, trains || bias_trains);
        }
        let adapter_trains = self.lora.as_ref().is_some_and(|l| l.a.is_require_grad());
        ledger.keep(rows * input, trains || adapter_trains);
        let y = match &self.bias {
            Some(bias) => y + bias.val().unsqueeze(),
            None => y,
        };
        let y = match &self.lora {
            Some(lora) => y + lora.forward(x, ledger),
            None => y,
        };
        ledger.flow(trains || bias_trains || adapter_trains);
        y
    }

    /// `x W`; of a quantised weight `(x Q) s`: the product is with the codes.
    fn product(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let ([rows, input], [_, output]) = (x.dims(), self.widths());
        let left = ledger.flowing();
        let (Some(scales), Some(codes)) = (&self.scales, self.frozen.codes_per_byte()) else {
            let right = self.weight.is_require_grad();
            ledger.product(1, [rows, input, output], Gradients { left, right });
            return x.matmul(self.weight.val());
        };
        ledger.product_with_codes([rows, input, output], (input * output).div_ceil(codes), left);
        ledger.elementwise(rows * output, ops::SCALE, 0, false);
        x.matmul(self.weight.val()) * scales.val().unsqueeze()
    }

    /// Rank of the side path, 0 without.
    pub(super) fn rank(&self) -> usize {
        self.lora.as_ref().map_or(0, |lora| lora.a.shape().dims::<2>()[1])
    }
}

impl Lora {
    fn forward(&self, x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
        let [rows, input] = x.dims();
        let [rank, output] = self.b.shape().dims();
        let trains = self.a.is_require_grad();
        ledger.product(1, [rows, input, rank], Gradients { left: ledger.flowing(), right: trains });
        ledger.product(1, [rows, rank, output], Gradients { left: trains, right: trains });
        ledger.elementwise(rows * output, ops::LORA_ADD, 3, trains);
        ledger.keep(rows * rank, trains);
        x.matmul(self.a.val()).matmul(self.b.val()).mul_scalar(self.scale)
    }
}

/// The widest side path of these, 0 without any.
pub(super) fn widest<'a>(linears: impl IntoIterator<Item = &'a Linear>) -> usize {
    linears.into_iter().map(Linear::rank).max().unwrap_or(0)
}
