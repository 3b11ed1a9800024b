//! A waiting line before c servers: G/G/c on the calendar.

use std::collections::VecDeque;

use fleetune_devices::streams::SeedTree;
use fleetune_kernel::{Calendar, Class, Event, SimDuration, SimTime};
use fleetune_units::Seconds;

use super::{
    CROWD, WARM_UP,
    meter::{Meter, Window},
    poisson, span,
};
use crate::{Law, ValidationError};

/// Who is served next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Discipline {
    /// First come, first served.
    Fifo,
    /// Last come, first served, without interrupting anyone.
    Lifo,
}

/// A station and how long it is watched.
#[derive(Debug, Clone)]
pub(super) struct Station {
    /// Times between arrivals.
    pub(super) gaps: Law,
    /// Times of service.
    pub(super) service: Law,
    pub(super) servers: usize,
    pub(super) discipline: Discipline,
    /// Customers at the door at the start, in one instant. They keep the queue from its steady
    /// state for long: whoever forgets the warm-up is found out.
    pub(super) crowd: u64,
    /// Customers that come after them; the run ends when all have left, or with its window.
    pub(super) customers: u64,
    pub(super) window: Window,
    /// Times of which the meter counts how many stayed longer.
    pub(super) longer: Vec<Seconds>,
}

#[derive(Debug, Clone, Copy)]
enum Visit {
    Arrives { in_crowd: bool },
    Leaves { server: usize },
}

impl Event for Visit {
    fn entity(&self) -> String {
        match self {
            Self::Arrives { .. } => "the door".into(),
            Self::Leaves { server } => format!("server {server}"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Customer {
    arrived: SimTime,
    demand: SimDuration,
}

impl Station {
    /// One server under Poisson arrivals for `load` of its time, from the first arrival until
    /// `customers` and the crowd have left.
    pub(super) fn until_empty(load: f64, service: Law, customers: u64) -> Self {
        Self {
            gaps: poisson(load),
            service,
            servers: 1,
            discipline: Discipline::Fifo,
            crowd: CROWD,
            customers,
            window: Window::EVERYTHING,
            longer: Vec::new(),
        }
    }

    /// The same without an end of customers, watched for `length` in its steady state.
    pub(super) fn steady(
        load: f64,
        service: Law,
        length: Seconds,
    ) -> Result<Self, ValidationError> {
        let window = Window::new(WARM_UP, length)?;
        Ok(Self { window, ..Self::until_empty(load, service, u64::MAX) })
    }

    /// One replication.
    pub(super) fn run(&self, seeds: &SeedTree) -> Result<Meter, ValidationError> {
        let mut gaps = seeds.stream("gaps between arrivals", 0);
        let mut demands = seeds.stream("service", 0);
        let mut calendar = Calendar::new();
        let mut meter = Meter::new(self.window, &self.longer)?;
        let mut line: VecDeque<Customer> = VecDeque::new();
        let mut servers: Vec<Option<(Customer, SimTime)>> = vec![None; self.servers];
        let mut to_come = self.customers;
        for _ in 0..self.crowd {
            let arrives = Visit::Arrives { in_crowd: true };
            calendar.schedule(SimTime::ZERO, Class::Arrival, arrives)?;
        }
        if to_come > 0 {
            let gap = span(self.gaps.sample(&mut gaps))?;
            calendar.schedule_in(gap, Class::Arrival, Visit::Arrives { in_crowd: false })?;
        }
        while let Some(fired) = calendar.advance() {
            let now = fired.time;
            let busy = servers.iter().flatten().count();
            meter.pass(now, line.len() + busy, line.len());
            if meter.is_over(now) {
                break;
            }
            match fired.event {
                Visit::Arrives { in_crowd } => {
                    meter.come(now, line.len() + busy);
                    if !in_crowd {
                        to_come -= 1;
                        if to_come > 0 {
                            let gap = span(self.gaps.sample(&mut gaps))?;
                            calendar.schedule_in(gap, Class::Arrival, fired.event)?;
                        }
                    }
                    let demand = span(self.service.sample(&mut demands))?;
                    line.push_back(Customer { arrived: now, demand });
                }
                Visit::Leaves { server } => {
                    let left = servers[server].take();
                    let (customer, started) = left.ok_or(ValidationError::Model {
                        experiment: "a station",
                        what: "nobody was served where someone left",
                    })?;
                    meter.leave(customer.arrived, started, now);
                }
            }
            let Some(free) = servers.iter().position(Option::is_none) else { continue };
            let next = match self.discipline {
                Discipline::Fifo => line.pop_front(),
                Discipline::Lifo => line.pop_back(),
            };
            if let Some(customer) = next {
                servers[free] = Some((customer, now));
                let leaves = Visit::Leaves { server: free };
                calendar.schedule_in(customer.demand, Class::Completion, leaves)?;
            }
        }
        Ok(meter)
    }
}
