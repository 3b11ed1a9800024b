//! How much there may be at once. Run with `--ignored --nocapture` for the numbers.

use std::time::Duration;

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

#[test]
fn thousands_of_flows_behind_one_link_all_end() {
    for capacity in [1e8, 1e12] {
        assert_eq!(run(&mut crowd(3000, capacity)).len(), 3000);
    }
}

/// Host time, which nothing in a simulation may look at: only here, and only to print it.
#[allow(clippy::disallowed_methods)]
fn timed(what: &str, work: impl FnOnce() -> usize) -> Duration {
    let begin = std::time::Instant::now();
    let events = work();
    let took = begin.elapsed();
    println!("{what}: {events} flows in {took:.2?}");
    took
}

#[test]
#[ignore = "measures host time"]
fn ten_thousand_flows_in_well_under_a_second() {
    for n in [1000, 10_000, 100_000] {
        for (what, capacity) in
            [("contended", 1e8), ("half capped", 6.0 * n as f64 * MB), ("free", 1e12)]
        {
            let took =
                timed(&format!("{n} flows at once, {what}"), || run(&mut crowd(n, capacity)).len());
            assert!(n > 10_000 || took < Duration::from_secs(1));
        }
    }
    for cells in [10, 100] {
        timed(&format!("1000 flows over {cells} cells and a server link"), || {
            let mut links = vec![shared(1e8)];
            links.extend(vec![shared(1e9 / cells as f64); cells]);
            let mut transfers = Transfers::new(Moment(0), &links);
            for id in 0..1000 {
                let size = 1e6 + (id * 7919 % 5_000_000) as f64;
                let flow = Flow::over([1 + id as usize % cells, 0]);
                transfers.start(FlowId(id), Moment(0), transfer(flow, size, 0.01)).unwrap();
            }
            run(&mut transfers).len()
        });
    }
}
