//! What the network's tests have in common.

use fleetune_devices::{
    energy::Moment,
    network::{
        fair_share::{Capacity, Flow, Sharing},
        topology::LinkId,
        transfers::{Completed, FlowId, Transfer, Transfers},
    },
};
use fleetune_units::{Bytes, BytesPerSecond, Seconds};

pub(crate) const MB: f64 = 1e6; // [B/s]

pub(crate) fn rate(value: f64) -> BytesPerSecond {
    BytesPerSecond::new(value).unwrap()
}

pub(crate) fn shared(capacity: f64) -> Capacity {
    Capacity { capacity: rate(capacity), sharing: Sharing::Shared }
}

pub(crate) fn pipe(capacity: f64) -> Capacity {
    Capacity { capacity: rate(capacity), sharing: Sharing::FatPipe }
}

pub(crate) fn link(index: u32) -> LinkId {
    LinkId(index)
}

pub(crate) fn seconds(at: Moment) -> f64 {
    at.0 as f64 / 1e9
}

pub(crate) fn at(seconds: f64) -> Moment {
    Moment((seconds * 1e9).round() as u64)
}

pub(crate) fn transfer(flow: Flow, bytes: f64, latency: f64) -> Transfer {
    Transfer { flow, size: Bytes::new(bytes as u64), latency: Seconds::new(latency).unwrap() }
}

/// Lets everything happen that happens by itself.
pub(crate) fn run(transfers: &mut Transfers) -> Vec<Completed> {
    let mut completed = Vec::new();
    while let Some(next) = transfers.next() {
        completed.extend(transfers.settle(next).unwrap());
    }
    completed
}

/// Completion times of `flows`, which all start at 0, in their order; [s].
pub(crate) fn ends(links: &[Capacity], flows: &[(Flow, f64)], latency: f64) -> Vec<f64> {
    let mut transfers = Transfers::new(Moment(0), links);
    for (id, (flow, bytes)) in (0..).zip(flows) {
        let transfer = transfer(flow.clone(), *bytes, latency);
        transfers.start(FlowId(id), Moment(0), transfer).unwrap();
    }
    let mut ends = vec![f64::NAN; flows.len()];
    for Completed { at, id, .. } in run(&mut transfers) {
        ends[id.0 as usize] = seconds(at);
    }
    ends
}

/// Within a few nanoseconds, as many as there were roundings.
pub(crate) fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!(*a > b - 1e-12 && *a < b + 5e-9, "{found:?} against {expected:?}");
    }
}
