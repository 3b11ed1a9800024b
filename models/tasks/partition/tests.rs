//! Laws of the partitions. False-alarm rates are those of a fresh seed; the seeds are fixed.

use proptest::prelude::*;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
use statrs::distribution::{Beta, ContinuousCDF, Normal};

use super::*;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn config(json: &str) -> PartitionConfig {
    serde_json::from_str(json).unwrap()
}

fn dirichlet(alpha: f64) -> PartitionConfig {
    PartitionConfig::Dirichlet { alpha: Alpha::new(alpha).unwrap() }
}

fn by_size(sigma: f64, minimum: usize) -> PartitionConfig {
    let (sigma, minimum) = (Sigma::new(sigma).unwrap(), Minimum::new(minimum).unwrap());
    PartitionConfig::BySize { sigma, minimum }
}

/// Largest distance between the empirical and the given distribution function, times √n (Kolmogorov and Smirnov).
/// Above 2.7 with probability 2 exp(-2 · 2.7²) = 9.3e-7.
fn kolmogorov(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let ranks = (0..).map(f64::from);
    let distance = |(rank, x): (f64, &f64)| {
        let p = cdf(*x);
        f64::max(p - rank / n, (rank + 1.0) / n - p)
    };
    ranks.zip(&sample).map(distance).fold(0.0, f64::max) * n.sqrt()
}

proptest! {
    /// Every example is given exactly once, nobody has less than the minimum, equal sizes are equal.
    #[test]
    fn everything_is_given_exactly_once(
        labels in proptest::collection::vec(0_usize..5, 1..400),
        clients in 1_usize..40,
        alpha in prop_oneof![Just(1e-300), Just(1e-3), 0.01..100.0, Just(1e300)],
        sigma in prop_oneof![Just(0.0), 0.0..5.0, Just(1e300)],
        minimum in 1_usize..5,
        seed: u64,
    ) {
        for config in [PartitionConfig::Iid, dirichlet(alpha), by_size(sigma, minimum)] {
            let least = if matches!(config, PartitionConfig::BySize { .. }) { minimum } else { 1 };
            let result = partition(&labels, 5, clients, &config, &mut rng(seed));
            if labels.len() < clients * least {
                let (examples, minimum) = (labels.len(), least);
                let expected = PartitionError::TooFewExamples { examples, clients, minimum };
                prop_assert_eq!(result, Err(expected));
                continue;
            }
            let shards = result.unwrap();
            prop_assert_eq!(shards.len(), clients);
            prop_assert!(shards.iter().all(|shard| shard.len() >= least && shard.is_sorted()));
            if !matches!(config, PartitionConfig::BySize { .. }) {
                let sizes = shards.iter().map(Vec::len);
                prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
            }
            let mut all = shards.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..labels.len() as u32).collect::<Vec<_>>());
            prop_assert_eq!(partition(&labels, 5, clients, &config, &mut rng(seed)).unwrap(), shards);
        }
    }

    /// Shares are within one of their quotas and add up.
    #[test]
    fn apportioning_keeps_quota(total in 0_usize..10_000, weights in proptest::collection::vec(0.001..1.0, 1..50)) {
        let shares = deal::apportion(total, &weights);
        prop_assert_eq!(shares.iter().sum::<usize>(), total);
        let sum: f64 = weights.iter().sum();
        for (share, weight) in shares.iter().zip(&weights) {
            let quota = total as f64 * weight / sum;
            prop_assert!((*share as f64 - quota).abs() <= 1.0 + 1e-9);
        }
    }
}

/// The marginal of Dir(α p) is Beta(α p_k, α (1 - p_k)); one Kolmogorov test for each of 3 × 3 marginals.
#[test]
fn mixes_follow_the_dirichlet_law() {
    let prior = [0.5, 0.3, 0.2];
    for (seed, alpha) in [(1, 0.3), (2, 2.0), (3, 50.0)] {
        let mut stream = rng(seed);
        let mixes: Vec<_> = (0..4000).map(|_| dirichlet::mix(&prior, alpha, &mut stream)).collect();
        for (class, share) in prior.into_iter().enumerate() {
            let law = Beta::new(alpha * share, alpha * (1.0 - share)).unwrap();
            let marginal = mixes.iter().map(|mix| mix[class]).collect();
            let d = kolmogorov(marginal, |x| law.cdf(x.clamp(0.0, 1.0)));
            // False alarm 9 × 9.3e-7.
            assert!(d < 2.7, "alpha {alpha}, class {class}: {d}");
        }
    }
}

/// cov(q_j, q_k) = -p_j p_k / (α + 1): what marginals alone do not fix.
#[test]
fn mixes_covary_as_dirichlet() {
    let (prior, alpha, n) = ([0.5, 0.3, 0.2], 2.0, 40_000);
    let mut stream = rng(4);
    let products: Vec<f64> = (0..n)
        .map(|_| dirichlet::mix(&prior, alpha, &mut stream))
        .map(|mix| (mix[0] - prior[0]) * (mix[1] - prior[1]))
        .collect();
    let mean = products.iter().sum::<f64>() / f64::from(n);
    let variance = products.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / f64::from(n);
    let expected = -prior[0] * prior[1] / (alpha + 1.0);
    // Mean of n: normal; false alarm at 5 standard errors 5.7e-7.
    assert!((mean - expected).abs() < 5.0 * (variance / f64::from(n)).sqrt(), "{mean} {expected}");
}

#[test]
fn tiny_concentrations_give_one_class_by_its_share() {
    let prior = [0.7, 0.3];
    let mut stream = rng(5);
    let firsts = (0..10_000).map(|_| dirichlet::mix(&prior, 1e-9, &mut stream));
    let mut count = 0;
    for mix in firsts {
        assert!(mix.iter().all(|q| q.is_finite()));
        assert!(mix[0] > 1.0 - 1e-12 || mix[0] < 1e-12, "{mix:?}");
        count += u32::from(mix[0] > 0.5);
    }
    // Binomial(10000, 0.7), standard deviation 45.8; false alarm at 5 of them 5.7e-7.
    assert!((f64::from(count) - 7000.0).abs() < 229.0, "{count}");
}

/// Between-client variance of a class's share under the whole procedure, against that of the law it is built on.
#[test]
fn clients_mixes_spread_as_the_law_says() {
    let (clients, each, alpha) = (200_usize, 100_usize, 1.0);
    let labels: Vec<usize> = (0..clients * each).map(|k| usize::from(k % 5 < 2)).collect();
    let shards = partition(&labels, 2, clients, &dirichlet(alpha), &mut rng(6)).unwrap();
    let share = |shard: &Vec<u32>| {
        shard.iter().map(|&k| labels[k as usize]).sum::<usize>() as f64 / each as f64
    };
    let variance =
        shards.iter().map(share).map(|q| (q - 0.4) * (q - 0.4)).sum::<f64>() / clients as f64;
    // Dirichlet-multinomial: p(1-p)/n · (n + α)/(1 + α). Each client's (q - p)² has mean v and variance below v (its
    // range is 0..0.36, so below 0.36 v): 5 standard errors of the mean of 200 are 5 √(0.36 v / 200). The supply's
    // end adds to that, as clients take what is left: 20% is allowed for it.
    let n = each as f64;
    let law = 0.24 / n * (n + alpha) / (1.0 + alpha);
    let allowed = 5.0 * (0.36 * law / clients as f64).sqrt() + 0.2 * law;
    assert!((variance - law).abs() < allowed, "{variance} against {law} ± {allowed}");
    // Far from what chance alone does without skew.
    let iid = partition(&labels, 2, clients, &PartitionConfig::Iid, &mut rng(6)).unwrap();
    let chance = iid.iter().map(share).map(|q| (q - 0.4) * (q - 0.4)).sum::<f64>() / 200.0;
    assert!(chance < 0.1 * variance, "{chance} {variance}");
}

/// Taking turns treats first and last clients alike: they come as close to the mix they drew.
#[test]
fn the_last_clients_are_served_like_the_first() {
    let (worlds, clients, each, classes) = (300, 20, 40, 4);
    let mut stream = rng(7);
    // In each world: how much further from its mix (total variation) the last client is than the first.
    let mut differences = Vec::new();
    for _ in 0..worlds {
        let mut mixes = || dirichlet::mix(&[0.25; 4], 1.0, &mut stream);
        let mixes: Vec<Vec<f64>> = (0..clients).map(|_| mixes()).collect();
        let per_class = (clients * each / classes) as u32;
        let class = |k: u32| (k * per_class..(k + 1) * per_class).collect();
        let supply: Vec<Vec<u32>> = (0..classes as u32).map(class).collect();
        let shards = dirichlet::fill(&mixes, supply, &mut stream);
        let distance = |client: usize| {
            let mut gaps = mixes[client].clone();
            for &example in &shards[client] {
                gaps[(example / per_class) as usize] -= 1.0 / each as f64;
            }
            gaps.iter().map(|gap| gap.abs()).sum::<f64>() / 2.0
        };
        differences.push(distance(clients - 1) - distance(0));
    }
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / n;
    // False alarm at 5 standard errors 5.7e-7.
    assert!(mean.abs() < 5.0 * (variance / n).sqrt(), "{mean} with variance {variance}");
}

/// The logarithms of log-normal sizes are normal, with the deviation asked for.
#[test]
fn sizes_are_log_normal() {
    let (clients, sigma) = (20_000, 0.8);
    let sizes = by_size::sizes(40_000_000, clients, sigma, 1, &mut rng(8));
    let logs: Vec<f64> = sizes.iter().map(|&size| libm::log((size - 1) as f64)).collect();
    let n = clients as f64;
    let mean = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() / n;
    // The variance of a normal sample has standard error σ² √(2/n): false alarm at 5 of them 5.7e-7.
    let law = sigma * sigma;
    assert!((variance - law).abs() < 5.0 * law * (2.0 / n).sqrt(), "{variance} against {law}");
    // The mean is fitted, which only makes the distance smaller: false alarm below 9.3e-7.
    let normal = Normal::new(mean, sigma).unwrap();
    let d = kolmogorov(logs, |x| normal.cdf(x));
    assert!(d < 2.7, "{d}");
}

#[test]
fn no_spread_gives_equal_sizes() {
    let sizes = by_size::sizes(1003, 10, 0.0, 10, &mut rng(9));
    assert_eq!(sizes, deal::equal(1003, 10));
}

/// Under `iid` the first example goes to every client equally often (chi-squared, 9 degrees of freedom).
#[test]
fn iid_favours_nobody() {
    let mut stream = rng(10);
    let mut counts = [0_u32; 10];
    for _ in 0..5000 {
        let shards = partition(&[0; 20], 1, 10, &PartitionConfig::Iid, &mut stream).unwrap();
        counts[shards.iter().position(|shard| shard.contains(&0)).unwrap()] += 1;
    }
    let chi2: f64 =
        counts.iter().map(|&c| (f64::from(c) - 500.0) * (f64::from(c) - 500.0) / 500.0).sum();
    // 45.1 is exceeded with probability 9e-7.
    assert!(chi2 < 45.1, "{chi2}");
}

#[test]
fn values_are_stable() {
    let labels: Vec<usize> = (0..12).map(|k| k % 3).collect();
    let shards = |config| partition(&labels, 3, 3, &config, &mut rng(11)).unwrap();
    assert_eq!(shards(PartitionConfig::Iid), [[3, 4, 5, 11], [0, 1, 8, 9], [2, 6, 7, 10]]);
    assert_eq!(shards(dirichlet(1.0)), [[2, 3, 5, 6], [0, 1, 4, 11], [7, 8, 9, 10]]);
    let by_size = shards(by_size(1.0, 1));
    assert_eq!(by_size, [vec![0, 3, 4, 6], vec![5, 8, 9], vec![1, 2, 7, 10, 11]]);
}

#[test]
fn configurations_are_checked_while_reading() {
    assert_eq!(config(r#""iid""#), PartitionConfig::Iid);
    assert_eq!(config(r#"{"dirichlet": {"alpha": 0.5}}"#), dirichlet(0.5));
    assert_eq!(config(r#"{"by_size": {"sigma": 1.0}}"#), by_size(1.0, 10));
    let mistakes = [
        (r#"{"dirichlet": {"alpha": 0}}"#, "0: expected a positive number"),
        (r#"{"dirichlet": {"alpha": -1.5}}"#, "-1.5: expected a positive number"),
        (r#"{"dirichlet": {"alpha": 1, "beta": 2}}"#, "unknown field `beta`"),
        (r#"{"dirichlet": {}}"#, "missing field `alpha`"),
        (r#"{"by_size": {"sigma": -1}}"#, "expected a number not below zero"),
        (r#"{"by_size": {"sigma": 1, "minimum": 0}}"#, "expected at least one example"),
        (r#""shards""#, "unknown variant `shards`, expected one of `iid`, `dirichlet`, `by_size`"),
    ];
    for (json, expected) in mistakes {
        let error = serde_json::from_str::<PartitionConfig>(json).unwrap_err().to_string();
        assert!(error.contains(expected), "{json}: {error}");
    }
    for number in [f64::NAN, f64::INFINITY, -0.0, 0.0] {
        assert_eq!(Alpha::new(number), None);
    }
    assert_eq!((Sigma::new(f64::NAN), Sigma::new(f64::INFINITY)), (None, None));
    assert_eq!(PartitionConfig::Iid.validate(10, 0), Err(PartitionError::NoClients));
}
