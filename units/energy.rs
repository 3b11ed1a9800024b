//! Energy and power.

use crate::{
    decimal::Decimal,
    grammar::{Kind, Unit},
    human::Human,
    real::real_quantity,
    text::prefixed,
};

pub(crate) const ENERGY: Kind = Kind {
    what: "an energy",
    example: "2.5 kJ",
    base: "joules",
    units: &[Unit::plain("J", 1).large().small(), Unit::plain("Wh", 3600).large().small()],
};

pub(crate) const POWER: Kind = Kind {
    what: "a power",
    example: "3 W",
    base: "watts",
    units: &[Unit::plain("W", 1).large().small()],
};

real_quantity! {
    /// An energy in joules; "1 Wh" is 3600 J.
    Joules, ENERGY,
    display: |value| prefixed(&Decimal::of_real(value), "J", true, true),
    human: |value| Human::prefixed(value, "J", true, true)
}

real_quantity! {
    /// A power in watts.
    Watts, POWER,
    display: |value| prefixed(&Decimal::of_real(value), "W", true, true),
    human: |value| Human::prefixed(value, "W", true, true)
}
