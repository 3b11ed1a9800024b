//! Arithmetic work and its speed.

use crate::{
    count::counted_quantity,
    decimal::Decimal,
    grammar::{Kind, Unit},
    human::Human,
    real::real_quantity,
    text::prefixed,
};

pub(crate) const WORK: Kind = Kind {
    what: "an amount of arithmetic",
    example: "1.3 TFLOP",
    base: "operations",
    units: &[Unit::plain("FLOP", 1).large(), Unit::plain("FLOPs", 1).large()],
};

pub(crate) const SPEED: Kind = Kind {
    what: "an arithmetic speed",
    example: "1.3 TFLOP/s",
    base: "operations per second",
    units: &[
        Unit::plain("FLOP/s", 1).large(),
        Unit::plain("FLOPS", 1).large(),
        // How the makers of integer accelerators write it.
        Unit::plain("OP/s", 1).large(),
        Unit::plain("OPS", 1).large(),
    ],
};

counted_quantity! {
    /// A number of arithmetic operations; a multiply-add counts as two.
    Flops(u128), WORK,
    display: |value| prefixed(&Decimal::of_count(value), "FLOP", true, false), symbol: "FLOP"
}

real_quantity! {
    /// Arithmetic operations per second; a multiply-add counts as two.
    FlopsPerSecond, SPEED,
    display: |value| prefixed(&Decimal::of_real(value), "FLOP/s", true, false),
    human: |value| Human::prefixed(value, "FLOP/s", true, false)
}
