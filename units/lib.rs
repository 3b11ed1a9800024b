//! Physical quantities as types, so that bits are never added to bytes nor watts to joules.
//!
//! Seven quantities: [`Seconds`], [`Bytes`], [`Flops`], [`FlopsPerSecond`], [`BytesPerSecond`],
//! [`Joules`] and [`Watts`]. All are small `Copy` newtypes over the SI base unit, none is ever
//! negative or NaN when built through a checked door.
//!
//! # Three ways to write a quantity
//!
//! * `Display` is **exact**: `x.to_string().parse()` gives `x` again, bit for bit, however long
//!   the text has to be for that. Files are written this way.
//! * [`human()`](Seconds::human) rounds to three significant digits. Reports are written this way.
//! * `FromStr` and serde read text with a unit; a bare number is refused.
//!
//! ```
//! use fleetune_units::{Bytes, BytesPerSecond, Seconds};
//!
//! let model: Bytes = "6.4 MB".parse()?;
//! let link: BytesPerSecond = "100 Mbit/s".parse()?;
//! let time: Seconds = model / link;
//! assert_eq!(time.to_string(), "512 ms");
//! assert_eq!(link.to_string(), "12.5 MB/s");
//! assert_eq!("8 GiB".parse::<Bytes>()?.get(), 8 << 30);
//! assert!("12".parse::<Bytes>().is_err());
//! # Ok::<(), fleetune_units::QuantityError>(())
//! ```
//!
//! # Guarantees
//!
//! 1. Decimal prefixes are applied to the decimal *text*, so "12.5 MB/s", "12500 kB/s" and
//!    "100 Mbit/s" are the same `f64`.
//! 2. Prefixes are case-sensitive and mean what the standards say: `kB` is 1000 bytes, `KiB`
//!    1024; `bit` and `B` are never confused, and the ambiguous `Mb/s` is refused.
//! 3. Subtraction saturates at zero; integer counts saturate at their maximum. Nothing wraps.

mod bytes;
mod count;
mod decimal;
mod energy;
mod error;
mod flops;
mod grammar;
mod human;
mod real;
mod relations;
mod text;
mod time;

pub use bytes::{Bytes, BytesPerSecond};
pub use energy::{Joules, Watts};
pub use error::QuantityError;
pub use flops::{Flops, FlopsPerSecond};
pub use human::Human;
pub use time::Seconds;
