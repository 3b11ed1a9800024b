//! Data and its speed.

use crate::{
    count::counted_quantity,
    decimal::Decimal,
    grammar::{BINARY, Kind, Unit},
    human::Human,
    real::real_quantity,
    text::prefixed,
};

pub(crate) const SIZE: Kind = Kind {
    what: "an amount of data",
    example: "8 GiB",
    base: "bytes",
    units: &[
        Unit::plain("B", 1).large().binary(),
        Unit::plain("byte", 1),
        Unit::plain("bytes", 1),
        Unit::plain("bit", 1).over(8).large().binary(),
        Unit::plain("bits", 1).over(8),
    ],
};

pub(crate) const RATE: Kind = Kind {
    what: "a data rate",
    example: "12 MB/s",
    base: "bytes per second",
    units: &[
        Unit::plain("B/s", 1).large().binary(),
        Unit::plain("bit/s", 1).over(8).large().binary(),
        Unit::plain("bps", 1).over(8).large(),
    ],
};

counted_quantity! {
    /// A number of bytes (octets).
    ///
    /// Written with SI prefixes (`kB` = 1000 bytes) or, where that is shorter, with IEC ones
    /// (`KiB` = 1024 bytes).
    Bytes(u64), SIZE, display: display, symbol: "B"
}

real_quantity! {
    /// A data rate in bytes per second. Eight bits are a byte: "100 Mbit/s" is 12.5 MB/s.
    BytesPerSecond, RATE,
    display: |value| prefixed(&Decimal::of_real(value), "B/s", true, false),
    human: |value| Human::prefixed(value, "B/s", true, false)
}

impl Bytes {
    /// `count` binary kilobytes.
    pub const fn from_kib(count: u64) -> Self {
        Self::new(count << 10)
    }

    /// `count` binary megabytes.
    pub const fn from_mib(count: u64) -> Self {
        Self::new(count << 20)
    }
}

fn display(value: u128) -> String {
    let decimal = prefixed(&Decimal::of_count(value), "B", true, false);
    let binary =
        BINARY.iter().rev().find(|(_, power)| value > 0 && value.is_multiple_of(1 << power));
    match binary.map(|(prefix, power)| format!("{} {prefix}B", value >> power)) {
        Some(binary) if binary.len() < decimal.len() => binary,
        _ => decimal,
    }
}
