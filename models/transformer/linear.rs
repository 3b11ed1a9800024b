use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};

use crate::ledger::{Gradients, Ledger, ops};

/// A dense layer `y = x W + b`, with an optional low-rank side path.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[input, output]`.
    pub weight: Param<Tensor<2>>,
    /// `[output]`, if there is one.
    pub bias: Option<Param<Tensor<1>>>,
    /// LoRA (Hu et al. 2021): `y += (alpha / r) x A B`.
    pub lora: Option<Lora>,
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
            bias: biased.then(|| Param::from_tensor(Tensor::zeros([output], device))),
            lora: None,
        }
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
        let flowing = ledger.flowing();
        let trains = self.weight.is_require_grad();
        ledger.product(1, [rows, input, output], Gradients { left: flowing, right: trains });
        let bias_trains = self.bias.as_ref().is_some_and(|bias| bias.is_require_grad());
        if self.bias.is_some() {
            ledger.elementwise(rows * output, ops::ADD, 0, trains || bias_trains);
        }
        let adapter_trains = self.lora.as_ref().is_some_and(|l| l.a.is_require_grad());
        ledger.keep(rows * input, trains || adapter_trains);
        let y = x.clone().matmul(self.weight.val());
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
