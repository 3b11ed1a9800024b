//! How fast this host is, as a device profile, and how well the cost model then predicts it.
//!
//! The one subject of this program besides progress and manifests that reads the host's clock, and no result of a run
//! depends on it: what is measured becomes numbers in a profile, which a scenario may take like any other.
//!
//! * `measure`: medians of repeated timings, on one thread: matrix products in the shapes of each [`Size`] of model,
//!   streaming passes over memory, and whole steps of MeZO and of first-order SGD as clients run them;
//! * `profile`: the device profile that follows;
//! * `page`: predicted against measured, as a page.

mod measure;
mod page;
mod profile;
mod statistics;
mod subject;

use fleetune_units::{BytesPerSecond, FlopsPerSecond, Seconds};

pub use self::{
    measure::{Pace, measure},
    page::markdown,
    profile::profile_of,
    statistics::Spread,
    subject::{Method, Size},
};

/// Everything that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The processor's model.
    pub processor: String,
    /// How often each timing was repeated.
    pub repetitions: usize,
    /// One entry for each model.
    pub models: Vec<ModelTimes>,
    /// Bytes moved by a pass that reads two vectors and writes one of them, each larger than any cache.
    pub bandwidth: Spread<BytesPerSecond>,
}

/// What was measured with one model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelTimes {
    /// Which.
    pub size: Size,
    /// Its layers' matrix products.
    pub products: Spread<FlopsPerSecond>,
    /// Steps, by method.
    pub steps: Vec<StepTimes>,
}

/// A client's local step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTimes {
    /// How it trains.
    pub method: Method,
    /// How long the step takes, from mini-batch to update.
    pub measured: Spread<Seconds>,
}

impl Calibration {
    /// The speed of products that the profile states: the median over the models of what each sustains.
    pub fn speed(&self) -> FlopsPerSecond {
        let each = self.models.iter().map(|model| model.products.median);
        Spread::of(each.collect()).median
    }
}
