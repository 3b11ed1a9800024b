//! What a seed cost to the target, as far as it was seen.

/// The cost of one seed to the target, censored on the right where the run ended first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cost {
    /// The target was reached after so much.
    Reached(f64),
    /// The target was not reached within so much, where the last evaluation was: the true cost is higher by nobody knows
    /// what.
    Beyond(f64),
}

impl Cost {
    /// What was seen of it: the cost, or what it exceeds.
    pub fn seen(self) -> f64 {
        match self {
            Self::Reached(amount) | Self::Beyond(amount) => amount,
        }
    }

    /// The cost, if the target was reached.
    pub fn reached(self) -> Option<f64> {
        match self {
            Self::Reached(amount) => Some(amount),
            Self::Beyond(_) => None,
        }
    }

    /// The cost up to `horizon`: min(T, τ), which is known of every seed that was watched at least so long.
    pub fn restricted(self, horizon: f64) -> f64 {
        self.seen().min(horizon)
    }
}

/// How far all of `costs` were watched: the least at which any was given up; infinite if all reached the target.
///
/// Up to this horizon τ every min(T, τ) is known, so that nothing has to be imputed: means over them are restricted means
/// (P. Royston and M. Parmar, "Restricted mean survival time", BMC Medical Research Methodology 13, 2013).
pub fn horizon(costs: impl IntoIterator<Item = Cost>) -> f64 {
    let given_up = costs.into_iter().filter(|cost| cost.reached().is_none());
    given_up.map(Cost::seen).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_is_where_the_first_seed_was_given_up() {
        let costs = [Cost::Reached(9.0), Cost::Beyond(5.0), Cost::Beyond(7.0), Cost::Reached(2.0)];
        let horizon = horizon(costs);
        assert_eq!(horizon, 5.0);
        assert_eq!(costs.map(|cost| cost.restricted(horizon)), [5.0, 5.0, 5.0, 2.0]);
        assert_eq!(super::horizon([Cost::Reached(9.0)]), f64::INFINITY);
        assert_eq!(Cost::Reached(9.0).restricted(f64::INFINITY), 9.0);
    }
}
