//! The policies' sums against closed forms, on numbers and on bowls.

use std::sync::Arc;

use fleetune_models::{
    backend::Backend,
    parameters::{Layout, Trainable, Weights},
};
use proptest::prelude::*;

use super::*;
use crate::{
    mixing::{Buffer, mean_model},
    tiny::{adapted, architecture},
};

fn hinge(slope: f64, until: u32) -> Discount {
    Discount::Hinge { slope: Positive::new(slope).expect("positive"), until }
}

/// The published values: (1 + 3)^-1/2 = 1/2, (1 + 8)^-1/2 = 1/3; 1 / (10 (6 - 4) + 1) = 1/21.
#[test]
fn discounts_are_those_of_the_paper() {
    for staleness in [0, 1, 4, 1000] {
        assert_eq!(Discount::Constant.factor(staleness), 1.0);
    }
    let cases = [(polynomial(0.5), 3, 0.5), (polynomial(0.5), 8, 1.0 / 3.0)];
    let cases = cases.into_iter().chain([
        (polynomial(1.0), 4, 0.2),
        (polynomial(2.0), 1, 0.25),
        (polynomial(0.0), 9, 1.0),
        (hinge(10.0, 4), 4, 1.0),
        (hinge(10.0, 4), 5, 1.0 / 11.0),
        (hinge(10.0, 4), 6, 1.0 / 21.0),
        (hinge(0.5, 0), 2, 0.5),
    ]);
    for (discount, staleness, expected) in cases {
        let found = discount.factor(staleness);
        assert!((found - expected).abs() < 1e-15, "{discount:?} {staleness}: {found} {expected}");
    }
    assert_eq!(FedBuff::default().weight(15), Some(0.25), "as published");
}

proptest! {
    /// 1 at no staleness, above 0, never rising; and what is beyond the bound is nothing.
    #[test]
    fn staleness_never_makes_an_update_weigh_more(
        exponent in 0.0..4.0,
        slope in 1e-3..20.0,
        until in 0_u32..20,
        bound in 0_u64..40,
    ) {
        for discount in [Discount::Constant, polynomial(exponent), hinge(slope, until)] {
            prop_assert_eq!(discount.factor(0), 1.0);
            let staleness = Staleness { discount, bound: Some(bound) };
            for n in 0..60 {
                let (now, later) = (discount.factor(n), discount.factor(n + 1));
                prop_assert!(later <= now && later > 0.0, "{:?} {}: {} {}", discount, n, now, later);
                prop_assert_eq!(staleness.factor(n), (n <= bound).then_some(now));
            }
        }
    }
}

#[test]
fn fedasync_mixes_the_model_with_the_clients() {
    let (x, base, d) = ([1.0_f32, -2.0], [0.5_f32, 4.0], [0.25, -1.0]);
    let y = [0.75, 3.0];
    for weight in [1.0, 0.6, 0.125] {
        let movement = FedAsync::movement(&x, &base, &d, weight);
        for i in 0..2 {
            let mixed = (1.0 - weight) * f64::from(x[i]) + weight * y[i];
            assert!((f64::from(x[i]) + movement[i] - mixed).abs() < 1e-15, "{weight}");
        }
    }
    let rule = FedAsync {
        mixing: Share::new(0.6).expect("a share"),
        staleness: Staleness { discount: polynomial(0.5), bound: Some(3) },
    };
    assert_eq!([0, 3, 4].map(|n| rule.weight(n)), [Some(0.6), Some(0.3), None]);
}

#[test]
fn fedbuff_moves_by_the_weighted_sum_over_k() {
    let mut buffer = Buffer::new(2);
    for (displacement, weight) in [([3.0, -6.0], 1.0), ([1.0, 8.0], 0.5), ([-4.0, 0.0], 0.25)] {
        buffer.add(&displacement, weight);
    }
    // (3 + 0.5 - 1) / 3 and (-6 + 4) / 3; not over the sum of the weights.
    let movement = buffer.movement(1.5).expect("three updates");
    assert!((movement[0] - 1.25).abs() < 1e-15 && (movement[1] + 1.0).abs() < 1e-15);
    assert_eq!(Buffer::new(2).movement(1.0), None);
}

/// Descent on `h/2 x²` by gradients that are one step old: `x <- x - c x'`, c = η h s(1), x' the x of before. Its
/// factor is the larger root of `r² - r + c`, and it is least where both are 1/2, at c = 1/4; fresh gradients would have
/// the factor 1 - c. FedBuff with K = 1, and FedAsync with its α's in the place of s.
#[test]
fn stale_descent_on_a_bowl_has_the_factor_of_the_closed_form() {
    let buff = |x: f32, x_old: f32, eta: f64, weight: f64| {
        let mut buffer = Buffer::new(1);
        buffer.add(&[-eta * f64::from(x_old)], weight);
        f64::from(x) + buffer.movement(1.0).expect("one update")[0]
    };
    for (eta, discount) in [(0.125, Discount::Constant), (0.25, polynomial(1.0))] {
        let c = eta * discount.factor(1);
        let (mut old, mut now) = (1.0_f32, 1.0_f32);
        let mut ratio = 0.0;
        for _ in 0..60 {
            let next = buff(now, old, eta, discount.factor(1)) as f32;
            ratio = f64::from(next) / f64::from(now);
            (old, now) = (now, next);
        }
        let root = (1.0 + (1.0 - 4.0 * c).sqrt()) / 2.0;
        assert!((ratio - root).abs() < 1e-5, "{discount:?}: {ratio} {root}");
        assert!((ratio - (1.0 - c)).abs() > 0.01, "stale gradients are told from fresh ones");
    }
    // FedAsync: x <- (1 - α) x + α (1 - η) x': the larger root of r² - (1 - α) r - α (1 - η).
    let (alpha, eta) = (0.4, 0.5);
    let (mut old, mut now) = (1.0_f32, 1.0_f32);
    let mut ratio = 0.0;
    for _ in 0..60 {
        let movement = FedAsync::movement(&[now], &[old], &[-eta * f64::from(old)], alpha);
        let next = (f64::from(now) + movement[0]) as f32;
        ratio = f64::from(next) / f64::from(now);
        (old, now) = (now, next);
    }
    let keeps: f64 = 1.0 - alpha;
    let root = (keeps + (keeps * keeps + 4.0 * alpha * (1.0 - eta)).sqrt()) / 2.0;
    assert!((ratio - root).abs() < 1e-5, "{ratio} {root}");
}

/// A vector of ten: the head of a model five wide, for two classes.
fn ten(values: impl Fn(usize) -> f32) -> Weights {
    let mut config = architecture(1);
    (config.hidden_size, config.num_attention_heads) = (5, 1);
    let layout: Arc<Layout> = adapted(&config, (2, Trainable::Head), 1, &Backend::Flex.device()).1;
    Weights { values: (0..layout.len()).map(values).collect(), layout }
}

#[test]
fn a_cloud_weighs_its_edges_by_their_examples() {
    let models = [ten(|i| i as f32), ten(|_| 4.0), ten(|i| -(i as f32))];
    let mean = mean_model(&[(&models[0], 30), (&models[1], 10), (&models[2], 0)]);
    for (i, &value) in mean.expect("three edges").values.iter().enumerate() {
        assert_eq!(value, (3.0 * i as f32 + 4.0) / 4.0);
    }
    assert_eq!(mean_model(&[]), None);
    assert_eq!(mean_model(&[(&models[0], 0)]), None);
}
