//! N8 and N10 in time: what holds on every network, with every schedule, at every moment.

use std::collections::BTreeMap;

use fleetune_devices::{
    energy::Moment,
    network::{
        fair_share::Sharing,
        transfers::{FlowId, Transfer},
    },
};
use proptest::{prelude::*, test_runner::RngSeed};

use super::{
    kit::link,
    reference::{self, Job},
    world::{Event, Played, worlds},
};

/// Moments may differ by the roundings on the way.
fn same_ends(a: &[f64], b: &[f64]) -> Result<(), TestCaseError> {
    for (index, (a, b)) in a.iter().zip(b).enumerate() {
        let close = (a - b).abs() <= 1e-7 + 1e-12 * b.abs();
        prop_assert!(close || (a.is_nan() && b.is_nan()), "flow {}: {} against {}", index, a, b);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, rng_seed: RngSeed::Fixed(8), ..Default::default() })]

    #[test]
    fn n8_rates_are_those_of_the_whole_problem_at_every_moment(world in worlds()) {
        world.play(|transfers, now| {
            let global = world.global_rates(transfers);
            for (id, expected) in global {
                let found = transfers.rate(id).unwrap().get();
                assert!((found - expected).abs() <= 1e-12 * expected, "{id} at {now:?}: {found} {expected}");
            }
        });
    }

    #[test]
    fn n10_rates_integrate_to_bytes_and_links_carry_no_more_than_they_can(world in worlds()) {
        let (mut since, mut rates) = (Moment(0), BTreeMap::<FlowId, f64>::new());
        let mut integral = vec![0.0; world.flows.len()];
        let played = world.play(|transfers, now| {
            let step = (now.0 - since.0) as f64 / 1e9;
            for (id, rate) in &rates {
                integral[id.0 as usize] += rate * step;
            }
            since = now;
            rates = (0..world.flows.len() as u64)
                .filter_map(|id| Some((FlowId(id), transfers.rate(FlowId(id))?.get())))
                .collect();
            for (id, rate) in &rates {
                // The last nanosecond before an end may carry more than is left.
                let sent = integral[id.0 as usize];
                let moved = transfers.moved(*id).unwrap();
                assert!((sent - moved.as_f64()) < 1.0 + 1e-6 + rate * 1e-9 && sent - moved.as_f64() > -1e-6);
                assert!(moved <= world.flows[id.0 as usize].1.size);
            }
            for (index, (sharing, _)) in world.links.iter().enumerate() {
                let usage = |id: FlowId| {
                    let hops = &world.flows[id.0 as usize].1.flow.route;
                    hops.iter().find(|hop| hop.link == index).unwrap().usage
                };
                let uses = transfers.flows_over(link(index as u32)).map(|id| usage(id) * rates[&id]);
                let load = match sharing {
                    Sharing::Shared => uses.sum::<f64>(),
                    Sharing::FatPipe => uses.fold(0.0, f64::max),
                };
                assert!(load <= transfers.capacity(link(index as u32)).get() * (1.0 + 1e-12));
            }
        });
        for done in &played.completed {
            let size = world.flows[done.id.0 as usize].1.size;
            prop_assert_eq!(done.size, size);
        }
        // A flow ends once or is broken off once, and never both.
        let mut fates: Vec<FlowId> = played.completed.iter().map(|done| done.id)
            .chain(played.aborted.iter().map(|(id, _)| *id)).collect();
        fates.sort_unstable();
        let count = fates.len();
        fates.dedup();
        prop_assert_eq!(fates.len(), count);
    }

    #[test]
    fn saving_and_restoring_at_any_moment_changes_nothing(world in worlds(), bits in any::<u64>()) {
        let mut turn = 0;
        let mut snapshots = Vec::new();
        let straight = world.play(|transfers, _| snapshots.push(serde_json::to_string(transfers).unwrap()));
        let mut again = snapshots.iter();
        let interrupted = world.play(|transfers, _| {
            let text = serde_json::to_string(transfers).unwrap();
            assert_eq!(Some(&text), again.next());
            turn += 1;
            if bits >> (turn % 64) & 1 == 1 {
                *transfers = serde_json::from_str(&text).unwrap();
            }
        });
        prop_assert_eq!(straight, interrupted);
    }

    #[test]
    fn how_often_it_is_settled_does_not_matter(world in worlds()) {
        let often = world.play(|_, _| {});
        let (mut transfers, mut seldom) = (world.transfers(), Played::default());
        for (at, event) in world.events() {
            seldom.completed.extend(transfers.settle(at).unwrap());
            seldom.aborted.extend(world.apply(&mut transfers, at, event));
        }
        seldom.completed.extend(transfers.settle(world.end()).unwrap());
        prop_assert_eq!(often, seldom);
    }

    #[test]
    fn n8_order_of_ids_starts_and_links_does_not_matter(world in worlds()) {
        let (links, flows) = (world.links.len(), world.flows.len());
        let mut mirrored = world.clone();
        mirrored.links.reverse();
        mirrored.flows.reverse();
        for (_, transfer) in &mut mirrored.flows {
            transfer.flow.route.reverse();
            transfer.flow.route.iter_mut().for_each(|hop| hop.link = links - 1 - hop.link);
        }
        mirrored.aborts.iter_mut().for_each(|(_, flow)| *flow = flows - 1 - *flow);
        mirrored.outages.iter_mut().for_each(|(_, link, _)| *link = links - 1 - *link);
        let mut ends = mirrored.play(|_, _| {}).ends(flows);
        ends.reverse();
        same_ends(&ends, &world.play(|_, _| {}).ends(flows))?;
    }

    #[test]
    fn n8_scaling_capacities_and_sizes_scales_nothing_else(world in worlds(), k in 2_u64..1000) {
        let mut big = world.clone();
        for (_, profile) in &mut big.links {
            *profile = profile.scaled(k as f64);
        }
        for (_, Transfer { flow, size, .. }) in &mut big.flows {
            *size = *size * k;
            flow.cap = flow.cap.map(|cap| cap * k as f64);
        }
        let flows = world.flows.len();
        same_ends(&big.play(|_, _| {}).ends(flows), &world.play(|_, _| {}).ends(flows))?;
    }

    #[test]
    fn strangers_change_nothing_to_the_bit(world in worlds(), stranger in worlds()) {
        // Two networks without a link in common, in one engine and each in its own.
        let (links, flows) = (world.links.len(), world.flows.len());
        let mut both = world.clone();
        both.links.extend(stranger.links.clone());
        both.flows.extend(stranger.flows.iter().cloned().map(|(at, mut transfer)| {
            transfer.flow.route.iter_mut().for_each(|hop| hop.link += links);
            (at, transfer)
        }));
        both.aborts.extend(stranger.aborts.iter().map(|(at, flow)| (*at, flow + flows)));
        both.outages.extend(stranger.outages.iter().map(|(at, link, dies)| (*at, link + links, *dies)));
        let together = both.play(|_, _| {}).ends(flows + stranger.flows.len());
        let alone = [world.play(|_, _| {}).ends(flows), stranger.play(|_, _| {}).ends(stranger.flows.len())].concat();
        let bits = |ends: Vec<f64>| ends.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        prop_assert_eq!(bits(together), bits(alone));
    }

    #[test]
    fn the_engine_agrees_with_the_obvious_simulator(world in worlds()) {
        let mut jobs: Vec<Job> = world.flows.iter().map(|(at, transfer)| Job {
            flow: transfer.flow.clone(),
            size: transfer.size.as_f64(),
            begins: at.0 + (transfer.latency.get() * 1e9).round() as u64,
            aborted: None,
        }).collect();
        for (at, flow) in &world.aborts {
            // An abort before the start finds nothing to break off.
            if *at >= world.flows[*flow].0 && jobs[*flow].aborted.is_none_or(|known| at.0 < known) {
                jobs[*flow].aborted = Some(at.0);
            }
        }
        let dead = |link: usize, t: u64| {
            let events = world.events();
            let last = events.iter().filter(|(at, _)| at.0 <= t).filter_map(|(_, event)| match event {
                Event::Kill(l) if *l == link => Some(true),
                Event::Restore(l) if *l == link => Some(false),
                _ => None,
            }).next_back();
            last == Some(true)
        };
        let capacity = |link: usize, t: u64| {
            if dead(link, t) { 0.0 } else { world.links[link].1.at(Moment(t)).get() }
        };
        let mut changes: Vec<u64> = world.outages.iter().map(|(at, ..)| at.0).collect();
        for (_, profile) in &world.links {
            let steps = std::iter::successors(Some(Moment(0)), |at| profile.next_step(*at));
            changes.extend(steps.map(|at| at.0).take_while(|at| *at < world.end().0));
        }
        let sharing: Vec<Sharing> = world.links.iter().map(|(sharing, _)| *sharing).collect();
        let fates = reference::play(&sharing, capacity, &changes, &jobs, world.end().0);
        let played = world.play(|_, _| {});
        let mut expected = vec![f64::NAN; jobs.len()];
        for (index, (fate, job)) in fates.iter().zip(&jobs).enumerate() {
            if fate.moved >= job.size && fate.at.is_finite() {
                expected[index] = fate.at / 1e9;
            }
        }
        same_ends(&played.ends(jobs.len()), &expected)?;
        for (id, moved) in &played.aborted {
            let fate = fates[id.0 as usize];
            prop_assert!((moved.as_f64() - fate.moved).abs() <= 1.0 + 1e-3, "{} {:?} {:?}", id, moved, fate);
        }
    }
}
