//! Who holds which examples.
//!
//! | kind | sizes | class mixes |
//! |---|---|---|
//! | `iid` | equal | all alike, but for chance |
//! | `dirichlet` | equal | each client its own, from a Dirichlet law: label skew without size skew |
//! | `by_size` | log-normal | all alike, but for chance: size skew without label skew |
//!
//! "Equal" means differing by at most one. Every example is given to exactly one client and every client has at least
//! one.

mod by_size;
mod deal;
mod dirichlet;

use rand::Rng;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// How the training examples are spread over the clients.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PartitionConfig {
    /// At random, in equal numbers.
    #[default]
    Iid,
    /// Label skew: each client draws its class mix `q ~ Dir(α p)`, where `p` are the classes' shares of all examples,
    /// as in Hsu, Qi and Brown, "Measuring the effects of non-identical data distribution for federated visual
    /// classification" (2019). The smaller α, the fewer classes a client sees.
    ///
    /// Beware when comparing numbers: where others draw one Dirichlet over the clients for each class, their α counts
    /// per client, ours in total over the classes. With four equal classes their α = 0.25 is about our α = 1.
    Dirichlet {
        /// Total concentration α.
        alpha: Alpha,
    },
    /// Size skew: sizes beyond the minimum are proportional to `exp(σ z)`, `z ~ N(0, 1)`.
    BySize {
        /// Standard deviation σ of the logarithm of the sizes; 0 gives equal sizes.
        sigma: Sigma,
        /// Least examples of a client. The default is 10, as in NIID-Bench (Li, Diao, Chen and He, "Federated learning
        /// on non-IID data silos: an experimental study", ICDE 2022).
        #[serde(default)]
        minimum: Minimum,
    },
}

impl PartitionConfig {
    /// Checks that so many examples go round.
    ///
    /// # Errors
    ///
    /// [`PartitionError`] if there are no clients, or fewer examples than the clients' minima together.
    pub fn validate(&self, examples: usize, clients: usize) -> Result<(), PartitionError> {
        let minimum = match self {
            Self::Iid | Self::Dirichlet { .. } => 1,
            Self::BySize { minimum, .. } => minimum.get(),
        };
        if clients == 0 {
            Err(PartitionError::NoClients)
        } else if u32::try_from(examples).is_err() {
            Err(PartitionError::TooManyExamples { examples })
        } else if minimum.checked_mul(clients).is_none_or(|needed| needed > examples) {
            Err(PartitionError::TooFewExamples { examples, clients, minimum })
        } else {
            Ok(())
        }
    }
}

/// Gives every example to one of the clients: for each client the indices of its examples in `labels`, ascending.
///
/// A pure function of its arguments and of what `rng` yields. `labels` are indices below `classes`.
///
/// # Errors
///
/// As [`PartitionConfig::validate`].
///
/// # Panics
///
/// If a label is not below `classes`.
pub fn partition(
    labels: &[usize],
    classes: usize,
    clients: usize,
    config: &PartitionConfig,
    rng: &mut impl Rng,
) -> Result<Vec<Vec<u32>>, PartitionError> {
    config.validate(labels.len(), clients)?;
    let mut shards = match *config {
        PartitionConfig::Iid => deal::shuffled(&deal::equal(labels.len(), clients), rng),
        PartitionConfig::Dirichlet { alpha } => {
            dirichlet::shards(labels, classes, clients, alpha.get(), rng)
        }
        PartitionConfig::BySize { sigma, minimum } => {
            let sizes = by_size::sizes(labels.len(), clients, sigma.get(), minimum.get(), rng);
            deal::shuffled(&sizes, rng)
        }
    };
    for shard in &mut shards {
        shard.sort_unstable();
    }
    Ok(shards)
}

/// Why examples cannot be spread over clients.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// There is nobody to give examples to.
    #[error("no clients to partition over; expected at least one")]
    NoClients,
    /// The minima add up to more than there is.
    #[error(
        "{examples} examples cannot give each of {clients} clients at least {minimum}; take fewer clients, more data or a smaller minimum"
    )]
    TooFewExamples {
        /// Examples there are.
        examples: usize,
        /// Clients to serve.
        clients: usize,
        /// Least examples of a client.
        minimum: usize,
    },
    /// Indices would not fit.
    #[error("{examples} examples are more than can be indexed (4294967295)")]
    TooManyExamples {
        /// Examples there are.
        examples: usize,
    },
}

/// Concentration α of a Dirichlet law: a positive, finite number.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Alpha(f64);

impl Alpha {
    /// The concentration, if it is positive and finite.
    pub fn new(alpha: f64) -> Option<Self> {
        (alpha > 0.0 && alpha.is_finite()).then_some(Self(alpha))
    }

    /// The concentration.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Standard deviation σ of the logarithm of sizes: a finite number, not negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
pub struct Sigma(f64);

impl Sigma {
    /// The deviation, if it is finite and not negative.
    pub fn new(sigma: f64) -> Option<Self> {
        (sigma >= 0.0 && sigma.is_finite()).then_some(Self(sigma))
    }

    /// The deviation.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Least examples of a client: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Minimum(usize);

impl Minimum {
    /// The minimum, if it is at least one.
    pub fn new(minimum: usize) -> Option<Self> {
        (minimum > 0).then_some(Self(minimum))
    }

    /// The number of examples.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for Minimum {
    fn default() -> Self {
        Self(10)
    }
}

/// Deserialises a number and refuses it, at its position, unless `new` accepts it.
macro_rules! checked {
    ($name:ident, $number:ty, $expected:literal) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let number = <$number>::deserialize(deserializer)?;
                let message = || format!(concat!("{}: expected ", $expected), number);
                Self::new(number).ok_or_else(|| D::Error::custom(message()))
            }
        }
    };
}

checked!(Alpha, f64, "a positive number (a Dirichlet concentration, such as 0.1 or 1.0)");
checked!(Sigma, f64, "a number not below zero (the standard deviation of log sizes)");
checked!(Minimum, usize, "at least one example");

#[cfg(test)]
mod tests;
