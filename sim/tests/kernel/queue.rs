//! A queue with one server on the calendar, for the closed forms.

use std::collections::VecDeque;

use fleetune::kernel::{Calendar, Class, Event, SimDuration, SimTime};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp};

#[derive(Debug, Clone, Copy)]
enum Customer {
    Arrives,
    Leaves,
}

impl Event for Customer {
    fn entity(&self) -> String {
        "queue".into()
    }
}

/// What one run of a queue measured, in whole nanoseconds so that Little's law can be exact.
#[derive(Debug)]
pub(super) struct Measured {
    /// Duration of the run, from the start to the last departure.
    pub(super) duration: SimDuration,
    /// Integral over time of the number in the system, customer-nanoseconds.
    pub(super) area: u128,
    /// Integral over time of the number waiting, customer-nanoseconds.
    pub(super) waiting_area: u128,
    /// Time spent with 0, 1, 2, 3 customers in the system.
    pub(super) occupancy: [SimDuration; 4],
    /// Sum of all times from arrival to departure, nanoseconds.
    pub(super) sojourns: u128,
    /// Sum of all times from arrival to start of service, nanoseconds.
    pub(super) waits: u128,
    /// Customers served.
    pub(super) served: u64,
}

impl Measured {
    pub(super) fn mean_number(&self) -> f64 {
        self.area as f64 / self.duration.as_nanos() as f64
    }
}

/// First come, first served; Poisson arrivals at `arrivals` per second; `service` gives service
/// times in seconds. Runs until `customers` have come and all have gone.
pub(super) fn run(
    arrivals: f64,
    service: impl Distribution<f64>,
    customers: u64,
    seed: u64,
) -> Measured {
    let mut gaps_rng = ChaCha8Rng::seed_from_u64(2 * seed);
    let mut service_rng = ChaCha8Rng::seed_from_u64(2 * seed + 1);
    let gaps = Exp::new(arrivals).unwrap();
    let span = |seconds| SimDuration::from_seconds(seconds).unwrap();

    let mut calendar = Calendar::new();
    // Arrival instants of those in the system; the head is in service since `started`.
    let mut line: VecDeque<SimTime> = VecDeque::new();
    let mut started = SimTime::ZERO;
    let mut last = SimTime::ZERO;
    let mut come = 0;
    let mut measured = Measured {
        duration: SimDuration::ZERO,
        area: 0,
        waiting_area: 0,
        occupancy: [SimDuration::ZERO; 4],
        sojourns: 0,
        waits: 0,
        served: 0,
    };
    calendar
        .schedule_in(span(gaps.sample(&mut gaps_rng)), Class::Arrival, Customer::Arrives)
        .unwrap();
    while let Some(fired) = calendar.advance() {
        let gone = fired.time.since(last).unwrap();
        last = fired.time;
        let (n, nanos) = (line.len(), u128::from(gone.as_nanos()));
        measured.area += n as u128 * nanos;
        measured.waiting_area += n.saturating_sub(1) as u128 * nanos;
        if let Some(time) = measured.occupancy.get_mut(n) {
            *time = time.plus(gone).unwrap();
        }
        let begins = match fired.event {
            Customer::Arrives => {
                come += 1;
                if come < customers {
                    let gap = span(gaps.sample(&mut gaps_rng));
                    calendar.schedule_in(gap, Class::Arrival, Customer::Arrives).unwrap();
                }
                line.push_back(fired.time);
                n == 0
            }
            Customer::Leaves => {
                let arrived = line.pop_front().unwrap();
                measured.sojourns += u128::from(fired.time.since(arrived).unwrap().as_nanos());
                measured.waits += u128::from(started.since(arrived).unwrap().as_nanos());
                measured.served += 1;
                !line.is_empty()
            }
        };
        if begins {
            started = fired.time;
            let time = span(service.sample(&mut service_rng));
            calendar.schedule_in(time, Class::Completion, Customer::Leaves).unwrap();
        }
    }
    measured.duration = last.since(SimTime::ZERO).unwrap();
    measured
}
