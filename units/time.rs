//! Durations.

use crate::{
    decimal::Decimal,
    grammar::{Kind, Unit},
    human::Human,
    real::real_quantity,
    text::prefixed,
};

const MINUTE: u128 = 60;
const HOUR: u128 = 60 * MINUTE;
const DAY: u128 = 24 * HOUR;

pub(crate) const KIND: Kind = Kind {
    what: "a time",
    example: "15 ms",
    base: "seconds",
    units: &[
        Unit::plain("s", 1).small(),
        Unit::plain("sec", 1),
        Unit::plain("second", 1),
        Unit::plain("seconds", 1),
        Unit::plain("min", MINUTE),
        Unit::plain("minute", MINUTE),
        Unit::plain("minutes", MINUTE),
        Unit::plain("h", HOUR),
        Unit::plain("hour", HOUR),
        Unit::plain("hours", HOUR),
        Unit::plain("d", DAY),
        Unit::plain("day", DAY),
        Unit::plain("days", DAY),
    ],
};

real_quantity! {
    /// A duration in seconds.
    Seconds, KIND, display: display, human: Human::time
}

/// Whole days, hours or minutes are written as such, all else in (prefixed) seconds.
fn display(value: f64) -> String {
    for (size, unit) in [(DAY, "days"), (HOUR, "h"), (MINUTE, "min")] {
        let size = size as f64;
        let count = value / size;
        if count >= 1.0 && count.fract() == 0.0 && count * size == value {
            let unit = if count == 1.0 { unit.trim_end_matches('s') } else { unit };
            return format!("{} {unit}", Decimal::of_real(count).place(0));
        }
    }
    prefixed(&Decimal::of_real(value), "s", false, true)
}
