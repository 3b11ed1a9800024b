//! What there is to learn from a device, and how soon: closed forms.

/// What the utilities of the devices at hand are measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    /// Utilities above it count as much as it.
    clip: f64,
    least: f64,
    range: f64,
}

impl Scale {
    /// Of at least one utility; `clip` is the quantile above which they are cut. They are put in order only as far as that
    /// takes.
    pub(super) fn of(mut utilities: Vec<f64>, clip: f64) -> Option<Self> {
        // What is just below the least, so that even it has a score.
        const BELOW: f64 = 0.999;
        const LEAST_RANGE: f64 = 1e-4;
        let place = place(clip, utilities.len())?;
        let most = utilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = utilities.iter().copied().fold(f64::INFINITY, f64::min) * BELOW;
        let clip = *utilities.select_nth_unstable_by(place, f64::total_cmp).1;
        Some(Self { clip, least, range: (most - least).max(LEAST_RANGE) })
    }

    /// The statistical part of a score: the utility, cut and scaled to 0..1.
    fn statistical(self, utility: f64) -> f64 {
        (utility.min(self.clip) - self.least) / self.range
    }

    /// The score of a device with this utility, last heard of in round `last`, that takes `duration`, as of round `now`
    /// (rounds from 1):
    ///
    /// `((min(U, clip) - min) / (max - min) + sqrt(0.1 ln(now) / last)) (T/t)^α`, the last factor if t > T.
    ///
    /// The second term is that of upper confidence bounds: what was heard long ago may not be so any more.
    pub(super) fn score(
        self,
        (utility, last): (f64, u64),
        now: u64,
        duration: f64,
        pace: Pace,
    ) -> f64 {
        let stale = (0.1 * libm::log(now as f64) / last.max(1) as f64).sqrt();
        ((self.statistical(utility) + stale) * pace.factor(duration)).abs()
    }
}

/// How long a round is to last, and what it costs a device to take longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pace {
    /// T, in seconds; infinite if there is no preference.
    pub(super) preferred: f64,
    /// α.
    pub(super) penalty: f64,
}

impl Pace {
    /// Prefers the quantile of `durations`; none if that is 1, or if nothing is known.
    pub(super) fn of(mut durations: Vec<f64>, quantile: f64, penalty: f64) -> Self {
        let place = place(quantile, durations.len()).filter(|_| quantile < 1.0);
        let preferred = place.map_or(f64::INFINITY, |place| {
            *durations.select_nth_unstable_by(place, f64::total_cmp).1
        });
        Self { preferred, penalty }
    }

    /// The system part of a score: `(T/t)^α` if t > T, else 1.
    pub(super) fn factor(self, duration: f64) -> f64 {
        if duration <= self.preferred {
            return 1.0;
        }
        libm::pow(self.preferred / duration, self.penalty)
    }
}

/// Where a quantile stands among `count` values in order: `min(floor(quantile * count), count - 1)`.
fn place(quantile: f64, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(((quantile * count as f64) as usize).min(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Utility, duration and last round of each client.
    type Told = (f64, f64, u64);

    fn scores(told: &[Told], now: u64, (quantile, clip, penalty): (f64, f64, f64)) -> Vec<f64> {
        let scale = Scale::of(told.iter().map(|one| one.0).collect(), clip).unwrap();
        let pace = Pace::of(told.iter().map(|one| one.1).collect(), quantile, penalty);
        told.iter().map(|&(u, t, last)| scale.score((u, last), now, t, pace)).collect()
    }

    /// The expected scores are those that FedScale's own `oort.py` (SymbioticLab/FedScale at 7ec441c) has at hand in
    /// `getTopK` when clients have reported this.
    #[test]
    fn scores_are_those_of_fedscale() {
        let five: [Told; 5] =
            [(10.0, 30.0, 3), (20.0, 60.0, 1), (35.0, 45.0, 2), (12.5, 90.0, 3), (80.0, 20.0, 1)];
        let ten: Vec<Told> = (0..10_u32)
            .map(|i| ((5 + 3 * i).into(), (10 + 7 * i % 11).into(), (1 + i % 4).into()))
            .collect();
        let usual = (0.3, 0.9, 2.0);
        type Case<'a> = (&'a [Told], u64, (f64, f64, f64), &'a [f64]);
        let cases: [Case<'_>; 5] = [
            (
                &five,
                4,
                usual,
                &[
                    0.2151075129924059,
                    0.12882732886310633,
                    0.27578291801480326,
                    0.02786852193273713,
                    1.3723297411059034,
                ],
            ),
            (
                &five,
                4,
                (1.0, 0.9, 2.0),
                &[
                    0.2151075129924059,
                    0.5153093154524253,
                    0.6205115655333073,
                    0.2508166973946342,
                    1.3723297411059034,
                ],
            ),
            (&[(7.0, 10.0, 1); 3], 2, usual, &[1.263276884773416; 3]),
            (
                &ten,
                6,
                (0.3, 0.5, 1.0),
                &[
                    0.42347694968790117,
                    0.31397920490689885,
                    0.46675386245332895,
                    0.35431673332918256,
                    0.7051192726860374,
                    0.854950346188551,
                    0.547385853929931,
                    0.6649792450067062,
                    0.9789296436334668,
                    0.6174641389139535,
                ],
            ),
            (
                &ten,
                2,
                usual,
                &[
                    0.2634620356713978,
                    0.17393582934452556,
                    0.3743692087715459,
                    0.19650272607798233,
                    0.467274563476198,
                    0.7418027153964992,
                    0.38328421192197154,
                    0.6831035317894819,
                    1.152186345984303,
                    0.6187094540847187,
                ],
            ),
        ];
        for (told, now, how, expected) in cases {
            for (found, expected) in scores(told, now, how).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
            }
        }
    }

    /// By hand, from the paper: `U (T/t)^α` if t > T.
    #[test]
    fn who_takes_twice_as_long_counts_for_a_quarter() {
        let pace = Pace { preferred: 10.0, penalty: 2.0 };
        assert_eq!([5.0, 10.0, 20.0, 80.0].map(|t| pace.factor(t)), [1.0, 1.0, 0.25, 1.0 / 64.0]);
        assert_eq!(Pace::of(vec![3.0], 1.0, 2.0).preferred, f64::INFINITY);
        assert_eq!(Pace::of(Vec::new(), 0.3, 2.0).preferred, f64::INFINITY);
    }
}
