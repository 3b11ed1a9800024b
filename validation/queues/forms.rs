//! The textbook's formulas. ρ is the share of time that a server is busy; services have mean 1.

/// Mean number in an M/M/1 queue, L = ρ/(1 - ρ). Also that of M/G/1 processor sharing.
pub(super) fn number(rho: f64) -> f64 {
    rho / (1.0 - rho)
}

/// P(N = n) = (1 - ρ) ρⁿ of the M/M/1 queue.
pub(super) fn geometric(rho: f64, n: i32) -> f64 {
    (1.0 - rho) * libm::pow(rho, f64::from(n))
}

/// T Var(time average of N) for large T, 2 ρ (1 + ρ)/(1 - ρ)⁴, M/M/1.
pub(super) fn spread(rho: f64) -> f64 {
    2.0 * rho * (1.0 + rho) / libm::pow(1.0 - rho, 4.0)
}

/// Mean wait of the M/G/1 queue by Pollaczek and Khinchine, ρ (1 + CV²)/(2 (1 - ρ)), with CV the
/// coefficient of variation of service.
pub(super) fn wait(rho: f64, variation: f64) -> f64 {
    rho * (1.0 + variation * variation) / (2.0 * (1.0 - rho))
}

/// Erlang's C: the probability of having to wait for one of `servers` under the load
/// `a` = λ/μ, top/(Σ_{k<c} aᵏ/k! + top) with top = (aᶜ/c!) c/(c - a).
pub(super) fn erlang_c(servers: u32, load: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 0..servers {
        sum += term;
        term *= load / f64::from(k + 1);
    }
    let c = f64::from(servers);
    let top = term * c / (c - load);
    top / (sum + top)
}

/// The probability that the server of a closed loop is idle,
/// P0 = 1/Σ_{k=0}^{n} n!/(n - k)! rᵏ, with r the mean service over the mean time of thinking.
pub(super) fn idle(clients: u64, ratio: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 0.0);
    for k in 0..=clients {
        sum += term;
        term *= (clients - k) as f64 * ratio;
    }
    1.0 / sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formulas_give_the_numbers_of_the_catalogue() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 5e-5 * b, "{a} is not {b}");
        near(number(0.5), 1.0);
        near(spread(0.5), 24.0);
        near(spread(0.7), 293.83);
        near(wait(0.5, 0.0), 0.5);
        near(erlang_c(3, 2.0), 4.0 / 9.0);
        near(1.0 - idle(5, 0.4), 0.9303);
    }

    /// X <= min(N/(Z + S), 1/S), whatever N; and far beyond the knee the server never rests.
    #[test]
    fn a_closed_loop_keeps_within_its_asymptotes() {
        for clients in 1..=60 {
            for ratio in [0.01, 0.05, 0.4, 2.0] {
                let throughput = 1.0 - idle(clients, ratio);
                let alone = clients as f64 / (1.0 / ratio + 1.0);
                assert!(throughput <= alone.min(1.0) * (1.0 + 1e-12), "{clients}, {ratio}");
            }
        }
        assert!((1.0 - idle(1, 0.4) - 0.4 / 1.4).abs() < 1e-15);
        assert!(idle(200, 0.4) < 1e-12);
    }

    #[test]
    fn one_server_is_a_special_case_of_several() {
        for rho in [0.1, 0.5, 0.9] {
            assert!((erlang_c(1, rho) - rho).abs() < 1e-15);
        }
    }
}
