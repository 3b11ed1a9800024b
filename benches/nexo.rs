//! nexosim, on one thread, in two ways.

use std::time::Duration;

use nexosim::{
    model::{Context, Model, schedulable},
    simulation::{Mailbox, SimInit, Simulation, SimulationError},
    time::MonotonicTime,
};
use serde::{Deserialize, Serialize};

use crate::engines::Engine;

/// Delays of one entity: a multiplicative generator of its own, inverted. A table would have to
/// be shared, which models must not.
fn next(state: &mut u64) -> Duration {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
    let unit = ((*state >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    Duration::from_nanos((-libm::log(unit) * 1e9) as u64 + 1)
}

/// An entity as a model of its own, as the framework means it.
#[derive(Debug, Serialize, Deserialize)]
struct Entity {
    state: u64,
}

#[Model]
impl Entity {
    #[nexosim(schedulable)]
    fn wake(&mut self, _: (), context: &Context<Self>) {
        let delay = next(&mut self.state);
        context.schedule_event(delay, schedulable!(Self::wake), ()).expect("a positive delay");
    }

    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        self.wake((), context);
    }
}

/// All entities in one model, as if it were a calendar.
#[derive(Debug, Serialize, Deserialize)]
struct Fleet {
    entities: u32,
    state: u64,
}

#[Model]
impl Fleet {
    #[nexosim(schedulable)]
    fn wake(&mut self, entity: u32, context: &Context<Self>) {
        let delay = next(&mut self.state);
        context.schedule_event(delay, schedulable!(Self::wake), entity).expect("a positive delay");
    }

    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        for entity in 0..self.entities {
            self.wake(entity, context);
        }
    }
}

fn step(simulation: &mut Simulation, events: u64) {
    // A step fires all events of an instant: with exponential delays of whole nanoseconds, one.
    for _ in 0..events {
        simulation.step().expect("there is always another event");
    }
}

fn nanos(simulation: &Simulation) -> u64 {
    let since = simulation.time().duration_since(MonotonicTime::EPOCH);
    since.as_nanos() as u64
}

/// A model for each entity.
pub(crate) struct Actors(Simulation);

impl Actors {
    /// `n` models, each with its first event pending.
    pub(crate) fn new(n: u32) -> Result<Self, SimulationError> {
        let mut bench = SimInit::with_num_threads(1);
        for entity in 0..n {
            let state = u64::from(entity).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            bench = bench.add_model(Entity { state }, Mailbox::new(), "entity");
        }
        Ok(Self(bench.init(MonotonicTime::EPOCH)?))
    }
}

impl Engine for Actors {
    fn name(&self) -> &'static str {
        "nexosim"
    }

    fn run(&mut self, events: u64) {
        step(&mut self.0, events);
    }

    fn clock(&self) -> u64 {
        nanos(&self.0)
    }
}

/// One model that has all entities.
pub(crate) struct OneActor(Simulation);

impl OneActor {
    /// One model with `n` events pending.
    pub(crate) fn new(n: u32) -> Result<Self, SimulationError> {
        let fleet = Fleet { entities: n, state: 1 };
        let bench = SimInit::with_num_threads(1).add_model(fleet, Mailbox::new(), "fleet");
        Ok(Self(bench.init(MonotonicTime::EPOCH)?))
    }
}

impl Engine for OneActor {
    fn name(&self) -> &'static str {
        "nexosim, one model"
    }

    fn run(&mut self, events: u64) {
        step(&mut self.0, events);
    }

    fn clock(&self) -> u64 {
        nanos(&self.0)
    }
}
