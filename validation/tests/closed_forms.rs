//! R1 to R6 as functions: against the catalogue's numbers, numeric integrals and enumeration.

use fleetune_units::Seconds;
use fleetune_validation::{
    Law,
    closed_forms::{
        arrivals, binomial, binomial_at_least, deadline_exponential, deadline_round, harmonic, kth,
        kth_exponential, kth_exponential_variance, round_succeeds, rounds_to_success, slow_round,
        slowest, slowest_pareto, slowest_uniform, slowest_weibull,
    },
};

const SECOND: Seconds = Seconds::from_raw(1.0);

fn seconds(x: f64) -> Seconds {
    Seconds::from_raw(x)
}

#[track_caller]
fn near(a: f64, b: f64, relative: f64) {
    assert!((a - b).abs() <= relative * b.abs(), "{a} is not {b}");
}

#[test]
fn the_numbers_of_the_catalogue_come_out() {
    near(harmonic(10), 2.9290, 2e-5);
    near(harmonic(100), 5.1874, 1e-5);
    near(harmonic(1000), 7.4855, 1e-5);
    near(kth_exponential(100, 130, SECOND).get(), 1.4536, 5e-5);
    let law = Law::Exponential { mean: SECOND };
    near(deadline_exponential(10, SECOND, seconds(2.0)).get(), 1.9041, 5e-5);
    near(arrivals(10, law, seconds(2.0)), 8.6466, 1e-5);
}

#[test]
fn order_statistics_of_exponentials_are_integrals() {
    let mean = seconds(2.5);
    let law = Law::Exponential { mean };
    for (k, n) in [(1, 1), (1, 7), (7, 7), (10, 13), (100, 130), (1000, 1000)] {
        near(kth_exponential(k, n, mean).get(), kth(k, n, law).get(), 1e-9);
    }
    near(kth_exponential(9, 9, mean).get(), slowest(&[law; 9]).get(), 1e-9);
}

/// The gaps between completions are independent exponentials of means mean/(n - j).
#[test]
fn the_variance_of_a_round_is_the_sum_over_its_gaps() {
    let mean = seconds(3.0);
    for (k, n) in [(1, 4), (4, 4), (10, 13)] {
        let gaps: f64 = (0..k).map(|j| (3.0 / f64::from(n - j)).powi(2)).sum();
        near(kth_exponential_variance(k, n, mean), gaps, 1e-12);
    }
}

#[test]
fn maxima_of_other_laws_are_integrals() {
    let (low, high) = (seconds(1.0), seconds(3.0));
    for n in [1, 2, 7, 50] {
        let laws = vec![Law::Uniform { low, high }; n as usize];
        near(slowest_uniform(n, low, high).get(), slowest(&laws).get(), 1e-9);
        for shape in [1.2, 2.0, 5.0] {
            let laws = vec![Law::Pareto { shape, scale: low }; n as usize];
            near(slowest_pareto(n, shape, low).get(), slowest(&laws).get(), 1e-6);
        }
        for shape in [0.6, 1.0, 2.5] {
            let laws = vec![Law::Weibull { shape, scale: high }; n as usize];
            near(slowest_weibull(n, shape, high).get(), slowest(&laws).get(), 1e-7);
        }
    }
    assert!(slowest_pareto(3, 1.0, low).get().is_infinite());
    // With shape 1 Weibull is exponential, on both sides of the switch to the integral.
    for n in [25, 26, 200] {
        let exponential = kth_exponential(n, n, high).get();
        near(slowest_weibull(n, 1.0, high).get(), exponential, 1e-7);
    }
}

/// Two independent exponentials of rates a and b: E max = 1/a + 1/b - 1/(a + b).
#[test]
fn devices_may_be_mixed() {
    let laws = [2.0, 0.5].map(|rate| Law::Exponential { mean: seconds(1.0 / rate) });
    near(slowest(&laws).get(), 0.5 + 2.0 - 0.4, 1e-9);
    let fixed = [laws[0], Law::Constant(seconds(100.0))];
    near(slowest(&fixed).get(), 100.0, 1e-9);
}

#[test]
fn deadlines_cut_rounds_as_the_integral_says() {
    for (n, deadline) in [(1, 0.5), (10, 2.0), (10, 1e-3), (100, 4.0), (3, 100.0)] {
        let (mean, deadline) = (seconds(1.5), seconds(deadline));
        let law = Law::Exponential { mean };
        let formula = deadline_exponential(n, mean, deadline).get();
        near(formula, deadline_round(n, law, deadline).get(), 1e-9);
        assert!(formula <= deadline.get() * (1.0 + 1e-12));
    }
    // Without a deadline that matters it is the synchronous round.
    near(deadline_exponential(5, SECOND, seconds(80.0)).get(), harmonic(5), 1e-12);
}

#[test]
fn binomials_are_a_law_with_their_mean() {
    for (n, p) in [(1, 0.3), (10, 0.05), (130, 0.9), (1000, 0.5)] {
        near(binomial_at_least(n, 0, p), 1.0, 1e-10);
        let mean: f64 = (0..=n).map(|k| f64::from(k) * binomial(n, k, p)).sum();
        near(mean, f64::from(n) * p, 1e-10);
    }
    assert_eq!(binomial(3, 4, 0.5), 0.0);
}

/// All outcomes of a few clients, counted one by one.
#[test]
fn dropouts_and_slow_rounds_are_what_counting_gives() {
    let (asked, needed, dropout) = (6_u32, 4_u32, 0.3_f64);
    let stay = |set: u32| set.count_ones();
    let weight = |set: u32| {
        (1.0 - dropout).powi(stay(set) as i32) * dropout.powi((asked - stay(set)) as i32)
    };
    let counted: f64 = (0..1 << asked).filter(|&set| stay(set) >= needed).map(weight).sum();
    near(round_succeeds(asked, needed, dropout), counted, 1e-12);
    near(rounds_to_success(asked, needed, dropout), 1.0 / counted, 1e-12);

    let (all, slow) = (9_u32, 3_u32);
    for cohort in 0..=all {
        let cohorts: Vec<u32> = (0..1 << all).filter(|&set| stay(set) == cohort).collect();
        let unlucky = cohorts.iter().filter(|&&set| set & ((1 << slow) - 1) != 0).count();
        let share = unlucky as f64 / cohorts.len() as f64;
        assert!((slow_round(all, slow, cohort) - share).abs() < 1e-12);
    }
}

#[test]
fn quantiles_invert_and_survival_complements() {
    let laws = [
        Law::Exponential { mean: seconds(2.0) },
        Law::Uniform { low: seconds(1.0), high: seconds(4.0) },
        Law::LogNormal { mean: seconds(2.0), variation: 0.8 },
        Law::Weibull { shape: 0.7, scale: seconds(2.0) },
        Law::Pareto { shape: 1.5, scale: seconds(2.0) },
    ];
    for law in laws {
        for p in [1e-6, 0.01, 0.3, 0.5, 0.9, 0.999_999] {
            let t = law.quantile(p);
            near(law.cdf(t), p, 1e-9);
            near(law.survival(t), 1.0 - p, 1e-9);
        }
    }
}
