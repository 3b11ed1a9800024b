//! Statistics agree with SciPy, statsmodels and lifelines (`tests/reference/make.py`).

use fleetune_reports::statistics::{Contrast, Cost, Design, LEVEL, holm, horizon};
use serde_json::Value;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/statistics.json")).unwrap()
}

fn entries<'a>(all: &'a Value, name: &str) -> &'a Vec<Value> {
    let entries = all[name].as_array().unwrap();
    assert!(!entries.is_empty());
    entries
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn costs(value: &Value) -> Vec<(u64, Cost)> {
    (0..).zip(numbers(value)).map(|(seed, x)| (seed, Cost::Reached(x))).collect()
}

fn assert_near(what: &str, found: f64, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    let off = (found - expected).abs() / expected.abs().max(1e-3);
    assert!(off <= tolerance, "{what}: found {found}, expected {expected}");
}

#[test]
fn paired_ratios_and_tests_are_scipys() {
    for case in entries(&reference(), "paired") {
        let found = Contrast::paired(&costs(&case["a"]), &costs(&case["b"])).unwrap();
        let (low, high) = found.interval.unwrap();
        assert_near("ratio", found.ratio, &case["ratio"], 1e-12);
        assert_near("low", low, &case["low"], 1e-8);
        assert_near("high", high, &case["high"], 1e-8);
        assert_near("p", found.p, &case["p"], 1e-8);
        assert_near("exact p", found.exact.unwrap(), &case["exact"], 1e-12);
        assert_near("effect", found.effect.unwrap(), &case["effect"], 1e-10);
        assert_eq!(found.is_distinguishable(), found.p < 1.0 - LEVEL);
        assert_eq!((found.cut, found.horizon), ((0, 0), f64::INFINITY));
    }
}

#[test]
fn independent_ratios_are_welchs_of_scipy() {
    for case in entries(&reference(), "independent") {
        let found = Contrast::independent(&costs(&case["a"]), &costs(&case["b"])).unwrap();
        let (low, high) = found.interval.unwrap();
        assert_near("ratio", found.ratio, &case["ratio"], 1e-12);
        assert_near("low", low, &case["low"], 1e-8);
        assert_near("high", high, &case["high"], 1e-8);
        assert_near("p", found.p, &case["p"], 1e-8);
        assert_eq!((found.exact, found.cheaper), (None, None));
    }
}

#[test]
fn families_are_adjusted_as_by_statsmodels() {
    for case in entries(&reference(), "families") {
        let found = holm(&numbers(&case["p"]));
        let expected = case["adjusted"].as_array().unwrap();
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).for_each(|(f, e)| assert_near("adjusted p", *f, e, 1e-12));
    }
}

#[test]
fn power_is_that_of_the_noncentral_t() {
    for case in entries(&reference(), "power") {
        let (n, effect) = (case["n"].as_u64().unwrap() as usize, case["effect"].as_f64().unwrap());
        for (name, design) in [("paired", Design::Paired), ("independent", Design::Independent)] {
            let found = design.power(n, effect, LEVEL);
            assert_near(&format!("{name}, {n}, {effect}"), found, &case[name], 1e-6);
        }
    }
}

#[test]
fn the_seeds_that_are_needed_are_those_of_statsmodels() {
    for case in entries(&reference(), "needed") {
        let effect = case["effect"].as_f64().unwrap();
        for (name, design) in [("paired", Design::Paired), ("independent", Design::Independent)] {
            let found = design.needed(effect, LEVEL).unwrap();
            assert_eq!(found as u64, case[name].as_u64().unwrap(), "{name}, {effect}");
            // What so many tell is no larger than the effect, and one fewer would miss it.
            assert!(design.detectable(found, LEVEL).unwrap() <= effect * (1.0 + 1e-9));
            if found > 2 {
                assert!(design.detectable(found - 1, LEVEL).unwrap() > effect);
            }
        }
    }
    assert_eq!(Design::Paired.needed(0.0, LEVEL), None);
    assert_eq!(Design::Paired.needed(f64::NAN, LEVEL), None);
    assert_eq!(Design::Paired.needed(f64::INFINITY, LEVEL), Some(2));
    assert_eq!(Design::Paired.detectable(1, LEVEL), None);
}

/// Up to the first seed that was given up, the restricted mean is the area under Kaplan and Meier's curve.
#[test]
fn restricted_means_are_kaplan_and_meiers() {
    for case in entries(&reference(), "restricted") {
        let reached = case["reached"].as_array().unwrap().iter().map(|r| r.as_bool().unwrap());
        let seen = numbers(&case["seen"]);
        let costs = seen.iter().zip(reached).map(|(&x, reached)| match reached {
            true => Cost::Reached(x),
            false => Cost::Beyond(x),
        });
        let costs: Vec<Cost> = costs.collect();
        let horizon = horizon(costs.iter().copied());
        assert_near("horizon", horizon, &case["horizon"], 0.0);
        let sum: f64 = costs.iter().map(|cost| cost.restricted(horizon)).sum();
        assert_near("mean", sum / costs.len() as f64, &case["mean"], 1e-12);
    }
}
