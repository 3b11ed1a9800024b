//! What ratios say where some seeds did not reach the target.

use fleetune_reports::statistics::{Contrast, Cost, Design, Incomparable};

fn by_seed(costs: &[Cost]) -> Vec<(u64, Cost)> {
    (0..).zip(costs.iter().copied()).collect()
}

fn paired(a: &[Cost], b: &[Cost]) -> Result<Contrast, Incomparable> {
    Contrast::paired(&by_seed(a), &by_seed(b))
}

use Cost::{Beyond, Reached};

#[test]
fn a_common_factor_of_the_seeds_cancels() {
    let seeds = [1.0, 100.0, 7.0];
    let (a, b) = (seeds.map(|x| Reached(2.5 * x)), seeds.map(Reached));
    let found = paired(&a, &b).unwrap();
    assert!((found.ratio - 2.5).abs() < 1e-12);
    let (low, high) = found.interval.unwrap();
    assert!(high - low < 1e-12 && found.is_distinguishable());
    assert_eq!((found.cheaper, found.exact), (Some((0, 3)), Some(0.25)));
    // Independent, the seeds' own spread is in the way.
    let apart = Contrast::independent(&by_seed(&a), &by_seed(&b)).unwrap();
    assert!((apart.ratio - 2.5).abs() < 1e-12 && !apart.is_distinguishable());
    assert_eq!(apart.design, Design::Independent);
}

#[test]
fn costs_are_compared_up_to_where_the_first_seed_was_given_up() {
    // By hand, τ = 8: ln of 8/2, 8/4, 8/8: the third of a, 9, is cut as well.
    let a = [Beyond(8.0), Beyond(10.0), Reached(9.0)];
    let b = [Reached(2.0), Reached(4.0), Reached(8.0)];
    let found = paired(&a, &b).unwrap();
    assert_eq!((found.horizon, found.cut, found.seeds), (8.0, (3, 0), (3, 3)));
    assert!((found.ratio - 2.0).abs() < 1e-12, "{}", found.ratio);
    assert!(found.is_at_least());
    assert_eq!(found.cheaper, Some((0, 2)));
    // The other way round it is the inverse, cut on the other side.
    let back = paired(&b, &a).unwrap();
    assert!((back.ratio * found.ratio - 1.0).abs() < 1e-12);
    assert!(back.is_at_least() && back.cut == (0, 3));
    assert_eq!((back.p, back.exact), (found.p, found.exact));
}

/// Whatever the true costs beyond it: each seed's ratio up to the horizon lies between 1 and the true one.
#[test]
fn no_seed_is_drawn_beyond_its_true_ratio() {
    for i in 0..1000_u32 {
        let at = |k: u32| 1.0 + f64::from((i * 7919 + k * 104_729) % 997) / 100.0;
        let (a, b, end) = (at(1), at(2), at(3));
        let seen = |cost: f64| if cost <= end { Reached(cost) } else { Beyond(end) };
        let ratio = match paired(&[seen(a)], &[seen(b)]) {
            Ok(found) => found.ratio,
            Err(found) => {
                assert_eq!(found, Incomparable::NothingWithin(end));
                continue;
            }
        };
        let (low, high) = if a < b { (a / b, 1.0) } else { (1.0, a / b) };
        assert!((low - 1e-12..=high + 1e-12).contains(&ratio), "{a} {b} {end}: {ratio}");
    }
}

#[test]
fn what_cannot_be_compared_is_not() {
    assert_eq!(paired(&[], &[]), Err(Incomparable::NoSeed));
    let apart = Contrast::paired(&[(0, Reached(1.0))], &[(1, Reached(1.0))]);
    assert_eq!(apart, Err(Incomparable::NoSeed));
    // Bytes of a frugal one that was given up before the other had sent its first update.
    let frugal = [Beyond(5e3), Beyond(6e3)];
    let nothing = paired(&frugal, &[Reached(5e7), Reached(6e7)]);
    assert_eq!(nothing, Err(Incomparable::NothingWithin(5e3)));
    // A start that meets the target already has no ratio.
    assert_eq!(paired(&[Reached(0.0)], &[Reached(1.0)]), Err(Incomparable::NoSeed));
    let found = paired(&[Reached(2.0)], &[Reached(1.0)]).unwrap();
    assert_eq!((found.interval, found.p, found.effect), (None, 1.0, None));
    assert_eq!((found.seeds_needed(), found.detectable()), (None, None));
    assert!(!found.is_distinguishable());
}

#[test]
fn seeds_needed_grow_as_the_ratio_comes_near_to_one() {
    let noise = [1.0, 1.3, 0.8, 1.1, 0.9];
    let needed = |factor: f64| {
        let a = noise.map(|x| Reached(factor * x));
        paired(&a, &[Reached(1.0); 5]).unwrap().seeds_needed()
    };
    let all = [3.0, 1.5, 1.2, 1.05].map(|factor| needed(factor).unwrap());
    assert!(all.is_sorted() && all[0] < all[3], "{all:?}");
    let found = paired(&noise.map(|x| Reached(1.5 * x)), &[Reached(1.0); 5]).unwrap();
    // A ratio of what can be told needs as many seeds as there are.
    let detectable = found.detectable().unwrap();
    let moved = noise.map(|x| Reached(x * detectable / (found.ratio / 1.5) * (1.0 + 1e-9)));
    assert_eq!(paired(&moved, &[Reached(1.0); 5]).unwrap().seeds_needed(), Some(5));
}
