//! Step times that somebody measured.

use fleetune_units::Seconds;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use thiserror::Error;

use super::Exchange;
use crate::{profile::ProfileName, validate::positive};

/// A table of step times, at most one for each profile, algorithm and batch size. Other batch
/// sizes are not interpolated: nobody measured them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Measured {
    entries: Vec<StepTime>,
}

/// How long one batch took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTime {
    /// On devices of this profile.
    pub profile: ProfileName,
    /// With this kind of algorithm, as scenarios call it.
    pub algorithm: String,
    /// At this batch size.
    pub batch: u32,
    /// The whole step, from batch to new parameters.
    #[serde(deserialize_with = "positive")]
    pub step: Seconds,
}

/// A step was not measured. The scenario has to be mended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MissingMeasurement {
    /// Nothing of the profile.
    #[error("no step time was measured on profile \"{profile}\"; there are some on {}", known.join(", "))]
    Profile {
        /// The profile asked for.
        profile: String,
        /// The profiles that were measured.
        known: Vec<String>,
    },
    /// Nothing of the algorithm on that profile.
    #[error(
        "no step time of algorithm \"{algorithm}\" was measured on profile \"{profile}\"; there \
         are some of {}", known.join(", ")
    )]
    Algorithm {
        /// The profile asked for.
        profile: String,
        /// The algorithm asked for.
        algorithm: String,
        /// The algorithms that were measured on it.
        known: Vec<String>,
    },
    /// Another batch size of that algorithm on that profile.
    #[error(
        "no step time of algorithm \"{algorithm}\" at batch size {batch} was measured on profile \
         \"{profile}\"; there are some at {}", known.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    )]
    Batch {
        /// The profile asked for.
        profile: String,
        /// The algorithm asked for.
        algorithm: String,
        /// The batch size asked for.
        batch: u32,
        /// The batch sizes that were measured.
        known: Vec<u32>,
    },
}

impl Measured {
    /// A table of `entries`.
    ///
    /// # Errors
    /// There is none, or two are of the same profile, algorithm and batch size.
    pub fn new(entries: Vec<StepTime>) -> Result<Self, String> {
        if entries.is_empty() {
            return Err("expected at least one step time; found none".to_owned());
        }
        for (n, entry) in entries.iter().enumerate() {
            let StepTime { profile, algorithm, batch, .. } = entry;
            let same =
                |e: &StepTime| (&e.profile, &e.algorithm, e.batch) == (profile, algorithm, *batch);
            if entries[..n].iter().any(same) {
                return Err(format!(
                    "expected one step time for each profile, algorithm and batch size; found two \
                     for {profile}, {algorithm}, {batch}"
                ));
            }
        }
        Ok(Self { entries })
    }

    /// The time of one step.
    ///
    /// # Errors
    /// It was not measured; the error says what was.
    pub fn step(
        &self,
        profile: &str,
        exchange: &Exchange<'_>,
    ) -> Result<Seconds, MissingMeasurement> {
        let of_profile = || self.entries.iter().filter(|e| e.profile.as_str() == profile);
        let of_algorithm = || of_profile().filter(|e| e.algorithm == exchange.algorithm);
        if let Some(entry) = of_algorithm().find(|e| e.batch == exchange.batch) {
            return Ok(entry.step);
        }
        let (profile, algorithm) = (profile.to_owned(), exchange.algorithm.to_owned());
        if of_profile().next().is_none() {
            let known = distinct(self.entries.iter().map(|e| e.profile.to_string()));
            return Err(MissingMeasurement::Profile { profile, known });
        }
        if of_algorithm().next().is_none() {
            let known = distinct(of_profile().map(|e| e.algorithm.clone()));
            return Err(MissingMeasurement::Algorithm { profile, algorithm, known });
        }
        let known = of_algorithm().map(|e| e.batch).collect();
        Err(MissingMeasurement::Batch { profile, algorithm, batch: exchange.batch, known })
    }
}

/// Without repetitions, in the order in which they first occur.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for name in names {
        if !kept.contains(&name) {
            kept.push(name);
        }
    }
    kept
}

impl<'de> Deserialize<'de> for Measured {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(source)?).map_err(D::Error::custom)
    }
}
