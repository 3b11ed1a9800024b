use serde::{Deserialize, Deserializer, Serialize, de::Error};

macro_rules! checked_number {
    ($(#[$doc:meta])* $name:ident, $holds:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(f64);

        impl $name {
            #[doc = concat!("Checks that the value is ", $expected, ".")]
            ///
            /// # Errors
            /// A message that says what was expected.
            pub fn new(value: f64) -> Result<Self, String> {
                let holds: fn(f64) -> bool = $holds;
                if holds(value) {
                    Ok(Self(value))
                } else {
                    Err(format!(concat!("{} is not allowed here: expected ", $expected), value))
                }
            }

            /// The value.
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(f64::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

checked_number!(
    /// A finite number above zero.
    Positive,
    |x| x > 0.0 && x.is_finite(),
    "a finite number above 0"
);

checked_number!(
    /// A finite number, zero or above.
    NonNegative,
    |x| x >= 0.0 && x.is_finite(),
    "a finite number of 0 or above"
);

checked_number!(
    /// A number from zero to one, both included.
    Fraction,
    |x| (0.0..=1.0).contains(&x),
    "a number from 0 to 1"
);

checked_number!(
    /// A part of something that is there: above zero, and at most all of it.
    Share,
    |x| x > 0.0 && x <= 1.0,
    "a number above 0 and at most 1"
);

checked_number!(
    /// The share of a running mean that is kept from step to step: from zero to below one.
    Decay,
    |x| (0.0..1.0).contains(&x),
    "a number from 0 to below 1"
);
