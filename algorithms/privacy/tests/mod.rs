mod divergences;
mod guarantees;
mod noise;

use super::*;
use crate::settings::Fraction;

fn positive(value: f64) -> Positive {
    Positive::new(value).expect("positive")
}

fn rate(value: f64) -> Fraction {
    Fraction::new(value).expect("a fraction")
}

fn delta(value: f64) -> Delta {
    Delta::new(value).expect("between 0 and 1")
}

fn config(site: NoiseSite) -> PrivacyConfig {
    let (clip, noise_multiplier) = (positive(0.5), positive(1.2));
    PrivacyConfig { clip, noise_multiplier, noise: site, delta: delta(1e-5) }
}
