//! N1-N11 of the validation plan in time, each with its closed form.

use fleetune_devices::{
    energy::Moment,
    network::{
        capacity::{CapacityProfile, Step},
        fair_share::{Flow, Hop},
        topology::{Duplex, Node, Topology},
        transfers::{FlowId, TransferError, Transfers},
    },
};
use fleetune_units::{Bytes, BytesPerSecond, Seconds};

use super::kit::{MB, at, close, ends, link, pipe, rate, run, seconds, shared, transfer};

#[test]
fn n1_one_flow_takes_its_latency_and_its_bytes_at_the_least_rate() {
    // T = L + S / min(b, C), exactly.
    for (cap, capacity) in [(None, 125e3), (Some(50e3), 125e3), (Some(1e9), 125e3)] {
        let flow = Flow { cap: cap.map(rate), ..Flow::over([0]) };
        let time = ends(&[shared(capacity)], &[(flow, 100e3)], 0.01);
        let slowest = cap.map_or(capacity, |cap| capacity.min(cap));
        assert_eq!(time, [0.01 + 100e3 / slowest]);
    }
}

#[test]
fn n1_each_duration_is_rounded_up_once() {
    let mut transfers = Transfers::new(Moment(0), &[shared(3.0)]);
    transfers.start(FlowId(0), Moment(0), transfer(Flow::over([0]), 1.0, 1e-10)).unwrap();
    // 0.1 ns is one, 333,333,333.3 ns are 333,333,334.
    assert_eq!(transfers.next(), Some(Moment(1)));
    assert_eq!(transfers.settle(Moment(1)), Ok(vec![]));
    assert_eq!(transfers.next(), Some(Moment(333_333_335)));
}

#[test]
fn n2_flows_of_different_sizes_on_one_link() {
    // T_k = L + (sum of smaller sizes + (n - k + 1) s_k) / C.
    let sizes = [100e3, 200e3, 450e3, 450e3, 1e6]; // [B]
    let capacity = 125e3; // 1 Mbit/s
    let flows = sizes.map(|size| (Flow::over([0]), size));
    let form = |k: usize| {
        0.01 + (sizes[..k].iter().sum::<f64>() + (sizes.len() - k) as f64 * sizes[k]) / capacity
    };
    close(&ends(&[shared(capacity)], &flows, 0.01), &[0, 1, 2, 3, 4].map(form));
    close(&ends(&[shared(capacity)], &flows[..2], 0.01), &[1.61, 2.41]);
}

#[test]
fn n3_a_long_flow_and_two_short_ones() {
    let links = [shared(10.0 * MB), shared(20.0 * MB)];
    let flows = [Flow::over([0, 1]), Flow::over([0]), Flow::over([1])];
    close(&ends(&links, &flows.map(|flow| (flow, 10.0 * MB)), 0.0), &[2.0, 2.0, 2.0 / 3.0]);
}

#[test]
fn n4_the_parking_lot_is_max_min_and_not_proportional() {
    // Under proportional fairness the long flow would get C / (n + 1).
    for n in [2, 5, 20] {
        let links = vec![shared(MB); n];
        let mut flows = vec![(Flow::over(0..n), MB)];
        flows.extend((0..n).map(|link| (Flow::over([link]), MB)));
        close(&ends(&links, &flows, 0.0), &vec![2.0; n + 1]);
    }
}

#[test]
fn n5_caps_and_weights() {
    // x_j = min(b_j, w_j theta): 1, 2.25 and 6.75 of 10; then the rest shares what is left.
    let flow = |weight, cap: Option<f64>| Flow { weight, cap: cap.map(rate), ..Flow::over([0]) };
    let flows = [
        (flow(1.0, None), 2.25 * MB),
        (flow(3.0, None), 2.0 * 6.75 * MB),
        (flow(2.0, Some(MB)), 3.0 * MB),
    ];
    // After 1 s the second has 9 MB/s for its remaining 6.75 MB.
    close(&ends(&[shared(10.0 * MB)], &flows, 0.0), &[1.0, 1.75, 3.0]);
}

#[test]
fn n6_the_knee_of_the_parameter_server_star() {
    // Equal b: T = L + S max(1/b, n/C).
    let (b, c, size) = (2.0 * MB, 10.0 * MB, 5.0 * MB);
    for n in 1..12 {
        let mut links = vec![shared(c)];
        links.extend(vec![shared(b); n]);
        let flows: Vec<_> = (1..=n).map(|access| (Flow::over([access, 0]), size)).collect();
        let time = 0.02 + size * (1.0 / b).max(n as f64 / c);
        close(&ends(&links, &flows, 0.02), &vec![time; n]);
    }
}

#[test]
fn n6_unequal_access_links_fill_the_server_link() {
    // b = 1, 2, 6, 9 behind C = 12: theta = 4.5; when the slow ones end the fast ones speed up.
    let links = [12.0, 1.0, 2.0, 6.0, 9.0].map(|c| shared(c * MB));
    let sizes = [1.0, 2.0, 9.0, 9.0].map(|size| size * MB);
    let flows: Vec<_> = (1..).zip(sizes).map(|(a, size)| (Flow::over([a, 0]), size)).collect();
    // Until 1 s: 1, 2, 4.5, 4.5. Then 6 and 6: both have 4.5 MB left.
    close(&ends(&links, &flows, 0.0), &[1.0, 1.0, 1.75, 1.75]);
}

#[test]
fn n7_a_slow_station_slows_the_whole_wifi_cell() {
    let speeds = [54.0 * MB, 11.0 * MB, 1.0 * MB];
    let hop =
        |r: f64| Flow { route: vec![Hop { link: 0, usage: 1.0 / r }], weight: 1.0, cap: None };
    let share = 1.0 / speeds.iter().map(|r| 1.0 / r).sum::<f64>();
    let flows = speeds.map(|r| (hop(r), MB));
    close(&ends(&[shared(1.0)], &flows, 0.0), &[MB / share; 3]);
}

/// 4 MB/s, from 1 s on 1 MB/s.
fn dropping() -> CapacityProfile {
    let step = |at, capacity| Step { at: Seconds::new(at).unwrap(), capacity: rate(capacity) };
    CapacityProfile::new(&[step(0.0, 4.0 * MB), step(1.0, MB)], None).unwrap()
}

fn over(profile: CapacityProfile) -> Transfers {
    Transfers::with_profiles(Moment(0), [(profile, Default::default())])
}

#[test]
fn n9_a_capacity_that_drops() {
    // T = t1 + (S - b0 t1) / b1.
    for flows in [1, 2, 5] {
        let mut transfers = over(dropping());
        for id in 0..flows {
            let part = transfer(Flow::over([0]), 6.0 * MB / flows as f64, 0.0);
            transfers.start(FlowId(id), Moment(0), part).unwrap();
        }
        let ends = run(&mut transfers);
        assert_eq!(ends.len(), flows as usize);
        ends.iter().for_each(|done| close(&[seconds(done.at)], &[1.0 + 2.0]));
    }
}

#[test]
fn n9_a_periodic_capacity_with_an_outage() {
    // 2 MB/s for a second, nothing for 3: S MB take S / 2 periods.
    let step = |at, capacity| Step { at: Seconds::new(at).unwrap(), capacity: rate(capacity) };
    let steps = [step(0.0, 2.0 * MB), step(1.0, 0.0)];
    let profile = CapacityProfile::new(&steps, Some(Seconds::new(4.0).unwrap())).unwrap();
    for (start, size, end) in [(0.0, 1.0, 0.5), (0.0, 5.0, 8.5), (0.5, 2.0, 4.5), (2.0, 2.0, 5.0)] {
        let mut transfers = over(profile.clone());
        transfers.settle(at(start)).unwrap();
        transfers.start(FlowId(0), at(start), transfer(Flow::over([0]), size * MB, 0.0)).unwrap();
        while !transfers.is_empty() {
            let next = transfers.next().unwrap();
            for done in transfers.settle(next).unwrap() {
                close(&[seconds(done.at)], &[end]);
            }
        }
    }
}

#[test]
fn n9_killed_links_make_their_flows_wait_and_no_others() {
    let links = [shared(MB), shared(MB), shared(MB)];
    let mut transfers = Transfers::new(Moment(0), &links);
    for (id, route) in [(0, vec![0, 1]), (1, vec![1]), (2, vec![2])] {
        transfers.start(FlowId(id), Moment(0), transfer(Flow::over(route), MB, 0.5)).unwrap();
    }
    transfers.settle(at(1.0)).unwrap();
    transfers.kill(link(0), at(1.0)).unwrap();
    assert_eq!(transfers.next(), Some(at(1.0)), "what changed has to be shared");
    assert_eq!(transfers.settle(at(1.0)), Ok(vec![]));
    assert_eq!(transfers.capacity(link(0)), BytesPerSecond::ZERO);
    // Flow 0 has moved 0.25 MB, flow 1 too; 1 has the link to itself until it ends at 1.75 s.
    let done = transfers.settle(at(3.0)).unwrap();
    let order: Vec<_> = done.iter().map(|done| (seconds(done.at), done.id.0)).collect();
    assert_eq!(order, [(1.5, 2), (1.75, 1)]);
    assert_eq!(transfers.rate(FlowId(0)), Some(BytesPerSecond::ZERO));
    assert_eq!(transfers.next(), None);
    transfers.restore(link(0), at(3.0)).unwrap();
    assert_eq!(run(&mut transfers)[0].at, at(3.75));
}

#[test]
fn n10_aborted_flows_have_moved_what_their_rate_says() {
    let mut transfers = Transfers::new(Moment(0), &[shared(MB)]);
    for id in 0..4 {
        transfers.start(FlowId(id), Moment(0), transfer(Flow::over([0]), MB, 0.25)).unwrap();
    }
    assert_eq!(transfers.abort(FlowId(9), Moment(0)), Ok(None));
    transfers.settle(at(0.1)).unwrap();
    assert_eq!(transfers.abort(FlowId(0), at(0.1)), Ok(Some(Bytes::ZERO)), "in its latency");
    transfers.settle(at(1.0)).unwrap();
    // Three share from 0.25 s on: 250 kB each by 1 s.
    assert_eq!(transfers.abort(FlowId(1), at(1.0)), Ok(Some(Bytes::new(250_000))));
    transfers.settle(at(1.000_001)).unwrap();
    // And half a byte more by then, which does not count.
    assert_eq!(transfers.abort(FlowId(2), at(1.000_001)), Ok(Some(Bytes::new(250_000))));
    let last = run(&mut transfers);
    close(&[seconds(last[0].at)], &[1.000_001 + 0.749_999_5]);
}

#[test]
fn n10_a_flow_that_is_due_has_moved_everything() {
    let mut transfers = Transfers::new(Moment(0), &[shared(3.0)]);
    for id in 0..2 {
        transfers.start(FlowId(id), Moment(0), transfer(Flow::over([0]), 10.0, 0.0)).unwrap();
    }
    transfers.settle(Moment(0)).unwrap();
    let end = transfers.next().unwrap();
    assert_eq!(transfers.abort(FlowId(0), end), Ok(Some(Bytes::new(10))));
    assert_eq!(transfers.settle(end).unwrap().len(), 1, "the other one ends as well");
}

#[test]
fn n11_duplex_decides_whether_opposite_flows_meet() {
    let (a, b) = (Node::Router(1), Node::Router(2));
    for (duplex, time) in [(Duplex::Shared, 2.0), (Duplex::Split, 1.0), (Duplex::FatPipe, 1.0)] {
        let mut net = Topology::new();
        net.cable((a, b), rate(MB), Seconds::ZERO, duplex);
        let flow = |from, to| Flow { route: net.route(from, to).unwrap().hops, ..Flow::over([]) };
        let times = ends(net.links(), &[(flow(a, b), MB), (flow(b, a), MB)], 0.0);
        close(&times, &[time; 2]);
    }
    // Each gets min(b, C) of a fat pipe, however many there are.
    let flows: Vec<_> = (0..50).map(|_| (Flow::over([0]), MB)).collect();
    close(&ends(&[pipe(2.0 * MB)], &flows, 0.0), &[0.5; 50]);
}

#[test]
fn what_needs_no_time_ends_when_its_latency_has_passed() {
    close(&ends(&[shared(MB)], &[(Flow::over([0]), 0.0), (Flow::over([0]), MB)], 0.5), &[0.5, 1.5]);
    assert_eq!(ends(&[shared(0.0)], &[(Flow::over([0]), 0.0)], 0.0), [0.0]);
}

#[test]
fn flows_that_end_together_end_in_order_of_their_ids() {
    let mut transfers = Transfers::new(Moment(0), &[shared(MB), shared(MB)]);
    for (id, route) in [(5, 1), (7, 0), (2, 0), (9, 1)] {
        let flow = transfer(Flow::over([route]), MB, 0.0);
        transfers.start(FlowId(id), Moment(0), flow).unwrap();
    }
    let order: Vec<u64> =
        transfers.settle(at(10.0)).unwrap().iter().map(|done| done.id.0).collect();
    assert_eq!(order, [2, 5, 7, 9]);
}

#[test]
fn an_unchanged_rate_keeps_its_end_to_the_bit() {
    // Flow 0 is limited by its own link of 3 B/s, whatever others do at the server.
    let mut transfers = Transfers::new(Moment(0), &[shared(100.0), shared(3.0)]);
    transfers.start(FlowId(0), Moment(0), transfer(Flow::over([1, 0]), 1000.0, 0.0)).unwrap();
    for id in 1..20 {
        let flow = transfer(Flow::over([0]), 97.0, 0.1 + 0.7 * id as f64);
        transfers.start(FlowId(id), Moment(0), flow).unwrap();
    }
    transfers.settle(Moment(0)).unwrap();
    let end = transfers.turns(FlowId(0));
    assert_eq!(end, Some(Moment(333_333_333_334)));
    while let Some(next) = transfers.next() {
        assert_eq!(transfers.turns(FlowId(0)), end);
        transfers.settle(next).unwrap();
    }
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let mut transfers = Transfers::new(Moment(5), &[shared(MB)]);
    let flow = || transfer(Flow::over([0]), MB, 0.0);
    transfers.start(FlowId(1), Moment(7), flow()).unwrap();
    let before = serde_json::to_string(&transfers).unwrap();
    let start = |transfers: &mut Transfers, at, flow| transfers.start(FlowId(2), Moment(at), flow);
    use TransferError as E;
    assert!(matches!(start(&mut transfers, 6, flow()), Err(E::TimeWentBack { .. })));
    assert!(matches!(start(&mut transfers, 8, flow()), Err(E::Unsettled { .. })));
    let again = transfers.start(FlowId(1), Moment(7), flow());
    assert_eq!(again, Err(E::AlreadyUnderWay(FlowId(1))));
    let with = |flow: Flow| transfer(flow, MB, 0.0);
    for bad in [
        Flow { weight: 0.0, ..Flow::over([0]) },
        Flow { weight: f64::NAN, ..Flow::over([0]) },
        Flow { route: vec![Hop { link: 0, usage: -1.0 }], ..Flow::over([]) },
        Flow::over([]),
        Flow::over([1]),
    ] {
        assert!(matches!(start(&mut transfers, 7, with(bad)), Err(E::NoRate(_))));
    }
    let twice = start(&mut transfers, 7, with(Flow::over([0, 0])));
    assert!(matches!(twice, Err(E::CrossedTwice { .. })));
    let forever = transfer(Flow::over([0]), 1.0, 1e12);
    assert!(matches!(start(&mut transfers, 7, forever), Err(E::TooLong(_))));
    let capped = Flow { cap: Some(BytesPerSecond::from_raw(f64::INFINITY)), ..Flow::over([0]) };
    assert!(matches!(start(&mut transfers, 7, with(capped)), Err(E::BadCap(_))));
    assert!(matches!(transfers.kill(link(1), Moment(7)), Err(E::NoSuchLink(_))));
    assert!(matches!(transfers.settle(Moment(6)), Err(E::TimeWentBack { .. })));
    assert!(matches!(transfers.abort(FlowId(1), Moment(8)), Err(E::Unsettled { .. })));
    assert_eq!(serde_json::to_string(&transfers).unwrap(), before);
}

#[test]
fn an_unchanged_rate_keeps_its_end_where_flows_cross_several_links() {
    // 999 B at its cap of 3 B/s take 333 s exactly; any rounding on the way would add to that.
    let mut transfers = Transfers::new(Moment(0), &[shared(100.0), shared(100.0)]);
    let capped = Flow { cap: Some(rate(3.0)), ..Flow::over([0, 1]) };
    transfers.start(FlowId(0), Moment(0), transfer(capped, 999.0, 0.0)).unwrap();
    for id in 1..200 {
        let flow = transfer(Flow::over([id as usize % 2]), 97.0, 0.1 + 0.713_717_191 * id as f64);
        transfers.start(FlowId(id), Moment(0), flow).unwrap();
    }
    transfers.settle(Moment(0)).unwrap();
    while let Some(next) = transfers.next() {
        assert_eq!(transfers.turns(FlowId(0)), Some(at(333.0)), "at {next:?}");
        transfers.settle(next).unwrap();
    }
}

#[test]
fn a_small_flow_after_huge_ones_is_not_rounded_away() {
    // A petabyte has gone through the link; 10 B of weight 3 among 5 still take 10 / 3 s.
    let mut transfers = Transfers::new(Moment(0), &[shared(3e12)]);
    for (id, size) in [(0, 1e15), (1, 1e15 + 1e6), (2, 1e15 + 2e6)] {
        transfers.start(FlowId(id), Moment(0), transfer(Flow::over([0]), size, 0.0)).unwrap();
    }
    let now = at(1000.0);
    assert_eq!(transfers.settle(now).unwrap().len(), 1);
    transfers.set_profile(link(0), now, CapacityProfile::constant(rate(5.0))).unwrap();
    transfers.settle(now).unwrap();
    let small = Flow { weight: 3.0, ..Flow::over([0]) };
    transfers.start(FlowId(3), now, transfer(small, 10.0, 0.0)).unwrap();
    transfers.settle(now).unwrap();
    assert_eq!(transfers.turns(FlowId(3)), Some(Moment(1_003_333_333_334)));
}
