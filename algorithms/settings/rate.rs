use serde::{Deserialize, Serialize};

use super::{Fraction, Positive};

/// A learning rate, optionally another one for the upper layers, and how both change over the rounds.
///
/// Every algorithm has this same freedom: a comparison in which one alone may set a rate per block is not fair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningRate {
    /// η of the lower layers, or of all.
    pub base: Positive,
    /// η of the upper layers and the head, if it differs.
    #[serde(default)]
    pub upper: Option<UpperRate>,
    /// How η changes over the rounds.
    #[serde(default)]
    pub schedule: Schedule,
}

/// A learning rate of its own for the upper layers and the head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpperRate {
    /// The first layer, counted from 1, that uses this rate; all above it and the head do too.
    /// One more than the number of layers: the head alone.
    pub from_layer: usize,
    /// η of these layers.
    pub rate: Positive,
}

/// How a learning rate changes over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// It does not.
    #[default]
    Constant,
    /// Straight down from 1 at the first of `rounds` rounds to `final_fraction` at the last and after.
    Linear {
        /// Rounds over which the rate falls.
        rounds: u64,
        /// The share of the rate that remains.
        final_fraction: Fraction,
    },
}

impl Schedule {
    /// The factor on the learning rate in `round`, counted from 0.
    pub fn factor(&self, round: u64) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Linear { rounds, final_fraction } => {
                let last = rounds.saturating_sub(1).max(1);
                let progress = round.min(last) as f64 / last as f64;
                1.0 - progress * (1.0 - final_fraction.get())
            }
        }
    }
}

impl LearningRate {
    /// η of a stage (0 the embeddings, 1..=L the layers, L + 1 the head) in `round`.
    pub fn of(&self, stage: usize, round: u64) -> f64 {
        let rate = match &self.upper {
            Some(upper) if stage >= upper.from_layer => upper.rate,
            _ => self.base,
        };
        rate.get() * self.schedule.factor(round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_schedule_starts_at_one_ends_at_its_fraction_and_stays() {
        let final_fraction = Fraction::new(0.1).expect("in range");
        let schedule = Schedule::Linear { rounds: 11, final_fraction };
        assert_eq!(schedule.factor(0), 1.0);
        assert!((schedule.factor(5) - 0.55).abs() < 1e-12);
        assert!((schedule.factor(10) - 0.1).abs() < 1e-12);
        assert_eq!(schedule.factor(10), schedule.factor(1000));
    }

    #[test]
    fn the_upper_rate_holds_from_its_layer_up() {
        let rate = LearningRate {
            base: Positive::new(1.0).expect("positive"),
            upper: Some(UpperRate { from_layer: 3, rate: Positive::new(2.0).expect("positive") }),
            schedule: Schedule::Constant,
        };
        assert_eq!([0, 2, 3, 5].map(|stage| rate.of(stage, 7)), [1.0, 1.0, 2.0, 2.0]);
    }
}
