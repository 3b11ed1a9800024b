use super::quadratic::Quadratic;
use crate::probe::{Effort, Landscape, Measured, Moments, measure::survey};

/// The moments by name, as one row of numbers.
fn rows(moments: &Moments) -> Vec<(&'static str, Vec<f64>)> {
    vec![
        ("|g|²", moments.gradient.clone()),
        ("E |g_B|²", moments.batch.clone()),
        ("tr H", moments.trace.clone()),
        ("Σ g_B² H", moments.diagonal.clone()),
        ("tr H²", moments.squares.clone()),
        ("gᵀHg", moments.bend.concat()),
        ("E g_BᵀHg_B", moments.batch_bend.concat()),
    ]
}

/// Every estimate against its exact value over 200 independent surveys: the mean to 5 of its own standard errors (6e-7
/// two-sided; 90 checks: below 1e-4 in all), and the stated standard errors are, in root mean square, the estimates'
/// real deviation to a fifth: over 200 surveys of 15 degrees of freedom each its relative error is about
/// `√(1/400 + 1/(2·15·200)) = 5 %`, so that is four of them.
#[test]
fn moments_are_unbiased_and_their_stated_errors_are_the_real_ones() {
    const SURVEYS: usize = 200;
    let effort = Effort { precision: 1e-9, gradients: 600 };
    let exact = rows(&Quadratic::noisy(0).moments());
    let surveys: Vec<Landscape> = (0..SURVEYS as u64)
        .map(|sequence| {
            let source = Quadratic::noisy(sequence);
            survey(&source, &vec![0.0; source.gradient.len()], 1e-2, effort)
        })
        .collect();
    for (row, (what, exact)) in exact.iter().enumerate() {
        for (i, &exact) in exact.iter().enumerate() {
            let found: Vec<Measured> =
                surveys.iter().map(|s| s.derive(|m| rows(m)[row].1[i])).collect();
            let n = SURVEYS as f64;
            let mean = found.iter().map(|m| m.value).sum::<f64>() / n;
            let variance = found.iter().map(|m| (m.value - mean).powi(2)).sum::<f64>() / (n - 1.0);
            let stated = found.iter().map(|m| m.error * m.error).sum::<f64>() / n;
            let off = (mean - exact) / (variance / n).sqrt();
            assert!(off.abs() < 5.0, "{what}[{i}]: {mean} is {off} errors from {exact}");
            let ratio = (stated / variance).sqrt();
            assert!((0.75..1.35).contains(&ratio), "{what}[{i}]: stated / real error {ratio}");
        }
    }
}
