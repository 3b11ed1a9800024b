//! Capacities that change over time.

use fleetune_units::{BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::number::{nanoseconds_up, seconds};
use crate::energy::Moment;

/// From `at` on, a link has `capacity`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Since the start of the simulation or, in a periodic profile, of the period.
    pub at: Seconds,
    /// From then on; zero is an outage.
    pub capacity: BytesPerSecond,
}

/// Why steps are no profile. The scenario has to be mended.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No steps, or the first is not at zero.
    #[error("a capacity profile begins with a step at 0 s")]
    NoBeginning,
    /// A step is not later than the one before it, or not by a whole nanosecond.
    #[error("the step at {at} does not come after the one before it")]
    OutOfOrder {
        /// The step's time.
        at: Seconds,
    },
    /// A step is at or after the end of the period.
    #[error("the step at {at} is not within the period of {period}")]
    BeyondPeriod {
        /// The step's time.
        at: Seconds,
        /// The profile's period.
        period: Seconds,
    },
    /// A moment no simulation reaches.
    #[error("{at} is beyond the end of time, 584 years")]
    TooLate {
        /// The time.
        at: Seconds,
    },
}

/// A piecewise-constant capacity b(t), once or periodic.
///
/// Steps are at whole nanoseconds, rounded up once. The last step holds for ever, or until the
/// next period begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct CapacityProfile {
    /// (nanoseconds, capacity), the first at 0, increasing.
    steps: Vec<(u64, BytesPerSecond)>,
    period: Option<u64>,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    steps: Vec<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    period: Option<Seconds>,
}

impl CapacityProfile {
    /// The same capacity all the time.
    pub fn constant(capacity: BytesPerSecond) -> Self {
        Self { steps: vec![(0, capacity)], period: None }
    }

    /// Steps that happen once, or again in every `period`.
    ///
    /// # Errors
    /// See [`ProfileError`].
    pub fn new(steps: &[Step], period: Option<Seconds>) -> Result<Self, ProfileError> {
        let nanos = |at: Seconds| nanoseconds_up(at.get()).ok_or(ProfileError::TooLate { at });
        let end = period.map(nanos).transpose()?;
        let mut checked: Vec<(u64, BytesPerSecond)> = Vec::with_capacity(steps.len());
        for Step { at, capacity } in steps {
            let time = nanos(*at)?;
            match checked.last() {
                None if time > 0 => return Err(ProfileError::NoBeginning),
                Some((before, _)) if *before >= time => {
                    return Err(ProfileError::OutOfOrder { at: *at });
                }
                _ => {}
            }
            if let (Some(end), Some(period)) = (end, period)
                && time >= end
            {
                return Err(ProfileError::BeyondPeriod { at: *at, period });
            }
            checked.push((time, *capacity));
        }
        if checked.is_empty() {
            return Err(ProfileError::NoBeginning);
        }
        Ok(Self { steps: checked, period: end })
    }

    /// The capacity at `moment`.
    pub fn at(&self, moment: Moment) -> BytesPerSecond {
        let phase = self.period.map_or(moment.0, |period| moment.0 % period);
        let begun = self.steps.partition_point(|(time, _)| *time <= phase);
        // The first step is at zero, so at least one has begun.
        self.steps[begun.max(1) - 1].1
    }

    /// The first step after `moment`; `None` if there is none, or only beyond the end of time.
    pub fn next_step(&self, moment: Moment) -> Option<Moment> {
        let (base, phase) = match self.period {
            None => (0, moment.0),
            Some(period) => (moment.0 - moment.0 % period, moment.0 % period),
        };
        let next = self.steps.iter().map(|(time, _)| *time).find(|time| *time > phase);
        let wraps = || self.period.filter(|_| self.steps.len() > 1);
        base.checked_add(next.or_else(wraps)?).map(Moment)
    }

    /// Every capacity times `factor`.
    pub fn scaled(&self, factor: f64) -> Self {
        let steps = self.steps.iter().map(|(time, capacity)| (*time, *capacity * factor));
        Self { steps: steps.collect(), period: self.period }
    }

    /// The highest capacity there is.
    pub fn peak(&self) -> BytesPerSecond {
        self.steps.iter().fold(BytesPerSecond::ZERO, |peak, (_, capacity)| peak.max(*capacity))
    }
}

impl TryFrom<Unchecked> for CapacityProfile {
    type Error = ProfileError;

    fn try_from(written: Unchecked) -> Result<Self, ProfileError> {
        Self::new(&written.steps, written.period)
    }
}

impl From<CapacityProfile> for Unchecked {
    fn from(profile: CapacityProfile) -> Self {
        let step = |(time, capacity)| Step { at: seconds(time), capacity };
        let period = profile.period.map(seconds);
        Self { steps: profile.steps.into_iter().map(step).collect(), period }
    }
}
