//! The fixed split into training, validation and test examples.
//!
//! `position = first 8 bytes (big endian) of SHA-256("fleetune/split/v1\n" + key), modulo 100`
//!
//! An example is for testing when its position lies below the test share (in percent), for validation below test and
//! validation share together, else for training. It depends on the key alone: on no seed, no order, no other row, so
//! adding rows moves none. The key of a user's text is the text without case, punctuation and spacing
//! ([`normalise`]), which keeps repeats on one side; the built-in texts are keyed by the group they belong to.

use sha2::{Digest, Sha256};

/// Prefix of every hashed key; a new version would be a new split.
const KEY: &str = "fleetune/split/v1\n";

/// Test share of the built-in tasks, in percent.
pub const TEST_PERCENT: u64 = 15;
/// Validation share of the built-in tasks, in percent.
pub const VALIDATION_PERCENT: u64 = 10;

/// Which of the three an example belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Split {
    /// Trained on by the clients.
    Train,
    /// Used to choose hyperparameters.
    Validation,
    /// Used to report results.
    Test,
}

impl Split {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Name in lower case, as in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.name() == name)
    }
}

/// The key's position in 0..100, uniform over keys up to `100 / 2⁶⁴`.
pub fn position(key: &str) -> u64 {
    let digest: [u8; 32] = Sha256::new().chain_update(KEY).chain_update(key).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 100
}

/// The split of a key, with shares in percent.
pub fn split_of(key: &str, validation_percent: u64, test_percent: u64) -> Split {
    match position(key) {
        p if p < test_percent => Split::Test,
        p if p < test_percent + validation_percent => Split::Validation,
        _ => Split::Train,
    }
}

/// The text in lower case, every run of characters that are neither letters nor digits made one space. A text without
/// letters and digits (`:-)`) is its own key.
pub fn normalise(text: &str) -> String {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join(" ");
    if joined.is_empty() { collapse(text) } else { joined }
}

/// The text with every run of white space made one space and none at its ends.
pub fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_stable() {
        // From `split_of` of models/assets/text/build.py, by an independent implementation of SHA-256.
        for (key, expected) in STABLE {
            assert_eq!(position(key), expected, "{key}");
        }
    }

    const STABLE: [(&str, u64); 4] =
        [("movie-17", 12), ("product-12", 48), ("a pretentious mess", 20), ("élan vital", 80)];

    #[test]
    fn positions_are_uniform() {
        let keys = 100_000;
        let mut counts = [0_u32; 100];
        for key in 0..keys {
            counts[position(&key.to_string()) as usize] += 1;
        }
        let expected = f64::from(keys) / 100.0;
        let square = |count: u32| (f64::from(count) - expected) * (f64::from(count) - expected);
        let chi2: f64 = counts.into_iter().map(|count| square(count) / expected).sum();
        // 99 degrees of freedom: above 181 with probability 1e-6; below 43 as rarely.
        assert!((43.0..181.0).contains(&chi2), "chi2 = {chi2}");
    }

    #[test]
    fn shares_lie_side_by_side() {
        for key in (0..1000).map(|k| k.to_string()) {
            let expected = match position(&key) {
                0..15 => Split::Test,
                15..25 => Split::Validation,
                _ => Split::Train,
            };
            assert_eq!(split_of(&key, 10, 15), expected);
            assert_eq!(split_of(&key, 0, 0), Split::Train);
        }
    }

    #[test]
    fn normalising_forgets_case_marks_and_spacing() {
        let expected = "yay another good phone interview";
        for text in
            ["Yay. Another good phone interview.", " YAY!!!  another GOOD\tphone-interview "]
        {
            assert_eq!(normalise(text), expected);
        }
        assert_eq!(normalise("Straße in ÉTÉ, 20% off"), "straße in été 20 off");
        assert_eq!(normalise(" :-)  :-)"), ":-) :-)");
    }
}
