use std::num::NonZeroU32;

use fleetune_devices::streams::SeedTree;
use fleetune_models::ledger::Cost;
use proptest::prelude::*;

use super::{super::mechanism::norm, *};
use crate::{noise::OPERATIONS_PER_NORMAL, protocol::Exchange};

#[test]
fn scenarios_write_it_so_and_cannot_write_noise_without_a_bound() {
    let written = r#"{"clip":1.0,"noise_multiplier":0.8,"noise":"clients","delta":0.001}"#;
    let read: PrivacyConfig = serde_json::from_str(written).expect("valid");
    assert_eq!((read.noise, read.noise_multiplier.get()), (NoiseSite::Clients, 0.8));
    assert_eq!(serde_json::to_string(&read).expect("plain data"), written);
    for (from, to) in [
        (r#""clip":1.0,"#, ""),
        ("1.0", "0.0"),
        ("0.8", "0"),
        ("clients", "nowhere"),
        ("0.001", "0"),
        ("0.001", "1"),
        ("}", r#","epsilon":1.0}"#),
    ] {
        let wrong = written.replace(from, to);
        assert!(serde_json::from_str::<PrivacyConfig>(&wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_update_is_longer_than_the_bound_and_short_ones_stay(
        update in prop::collection::vec(-10.0_f32..10.0, 1..2000),
        bound in 1e-3..100.0,
        shrink in 0..120,
    ) {
        let sent: Vec<f32> = update.iter().map(|v| v * 0.5_f32.powi(shrink)).collect();
        let bound = bound * 0.5_f64.powi(shrink);
        let mut clipped = sent.clone();
        let factor = clip(&mut clipped, positive(bound));
        prop_assert!(norm(&clipped) <= bound);
        if norm(&sent) <= bound {
            prop_assert_eq!(&clipped, &sent);
            prop_assert_eq!(factor, 1.0);
        } else {
            // Not shorter than it must be, and in the same direction.
            let off = clipped.iter().zip(&sent).map(|(c, s)| {
                (f64::from(*c) - f64::from(*s) * bound / norm(&sent)).powi(2)
            });
            let subnormal = 1e-44 * (sent.len() as f64).sqrt();
            prop_assert!(off.sum::<f64>().sqrt() <= 1e-6 * bound + subnormal);
        }
    }
}

#[test]
fn updates_that_are_not_finite_count_as_zero_and_extremes_are_clipped() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut update = [1.0, bad, 2.0];
        assert_eq!(clip(&mut update, positive(1.0)), 0.0);
        assert_eq!(update, [0.0; 3]);
    }
    let mut huge = [f32::MAX; 100];
    clip(&mut huge, positive(1.0));
    assert!((norm(&huge) - 1.0).abs() < 1e-6);
    let mut tiny = [f32::from_bits(1); 100];
    clip(&mut tiny, positive(f64::from(f32::from_bits(1))));
    assert_eq!(tiny, [0.0; 100]);
    let mut tiny = [f32::from_bits(2), f32::from_bits(2)];
    clip(&mut tiny, positive(2.5 * f64::from(f32::from_bits(1))));
    assert!(norm(&tiny) <= 2.5 * f64::from(f32::from_bits(1)));
}

/// The sum of n squared standard normals has mean n and variance 2n: six standard errors are exceeded with
/// probability 2e-9. The mean of the noise is zero to six standard errors likewise.
fn assert_deviation(noise: &[f32], deviation: f64) {
    let n = noise.len() as f64;
    let squares: f64 = noise.iter().map(|&v| (f64::from(v) / deviation).powi(2)).sum();
    assert!((squares - n).abs() < 6.0 * (2.0 * n).sqrt(), "variance {}", squares / n);
    let sum: f64 = noise.iter().map(|&v| f64::from(v) / deviation).sum();
    assert!(sum.abs() < 6.0 * n.sqrt(), "mean {}", sum / n);
}

/// Both sites put σ C on the sum of a cohort, and single updates carry what the site says.
#[test]
fn the_sum_carries_the_noise_that_is_accounted_for() {
    let (values, cohort) = (100_000, NonZeroU32::new(25).expect("positive"));
    let streams = SeedTree::new(9);
    let now = Exchange::at(3, 0);
    for site in [NoiseSite::Clients, NoiseSite::Server] {
        let config = config(site);
        let deviation = 1.2 * 0.5;
        let mut sum = vec![0.0_f32; values];
        for client in 0..cohort.get() {
            let mut update = vec![0.0; values];
            config.privatise_update(&mut update, cohort, client_seed(streams, client, now));
            match site {
                NoiseSite::Clients => assert_deviation(&update, deviation / 5.0),
                NoiseSite::Server => assert_eq!(update, vec![0.0; values]),
            }
            sum.iter_mut().zip(update).for_each(|(s, u)| *s += u);
        }
        config.privatise_sum(&mut sum, server_seed(streams, now));
        assert_deviation(&sum, deviation);
    }
}

#[test]
fn updates_are_clipped_before_the_noise() {
    let cohort = NonZeroU32::MIN;
    for site in [NoiseSite::Clients, NoiseSite::Server] {
        let (mut zero, mut long) = (vec![0.0; 1000], vec![7.0; 1000]);
        config(site).privatise_update(&mut zero, cohort, 1);
        config(site).privatise_update(&mut long, cohort, 1);
        let moved: Vec<f32> = long.iter().zip(&zero).map(|(l, z)| l - z).collect();
        assert!((norm(&moved) - 0.5).abs() < 1e-5, "{}", norm(&moved));
    }
}

#[test]
fn noise_follows_seed_client_round_and_exchange() {
    let one = SeedTree::new(1);
    let at = |round, index| Exchange::at(round, index);
    let seeds = [
        client_seed(one, 0, at(0, 0)),
        client_seed(one, 1, at(0, 0)),
        client_seed(one, 0, at(1, 0)),
        client_seed(one, 0, at(0, 1)),
        client_seed(SeedTree::new(2), 0, at(0, 0)),
        server_seed(one, at(0, 0)),
        server_seed(one, at(1, 0)),
    ];
    for (i, seed) in seeds.iter().enumerate() {
        assert!(!seeds[..i].contains(seed), "seed {i}");
    }
    let noise = |seed| {
        let mut update = vec![0.0; 10];
        config(NoiseSite::Clients).privatise_update(&mut update, NonZeroU32::MIN, seed);
        update
    };
    assert_eq!(noise(seeds[0]), noise(client_seed(one, 0, at(0, 0))));
    assert_ne!(noise(seeds[0]), noise(seeds[1]));
}

#[test]
fn missing_clients_take_their_noise_along() {
    let cohort = NonZeroU32::new(16).expect("positive");
    let [clients, server] = [NoiseSite::Clients, NoiseSite::Server].map(config);
    let of = |config: PrivacyConfig, n| config.realised_multiplier(n, cohort).map(Positive::get);
    assert_eq!([of(clients, 16), of(clients, 4), of(clients, 0)], [Some(1.2), Some(0.6), None]);
    assert_eq!([of(server, 16), of(server, 4), of(server, 0)], [Some(1.2), Some(1.2), None]);
}

#[test]
fn clients_are_charged_for_what_they_do() {
    let cost = |elementwise: u64, elements| Cost {
        elementwise: elementwise.into(),
        elements,
        ..Cost::default()
    };
    assert_eq!(config(NoiseSite::Server).client_cost(10), cost(30, 30));
    let noisy = 10 * (3 + OPERATIONS_PER_NORMAL + 2);
    assert_eq!(config(NoiseSite::Clients).client_cost(10), cost(noisy, 50));
}
