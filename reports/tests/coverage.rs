//! Intervals hold the truth as often as they promise.
//!
//! A check here is of a binomial count: `RUNS` independent experiments, each covering with
//! probability 0.95 exactly (normal data, normal logarithms). It passes within 3.89 standard
//! deviations, which a correct interval misses with probability 1e-4; the seeds are fixed, so it
//! never flickers. With 20,000 runs those are 0.6 percentage points: an interval made with the
//! normal's 1.96 instead of t covers 0.81 of three seeds and fails by far.

use fleetune_reports::statistics::{
    Contrast, Cost, Estimate, Incomparable, LEVEL, PairedRatio, holm, sign_flip,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Normal};

const RUNS: u32 = 20_000;

fn assert_covers(what: &str, mut experiment: impl FnMut(&mut ChaCha8Rng) -> bool) {
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_101);
    let hits = (0..RUNS).filter(|_| experiment(&mut rng)).count() as f64;
    let (share, n) = (hits / f64::from(RUNS), f64::from(RUNS));
    let allowed = 3.89 * (LEVEL * (1.0 - LEVEL) / n).sqrt();
    assert!((share - LEVEL).abs() <= allowed, "{what}: {share} of the intervals hold the truth");
}

fn covers_mean(seeds: usize) {
    let normal = Normal::new(7.0, 2.0).unwrap();
    assert_covers(&format!("mean of {seeds}"), |rng| {
        let values = normal.sample_iter(rng).take(seeds).collect::<Vec<f64>>();
        let (low, high) = Estimate::new(&values, LEVEL).unwrap().interval().unwrap();
        (low..=high).contains(&7.0)
    });
}

#[test]
fn means_of_three_seeds() {
    covers_mean(3);
}

#[test]
fn means_of_ten_seeds() {
    covers_mean(10);
}

/// The seeds share a factor ten times as variable as what is to be seen; pairing removes it.
#[test]
fn ratios_of_five_pairs() {
    let (shared, own) = (Normal::new(0.0, 1.0).unwrap(), Normal::new(0.0, 0.1).unwrap());
    let mut widths = 0.0;
    assert_covers("ratio of 5 pairs", |rng| {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let seed: f64 = shared.sample(rng);
            a.push(Some(2.5 * libm::exp(seed + own.sample(rng))));
            b.push(Some(libm::exp(seed + own.sample(rng))));
        }
        let (low, high) = PairedRatio::new(&a, &b, LEVEL).unwrap().interval.unwrap();
        widths += libm::log(high / low);
        (low..=high).contains(&2.5)
    });
    // Unpaired, the mean width would be about 2 * 2.78 * sqrt(2 / 5) = 3.5.
    assert!(widths / f64::from(RUNS) < 0.5, "pairing does not narrow the interval");
}

/// Two equal algorithms are called distinguishable as rarely as promised: in one run of twenty.
#[test]
fn equals_are_rarely_told_apart() {
    let noise = Normal::new(0.0, 0.2).unwrap();
    assert_covers("equal costs", |rng| {
        let mut costs = || (0..3).map(|_| Some(libm::exp(noise.sample(rng)))).collect::<Vec<_>>();
        let (a, b) = (costs(), costs());
        !PairedRatio::new(&a, &b, LEVEL).unwrap().is_distinguishable()
    });
}

/// What the issue asks of intervals: 93 to 97 of 100, over 2,000 draws.
const DRAWS: u32 = 2_000;

/// Costs of `seeds` seeds: a common factor e^(N(0, 0.5)) for each, own factors e^(N(0, 0.3)), the first `shift` dearer; what
/// is beyond `end` is not seen.
fn costs(rng: &mut ChaCha8Rng, seeds: u64, (shift, end): (f64, f64)) -> [Vec<(u64, Cost)>; 2] {
    let (shared, own) = (Normal::new(0.0, 0.5).unwrap(), Normal::new(0.0, 0.3).unwrap());
    let mut sides = [Vec::new(), Vec::new()];
    for seed in 0..seeds {
        let common: f64 = shared.sample(rng);
        for (side, shift) in sides.iter_mut().zip([shift, 0.0]) {
            let cost = libm::exp(common + shift + own.sample(rng));
            side.push((seed, if cost <= end { Cost::Reached(cost) } else { Cost::Beyond(end) }));
        }
    }
    sides
}

/// The ratio of restricted geometric means, of very many seeds.
fn truth(shift: f64, end: f64) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_102);
    let [a, b] = costs(&mut rng, 400_000, (shift, end));
    let logs = |side: &[(u64, Cost)]| -> f64 {
        side.iter().map(|(_, cost)| libm::log(cost.restricted(end))).sum()
    };
    libm::exp((logs(&a) - logs(&b)) / a.len() as f64)
}

/// Between 93 and 97 % hold the truth, whether all seeds reach the target or up to a fifth of the slower one's does not.
#[test]
fn contrasts_hold_the_known_ratio_with_and_without_seeds_given_up() {
    for seeds in [3, 5, 10] {
        for (shift, share) in [(0.0, 1.0), (0.7, 1.0), (0.7, 0.9), (0.7, 0.8), (1.2, 0.8)] {
            // The slower one's costs have the logarithmic deviation of both factors.
            let deviation = (0.5_f64 * 0.5 + 0.3 * 0.3).sqrt();
            let normal = statrs::distribution::Normal::new(shift, deviation).unwrap();
            let end = match share {
                1.0 => f64::INFINITY,
                share => {
                    libm::exp(statrs::distribution::ContinuousCDF::inverse_cdf(&normal, share))
                }
            };
            let known = if share < 1.0 { truth(shift, end) } else { libm::exp(shift) };
            let mut rng = ChaCha8Rng::seed_from_u64(20_260_103);
            let (mut held, mut cut, mut asked) = (0, 0, 0);
            while asked < DRAWS {
                let [a, b] = costs(&mut rng, seeds, (shift, end));
                // Nothing is said where neither got anywhere.
                let Ok(found) = Contrast::paired(&a, &b) else { continue };
                let (low, high) = found.interval.unwrap();
                held += u32::from((low..=high).contains(&known));
                cut += usize::from(found.cut != (0, 0));
                asked += 1;
            }
            let held = f64::from(held) / f64::from(DRAWS);
            assert!((0.93..=0.97).contains(&held), "{seeds} seeds, {shift}, {share}: {held}");
            assert_eq!(cut > 0, share < 1.0, "the case is what it says");
        }
    }
}

/// Of equals, restricted as well, the tests reject 5 % and no more; the exact one no more than its coarseness allows.
#[test]
fn false_alarms_are_within_their_band() {
    for (seeds, end) in [(3, f64::INFINITY), (6, f64::INFINITY), (10, f64::INFINITY), (10, 1.6)] {
        let mut rng = ChaCha8Rng::seed_from_u64(20_260_104);
        let (mut student, mut exact, mut asked) = (0.0, 0.0, 0.0);
        for _ in 0..RUNS {
            let [a, b] = costs(&mut rng, seeds, (0.0, end));
            let Ok(found) = Contrast::paired(&a, &b) else { continue };
            student += f64::from(u8::from(found.p <= 0.05));
            exact += f64::from(u8::from(found.exact.unwrap() <= 0.05));
            asked += 1.0;
        }
        let allowed = 3.89 * (0.05_f64 * 0.95 / asked).sqrt();
        assert!((student / asked - 0.05).abs() <= allowed, "{seeds}, {end}: t {}", student / asked);
        // The exact test's levels are multiples of 2 / 2^n, of which the largest up to 0.05 is its own.
        let steps = libm::floor(0.05 * libm::exp2(seeds as f64 - 1.0));
        let own = steps / libm::exp2(seeds as f64 - 1.0);
        let allowed = 3.89 * (own * (1.0 - own) / asked).sqrt();
        assert!((exact / asked - own).abs() <= allowed, "{seeds}, {end}: exact {}", exact / asked);
    }
}

/// Four equal algorithms, six pairs, all costs restricted: any alarm in a family is as rare as promised, by t and by signs.
#[test]
fn families_of_equals_rarely_raise_an_alarm() {
    let noise = Normal::new(0.0, 0.3).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_105);
    let (mut student, mut exact) = (0, 0);
    for _ in 0..DRAWS {
        let all: Vec<Vec<f64>> =
            (0..4).map(|_| noise.sample_iter(&mut rng).take(10).collect()).collect();
        let (mut p, mut q) = (Vec::new(), Vec::new());
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                let by_seed = |side: &[f64]| -> Vec<(u64, Cost)> {
                    (0..).zip(side).map(|(s, x)| (s, Cost::Reached(libm::exp(*x)))).collect()
                };
                p.push(Contrast::paired(&by_seed(a), &by_seed(b)).unwrap().p);
                let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
                q.push(sign_flip(&differences).unwrap());
            }
        }
        student += u32::from(holm(&p).iter().any(|p| *p <= 0.05));
        exact += u32::from(holm(&q).iter().any(|p| *p <= 0.05));
    }
    // More than 3.89 deviations above 5 % have probability 1e-4.
    let most = f64::from(DRAWS) * 0.05 + 3.89 * (f64::from(DRAWS) * 0.05 * 0.95).sqrt();
    assert!(f64::from(student) <= most && f64::from(exact) <= most, "{student} {exact}");
    assert!(student > 20, "Holm's procedure is not that shy of six pairs: {student}");
}

/// Where nearly all seeds of both are given up, there is either a seed that got there or no ratio.
#[test]
fn where_nothing_is_reached_nothing_is_claimed() {
    let mut rng = ChaCha8Rng::seed_from_u64(20_260_106);
    for _ in 0..DRAWS {
        let [a, b] = costs(&mut rng, 4, (0.0, 0.2));
        match Contrast::paired(&a, &b) {
            Err(Incomparable::NothingWithin(end)) => assert_eq!(end, 0.2),
            Err(Incomparable::NoSeed) => panic!("there are seeds"),
            Ok(found) => assert!(found.cut != (4, 4) && found.horizon == 0.2),
        }
    }
}
