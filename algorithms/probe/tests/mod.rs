//! The estimators and the theory, on a quadratic whose moments are known and on a small real model.

mod model;
mod quadratic;
mod steps;
mod surveys;

use super::{Measured, Subject, alternatives};
use crate::zeroth_order::Plan;

fn mean(values: &[f64]) -> Measured {
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - value).powi(2)).sum();
    Measured { value, error: (squares / (n - 1.0) / n).sqrt() }
}

#[test]
fn algorithms_are_covered_as_they_are_configured() {
    let of = |json: &str| Subject::of(&crate::world::algorithm(json), 4);
    let rest = r#""batch_size":5,"local_steps":3,"learning_rate":{"base":0.01}"#;
    let mezo = of(&format!(r#"{{"mezo":{{{rest},"perturbations":3}}}}"#)).unwrap();
    assert_eq!((mezo.plan, mezo.shared), (Plan::joint(0, 1, 3), false));
    assert_eq!((mezo.batch_size, mezo.local_steps, mezo.epsilon), (5, 3, 1e-3));
    let decomfl = of(&format!(r#"{{"decomfl":{{{rest}}}}}"#)).unwrap();
    assert!(decomfl.shared);
    let fedspzo = format!(r#"{{"fedspzo":{{{rest},"perturbations":{{"lower":2,"upper":3}}}}}}"#);
    assert_eq!(
        of(&fedspzo).unwrap().plan,
        Plan::joint(3, 2, 3),
        "the default split of four layers"
    );
    for other in [
        format!(r#"{{"mezo":{{{rest},"weight_decay":0.1}}}}"#),
        format!(r#"{{"mezo":{{{rest},"server_momentum":0.5}}}}"#),
        format!(r#"{{"fedkseed":{{{rest},"pro":true}}}}"#),
        format!(r#"{{"fedavg":{{{rest}}}}}"#),
    ] {
        assert!(of(&other).is_err(), "{other}");
    }
    let counts = [1, 2].map(|n| std::num::NonZeroU32::new(n).unwrap());
    let config = crate::world::algorithm(&fedspzo);
    let all = alternatives(&config, 4, &counts);
    assert_eq!((all.len(), &all[0]), (1 + 2 * 4 * 4, &config), "variants, splits, P1 and P2");
    assert!(all.iter().all(|c| Subject::of(c, 4).is_ok()));
}
