//! The exact texts: shortest digits that read back, with the prefix that suits them.

use crate::{
    decimal::Decimal,
    grammar::{LARGE, SMALL},
};

/// `value` with the prefix that leaves one to three digits before the point, if there is one.
pub(crate) fn prefixed(value: &Decimal, symbol: &str, large: bool, small: bool) -> String {
    let (prefix, shift) = prefix_for(value.exponent, large, small);
    format!("{} {prefix}{symbol}", value.place(shift))
}

/// The prefix whose power of ten is nearest below `exponent`, from the tables allowed.
pub(crate) fn prefix_for(exponent: i64, large: bool, small: bool) -> (&'static str, i32) {
    let shift = exponent.div_euclid(3) * 3;
    let last = |table: &[(&'static str, i32)]| table[table.len() - 1];
    let from = |table: &'static [(&'static str, i32)]| {
        let found = table.iter().find(|(_, power)| i64::from(*power) == shift);
        found.copied().unwrap_or(last(table))
    };
    match shift {
        0 => ("", 0),
        s if s > 0 && large => from(LARGE),
        s if s < 0 && small => from(SMALL),
        _ => ("", 0),
    }
}
