//! Integrals for which there is no formula.

/// Depth at which halving stops: intervals are then 2^-40 of where they began.
const DEPTH: u32 = 40;

/// ∫ f over [from, to] by Simpson's rule, halving until the estimate settles to about 1e-11 of
/// `scale`, the size of what it is a part of. Kinks and jumps cost time, not accuracy.
pub(crate) fn integrate(f: &impl Fn(f64) -> f64, from: f64, to: f64, scale: f64) -> f64 {
    let middle = 0.5 * (from + to);
    let ends = (f(from), f(middle), f(to));
    halve(f, (from, to), ends, 1e-11 * scale, DEPTH)
}

/// ∫ s over [0, ∞) of a survival function, in pieces that double from `unit`, until the rest
/// cannot matter: once t s(t) is below 1e-12 of the sum, it falls at least as t^(1 - α) for laws
/// with tails t^-α.
pub(crate) fn survival_time(s: &impl Fn(f64) -> f64, unit: f64) -> f64 {
    let mut total = integrate(s, 0.0, unit, unit);
    let mut from = unit;
    for _ in 0..400 {
        let to = 2.0 * from;
        total += integrate(s, from, to, total);
        from = to;
        if from * s(from) < 1e-12 * total {
            break;
        }
    }
    total
}

fn simpson((from, to): (f64, f64), (a, m, b): (f64, f64, f64)) -> f64 {
    (to - from) / 6.0 * (a + 4.0 * m + b)
}

fn halve(
    f: &impl Fn(f64) -> f64,
    (from, to): (f64, f64),
    (a, m, b): (f64, f64, f64),
    tolerance: f64,
    depth: u32,
) -> f64 {
    let middle = 0.5 * (from + to);
    let left = (a, f(0.5 * (from + middle)), m);
    let right = (m, f(0.5 * (middle + to)), b);
    let whole = simpson((from, to), (a, m, b));
    let halves = simpson((from, middle), left) + simpson((middle, to), right);
    let error = (halves - whole) / 15.0;
    // A few halvings first: five points may agree by accident.
    if depth == 0 || (depth + 5 < DEPTH && error.abs() <= tolerance) {
        return halves + error;
    }
    halve(f, (from, middle), left, 0.5 * tolerance, depth - 1)
        + halve(f, (middle, to), right, 0.5 * tolerance, depth - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_kinked_and_jumping_functions_are_integrated() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b, "{a} is not {b}");
        near(integrate(&|x| libm::exp(x), 0.0, 1.0, 1.0), std::f64::consts::E - 1.0);
        near(integrate(&|x: f64| (x - 0.3).abs(), 0.0, 1.0, 1.0), 0.29);
        near(integrate(&|x: f64| f64::from(u8::from(x < 0.3)), 0.0, 1.0, 1.0), 0.3);
    }

    #[test]
    fn light_and_heavy_tails_are_followed_to_their_end() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * b, "{a} is not {b}");
        near(survival_time(&|t| libm::exp(-t / 7.0), 1.0), 7.0);
        // Pareto from 1 on with α = 1.5: α/(α - 1).
        near(survival_time(&|t: f64| if t < 1.0 { 1.0 } else { libm::pow(t, -1.5) }, 1.0), 3.0);
    }
}
