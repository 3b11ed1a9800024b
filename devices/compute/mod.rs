//! How long work takes on a device whose speed changes under it.
//!
//! Work is counted in seconds of the undisturbed device, which is what the cost modes return. The
//! device's speed is a factor that is constant between changes:
//!
//! `speed = (factor if throttled, else 1) * (1 - share if other programs compute, else 1)`,
//!
//! 0 when it does not compute for us. Work done is the integral of the speed, and the moment at
//! which work ends is solved for, from change to change; nothing is stepped.
//!
//! The whole of a device's time is slowed alike, whether bound by arithmetic or by memory: who
//! knows better for a device says so in its factor.

mod background;
mod processor;
mod throttle;

pub use background::BackgroundLoad;
pub use processor::{Load, Processor};
pub use throttle::{Bears, Slowdown, Throttle};
