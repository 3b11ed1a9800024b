use crate::architecture::Architecture;

/// A transformer: what it is made of, and what is to be known besides to compute it.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformerConfig {
    /// Its shapes and operations: all that costs depend on.
    pub architecture: Architecture,
    /// What changes a result and no cost.
    pub numerics: Numerics,
}

/// What changes what a transformer computes, and not what that costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Numerics {
    /// Added to the variance, or the mean square, in norms.
    pub norm_epsilon: f64,
    /// Whether a token attends to those before it alone.
    pub causal: bool,
    /// How positions turn queries and keys, where they are rotary.
    pub rotary: Rotary,
}

impl Default for Numerics {
    /// BERT's: epsilon 1e-12, attention both ways.
    fn default() -> Self {
        Self { norm_epsilon: 1e-12, causal: false, rotary: Rotary::default() }
    }
}

/// Rotary positions (Su et al. 2021): element i of the first half of a head and its counterpart in the second are turned by
/// `position / base^(2 i / width)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotary {
    /// Of the frequencies.
    pub base: f64,
    /// How they are stretched for longer inputs.
    pub stretch: Option<Stretch>,
}

impl Default for Rotary {
    fn default() -> Self {
        Self { base: 10_000.0, stretch: None }
    }
}

/// LLaMA 3.1's stretching of rotary frequencies: waves longer than `context / low` are slowed down by `factor`, those
/// shorter than `context / high` stay, and between them it goes smoothly from one to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// At least 1.
    pub factor: f64,
    /// Of long waves.
    pub low: f64,
    /// Of short ones; more than `low`.
    pub high: f64,
    /// Tokens of the original context.
    pub context: f64,
}

impl Rotary {
    /// Radians per position of each pair of a head that is `width` wide.
    pub fn frequencies(&self, width: usize) -> Vec<f64> {
        let plain = (0..width / 2).map(|i| libm::pow(self.base, -2.0 * i as f64 / width as f64));
        plain
            .map(|frequency| self.stretch.map_or(frequency, |by| by.stretched(frequency)))
            .collect()
    }
}

impl Stretch {
    fn stretched(&self, frequency: f64) -> f64 {
        let wave = 2.0 * std::f64::consts::PI / frequency;
        if wave < self.context / self.high {
            return frequency;
        }
        if wave > self.context / self.low {
            return frequency / self.factor;
        }
        let smooth = (self.context / wave - self.low) / (self.high - self.low);
        (1.0 - smooth) * frequency / self.factor + smooth * frequency
    }
}
