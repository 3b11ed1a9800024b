//! What can be wrong with a fleet or its profiles.

use thiserror::Error;

/// Why a fleet cannot be drawn. The scenario has to be mended; nothing was drawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FleetError {
    /// No group at all.
    #[error(
        "the fleet has no groups; give at least one, such as `{{ profile: phone-high, count: 10 }}`"
    )]
    NoGroups,
    /// A group names a profile that is neither shipped nor given inline.
    #[error("unknown device profile \"{name}\"; known are: {}", known.join(", "))]
    UnknownProfile {
        /// The name as given.
        name: String,
        /// Every name that would do, in the library's order.
        known: Vec<String>,
    },
    /// The groups together exceed [`crate::MAX_DEVICES`].
    #[error("the fleet has {count} devices in all; at most {limit} can be simulated")]
    TooManyDevices {
        /// The sum over all groups.
        count: u64,
        /// [`crate::MAX_DEVICES`].
        limit: u32,
    },
}

/// Why a set of profiles cannot be read. Fatal for whoever shipped it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// A profile's text is not a valid profile.
    #[error("device profile {file}: {source}")]
    Invalid {
        /// Which of the shipped files.
        file: &'static str,
        /// What is wrong, with line and column.
        source: serde_yaml::Error,
    },
    /// A file's name and the name inside it differ, or a name occurs twice.
    #[error(
        "device profile {file} calls itself \"{name}\"; the file and the name must agree and be unique"
    )]
    Misnamed {
        /// Which of the shipped files.
        file: &'static str,
        /// The name inside.
        name: String,
    },
}
