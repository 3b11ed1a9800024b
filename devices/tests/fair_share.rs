//! N2-N6, N8, N11: textbook networks, the bottleneck property on random ones, the star.

use fleetune_devices::network::{
    fair_share::{Capacity, FairShareError, Flow, Hop, Sharing, solve},
    star::{self, Spoke},
};
use fleetune_units::BytesPerSecond;
use proptest::prelude::*;

const MB: f64 = 1e6; // [B/s]

fn rate(value: f64) -> BytesPerSecond {
    BytesPerSecond::new(value).unwrap()
}

fn shared(capacity: f64) -> Capacity {
    Capacity { capacity: rate(capacity), sharing: Sharing::Shared }
}

fn pipe(capacity: f64) -> Capacity {
    Capacity { capacity: rate(capacity), sharing: Sharing::FatPipe }
}

fn rates(links: &[Capacity], flows: &[Flow]) -> Vec<f64> {
    solve(links, flows).unwrap().into_iter().map(BytesPerSecond::get).collect()
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{found:?} against {expected:?}");
    }
}

#[test]
fn equal_flows_on_one_link_share_it_equally() {
    for n in [1, 2, 3, 7, 100] {
        let flows = vec![Flow::over([0]); n];
        close(&rates(&[shared(MB)], &flows), &vec![MB / n as f64; n]);
    }
}

/// Completion times of `sizes` that all start at 0, by events: the fluid model itself.
fn completions(links: &[Capacity], flows: &[Flow], sizes: &[f64]) -> Vec<f64> {
    let (mut left, mut done, mut now) = (sizes.to_vec(), vec![f64::NAN; sizes.len()], 0.0);
    while done.iter().any(|t| t.is_nan()) {
        let running: Vec<usize> = (0..sizes.len()).filter(|i| done[*i].is_nan()).collect();
        let active: Vec<Flow> = running.iter().map(|i| flows[*i].clone()).collect();
        let speed = rates(links, &active);
        let step =
            running.iter().zip(&speed).map(|(i, v)| left[*i] / v).fold(f64::INFINITY, f64::min);
        now += step;
        for (i, v) in running.iter().zip(&speed) {
            left[*i] -= v * step;
            if left[*i] <= 1e-9 * sizes[*i] {
                done[*i] = now;
            }
        }
    }
    done
}

#[test]
fn n2_flows_of_different_sizes_on_one_link() {
    // T_k = (sum of smaller sizes + (n - k + 1) s_k) / C.
    let sizes = [100e3, 200e3, 450e3]; // [B]
    let capacity = 125e3; // 1 Mbit/s
    let times = completions(&[shared(capacity)], &vec![Flow::over([0]); 3], &sizes);
    close(&times, &[300e3 / capacity, 500e3 / capacity, 750e3 / capacity]);
}

#[test]
fn n3_a_long_flow_and_two_short_ones() {
    let links = [shared(10.0 * MB), shared(20.0 * MB)];
    let flows = [Flow::over([0, 1]), Flow::over([0]), Flow::over([1])];
    close(&rates(&links, &flows), &[5.0 * MB, 5.0 * MB, 15.0 * MB]);
    close(&completions(&links, &flows, &[10.0 * MB; 3]), &[2.0, 2.0, 2.0 / 3.0]);
}

#[test]
fn n4_the_parking_lot_is_max_min_and_not_proportional() {
    for n in [1, 2, 5, 20] {
        let links = vec![shared(MB); n];
        let mut flows = vec![Flow::over(0..n)];
        flows.extend((0..n).map(|link| Flow::over([link])));
        close(&rates(&links, &flows), &vec![MB / 2.0; n + 1]);
    }
}

#[test]
fn n5_caps_and_weights() {
    let flow = |weight, cap: Option<f64>| Flow { weight, cap: cap.map(rate), ..Flow::over([0]) };
    let flows = [flow(1.0, None), flow(3.0, None), flow(2.0, Some(1.0 * MB))];
    // The third is capped at 1, the others share 9 as 1 : 3.
    close(&rates(&[shared(10.0 * MB)], &flows), &[2.25 * MB, 6.75 * MB, 1.0 * MB]);
}

#[test]
fn n6_the_knee_of_the_parameter_server_star() {
    // n clients of access rate b behind C: each gets min(b, C / n).
    let (b, c) = (2.0 * MB, 10.0 * MB);
    for n in 1..12 {
        let mut links = vec![shared(c)];
        links.extend(vec![shared(b); n]);
        let flows: Vec<Flow> = (1..=n).map(|access| Flow::over([access, 0])).collect();
        close(&rates(&links, &flows), &vec![b.min(c / n as f64); n]);
    }
}

#[test]
fn n7_a_slow_station_slows_the_whole_wifi_cell() {
    let speeds = [54.0 * MB, 11.0 * MB, 1.0 * MB];
    let hop =
        |r: f64| Flow { route: vec![Hop { link: 0, usage: 1.0 / r }], weight: 1.0, cap: None };
    let share = 1.0 / speeds.iter().map(|r| 1.0 / r).sum::<f64>();
    close(&rates(&[shared(1.0)], &speeds.map(hop)), &[share; 3]);
}

#[test]
fn n11_fat_pipes_cap_each_flow_and_are_never_exhausted() {
    let flows = vec![Flow::over([0]); 5];
    close(&rates(&[pipe(MB)], &flows), &[MB; 5]);
    let both = vec![Flow::over([0, 1]); 5];
    close(&rates(&[pipe(MB), shared(2.0 * MB)], &both), &[0.4 * MB; 5]);
}

#[test]
fn a_dead_link_stops_its_flows_and_no_others() {
    close(&rates(&[shared(0.0), shared(MB)], &[Flow::over([0, 1]), Flow::over([1])]), &[0.0, MB]);
}

#[test]
fn impossible_questions_are_refused() {
    let links = [shared(MB)];
    let unbounded = Flow { route: vec![], weight: 1.0, cap: None };
    assert_eq!(solve(&links, &[unbounded]), Err(FairShareError::Unbounded { flow: 0 }));
    assert!(matches!(solve(&links, &[Flow::over([1])]), Err(FairShareError::NoSuchLink { .. })));
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let flow = Flow { weight, ..Flow::over([0]) };
        assert!(matches!(solve(&links, &[flow]), Err(FairShareError::NotPositive { .. })));
    }
    assert_eq!(solve(&links, &[]), Ok(vec![]));
}

prop_compose! {
    fn networks()(links in 1_usize..8)(
        capacities in prop::collection::vec((prop_oneof![1 => Just(0.0), 9 => 0.1..100.0_f64], prop::bool::weighted(0.2)), links),
        flows in prop::collection::vec(
            (prop::collection::btree_set(0..links, 1..=links), 0.1..5.0_f64,
             prop::option::of(0.1..40.0_f64), prop::collection::vec(prop_oneof![3 => Just(1.0), 1 => 0.05..2.0_f64], links)),
            1..12),
    ) -> (Vec<Capacity>, Vec<Flow>) {
        let links = capacities.into_iter().map(|(c, fat)| if fat { pipe(c) } else { shared(c) }).collect();
        let flows = flows.into_iter().map(|(route, weight, cap, usage)| Flow {
            route: route.into_iter().map(|link| Hop { link, usage: usage[link] }).collect(),
            weight, cap: cap.map(rate),
        }).collect();
        (links, flows)
    }
}

fn load(link: usize, flows: &[Flow], x: &[f64]) -> f64 {
    let use_of = |(flow, x): (&Flow, &f64)| {
        flow.route.iter().filter(|hop| hop.link == link).map(|hop| hop.usage * x).sum::<f64>()
    };
    flows.iter().zip(x).map(use_of).sum()
}

const TOLERANCE: f64 = 1e-9;

/// At its cap or a fat pipe, or across a full link on which no flow has a higher level.
fn has_reason(j: usize, links: &[Capacity], flows: &[Flow], x: &[f64]) -> bool {
    let flow = &flows[j];
    let at = |limit: f64| x[j] >= limit * (1.0 - TOLERANCE);
    if flow.cap.is_some_and(|cap| at(cap.get())) {
        return true;
    }
    flow.route.iter().any(|hop| {
        let capacity = links[hop.link].capacity.get();
        if links[hop.link].sharing == Sharing::FatPipe {
            return at(capacity / hop.usage);
        }
        let full = load(hop.link, flows, x) >= capacity * (1.0 - TOLERANCE);
        let crossing = |k: &usize| flows[*k].route.iter().any(|h| h.link == hop.link);
        let highest =
            (0..flows.len()).filter(crossing).map(|k| x[k] / flows[k].weight).fold(0.0, f64::max);
        full && x[j] / flow.weight >= highest * (1.0 - TOLERANCE)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn n8_every_flow_has_its_bottleneck_and_no_link_overflows((links, flows) in networks()) {
        let x = rates(&links, &flows);
        for (index, link) in links.iter().enumerate() {
            if link.sharing == Sharing::Shared {
                prop_assert!(load(index, &flows, &x) <= link.capacity.get() * (1.0 + TOLERANCE) + 1e-12);
            }
        }
        for j in 0..flows.len() {
            prop_assert!(flows[j].cap.is_none_or(|cap| x[j] <= cap.get() * (1.0 + TOLERANCE)));
            prop_assert!(has_reason(j, &links, &flows, &x), "flow {} of {:?} gets {:?}", j, flows, x);
        }
    }

    #[test]
    fn n8_order_does_not_matter((links, flows) in networks()) {
        let x = rates(&links, &flows);
        let reversed: Vec<Flow> = flows.iter().rev().cloned().map(|mut flow| {
            flow.route.reverse();
            flow.route.iter_mut().for_each(|hop| hop.link = links.len() - 1 - hop.link);
            flow
        }).collect();
        let mirrored: Vec<Capacity> = links.iter().rev().copied().collect();
        for (a, b) in x.iter().zip(rates(&mirrored, &reversed).iter().rev()) {
            prop_assert!((a - b).abs() <= TOLERANCE * a.max(1e-9), "{} {}", a, b);
        }
    }

    #[test]
    fn n8_scaling_capacities_scales_rates((links, flows) in networks(), k in 0.01..1000.0_f64) {
        let scale = |c: BytesPerSecond| rate(c.get() * k);
        let big: Vec<Capacity> = links.iter().map(|l| Capacity { capacity: scale(l.capacity), ..*l }).collect();
        let wide: Vec<Flow> = flows.iter().cloned().map(|f| Flow { cap: f.cap.map(scale), ..f }).collect();
        for (a, b) in rates(&links, &flows).iter().zip(rates(&big, &wide)) {
            prop_assert!((a * k - b).abs() <= TOLERANCE * b.max(1e-9));
        }
    }

    #[test]
    fn the_star_equals_the_general_solver(
        capacity in 0.0..100.0_f64, spokes in prop::collection::vec((0.0..30.0_f64, 0.1..5.0_f64), 1..40),
    ) {
        let closed = star::solve(rate(capacity), &spokes.iter().map(|(cap, weight)| {
            Spoke { cap: rate(*cap), weight: *weight }
        }).collect::<Vec<_>>());
        let mut links = vec![shared(capacity)];
        links.extend(spokes.iter().map(|(cap, _)| shared(*cap)));
        let flows: Vec<Flow> = spokes.iter().enumerate()
            .map(|(i, (_, weight))| Flow { weight: *weight, ..Flow::over([i + 1, 0]) }).collect();
        for (a, b) in closed.iter().zip(rates(&links, &flows)) {
            prop_assert!((a.get() - b).abs() <= TOLERANCE * b.max(1e-6), "{} {}", a, b);
        }
    }
}

#[test]
fn a_star_with_capacity_to_spare_gives_everyone_their_cap() {
    let spokes = [Spoke::new(rate(3.0)), Spoke::new(rate(5.0))];
    assert_eq!(star::level(rate(9.0), &spokes), f64::INFINITY);
    assert_eq!(star::solve(rate(9.0), &spokes), [rate(3.0), rate(5.0)]);
    assert_eq!(star::solve(rate(9.0), &[]), []);
}
