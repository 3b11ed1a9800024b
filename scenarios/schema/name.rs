use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// The longest name or label, in characters: they become file names and legends.
const LONGEST: usize = 64;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// A message that says what was expected.
            pub fn new(text: impl Into<String>) -> Result<Self, String> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(source)?).map_err(D::Error::custom)
            }
        }
    };
}

text! {
    /// A scenario's name: 1 to 64 letters, digits, hyphens, underscores and points, such as `quickstart`; it begins
    /// with a letter or digit, because run directories are named after it.
    Name, check_name
}

text! {
    /// An algorithm's label in reports, such as `FedSPZO` or `MeZO, P = 4`: 1 to 64 characters, none of them a control
    /// character, a slash or a backslash, with no space at either end.
    Label, check_label
}

fn check_name(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if begins && text.chars().all(fits) && text.len() <= LONGEST {
        return Ok(());
    }
    Err(format!(
        "expected a name of 1 to {LONGEST} letters, digits, `-`, `_` and `.`, such as \
         `quickstart`; found {text:?}"
    ))
}

fn check_label(text: &str) -> Result<(), String> {
    let fits = |c: char| !c.is_control() && !matches!(c, '/' | '\\');
    let count = text.chars().count();
    if (1..=LONGEST).contains(&count) && text.trim() == text && text.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "expected a label of 1 to {LONGEST} characters without slashes, such as `FedSPZO`; \
         found {text:?}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_name_a_directory_everywhere() {
        for good in ["quickstart", "a", "7-seeds_v1.2"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".hidden", "a/b", "a b", "..", "ä", &"a".repeat(65)] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn labels_are_what_a_legend_can_show() {
        for good in ["FedSPZO", "MeZO, P = 4", "η = 1e-3"] {
            assert!(Label::new(good).is_ok(), "{good}");
        }
        for bad in ["", " a", "a\nb", "a/b", &"ä".repeat(65)] {
            assert!(Label::new(bad).is_err(), "{bad}");
        }
    }
}
