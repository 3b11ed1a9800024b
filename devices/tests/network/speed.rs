//! How much there may be at once. Nothing here looks at the host's clock; the test harness prints
//! how long a test took:
//!
//! ```text
//! cargo test --release -p fleetune-devices --test laws -- speed:: --include-ignored
//! ```
//!
//! On one core of the development machine 10,000 flows that start at once behind one link take
//! 0.02 s in all, 100,000 take 0.6 s; with a rate for each flow at each change, the former alone
//! would be 10^8 rates.

use fleetune_devices::{
    energy::Moment,
    network::{
        fair_share::Flow,
        transfers::{FlowId, Transfers},
    },
};

use super::kit::{MB, rate, run, shared, transfer};

/// `n` flows of different caps and sizes behind one link.
fn crowd(n: u64, capacity: f64) -> Transfers {
    let mut transfers = Transfers::new(Moment(0), &[shared(capacity)]);
    for id in 0..n {
        let scattered = id.wrapping_mul(6_364_136_223_846_793_005) >> 40; // 24 bits
        let cap = 0.1 * MB + scattered as f64;
        let flow = Flow { cap: Some(rate(cap)), ..Flow::over([0]) };
        let size = 1e6 + (scattered * 7919 % 5_000_000) as f64;
        transfers.start(FlowId(id), Moment(0), transfer(flow, size, 0.01)).unwrap();
    }
    transfers
}

/// All at their fair share, half of them capped, all capped.
fn all_end(n: u64) {
    for capacity in [1e4 * n as f64, 6.0 * MB * n as f64, 1e3 * MB * n as f64] {
        assert_eq!(run(&mut crowd(n, capacity)).len() as u64, n);
    }
}

#[test]
fn ten_thousand_flows_behind_one_link() {
    all_end(10_000);
}

#[test]
#[ignore = "takes seconds"]
fn a_hundred_thousand_flows_behind_one_link() {
    all_end(100_000);
}

#[test]
fn a_thousand_flows_over_a_hundred_cells_and_the_server_link() {
    // One component, no star: every change solves it.
    let mut links = vec![shared(1e8)];
    links.extend(vec![shared(1e7); 100]);
    let mut transfers = Transfers::new(Moment(0), &links);
    for id in 0..1000 {
        let size = 1e6 + (id * 7919 % 5_000_000) as f64;
        let flow = Flow::over([1 + id as usize % 100, 0]);
        transfers.start(FlowId(id), Moment(0), transfer(flow, size, 0.01)).unwrap();
    }
    assert_eq!(run(&mut transfers).len(), 1000);
}
