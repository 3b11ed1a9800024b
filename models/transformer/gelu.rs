use burn::tensor::{Tensor, activation};

use crate::ledger::{Ledger, ops};

/// The exact GELU `x/2 (1 + erf(x/sqrt 2))`, elementwise.
///
/// Where no gradient is tracked, erf is a rational minimax approximation on [-4, 4] that the compiler vectorises;
/// it stays within 1e-6 of the exact function. On an autodiff device Burn's own GELU keeps the gradient whole.
pub(crate) fn gelu(x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
    let [rows, width] = x.dims();
    ledger.elementwise(rows * width, ops::GELU, 2, false);
    ledger.keep(rows * width, ledger.flowing());
    if x.device().is_autodiff() {
        return activation::gelu(x);
    }
    let device = x.device();
    let mut data = x.into_data();
    match data.as_mut_slice::<f32>() {
        Ok(values) => {
            pulp::Arch::new().dispatch(Values(values));
            Tensor::from_data(data, &device)
        }
        // Another precision: Burn's kernel knows it.
        Err(_) => activation::gelu(Tensor::from_data(data, &device)),
    }
}

/// The GELU of GPT-2, `x/2 (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))` (Hendrycks and Gimpel 2016), elementwise.
pub(crate) fn gelu_tanh(x: Tensor<2>, ledger: &mut Ledger) -> Tensor<2> {
    let [rows, width] = x.dims();
    ledger.elementwise(rows * width, ops::GELU_TANH, 2, false);
    ledger.keep(rows * width, ledger.flowing());
    activation::gelu_approximate(x)
}

/// Elements, compiled once for every vector width. Neither a closure nor `for_each` would do: what is not inlined into
/// the function that has the wider instructions is compiled without them.
struct Values<'a>(&'a mut [f32]);

impl pulp::NullaryFnOnce for Values<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for value in self.0 {
            *value = gelu_value(*value);
        }
    }
}

#[inline(always)]
fn gelu_value(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// erf by a rational function of degree (13, 8), clamped to [-4, 4] where it is 1 to f32 precision.
///
/// The coefficients are the published minimax fit that XLA and Eigen use.
#[inline(always)]
fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let s = x * x;
    let p = -2.726_142_4e-10_f32;
    let p = p * s + 2.770_681_4e-8;
    let p = p * s - 2.101_024e-6;
    let p = p * s - 5.692_506_4e-5;
    let p = p * s - 7.349_906_3e-4;
    let p = p * s - 2.954_6e-3;
    let p = p * s - 1.609_603_3e-2;
    let q = -1.456_607_2e-5_f32;
    let q = q * s - 2.133_740_6e-4;
    let q = q * s - 1.682_827e-3;
    let q = q * s - 7.373_329e-3;
    let q = q * s - 1.426_473_9e-2;
    x * p / q
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::widths::assert_same_bits;

    #[test]
    fn erf_is_within_1e_6_of_the_exact_function_everywhere() {
        for i in -60_000..=60_000 {
            let x = i as f32 * 1e-4;
            let exact = libm::erf(f64::from(x));
            assert!((f64::from(erf(x)) - exact).abs() < 1e-6, "erf({x}) = {} vs {exact}", erf(x));
        }
    }

    #[test]
    fn every_width_gives_the_same_bits() {
        let values: Vec<f32> = (-5000..5000).map(|i| i as f32 * 1.3e-3).collect();
        assert_same_bits(&values, |width, values| width.run(Values(values)));
    }

    #[test]
    fn gelu_is_within_2e_6_of_the_exact_function() {
        for i in -80_000..=80_000 {
            let x = i as f32 * 1e-4;
            let wide = f64::from(x);
            let exact = 0.5 * wide * (1.0 + libm::erf(wide / std::f64::consts::SQRT_2));
            assert!((f64::from(gelu_value(x)) - exact).abs() < 2e-6 * (1.0 + wide.abs()));
        }
    }
}
