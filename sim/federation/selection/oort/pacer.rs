//! The pacer: when learning stalls, slower devices are worth their time.

/// Moves the quantile of durations that is preferred, by what was learnt in windows of so many rounds.
///
/// After every window it compares the sums of the rounds' mean utilities, over those who were asked because of theirs,
/// of this window and the one before. If they are within a tenth of each other it raises the quantile, so that
/// rounds may last longer; if one is beyond the other by five times that, it lowers it, but not below one step.
#[derive(Debug, Clone)]
pub(super) struct Pacer {
    rounds: u64,
    step: f64,
    quantile: f64,
    /// Rounds of the window under way.
    passed: u64,
    sum: f64,
    before: Option<f64>,
}

impl Pacer {
    pub(super) fn new(quantile: f64, rounds: u64, step: f64) -> Self {
        Self { rounds, step, quantile, passed: 0, sum: 0.0, before: None }
    }

    /// The quantile preferred now.
    pub(super) fn quantile(&self) -> f64 {
        self.quantile
    }

    /// A round has ended, of this mean utility.
    pub(super) fn round(&mut self, utility: f64) {
        const FLAT: f64 = 0.1;
        const SHARP: f64 = 5.0;
        self.sum += utility;
        self.passed += 1;
        if self.passed < self.rounds {
            return;
        }
        let now = std::mem::take(&mut self.sum);
        self.passed = 0;
        if let Some(before) = self.before.replace(now) {
            let change = (now - before).abs();
            if change <= before * FLAT {
                self.quantile = (self.quantile + self.step).min(1.0);
            } else if change >= before * SHARP {
                self.quantile = (self.quantile - self.step).max(self.step);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rounds: &[f64]) -> f64 {
        let mut pacer = Pacer::new(0.3, 2, 0.05);
        rounds.iter().for_each(|&utility| pacer.round(utility));
        pacer.quantile()
    }

    #[test]
    fn it_relaxes_when_learning_is_flat_and_tightens_when_it_changes_sharply() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
        // One window is no comparison.
        near(after(&[1.0, 1.0]), 0.3);
        near(after(&[1.0, 1.0, 1.0]), 0.3);
        near(after(&[1.0, 1.0, 0.9, 0.95]), 0.35);
        near(after(&[1.0, 1.0, 1.0, 1.15]), 0.35);
        // Neither flat nor sharp.
        near(after(&[1.0, 1.0, 1.5, 1.0]), 0.3);
        near(after(&[1.0, 1.0, 6.0, 6.0]), 0.25);
        // Windows do not overlap: flat, flat.
        near(after(&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), 0.4);
        near(after(&[1.0; 100]), 1.0);
        let sharp: Vec<f64> = (0..60).map(|i| 10_f64.powi(i)).collect();
        near(after(&sharp), 0.05);
    }
}
