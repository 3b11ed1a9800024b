use serde::{Deserialize, Serialize};

use super::{Fraction, Positive};
use crate::protocol::Moment;

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
    /// Straight down from 1 to `final_fraction`.
    Linear {
        /// It falls from the first of so many rounds to the last, and stays. The default is to fall over the whole run,
        /// with the share of its rounds, time or FLOPs that is spent: algorithms whose rounds cost different amounts
        /// get the same course over the same budget.
        #[serde(default)]
        rounds: Option<u64>,
        /// The share of the rate that remains.
        final_fraction: Fraction,
    },
}

impl Schedule {
    /// The factor on the learning rate.
    pub fn factor(&self, when: Moment) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Linear { rounds, final_fraction } => {
                let fallen = match rounds {
                    None => when.progress.share(),
                    Some(rounds) => {
                        let last = rounds.saturating_sub(1).max(1);
                        when.round.min(last) as f64 / last as f64
                    }
                };
                1.0 - fallen * (1.0 - final_fraction.get())
            }
        }
    }
}

impl LearningRate {
    /// η of a stage (0 the embeddings, 1..=L the layers, L + 1 the head).
    pub fn of(&self, stage: usize, when: Moment) -> f64 {
        let rate = match &self.upper {
            Some(upper) if stage >= upper.from_layer => upper.rate,
            _ => self.base,
        };
        rate.get() * self.schedule.factor(when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Progress;

    fn round(round: u64) -> Moment {
        Moment { round, progress: Progress::START }
    }

    #[test]
    fn over_the_whole_run_the_rate_falls_with_what_is_spent() {
        let final_fraction = Fraction::new(0.1).expect("in range");
        let schedule = Schedule::Linear { rounds: None, final_fraction };
        let at = |share| schedule.factor(Moment { round: 7, progress: Progress::of(share) });
        assert_eq!(at(0.0), 1.0);
        assert!((at(0.5) - 0.55).abs() < 1e-12);
        assert!((at(1.0) - 0.1).abs() < 1e-12);
        assert_eq!(at(1.0), at(1.3), "the last round may begin after the budget is spent");
    }

    #[test]
    fn a_linear_schedule_starts_at_one_ends_at_its_fraction_and_stays() {
        let final_fraction = Fraction::new(0.1).expect("in range");
        let schedule = Schedule::Linear { rounds: Some(11), final_fraction };
        assert_eq!(schedule.factor(round(0)), 1.0);
        assert!((schedule.factor(round(5)) - 0.55).abs() < 1e-12);
        assert!((schedule.factor(round(10)) - 0.1).abs() < 1e-12);
        assert_eq!(schedule.factor(round(10)), schedule.factor(round(1000)));
    }

    #[test]
    fn the_upper_rate_holds_from_its_layer_up() {
        let rate = LearningRate {
            base: Positive::new(1.0).expect("positive"),
            upper: Some(UpperRate { from_layer: 3, rate: Positive::new(2.0).expect("positive") }),
            schedule: Schedule::Constant,
        };
        assert_eq!([0, 2, 3, 5].map(|stage| rate.of(stage, round(7))), [1.0, 1.0, 2.0, 2.0]);
    }
}
