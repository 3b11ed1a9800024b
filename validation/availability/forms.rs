//! The textbook's formulas. Failures come at rate λ while a device is there; repairs have mean D.

/// Long-run availability, U/(U + D).
pub(super) fn availability(up: f64, down: f64) -> f64 {
    up / (up + down)
}

/// A(t) of exponential times, up at 0: U/(U + D) + D/(U + D) e^{-t (1/U + 1/D)}.
pub(super) fn transient(up: f64, down: f64, t: f64) -> f64 {
    let long_run = availability(up, down);
    long_run + (1.0 - long_run) * libm::exp(-t * (1.0 / up + 1.0 / down))
}

/// Mean time of work `w` that starts from scratch after each failure,
/// (e^{λw} - 1)(1/λ + D).
pub(super) fn restart(rate: f64, repair: f64, work: f64) -> f64 {
    libm::expm1(rate * work) * (1.0 / rate + repair)
}

/// Mean time of work `w` that goes on where it stopped, w (1 + λ D).
pub(super) fn resume(rate: f64, repair: f64, work: f64) -> f64 {
    work * (1.0 + rate * repair)
}

/// Mean time for a unit of work that is saved every τ at a cost of c: each stretch with its
/// checkpoint starts from scratch after a failure, (e^{λ (τ + c)} - 1)(1/λ + D)/τ.
pub(super) fn checkpointed(rate: f64, repair: f64, tau: f64, cost: f64) -> f64 {
    restart(rate, repair, tau + cost) / tau
}

/// Young's first-order optimum of τ, √(2c/λ) (Communications of the ACM 17(9), 1974).
pub(super) fn young(rate: f64, cost: f64) -> f64 {
    (2.0 * cost / rate).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_give_the_numbers_of_the_catalogue() {
        assert!((restart(0.3, 2.0, 4.0) - 12.374).abs() < 5e-4);
        assert!((resume(0.3, 2.0, 4.0) - 6.4).abs() < 1e-12);
        assert!((transient(3.0, 5.0, 0.0) - 1.0).abs() < 1e-15);
        assert!((transient(3.0, 5.0, 1e3) - 0.375).abs() < 1e-15);
    }

    /// Young's answer is of first order: the formula's own minimum is within a tenth of it.
    #[test]
    fn youngs_interval_is_near_the_least() {
        let (rate, repair, cost) = (0.01, 20.0, 0.5);
        let taus = (1..4_000).map(|i| f64::from(i) * 0.01);
        let of = |tau: &f64| checkpointed(rate, repair, *tau, cost);
        let least = taus.min_by(|a, b| of(a).total_cmp(&of(b))).unwrap();
        assert!((least / young(rate, cost) - 1.0).abs() < 0.1, "{least}");
    }
}
