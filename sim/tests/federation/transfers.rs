//! N1, N2, N6 end to end, and the star against a naive fluid model.

use fleetune::federation::FederationConfig;
use fleetune_units::{Bytes, BytesPerSecond, Seconds};
use proptest::prelude::*;

use super::world::{SPEC, Script, Spec, always, config, fleet, run, run_traced, work};

fn with_link(
    mut config: FederationConfig,
    bytes_per_second: f64,
    latency: f64,
) -> FederationConfig {
    config.server.uplink = BytesPerSecond::from_raw(bytes_per_second);
    config.server.downlink = BytesPerSecond::from_raw(bytes_per_second);
    config.server.latency = Seconds::from_raw(latency);
    config.stop.rounds = 1;
    config
}

/// Seconds that each client took to upload, by client.
fn uploads(config: &FederationConfig, specs: &[Spec], sizes: Vec<u64>) -> Vec<f64> {
    let mut script = Script::new(move |_, client| work(0, 0, sizes[client as usize]));
    let (_, diary) = run(config, &fleet(specs), 0, &mut script);
    let mut times: Vec<_> =
        diary.rounds[0].clients.iter().map(|c| (c.client, c.times.upload.as_seconds())).collect();
    times.sort_unstable_by_key(|&(client, _)| client);
    times.into_iter().map(|(_, time)| time).collect()
}

const FAST: Spec = Spec { megabytes_per_second: 1e6, ..SPEC };

/// N1: T = L + S / min(b, C), the latencies of both links added.
#[test]
fn one_flow_takes_latency_and_its_bytes() {
    let spec = Spec { latency: 0.005, ..FAST };
    assert_eq!(uploads(&with_link(config(1), 125_000.0, 0.005), &[spec], vec![100_000]), [0.81]);
    let slow = Spec { megabytes_per_second: 0.05, latency: 0.005, ..SPEC };
    assert_eq!(uploads(&with_link(config(1), 125_000.0, 0.005), &[slow], vec![100_000]), [2.01]);
}

/// N2: T_k = L + (sum_{j<k} s_j + (n-k+1) s_k) / C.
#[test]
fn flows_on_one_link_end_smallest_first() {
    let config2 = with_link(config(2), 125_000.0, 0.01);
    assert_eq!(uploads(&config2, &[FAST, FAST], vec![100_000, 200_000]), [1.61, 2.41]);
    let sizes: Vec<u64> = (1..=7).map(|k| 30_011 * k * k).collect();
    let times = uploads(&with_link(config(7), 123_457.0, 0.01), &vec![FAST; 7], sizes.clone());
    let mut before = 0;
    for (k, (&size, time)) in sizes.iter().zip(times).enumerate() {
        let expected = 0.01 + (before + (7 - k as u64) * size) as f64 / 123_457.0;
        // Each of the k ends before this one was rounded up to a nanosecond.
        assert!((0.0..8e-9).contains(&(time - expected)), "{k}: {time}, expected {expected}");
        before += size;
    }
}

/// N6: n equal clients: T = L + S max(1/b, n/C); the knee is at n = C/b.
#[test]
fn the_star_has_its_knee_where_access_links_fill_the_server() {
    // b = 1 MB/s, C = 8 MB/s.
    for n in [1, 4, 8, 9, 16, 40] {
        let times = uploads(
            &with_link(config(n), 8e6, 0.02),
            &vec![SPEC; n as usize],
            vec![3_000_000; n as usize],
        );
        let expected = 0.02 + 3.0 * f64::from(n).max(8.0) / 8.0;
        for time in times {
            assert!((0.0..2e-9).contains(&(time - expected)), "{n}: {time}, expected {expected}");
        }
    }
}

/// A transfer broken off gives its share to the others at that instant, and is charged for the
/// whole bytes that it had moved.
#[test]
fn a_departure_leaves_its_share_to_the_others() {
    // Two uploads share 1 MB/s; client 1 leaves after 0.333333 s, when each has moved 166,666.5 B.
    let rules = with_link(config(2), 1e6, 0.0);
    let mut script = Script::new(|_, _| work(0, 0, 1_000_000));
    let traces = [always(), vec![(true, 0.333_333), (false, f64::INFINITY)]];
    let (_, diary) = run_traced(&rules, &fleet(&[FAST, FAST]), &traces, &mut script).unwrap();
    let round = &diary.rounds[0];
    // The other 833,333.5 B then go at 1 MB/s.
    assert_eq!(round.closed.as_nanos(), 333_333_000 + 833_333_500);
    assert_eq!(round.spent().wasted.uplink, Bytes::new(166_666));
}

/// Downloads and uploads do not disturb each other: the link is full duplex.
#[test]
fn the_directions_are_independent() {
    let rules = with_link(config(2), 1e6, 0.0);
    // Client 0 downloads for 1 s alone while client 1, without download, uploads alone.
    let mut script =
        Script::new(
            |_, client| {
                if client == 0 { work(0, 1_000_000, 0) } else { work(0, 0, 1_000_000) }
            },
        );
    let (_, diary) = run(&rules, &fleet(&[FAST, FAST]), 0, &mut script);
    assert_eq!(diary.rounds[0].closed.as_nanos(), 1_000_000_000);
}

/// A fluid model in plain seconds, with the level found by bisection.
fn fluid(flows: &[(f64, f64, f64)], capacity: f64) -> Vec<f64> {
    let mut left: Vec<f64> = flows.iter().map(|&(size, _, _)| size).collect();
    let (mut ends, mut now) = (vec![f64::NAN; flows.len()], 0.0);
    while ends.iter().any(|end| end.is_nan()) {
        let moving: Vec<usize> =
            (0..flows.len()).filter(|&i| ends[i].is_nan() && flows[i].2 <= now).collect();
        let wanted = |level: f64| moving.iter().map(|&i| flows[i].1.min(level)).sum::<f64>();
        let (mut low, mut high) = (0.0, 1e12);
        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            if wanted(middle) <= capacity { low = middle } else { high = middle }
        }
        let next_end =
            moving.iter().map(|&i| left[i] / flows[i].1.min(low)).fold(f64::INFINITY, f64::min);
        let next_start = (0..flows.len())
            .filter(|&i| flows[i].2 > now)
            .map(|i| flows[i].2 - now)
            .fold(f64::INFINITY, f64::min);
        let step = next_end.min(next_start);
        for &i in &moving {
            left[i] -= flows[i].1.min(low) * step;
        }
        let finished: Vec<usize> = moving.into_iter().filter(|&i| left[i] < 1e-6).collect();
        now = if step == next_start && finished.is_empty() {
            flows.iter().map(|f| f.2).filter(|&start| start > now).fold(f64::INFINITY, f64::min)
        } else {
            now + step
        };
        for i in finished {
            ends[i] = now;
        }
    }
    ends
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_star_agrees_with_a_fluid_model(
        flows in prop::collection::vec((1_000_u64..5_000_000, 1_u32..400, 0_u32..2_000), 1..12),
        capacity in 10_000.0..20_000_000.0_f64,
    ) {
        let specs: Vec<_> = flows
            .iter()
            .map(|&(_, rate, latency)| Spec {
                megabytes_per_second: f64::from(rate) / 100.0,
                latency: f64::from(latency) / 1000.0,
                ..SPEC
            })
            .collect();
        let sizes = flows.iter().map(|flow| flow.0).collect();
        let times = uploads(&with_link(config(flows.len() as u32), capacity, 0.0), &specs, sizes);
        let plain: Vec<_> = flows
            .iter()
            .map(|&(size, rate, latency)| {
                (size as f64, f64::from(rate) * 1e4, f64::from(latency) / 1000.0)
            })
            .collect();
        for (time, expected) in times.into_iter().zip(fluid(&plain, capacity)) {
            prop_assert!((time - expected).abs() <= 1e-7 + 1e-9 * expected, "{time}, expected {expected}");
        }
    }
}
