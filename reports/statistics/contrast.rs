//! How many times dearer one thing is than another, where some seeds did not reach the target.

use statrs::function::gamma::ln_gamma;

use super::{
    Cost, Design, LEVEL, horizon, sign_flip,
    student::{Mean, deviation},
};

/// What the costs of one algorithm are in multiples of another's.
///
/// Costs are restricted to the common [horizon](Self::horizon) τ, up to which every seed of both was watched; then
///
/// ratio = exp(mean of ln min(aᵢ, τ) - mean of ln min(bᵢ, τ)),
///
/// the ratio of restricted geometric means. Where every seed reached the target, τ is infinite and this is the plain ratio
/// of geometric means. Where not, every seed's ratio is drawn towards 1 and none beyond it: min(·, τ) keeps the order and
/// shrinks distances. A difference that is left is one; how large it is beyond τ nobody saw.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Whether seeds were paired.
    pub design: Design,
    /// The ratio of restricted geometric means.
    pub ratio: f64,
    /// Its interval at [`LEVEL`], Student's t on logarithms, Welch's where seeds are not paired; nothing from one seed.
    pub interval: Option<(f64, f64)>,
    /// The two-sided p-value of a ratio of 1, by the same t: below 1 - [`LEVEL`] where the interval excludes 1. 1 from one
    /// seed.
    pub p: f64,
    /// The same by [`sign_flip`], which assumes no law; nothing without pairs.
    pub exact: Option<f64>,
    /// Seeds on both sides; equal where they are paired.
    pub seeds: (usize, usize),
    /// Pairs in which the first was cheaper, and in which the second was; of the others nobody knows.
    pub cheaper: Option<(usize, usize)>,
    /// Seeds on both sides that were cut at the horizon.
    pub cut: (usize, usize),
    /// Up to where costs were compared; infinite where all seeds of both reached the target.
    pub horizon: f64,
    /// The difference of logarithms in standard deviations, without the bias of few seeds; nothing where they do not vary.
    pub effect: Option<f64>,
    /// The standard deviation that the effect is measured in: of the differences where seeds are paired, else of both sides.
    pub spread: Option<f64>,
}

/// Why two algorithms have no ratio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Incomparable {
    /// They have no seed in common, or none with a cost above nothing.
    NoSeed,
    /// Up to the horizon, where the first seed was given up, neither had reached the target in any seed.
    NothingWithin(f64),
}

impl Contrast {
    /// The ratio of `a` to `b`, seed by seed: for costs that met the same fleet, data and dropouts under the same seed,
    /// which takes out what the seed does to both. Seeds of one alone are left out.
    ///
    /// # Errors
    /// There is nothing to compare.
    pub fn paired(a: &[(u64, Cost)], b: &[(u64, Cost)]) -> Result<Self, Incomparable> {
        let partner = |seed: u64| b.iter().find(|(other, _)| *other == seed).map(|(_, cost)| *cost);
        let pairs = a.iter().filter_map(|&(seed, cost)| Some((cost, partner(seed)?)));
        // A start that already meets the target costs nothing, and nothing has no ratio.
        let pairs = pairs.filter(|(a, b)| a.seen() > 0.0 && b.seen() > 0.0);
        let (a, b): (Vec<Cost>, Vec<Cost>) = pairs.unzip();
        let sides = Sides::new(&a, &b)?;
        let differences: Vec<f64> = sides.a.iter().zip(&sides.b).map(|(a, b)| a - b).collect();
        let mean = Mean::of(&differences).ok_or(Incomparable::NoSeed)?;
        let won = |wins: fn(f64) -> bool| differences.iter().filter(|d| wins(**d)).count();
        let cheaper = Some((won(|d| d < 0.0), won(|d| d > 0.0)));
        let exact = sign_flip(&differences);
        let spread = deviation(&differences);
        Ok(Self { cheaper, exact, ..sides.contrast(Design::Paired, mean, spread) })
    }

    /// The ratio of `a` to `b`, whose seeds have nothing to do with each other.
    ///
    /// # Errors
    /// There is nothing to compare.
    pub fn independent(a: &[(u64, Cost)], b: &[(u64, Cost)]) -> Result<Self, Incomparable> {
        let positive = |costs: &[(u64, Cost)]| -> Vec<Cost> {
            costs.iter().map(|(_, cost)| *cost).filter(|cost| cost.seen() > 0.0).collect()
        };
        let sides = Sides::new(&positive(a), &positive(b))?;
        let mean = Mean::difference(&sides.a, &sides.b).ok_or(Incomparable::NoSeed)?;
        let (va, vb) = (deviation(&sides.a), deviation(&sides.b));
        let spread = ((va * va + vb * vb) / 2.0).sqrt();
        Ok(sides.contrast(Design::Independent, mean, spread))
    }

    /// Whether the interval excludes 1: the costs differ by more than the seeds do. Never from a single seed.
    pub fn is_distinguishable(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 1.0 || high < 1.0)
    }

    /// Whether the dearer one is dearer by more than the ratio says: of its seeds some were cut, of the cheaper one's none.
    pub fn is_at_least(&self) -> bool {
        match self.ratio > 1.0 {
            true => self.cut.0 > 0 && self.cut.1 == 0,
            false => self.cut.1 > 0 && self.cut.0 == 0,
        }
    }

    /// The seeds that it takes to tell this ratio from 1 with probability [`POWER`](super::POWER), on each side, if it is
    /// the true one and seeds vary as these did; nothing if thousands do not, or if there is but one seed.
    pub fn seeds_needed(&self) -> Option<usize> {
        let effect = libm::log(self.ratio).abs() / self.spread?;
        self.design.needed(effect, LEVEL)
    }

    /// The least ratio above 1 that so many seeds tell from 1 with probability [`POWER`](super::POWER), if seeds vary as
    /// these did.
    pub fn detectable(&self) -> Option<f64> {
        let n = self.seeds.0.min(self.seeds.1);
        Some(libm::exp(self.design.detectable(n, LEVEL)? * self.spread?))
    }
}

/// Logarithms of restricted costs.
struct Sides {
    a: Vec<f64>,
    b: Vec<f64>,
    cut: (usize, usize),
    horizon: f64,
}

impl Sides {
    fn new(a: &[Cost], b: &[Cost]) -> Result<Self, Incomparable> {
        if a.is_empty() || b.is_empty() {
            return Err(Incomparable::NoSeed);
        }
        let horizon = horizon(a.iter().chain(b).copied());
        let is_cut = |cost: &&Cost| cost.reached().is_none_or(|amount| amount > horizon);
        let cut = [a, b].map(|side| side.iter().filter(is_cut).count());
        if cut == [a.len(), b.len()] {
            return Err(Incomparable::NothingWithin(horizon));
        }
        let logs = |side: &[Cost]| -> Vec<f64> {
            side.iter().map(|cost| libm::log(cost.restricted(horizon))).collect()
        };
        Ok(Self { a: logs(a), b: logs(b), cut: (cut[0], cut[1]), horizon })
    }

    fn contrast(&self, design: Design, mean: Mean, spread: f64) -> Contrast {
        let freedom = match design {
            Design::Paired => self.a.len() as f64 - 1.0,
            Design::Independent => (self.a.len() + self.b.len()) as f64 - 2.0,
        };
        let ends = mean.interval(LEVEL);
        Contrast {
            design,
            ratio: libm::exp(mean.value),
            interval: ends.map(|(low, high)| (libm::exp(low), libm::exp(high))),
            p: mean.p_value(),
            exact: None,
            seeds: (self.a.len(), self.b.len()),
            cheaper: None,
            cut: self.cut,
            horizon: self.horizon,
            effect: (spread > 0.0).then(|| hedges(freedom) * mean.value / spread),
            spread: (spread >= 0.0).then_some(spread),
        }
    }
}

/// What takes the bias out of a standardised difference: L. V. Hedges, "Distribution theory for Glass's estimator of
/// effect size and related estimators", Journal of Educational Statistics 6, 1981:
/// J(m) = Γ(m/2) / (√(m/2) Γ((m-1)/2)). With one degree of freedom it is 0: two values tell nothing of an effect.
fn hedges(freedom: f64) -> f64 {
    if freedom <= 1.0 {
        return 0.0;
    }
    libm::exp(ln_gamma(freedom / 2.0) - ln_gamma((freedom - 1.0) / 2.0)) / (freedom / 2.0).sqrt()
}
