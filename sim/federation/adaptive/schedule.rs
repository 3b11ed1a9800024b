//! The deadlines of all rounds, and the batch sizes that go with them, by which ADEL-FL's bound is least.

use std::num::NonZeroU32;

use fleetune_units::Seconds;

use super::{
    Bound, Deadlines, Pace, RoundDeadline,
    bound::{missed, penalty},
};

/// Times that are tried for a round.
const TIMES: usize = 256;
/// Scales of the batch sizes that are tried.
const SCALES: usize = 24;
/// Bisections to the earliest deadline for which the bound holds.
const BISECTIONS: usize = 60;
/// The largest p of the earliest deadline: a little below the 1/2 at which the bound is infinite.
const LARGEST_MISSED: f64 = 0.49;

/// What is to be chosen for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The most that all deadlines together may take.
    pub budget: Seconds,
    /// No deadline is earlier.
    pub shortest: Seconds,
    /// Layers, L.
    pub layers: usize,
    /// Devices in a cohort, U: two or more.
    pub cohort: u32,
    /// The learning rate of every round.
    pub rates: Vec<f64>,
    /// What the server believes of the loss.
    pub bound: Bound,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// When rounds stop.
    pub deadlines: Deadlines,
    /// Of the tried batch sizes, those chosen.
    pub tried: usize,
    /// What of the bound the choice decides.
    pub bound: f64,
}

/// Why nothing can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoChoice {
    /// The budget is too short for deadlines for which the bound holds.
    #[error(
        "policy.adaptive.budget: {} for {rounds} rounds is too short: half of the cohorts would miss a layer altogether; \
         expected at least {} in all (fewer rounds need less)", budget.human(), least.human()
    )]
    TooShort {
        /// What there is.
        budget: Seconds,
        /// Rounds to share it.
        rounds: usize,
        /// What it would take.
        least: Seconds,
    },
    /// There is nobody to choose for.
    #[error("policy.adaptive: no device of the fleet has the memory to take part")]
    Nobody,
}

/// The deadlines and one of the batch sizes that were `tried`, given as the paces that devices have with them.
///
/// # Errors
/// [`NoChoice`].
pub fn choose(wanted: &Wanted, tried: &[Vec<Pace>]) -> Result<Choice, NoChoice> {
    let weights = wanted.bound.weights(&wanted.rates);
    let mut best: Option<Choice> = None;
    let mut least: Option<Seconds> = None;
    for (index, paces) in tried.iter().enumerate().filter(|(_, paces)| !paces.is_empty()) {
        let floor = wanted.earliest(paces);
        let all = floor * weights.len() as f64;
        least = Some(least.map_or(all, |least| if all < least { all } else { least }));
        if all > wanted.budget {
            continue;
        }
        let times = wanted.share_out(&weights, paces, floor);
        let square = wanted.bound.gradient.powi(2);
        let variance = wanted.bound.sampling(paces, wanted.cohort);
        let of = |(time, weight): (&Seconds, &f64)| {
            weight * (variance + square * wanted.penalty(paces, *time))
        };
        let bound: f64 = times.iter().zip(&weights).map(of).sum();
        if best.as_ref().is_none_or(|best| bound < best.bound) {
            let round = |after: Seconds| RoundDeadline {
                after,
                missed: missed(paces, wanted.cohort, wanted.layers, after),
            };
            let deadlines = Deadlines(times.into_iter().map(round).collect());
            best = Some(Choice { deadlines, tried: index, bound });
        }
    }
    let (budget, rounds) = (wanted.budget, weights.len());
    best.ok_or(match least {
        Some(least) => NoChoice::TooShort { budget, rounds, least },
        None => NoChoice::Nobody,
    })
}

/// `S_u = m P_u (T - B_u) / T` for a few m, from all devices at `bounds[0]` to all at `bounds[1]`: rounded, within the
/// bounds and the device's own `most`. `paces` are those of one batch size for all.
pub fn sizes(
    paces: &[Pace],
    most: &[NonZeroU32],
    bounds: [NonZeroU32; 2],
    mean_deadline: Seconds,
) -> Vec<Vec<NonZeroU32>> {
    let [smallest, largest] = bounds.map(|bound| f64::from(bound.get()));
    let speeds: Vec<f64> = paces
        .iter()
        .map(|pace| {
            let left = 1.0 - pace.transfers.get() / mean_deadline.get();
            f64::from(pace.batch) / pace.layer.get() * left.max(0.0)
        })
        .collect();
    let positive = || speeds.iter().copied().filter(|speed| *speed > 0.0);
    let fastest = positive().fold(f64::MIN_POSITIVE, f64::max);
    let slowest = positive().fold(f64::INFINITY, f64::min).min(f64::MAX);
    let (from, to) = (smallest / fastest, largest / slowest);
    let scales = if bounds[0] == bounds[1] { 1 } else { SCALES };
    let scale = |i: usize| from * libm::pow(to / from, i as f64 / (SCALES - 1) as f64);
    let size = |speed: f64, most: NonZeroU32, m: f64| {
        let size = (m * speed).round().clamp(smallest, largest) as u32;
        NonZeroU32::new(size.min(most.get())).unwrap_or(NonZeroU32::MIN)
    };
    let of = |m: f64| speeds.iter().zip(most).map(|(&speed, &most)| size(speed, most, m)).collect();
    (0..scales).map(|i| of(scale(i))).collect()
}

impl Wanted {
    fn penalty(&self, paces: &[Pace], time: Seconds) -> f64 {
        penalty(&missed(paces, self.cohort, self.layers, time), self.cohort)
    }

    /// The earliest deadline for which the bound holds, or the shortest one wanted.
    fn earliest(&self, paces: &[Pace]) -> Seconds {
        let holds = |time: Seconds| {
            missed(paces, self.cohort, self.layers, time).iter().all(|p| *p <= LARGEST_MISSED)
        };
        if holds(self.shortest) {
            return self.shortest;
        }
        let (mut low, mut high) = (self.shortest, self.shortest + self.budget);
        // A fleet this slow is not served by any deadline in the budget.
        while !holds(high) && high.get() < 1e15 {
            (low, high) = (high, high * 2.0);
        }
        for _ in 0..BISECTIONS {
            let middle = (low + high) / 2.0;
            if holds(middle) { high = middle } else { low = middle }
        }
        high
    }

    /// The budget over the rounds, `floor` for each at least, so that `sum_t weight_t C(T_t)` is least.
    ///
    /// C is known at [`TIMES`] times. Along its lower convex hull what a second buys falls with every second, so that
    /// the best buys come first: segment by segment, whichever round they are of.
    fn share_out(&self, weights: &[f64], paces: &[Pace], floor: Seconds) -> Vec<Seconds> {
        let mut left = self.budget.get() - floor.get() * weights.len() as f64;
        let at = |i: usize| left * (i as f64 / (TIMES - 1) as f64).powi(3);
        let cost = |extra: f64| (extra, self.penalty(paces, floor + Seconds::from_raw(extra)));
        let segments = hull((0..TIMES).map(at).map(cost));
        let mut buys: Vec<(f64, usize, f64)> = Vec::new();
        for (round, weight) in weights.iter().enumerate() {
            let gains = segments.iter().map(|(length, slope)| (-slope * weight, round, *length));
            buys.extend(gains.filter(|(gain, ..)| *gain > 0.0));
        }
        // Stable: of equal buys, the earlier rounds' first, and within a round the earlier seconds'.
        buys.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut times = vec![floor.get(); weights.len()];
        for (_, round, length) in buys {
            let bought = length.min(left.max(0.0));
            times[round] += bought;
            left -= bought;
        }
        times.into_iter().map(Seconds::from_raw).collect()
    }
}

/// The lower convex hull of points in ascending order: lengths and slopes of its segments.
fn hull(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    let slope = |a: (f64, f64), b: (f64, f64)| (b.1 - a.1) / (b.0 - a.0);
    for point in points {
        if kept.last().is_some_and(|last| last.0 >= point.0) {
            continue;
        }
        while let [.., a, b] = kept[..] {
            if slope(a, b) < slope(b, point) {
                break;
            }
            kept.pop();
        }
        kept.push(point);
    }
    kept.windows(2).map(|pair| (pair[1].0 - pair[0].0, slope(pair[0], pair[1]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(transfers: f64, layer: f64, batch: u32) -> Pace {
        let [transfers, layer] = [transfers, layer].map(Seconds::from_raw);
        Pace { transfers, layer, batch }
    }

    fn wanted(budget: f64, rates: Vec<f64>) -> Wanted {
        Wanted {
            budget: Seconds::from_raw(budget),
            shortest: Seconds::from_raw(0.5),
            layers: 6,
            cohort: 8,
            rates,
            bound: Bound { convexity: 0.3, gradient: 0.1, deviation: 5.0 },
        }
    }

    #[test]
    fn a_hull_has_falling_gains() {
        let points = [(0.0, 10.0), (1.0, 9.0), (2.0, 3.0), (3.0, 3.5), (4.0, 1.0), (8.0, 1.0)];
        let due = [(2.0, -3.5), (2.0, -1.0), (4.0, 0.0)];
        assert_eq!(hull(points.into_iter()), due);
    }

    /// All of the budget or less, no round below the shortest, and no bound that any shift of time between two rounds
    /// betters: checked by shifting.
    #[test]
    fn deadlines_keep_to_the_budget_and_no_shift_of_time_is_better() {
        let paces = vec![pace(0.3, 0.4, 8), pace(0.5, 0.5, 6), pace(0.1, 0.45, 7)];
        for rates in [vec![0.5; 12], (0..12).map(|t| 0.5 / f64::from(t + 1)).collect()] {
            let wanted = wanted(33.0, rates);
            let choice = choose(&wanted, std::slice::from_ref(&paces)).expect("long enough");
            let times: Vec<f64> = choice.deadlines.0.iter().map(|r| r.after.get()).collect();
            assert!(choice.deadlines.sum().get() <= 33.0 * (1.0 + 1e-12), "{times:?}");
            assert!(choice.deadlines.sum().get() >= 32.9, "{times:?}");
            assert!(times.iter().all(|time| *time >= 0.5));
            let weights = wanted.bound.weights(&wanted.rates);
            let value = |times: &[f64]| -> f64 {
                let of =
                    |(time, w): (&f64, &f64)| w * wanted.penalty(&paces, Seconds::from_raw(*time));
                times.iter().zip(&weights).map(of).sum()
            };
            let found = value(&times);
            for (from, to) in (0..12).flat_map(|from| (0..12).map(move |to| (from, to))) {
                for shift in [0.01, 0.1, 0.5] {
                    let mut other = times.clone();
                    other[from] -= shift;
                    other[to] += shift;
                    // The grid's hull is not the curve itself: a thousandth of the bound.
                    assert!(value(&other) >= found * 0.999, "{from} {to} {shift}");
                }
            }
            let even = value(&[2.75; 12]);
            assert!(found <= even * (1.0 + 1e-9), "worse than even deadlines: {found} {even}");
        }
    }

    /// Rounds of equal weight get equal time, to the last segment's length; more weight gets more.
    #[test]
    fn more_weight_gets_more_time() {
        let paces = vec![pace(0.0, 0.5, 8)];
        let falling = wanted(80.0, (0..10).map(|t| 0.4 / f64::from(t + 1)).collect());
        let weights = falling.bound.weights(&falling.rates);
        let choice = choose(&falling, std::slice::from_ref(&paces)).expect("long enough");
        for (pair, weights) in choice.deadlines.0.windows(2).zip(weights.windows(2)) {
            assert_eq!(weights[0] >= weights[1], pair[0].after >= pair[1].after);
        }
    }

    #[test]
    fn larger_batches_win_where_sampling_counts_and_smaller_ones_where_missing_does() {
        let paces = |m: f64| vec![pace(0.0, m, (20.0 * m) as u32)];
        let tried: Vec<_> = [0.1, 0.2, 0.4, 0.8].map(paces).to_vec();
        let mut wanted = wanted(60.0, vec![0.5; 12]);
        let chosen = |wanted: &Wanted| choose(wanted, &tried).expect("long enough").tried;
        wanted.bound = Bound { gradient: 1e-6, ..wanted.bound };
        assert_eq!(chosen(&wanted), 3);
        wanted.bound = Bound { gradient: 10.0, deviation: 0.01, ..wanted.bound };
        assert!(chosen(&wanted) < 3, "{}", chosen(&wanted));
    }

    #[test]
    fn a_budget_that_is_too_short_says_what_it_would_take() {
        let paces = vec![pace(1.0, 0.5, 8)];
        let wanted = wanted(10.0, vec![0.5; 12]);
        let error = choose(&wanted, std::slice::from_ref(&paces));
        let Err(NoChoice::TooShort { least, rounds: 12, .. }) = error else {
            panic!("{error:?}");
        };
        let enough = Wanted { budget: least * (1.0 + 1e-9), ..wanted.clone() };
        let choice = choose(&enough, std::slice::from_ref(&paces)).expect("just enough");
        let first = &choice.deadlines.0[0];
        assert!(first.missed.iter().all(|p| *p < 0.5), "{first:?}");
        assert_eq!(choose(&wanted, &[Vec::new()]), Err(NoChoice::Nobody));
    }

    #[test]
    fn sizes_follow_speed_within_bounds_and_memory() {
        let bound = |n| NonZeroU32::new(n).expect("not zero");
        // 4 texts at 1, 0.5 and 0.1 s a layer; the third loses half of a deadline of 10 s to transfers.
        let paces = [pace(0.0, 1.0, 4), pace(0.0, 0.5, 4), pace(5.0, 0.1, 4)];
        let most = [bound(100), bound(9), bound(100)];
        let sizes = sizes(&paces, &most, [bound(2), bound(64)], Seconds::from_raw(10.0));
        assert_eq!(sizes.len(), SCALES);
        assert!(sizes[0].iter().all(|size| size.get() == 2));
        assert_eq!(sizes[SCALES - 1], [bound(64), bound(9), bound(64)]);
        for sizes in sizes {
            let [one, two, three] = [0, 1, 2].map(|i| sizes[i].get());
            assert!(two <= 9 && (2..=64).contains(&one) && (2..=64).contains(&three));
            if (3..=4).contains(&one) {
                assert!(two.abs_diff(2 * one) <= 1 && three.abs_diff(5 * one) <= 3, "{sizes:?}");
            }
        }
    }
}
