//! E5: the radio's tail.

use fleetune_devices::{
    energy::{Meter, Moment, Outcome, Purpose},
    radio::RadioTail,
    streams::{SeedTree, open_unit},
};
use fleetune_units::{Joules, Seconds, Watts};

use fleetune_validation::acceptance::accept;

const TAIL_POWER: f64 = 1.5; // [W]
const RATE: f64 = 0.5; // transfers [1/s]

fn tail() -> RadioTail {
    serde_yaml::from_str("{ power: 1.5 W, length: 2 s }").unwrap()
}

/// The tail energy of `transfers` instantaneous transfers at exponential gaps, as a meter sees it
/// that draws nothing else.
fn metered(seed: u64, transfers: u32) -> f64 {
    let mut rng = SeedTree::new(seed).stream("gaps", 0);
    let mut meter = Meter::new(Moment(0), Watts::ZERO);
    let mut now = Moment(0);
    for _ in 0..transfers {
        meter.set(now, tail().power, Purpose::Round).unwrap();
        let gap = Seconds::from_raw(-libm::log(open_unit(&mut rng)) / RATE);
        let next = now.after(gap).unwrap();
        let over = tail().ends(now).unwrap();
        if over < next {
            meter.set(over, Watts::ZERO, Purpose::Round).unwrap();
        }
        now = next;
    }
    meter.settle(now, Outcome::Useful).unwrap();
    meter.read(now).unwrap().total().get()
}

#[test]
fn e5_the_tail_costs_the_closed_form_per_transfer() {
    let per_transfer = TAIL_POWER * (1.0 - libm::exp(-RATE * 2.0)) / RATE;
    assert!((per_transfer / TAIL_POWER - 1.2642).abs() < 5e-5, "validation.md's number");
    let means: Vec<f64> = (0..40).map(|seed| metered(seed, 10_000) / 10_000.0).collect();
    accept("tail", &means, per_transfer);
}

#[test]
fn e5_the_closed_form_of_a_gap_is_what_a_meter_reads() {
    for (gap, energy) in [(0.0, 0.0), (0.5, 0.75), (2.0, 3.0), (100.0, 3.0)] {
        let seconds = Seconds::new(gap).unwrap();
        assert_eq!(tail().energy(seconds), Joules::new(energy).unwrap());
    }
    assert_eq!(tail().ends(Moment(7)), Some(Moment(2_000_000_007)));
}
