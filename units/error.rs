//! What can be wrong with a quantity, said so that its author can mend it.

use thiserror::Error;

/// Why a text or a number is not a quantity. Never fatal by itself: the caller decides.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// A number without a unit, or nothing at all.
    #[error("expected a quantity with a unit, such as \"{example}\"; found {found}")]
    MissingUnit {
        /// What was there instead.
        found: String,
        /// A well-formed quantity of the wanted kind.
        example: &'static str,
    },
    /// The part before the unit is not a decimal number.
    #[error(
        "\"{found}\" does not start with a decimal number; expected {what}, such as \"{example}\""
    )]
    NotANumber {
        /// The text as given.
        found: String,
        /// The wanted kind of quantity.
        what: &'static str,
        /// A well-formed quantity of the wanted kind.
        example: &'static str,
    },
    /// No quantity of ours can be below zero.
    #[error("{what} cannot be negative; found {found}")]
    Negative {
        /// The text or number as given.
        found: String,
        /// The wanted kind of quantity.
        what: &'static str,
    },
    /// NaN and the infinities are no quantities.
    #[error("{what} must be finite; found {found}")]
    NotFinite {
        /// The text or number as given.
        found: String,
        /// The wanted kind of quantity.
        what: &'static str,
    },
    /// A unit this kind of quantity does not have.
    #[error("unknown unit \"{unit}\" for {what}{hint}; write it for example as \"{example}\"")]
    UnknownUnit {
        /// The unit as given.
        unit: String,
        /// The wanted kind of quantity.
        what: &'static str,
        /// What the author may have meant, or nothing.
        hint: String,
        /// A well-formed quantity of the wanted kind.
        example: &'static str,
    },
    /// A count of indivisible things has a fraction.
    #[error("\"{found}\" is not a whole number of {unit}")]
    NotWhole {
        /// The text as given.
        found: String,
        /// The indivisible unit.
        unit: &'static str,
    },
    /// The value does not fit the type that holds it.
    #[error("\"{found}\" is too large for {what}")]
    TooLarge {
        /// The text as given.
        found: String,
        /// The wanted kind of quantity.
        what: &'static str,
    },
}
