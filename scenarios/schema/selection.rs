use fleetune_algorithms::settings::{Decay, Fraction, Positive, Share};
use serde::{Deserialize, Serialize};

use super::number::whole;

/// Whom the server asks in a round, of those who are there: by what it knows of them, never by what is to come.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectionConfig {
    /// Anyone, each as likely; every algorithm sees the same draws.
    #[default]
    Random,
    /// First those who are least likely to be there in the next round: REFL.
    Availability(AvailabilityConfig),
    /// Those from whom most is to be learnt soonest: Oort.
    Oort(OortConfig),
    /// Those who can be done by the deadline, with memory to spare: FedCS.
    Resources(ResourcesConfig),
    /// Those who have spent the least energy, or have the fullest battery.
    Energy(EnergyConfig),
}

impl SelectionConfig {
    /// Whether clients have to report their training losses.
    pub fn needs_losses(&self) -> bool {
        matches!(self, Self::Oort(_))
    }

    /// Who is asked, for a report.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Random => "drawn at random",
            Self::Availability(_) => "of those least likely to be there in the next round (REFL)",
            Self::Oort(_) => "of those with the most to learn from soonest (Oort)",
            Self::Resources(_) => "of those done soonest, by the deadline (FedCS)",
            Self::Energy(EnergyConfig { by: EnergyMeasure::Joules }) => {
                "of those who have spent the least energy"
            }
            Self::Energy(EnergyConfig { by: EnergyMeasure::Battery }) => {
                "of those with the fullest battery (EAFL's power term)"
            }
        }
    }
}

/// REFL's selection of participants (Abdelmoniem et al., EuroSys 2023): its server asks whoever is least likely to be
/// there from μ to 2 μ from now, μ being a moving average of how long rounds last. Here the forecast is the server's, from the
/// comings and goings that it has seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AvailabilityConfig {
    /// α: the share of its last value that the moving average keeps, from 0 to below 1. The default is 0.25, as
    /// published.
    pub smoothing: Decay,
    /// Who was asked in one of so many rounds before is asked only if there is nobody else, 0 to 1,000,000. The
    /// default is 5, as in the published code.
    #[serde(deserialize_with = "whole::<_, _, 0, 1_000_000>")]
    pub rest: u64,
}

/// Oort (Lai et al., OSDI 2021), as FedScale has it and with its defaults. Clients report their training losses: four
/// bytes more up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OortConfig {
    /// ε: the share of those asked who were never asked before, before it first decays; 0 to 1. The default is 0.9.
    pub exploration: Fraction,
    /// The factor by which ε decays in every round, above 0 and at most 1. The default is 0.98.
    pub exploration_decay: Share,
    /// What ε does not fall below, 0 to 1. The default is 0.3.
    pub exploration_min: Fraction,
    /// The preferred duration T of a round at first: the quantile of the durations that are known of all devices, 0 to 1,
    /// where 1 prefers none. The default is 0.3.
    pub duration_quantile: Fraction,
    /// α: who takes t > T counts for (T/t)^α of what there is to learn from it; above 0. The default is 2.
    pub penalty: Positive,
    /// The pacer looks at what was learnt after every so many rounds, 1 to 1,000,000. The default is 20.
    #[serde(deserialize_with = "whole::<_, _, 1, 1_000_000>")]
    pub pacer_rounds: u64,
    /// By how much it moves the quantile, 0 to 1. The default is 0.05.
    pub pacer_step: Fraction,
    /// Utilities above this quantile of them count as much as it, 0 to 1. The default is 0.9.
    pub clip_quantile: Fraction,
    /// Nobody is drawn whose score is below this share of the last one's who would be asked if the best were, 0 to 1,
    /// unless there are few. The default is 0.05.
    pub cutoff: Fraction,
    /// Who was asked more often than this is asked only if there is nobody else, 1 to 1,000,000,000. The default is
    /// none.
    #[serde(deserialize_with = "times")]
    pub blacklist_after: Option<u32>,
}

/// FedCS (Nishio and Yonetani, ICC 2019): devices say how long they will take, and the server asks those first who take
/// the least, as long as the deadline allows. It needs a `deadline`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourcesConfig {
    /// So many devices are drawn at random, and asked what they can do, for each that is to take part; 1 to 1000. With 1
    /// the fast have no preference beyond the deadline. The default is 3.
    #[serde(deserialize_with = "whole::<_, _, 1, 1000>")]
    pub candidates: u32,
    /// The share of a device's memory for training that must stay free, from 0 to below 1. The default is 0.
    pub memory_headroom: Decay,
}

/// Who has spent the least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnergyConfig {
    /// What is to be spread evenly. The default is `joules`.
    pub by: EnergyMeasure,
}

/// What energy is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyMeasure {
    /// Joules that a device has spent on the training so far: who has had the least comes first, as in scheduling by
    /// least attained service.
    #[default]
    Joules,
    /// What will be left in a device's battery: its level less what a round has taken of it, as a share of the full one.
    /// It is the power term of EAFL (Arouj and Abdelmoniem, 2022) alone. Every device needs a battery.
    Battery,
}

impl Default for AvailabilityConfig {
    fn default() -> Self {
        Self { smoothing: checked(Decay::new(0.25)), rest: 5 }
    }
}

impl Default for OortConfig {
    fn default() -> Self {
        let fraction = |value| checked(Fraction::new(value));
        Self {
            exploration: fraction(0.9),
            exploration_decay: checked(Share::new(0.98)),
            exploration_min: fraction(0.3),
            duration_quantile: fraction(0.3),
            penalty: checked(Positive::new(2.0)),
            pacer_rounds: 20,
            pacer_step: fraction(0.05),
            clip_quantile: fraction(0.9),
            cutoff: fraction(0.05),
            blacklist_after: None,
        }
    }
}

impl Default for ResourcesConfig {
    fn default() -> Self {
        Self { candidates: 3, memory_headroom: checked(Decay::new(0.0)) }
    }
}

fn checked<T>(number: Result<T, String>) -> T {
    number.expect("defaults are what they have to be")
}

fn times<'de, D: serde::Deserializer<'de>>(source: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Times(#[serde(deserialize_with = "whole::<_, _, 1, 1_000_000_000>")] u32);
    Ok(Option::<Times>::deserialize(source)?.map(|times| times.0))
}
