//! R1 to R6: how long rounds last, who arrives and which rounds succeed.
//!
//! A round asks n clients whose times are independent; F is the law of one, s = 1 - F. Formulas
//! where there are some, numeric integrals where there are none; each formula is tested against
//! the integral.

use fleetune_units::Seconds;

use crate::{Law, integrate};

/// The n-th harmonic number, H_n = Σ_{k=1}^{n} 1/k. H_0 = 0.
pub fn harmonic(n: u32) -> f64 {
    (1..=n).rev().map(|k| 1.0 / f64::from(k)).sum()
}

/// Σ_{k=1}^{n} 1/k².
pub fn harmonic_squares(n: u32) -> f64 {
    (1..=n).rev().map(|k| 1.0 / (f64::from(k) * f64::from(k))).sum()
}

/// R1, R2: mean time until `k` of `n` exponential clients are done, mean (H_n - H_{n-k}).
/// `k = n` is the synchronous round, mean H_n; `k < n` is over-selection.
///
/// # Panics
/// If `k > n`.
pub fn kth_exponential(k: u32, n: u32, mean: Seconds) -> Seconds {
    assert!(k <= n, "{k} of {n} clients");
    Seconds::from_raw(mean.get() * (harmonic(n) - harmonic(n - k)))
}

/// R1, R2: variance of that time in s², mean² Σ_{j=n-k+1}^{n} 1/j².
///
/// # Panics
/// If `k > n`.
pub fn kth_exponential_variance(k: u32, n: u32, mean: Seconds) -> f64 {
    assert!(k <= n, "{k} of {n} clients");
    mean.get() * mean.get() * (harmonic_squares(n) - harmonic_squares(n - k))
}

/// R3: mean of the slowest of `n` uniform on [low, high], low + (high - low) n/(n + 1).
pub fn slowest_uniform(n: u32, low: Seconds, high: Seconds) -> Seconds {
    let n = f64::from(n);
    Seconds::from_raw(low.get() + (high.get() - low.get()) * n / (n + 1.0))
}

/// R3: mean of the slowest of `n` Pareto with shape α > 1 and least value x_m,
/// x_m Γ(n + 1) Γ(1 - 1/α)/Γ(n + 1 - 1/α); infinite for α <= 1.
pub fn slowest_pareto(n: u32, shape: f64, scale: Seconds) -> Seconds {
    if shape <= 1.0 {
        return Seconds::from_raw(f64::INFINITY);
    }
    let (n, inverse) = (f64::from(n), 1.0 / shape);
    let log = libm::lgamma(n + 1.0) + libm::lgamma(1.0 - inverse) - libm::lgamma(n + 1.0 - inverse);
    Seconds::from_raw(scale.get() * libm::exp(log))
}

/// Beyond so many clients the alternating sum loses half of its digits.
const ALTERNATING: u32 = 25;

/// R3: mean of the slowest of `n` Weibull with shape k and scale s,
/// s Γ(1 + 1/k) Σ_{j=1}^{n} (-1)^{j+1} C(n, j) j^{-1/k}; for more than 25 clients, where that sum
/// cancels itself out, the integral of [`slowest`].
pub fn slowest_weibull(n: u32, shape: f64, scale: Seconds) -> Seconds {
    if n > ALTERNATING {
        return kth(n, n, Law::Weibull { shape, scale });
    }
    let mut choose = 1.0;
    let sum: f64 = (1..=n)
        .map(|j| {
            choose *= f64::from(n - j + 1) / f64::from(j);
            let sign = if j % 2 == 1 { 1.0 } else { -1.0 };
            sign * choose * libm::pow(f64::from(j), -1.0 / shape)
        })
        .sum();
    Seconds::from_raw(scale.get() * libm::tgamma(1.0 + 1.0 / shape) * sum)
}

/// R3: mean of the slowest of independent clients of any laws, ∫ 1 - Π F_i(t) dt.
pub fn slowest(laws: &[Law]) -> Seconds {
    let survival = |t: f64| late(laws, t);
    let unit = laws.iter().map(|law| law.quantile(0.5).get()).fold(f64::MIN_POSITIVE, f64::max);
    Seconds::from_raw(integrate::survival_time(&survival, unit))
}

/// Mean time until `k` of `n` clients of one law are done, ∫ P(Binomial(n, F(t)) < k) dt.
///
/// # Panics
/// If `k > n`.
pub fn kth(k: u32, n: u32, law: Law) -> Seconds {
    assert!(k <= n, "{k} of {n} clients");
    let survival = |t: f64| fewer(k, n, law, t);
    Seconds::from_raw(integrate::survival_time(&survival, law.quantile(0.5).get()))
}

/// R4: mean duration of a round that waits for all of `n` clients of one law, but no longer than
/// `deadline`: ∫₀^D 1 - Fⁿ dt.
pub fn deadline_round(n: u32, law: Law, deadline: Seconds) -> Seconds {
    let survival = |t: f64| fewer(n, n, law, t);
    Seconds::from_raw(integrate::integrate(&survival, 0.0, deadline.get(), deadline.get()))
}

/// R4 for exponential clients: mean Σ_{j=1}^{n} (1 - e^{-D/mean})^j/j.
pub fn deadline_exponential(n: u32, mean: Seconds, deadline: Seconds) -> Seconds {
    let done = Law::Exponential { mean }.cdf(deadline);
    let mut power = 1.0;
    let sum = (1..=n).map(|j| {
        power *= done;
        power / f64::from(j)
    });
    Seconds::from_raw(mean.get() * sum.sum::<f64>())
}

/// R4: mean number of updates by the deadline, n F(D). The number is Binomial(n, F(D)).
pub fn arrivals(n: u32, law: Law, deadline: Seconds) -> f64 {
    f64::from(n) * law.cdf(deadline)
}

/// P(X = k) of the binomial law, C(n, k) pᵏ (1 - p)^{n-k}.
pub fn binomial(n: u32, k: u32, p: f64) -> f64 {
    if k > n {
        return 0.0;
    }
    binomial_of(n, k, p, 1.0 - p)
}

/// P(X >= k) of the binomial law.
pub fn binomial_at_least(n: u32, k: u32, p: f64) -> f64 {
    (k..=n).map(|j| binomial(n, j, p)).sum()
}

/// R5: probability that a cohort of `cohort`, chosen uniformly from `all` clients of whom `slow`
/// are slow, has a slow one: 1 - C(all - slow, cohort)/C(all, cohort).
///
/// # Panics
/// If there are more slow clients or a larger cohort than clients.
pub fn slow_round(all: u32, slow: u32, cohort: u32) -> f64 {
    assert!(slow <= all && cohort <= all, "{slow} slow and {cohort} chosen of {all} clients");
    let fast = |i: u32| f64::from((all - slow).saturating_sub(i)) / f64::from(all - i);
    1.0 - (0..cohort).map(fast).product::<f64>()
}

/// R6: probability that of `asked` clients, each lost with probability `dropout`, `needed` stay:
/// Σ_{j=k}^{m} C(m, j) (1 - p)ʲ p^{m-j}.
pub fn round_succeeds(asked: u32, needed: u32, dropout: f64) -> f64 {
    binomial_at_least(asked, needed, 1.0 - dropout)
}

/// R6: mean number of rounds up to and with the first that succeeds, 1/P; the number is geometric.
pub fn rounds_to_success(asked: u32, needed: u32, dropout: f64) -> f64 {
    1.0 / round_succeeds(asked, needed, dropout)
}

/// P(X = k), given p and 1 - p: whichever is small keeps its digits.
fn binomial_of(n: u32, k: u32, p: f64, q: f64) -> f64 {
    let mut choose = 1.0;
    // The smaller of the two symmetrical products, a factor at a time so that nothing overflows.
    for j in 1..=k.min(n - k) {
        choose *= f64::from(n - j + 1) / f64::from(j);
    }
    choose * libm::pow(p, f64::from(k)) * libm::pow(q, f64::from(n - k))
}

/// P(the slowest is not done by `t`), 1 - Π (1 - s_i), exact also where s is tiny.
fn late(laws: &[Law], t: f64) -> f64 {
    let t = Seconds::from_raw(t);
    -libm::expm1(laws.iter().map(|law| libm::log1p(-law.survival(t))).sum())
}

/// P(fewer than `k` of `n` are done by `t`).
fn fewer(k: u32, n: u32, law: Law, t: f64) -> f64 {
    let t = Seconds::from_raw(t);
    let (done, late) = (law.cdf(t), law.survival(t));
    if k == n {
        return -libm::expm1(f64::from(n) * libm::log1p(-late));
    }
    (0..k).map(|j| binomial_of(n, j, done, late)).sum()
}
