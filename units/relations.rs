//! The arithmetic that ties the quantities together.

use std::ops::{Div, Mul};

use crate::{Bytes, BytesPerSecond, Flops, FlopsPerSecond, Joules, Seconds, Watts};

/// `amount / rate`, where nothing takes no time even at rate zero; an amount at rate zero takes
/// forever (infinite).
fn duration(amount: f64, rate: f64) -> Seconds {
    Seconds::from_raw(if amount == 0.0 { 0.0 } else { amount / rate })
}

/// How long the work takes; infinite at speed zero.
impl Div<FlopsPerSecond> for Flops {
    type Output = Seconds;
    fn div(self, speed: FlopsPerSecond) -> Seconds {
        duration(self.as_f64(), speed.get())
    }
}

/// How long the data take; infinite at rate zero.
impl Div<BytesPerSecond> for Bytes {
    type Output = Seconds;
    fn div(self, rate: BytesPerSecond) -> Seconds {
        duration(self.as_f64(), rate.get())
    }
}

/// How long the energy lasts; infinite at power zero.
impl Div<Watts> for Joules {
    type Output = Seconds;
    fn div(self, power: Watts) -> Seconds {
        duration(self.get(), power.get())
    }
}

/// The mean power over the time.
impl Div<Seconds> for Joules {
    type Output = Watts;
    fn div(self, time: Seconds) -> Watts {
        Watts::from_raw(self.get() / time.get())
    }
}

impl Mul<Seconds> for Watts {
    type Output = Joules;
    fn mul(self, time: Seconds) -> Joules {
        Joules::from_raw(self.get() * time.get())
    }
}

impl Mul<Watts> for Seconds {
    type Output = Joules;
    fn mul(self, power: Watts) -> Joules {
        power * self
    }
}

impl BytesPerSecond {
    /// How many bytes pass in `time`, not rounded.
    pub fn carried_in(self, time: Seconds) -> f64 {
        self.get() * time.get()
    }
}

impl FlopsPerSecond {
    /// How many operations are done in `time`, not rounded.
    pub fn done_in(self, time: Seconds) -> f64 {
        self.get() * time.get()
    }
}
