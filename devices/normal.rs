//! The normal quantile and the log-normal law, by inversion and with reproducible maths.
//!
//! Inversion turns one uniform number into one sample, so two worlds that share the uniform
//! number stay coupled draw by draw, whatever their parameters.

/// The quantile of the standard normal distribution at `p` in (0, 1).
///
/// Algorithm AS 241 (PPND16) of M. J. Wichura, *Applied Statistics* 37 (1988) 477-484; relative
/// accuracy about 1e-16.
///
/// # Panics
/// In debug builds, if `p` is not strictly between 0 and 1.
pub fn quantile(p: f64) -> f64 {
    debug_assert!(p > 0.0 && p < 1.0, "a quantile needs a probability inside (0, 1)");
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let magnitude = if r <= 5.0 { ratio(r - 1.6, &MIDDLE) } else { ratio(r - 5.0, &FAR) };
    magnitude.copysign(q)
}

/// exp(`sigma` z - `sigma`²/2) for the normal quantile z of `p`: a log-normal factor with mean 1
/// and `sigma` the standard deviation of its logarithm. Its median is exp(-`sigma`²/2), its
/// coefficient of variation sqrt(exp(`sigma`²) - 1).
pub fn lognormal_mean_one(sigma: f64, p: f64) -> f64 {
    libm::exp(sigma * quantile(p) - 0.5 * sigma * sigma)
}

/// Numerator and denominator coefficients, highest power first.
type Ratio = ([f64; 8], [f64; 8]);

fn ratio(r: f64, (top, bottom): &Ratio) -> f64 {
    let horner = |coefficients: &[f64; 8]| coefficients.iter().fold(0.0, |sum, c| sum * r + c);
    horner(top) / horner(bottom)
}

const CENTRE: Ratio = (
    [
        2.509_080_928_730_122_6e3,
        3.343_057_558_358_813e4,
        6.726_577_092_700_87e4,
        4.592_195_393_154_987e4,
        1.373_169_376_550_946e4,
        1.971_590_950_306_551_3e3,
        1.331_416_678_917_843_8e2,
        3.387_132_872_796_366_5,
    ],
    [
        5.226_495_278_852_854e3,
        2.872_908_573_572_194_3e4,
        3.930_789_580_009_271e4,
        2.121_379_430_158_659_7e4,
        5.394_196_021_424_751e3,
        6.871_870_074_920_579e2,
        4.231_333_070_160_091e1,
        1.0,
    ],
);

const MIDDLE: Ratio = (
    [
        7.745_450_142_783_414e-4,
        2.272_384_498_926_918_4e-2,
        2.417_807_251_774_506e-1,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        1.519_866_656_361_645_7e-2,
        1.481_039_764_274_800_8e-1,
        6.897_673_349_851e-1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
);

const FAR: Ratio = (
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        1.242_660_947_388_078_4e-3,
        2.653_218_952_657_612_4e-2,
        2.965_605_718_285_048_7e-1,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_133e-4,
        1.487_536_129_085_061_5e-2,
        1.369_298_809_227_358e-1,
        5.998_322_065_558_88e-1,
        1.0,
    ],
);

#[cfg(test)]
mod tests {
    use super::{lognormal_mean_one, quantile};

    #[test]
    fn it_inverts_the_distribution_function_over_all_three_ranges() {
        let mut p = 1e-300;
        while p < 0.5 {
            let z = quantile(p);
            let back = 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
            // The condition number of erfc grows like z².
            assert!((back / p - 1.0).abs() < 1e-15 * (4.0 + z * z), "{p}: {back}");
            p *= 1.37;
        }
    }

    #[test]
    fn it_agrees_with_an_independent_implementation() {
        use statrs::distribution::{ContinuousCDF, Normal};
        let normal = Normal::new(0.0, 1.0).unwrap();
        for i in 1..1000 {
            let p = f64::from(i) / 1000.0;
            assert!((quantile(p) - normal.inverse_cdf(p)).abs() < 1e-10, "{p}");
        }
        assert_eq!(quantile(0.5), 0.0);
        assert_eq!(quantile(0.25), -quantile(0.75));
    }

    #[test]
    fn the_factor_has_mean_one() {
        // Midpoint rule over the quantiles: an exact law up to the tails cut off.
        let cells = 1_000_000;
        for sigma in [0.0, 0.25, 0.6] {
            let mean = (0..cells)
                .map(|i| lognormal_mean_one(sigma, (f64::from(i) + 0.5) / f64::from(cells)))
                .sum::<f64>()
                / f64::from(cells);
            assert!((mean - 1.0).abs() < 1e-4, "{sigma}: {mean}");
        }
    }
}
