//! Laws of durations and sizes, sampled by inversion with reproducible maths.

use fleetune_devices::{normal, streams::open_unit};
use fleetune_units::Seconds;

/// The law of a duration. Parameters are taken as they are: experiments write them down.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Law {
    /// Always the same.
    Constant(Seconds),
    /// F(t) = 1 - exp(-t / mean).
    Exponential {
        /// The mean, 1/λ.
        mean: Seconds,
    },
    /// F(t) = (t - low) / (high - low) on [low, high].
    Uniform {
        /// The least value.
        low: Seconds,
        /// The greatest value.
        high: Seconds,
    },
    /// ln T is normal with variance σ² = ln(1 + CV²).
    LogNormal {
        /// The mean.
        mean: Seconds,
        /// Standard deviation over mean, CV.
        variation: f64,
    },
    /// F(t) = 1 - exp(-(t / scale)^shape).
    Weibull {
        /// The shape k.
        shape: f64,
        /// The scale s.
        scale: Seconds,
    },
    /// F(t) = 1 - (scale / t)^shape from `scale` on.
    Pareto {
        /// The shape α.
        shape: f64,
        /// The least value, x_m.
        scale: Seconds,
    },
}

impl Law {
    /// F(t), the probability of at most `t`.
    pub fn cdf(self, t: Seconds) -> f64 {
        match self {
            // Where F is small, 1 - s would lose its digits.
            Self::Exponential { mean } => -libm::expm1(-t.get() / mean.get()),
            Self::Weibull { shape, scale } => {
                -libm::expm1(-libm::pow(t.get() / scale.get(), shape))
            }
            _ => 1.0 - self.survival(t),
        }
    }

    /// s(t) = 1 - F(t), the probability of more than `t`, exact also far out.
    pub fn survival(self, t: Seconds) -> f64 {
        let t = t.get();
        match self {
            Self::Constant(value) => f64::from(u8::from(t < value.get())),
            Self::Exponential { mean } => libm::exp(-t / mean.get()),
            Self::Uniform { low, high } => {
                ((high.get() - t) / (high.get() - low.get())).clamp(0.0, 1.0)
            }
            Self::LogNormal { .. } if t <= 0.0 => 1.0,
            Self::LogNormal { mean, variation } => {
                let sigma = sigma(variation);
                let z = libm::log(t / mean.get()) / sigma + sigma / 2.0;
                0.5 * libm::erfc(z / std::f64::consts::SQRT_2)
            }
            Self::Weibull { shape, scale } => libm::exp(-libm::pow(t / scale.get(), shape)),
            Self::Pareto { scale, .. } if t <= scale.get() => 1.0,
            Self::Pareto { shape, scale } => libm::pow(scale.get() / t, shape),
        }
    }

    /// The value below which a share `p` of the samples lies, for `p` in (0, 1).
    pub fn quantile(self, p: f64) -> Seconds {
        Seconds::from_raw(match self {
            Self::Constant(value) => value.get(),
            Self::Exponential { mean } => -mean.get() * libm::log1p(-p),
            Self::Uniform { low, high } => low.get() + p * (high.get() - low.get()),
            Self::LogNormal { mean, variation } => {
                mean.get() * normal::lognormal_mean_one(sigma(variation), p)
            }
            Self::Weibull { shape, scale } => {
                scale.get() * libm::pow(-libm::log1p(-p), 1.0 / shape)
            }
            Self::Pareto { shape, scale } => scale.get() * libm::pow(1.0 - p, -1.0 / shape),
        })
    }

    /// One sample: the quantile of one uniform number.
    pub fn sample(self, rng: &mut impl rand::Rng) -> Seconds {
        self.quantile(open_unit(rng))
    }
}

/// The standard deviation of the logarithm of a log-normal law with this CV.
fn sigma(variation: f64) -> f64 {
    libm::log1p(variation * variation).sqrt()
}
