//! Q1 to Q4 and Q8: queues whose means are known, by the rule of acceptance.

use rand_distr::{Distribution, Exp, LogNormal};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::{
    acceptance::{ALPHA, accept},
    queue::{self, Measured},
};

const REPLICATIONS: u64 = 30;

fn replicate(
    arrivals: f64,
    service: impl Distribution<f64> + Copy,
    customers: u64,
) -> Vec<Measured> {
    (0..REPLICATIONS).map(|seed| queue::run(arrivals, service, customers, seed)).collect()
}

fn column(runs: &[Measured], of: impl Fn(&Measured) -> f64) -> Vec<f64> {
    runs.iter().map(of).collect()
}

/// Customers for which `accept` has power at relative error 1 %, z = 4.5: Q2's run length
/// 2 z^2 (1 + rho) / (rho (1 - rho)^2 e^2 mu), spread over the replications.
fn run_length(rho: f64) -> u64 {
    let total = 2.0 * 4.5 * 4.5 * (1.0 + rho) / ((1.0 - rho) * (1.0 - rho) * 1e-4);
    (total / REPLICATIONS as f64).ceil() as u64
}

#[test]
fn a_markovian_queue_has_its_textbook_means() {
    for rho in [0.5, 0.7] {
        // mu = 1 per second.
        let runs = replicate(rho, Exp::new(1.0).unwrap(), run_length(rho));
        let seconds = |nanos: u128| nanos as f64 * 1e-9;
        let number = rho / (1.0 - rho);
        accept("L", &column(&runs, Measured::mean_number), number);
        let sojourn = |m: &Measured| seconds(m.sojourns) / m.served as f64;
        accept("W", &column(&runs, sojourn), 1.0 / (1.0 - rho));
        for (k, power) in [(0, 1.0), (1, rho), (2, rho * rho)] {
            let share = |m: &Measured| m.occupancy[k].as_seconds() / m.duration.as_seconds();
            accept("P(N = k)", &column(&runs, share), (1.0 - rho) * power);
        }
    }
    // What waits varies more: a longer run for the same power.
    let runs = replicate(0.5, Exp::new(1.0).unwrap(), 4 * run_length(0.5));
    let waiting = |m: &Measured| m.waiting_area as f64 / m.duration.as_nanos() as f64;
    accept("Lq", &column(&runs, waiting), 0.5);
    accept("Wq", &column(&runs, |m| m.waits as f64 * 1e-9 / m.served as f64), 1.0);
}

/// M/D/1 waits half as long as M/M/1; M/G/1 by Pollaczek and Khinchine.
#[test]
fn service_variability_costs_what_pollaczek_and_khinchine_say() {
    #[derive(Clone, Copy)]
    struct Constant(f64);
    impl Distribution<f64> for Constant {
        fn sample<R: rand::Rng + ?Sized>(&self, _: &mut R) -> f64 {
            self.0
        }
    }
    let rho = 0.5;
    let wait = |m: &Measured| m.waits as f64 * 1e-9 / m.served as f64;
    // Wq = rho (1 + CV^2) / (2 mu (1 - rho))
    let runs = replicate(rho, Constant(1.0), 4 * run_length(rho));
    accept("Wq of M/D/1", &column(&runs, wait), 0.5);
    let runs = replicate(rho, LogNormal::from_mean_cv(1.0, 0.5).unwrap(), 4 * run_length(rho));
    accept("Wq of M/G/1", &column(&runs, wait), 0.625);
}

/// Q2: T Var(time average of N) -> 2 rho (1 + rho) / (mu (1 - rho)^4) = 24 at rho = 0.5. This is
/// what the run lengths above rest on. A variance estimated from R runs has a chi-squared law with
/// R - 1 degrees of freedom; it cannot be had to 2 %, so the band here is the law's own.
#[test]
fn the_variance_of_a_time_average_is_as_predicted() {
    let (runs, customers) = (400, 10_000);
    let means: Vec<_> = (0..runs)
        .map(|seed| queue::run(0.5, Exp::new(1.0).unwrap(), customers, 1_000 + seed))
        .map(|measured| (measured.duration.as_seconds(), measured.mean_number()))
        .collect();
    let n = runs as f64;
    let duration = means.iter().map(|m| m.0).sum::<f64>() / n;
    let mean = means.iter().map(|m| m.1).sum::<f64>() / n;
    let variance = means.iter().map(|m| (m.1 - mean) * (m.1 - mean)).sum::<f64>() / (n - 1.0);
    let law = ChiSquared::new(n - 1.0).unwrap();
    let ratio = duration * variance / 24.0 * (n - 1.0);
    let (low, high) = (law.inverse_cdf(ALPHA / 2.0), law.inverse_cdf(1.0 - ALPHA / 2.0));
    assert!((low..high).contains(&ratio), "{} instead of 24", duration * variance);
    assert!(high / low < 1.8, "the band is too wide to prove anything");
}

/// Q8: the integral of N(t) equals the sum of sojourns, to the nanosecond, when all have gone.
#[test]
fn littles_law_holds_exactly() {
    for seed in 0..20 {
        let measured = queue::run(0.9, Exp::new(1.0).unwrap(), 5_000, seed);
        assert_eq!(measured.area, measured.sojourns);
        assert_eq!(measured.waiting_area, measured.waits);
        assert_eq!(measured.served, 5_000);
    }
}
