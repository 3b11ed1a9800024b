//! Batch sizes that balance communication and computation (C²) over devices that differ in both.
//!
//! Yang, Wang and Huang, "Optimal Batch-Size Control for Low-Latency Federated Learning with Device Heterogeneity", 2025
//! (arXiv 2507.15601): larger batches need fewer rounds and make each longer, so the batch is the one by which the whole
//! learning, rounds times the time of a round, is shortest; and since a synchronous round is as long as its slowest
//! client, devices that compute or transmit faster take larger batches, and all take about as long. The server weighs
//! gradients by their batches (as Ren, Yu and Ding, "Accelerating DNN Training in Wireless Federated Edge Learning
//! Systems", 2021, arXiv 1905.09712), which is what algorithms here do of their own: an update weighs as many examples as
//! are behind it.
//!
//! # Ours, where the paper fits or leaves it open
//!
//! * How many rounds it takes is a surrogate that the paper fits to data. Here it is that of McCandlish et al., "An
//!   empirical model of large-batch training" (2018, arXiv 1812.06162): `1 + N / B` times as many as with endless batches,
//!   with the gradient's noise scale N, in texts, and B the texts of a cohort's mini-batches together.
//! * How long a device takes is its own estimate for its longest texts, with nobody else on the network, as it is when
//!   the run begins (the paper's slow fading). Batches are whole, within bounds and within the device's memory.
//! * The time of a round is looked for among those that up to 64 devices, evenly spaced in order of speed, would take
//!   with up to 64 sizes; every device then takes the largest batch with which it keeps to it.

use std::num::NonZeroU32;

use fleetune_units::Seconds;

/// Devices, and sizes, from which the time of a round is found.
const SAMPLE: usize = 64;

/// Batch sizes that a device may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The least.
    pub smallest: NonZeroU32,
    /// The most, by the scenario and by its memory.
    pub largest: NonZeroU32,
}

/// What was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// What no device exceeds.
    pub round: Seconds,
    /// By device.
    pub sizes: Vec<NonZeroU32>,
}

/// The sizes by which learning is shortest: by `duration(device, size)`, which does not fall with the size, and with
/// `cohort` devices in a round.
pub fn balance(
    devices: &[Range],
    duration: &mut dyn FnMut(usize, NonZeroU32) -> Seconds,
    cohort: u32,
    noise_scale: f64,
) -> Balance {
    let mut order: Vec<(f64, usize)> = devices
        .iter()
        .enumerate()
        .map(|(device, range)| (duration(device, range.smallest).get(), device))
        .collect();
    order.sort_by(|one, other| one.0.total_cmp(&other.0));
    let slowest = order.last().map_or(0.0, |last| last.0);
    let table: Vec<Vec<(f64, u32)>> = spaced(&order, SAMPLE)
        .map(|(_, device)| {
            let sizes = candidates(devices[*device]).into_iter();
            sizes.map(|size| (duration(*device, size).get(), size.get())).collect()
        })
        .collect();
    let mut times: Vec<f64> = table.iter().flatten().map(|(time, _)| *time).collect();
    times.push(slowest);
    times.retain(|time| *time >= slowest);
    times.sort_by(f64::total_cmp);
    times.dedup();
    let learning = |time: f64| {
        let size = |row: &Vec<(f64, u32)>| {
            let kept = row.iter().rev().find(|(takes, _)| *takes <= time);
            f64::from(kept.map_or(1, |(_, size)| *size))
        };
        let mean = table.iter().map(size).sum::<f64>() / table.len().max(1) as f64;
        time * (1.0 + noise_scale / (mean * f64::from(cohort)))
    };
    let best =
        times.iter().copied().min_by(|one, other| learning(*one).total_cmp(&learning(*other)));
    let round = best.unwrap_or(slowest);
    let sizes = devices
        .iter()
        .enumerate()
        .map(|(device, range)| largest(*range, &mut |size| duration(device, size).get() <= round));
    Balance { sizes: sizes.collect(), round: Seconds::from_raw(round) }
}

/// The largest size for which `fits`, which no larger size does if one does not; the smallest at least.
pub(super) fn largest(range: Range, fits: &mut dyn FnMut(NonZeroU32) -> bool) -> NonZeroU32 {
    let (mut low, mut high) = (range.smallest.get(), range.largest.get());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match NonZeroU32::new(middle).filter(|size| fits(*size)) {
            Some(_) => low = middle,
            None => high = middle - 1,
        }
    }
    NonZeroU32::new(low).unwrap_or(range.smallest)
}

/// Up to so many of the items, evenly spaced, the first and the last among them.
pub(super) fn spaced<T>(items: &[T], most: usize) -> impl Iterator<Item = &T> {
    let count = items.len().min(most);
    (0..count).map(move |i| match count {
        1 => &items[items.len() - 1],
        _ => &items[i * (items.len() - 1) / (count - 1)],
    })
}

/// All sizes of a range, or so many of them in even ratios.
fn candidates(range: Range) -> Vec<NonZeroU32> {
    let (least, most) = (range.smallest.get(), range.largest.get());
    if most - least < SAMPLE as u32 {
        return (least..=most).filter_map(NonZeroU32::new).collect();
    }
    let ratio = f64::from(most) / f64::from(least);
    let at = |i: usize| f64::from(least) * libm::pow(ratio, i as f64 / (SAMPLE - 1) as f64);
    let mut sizes: Vec<u32> =
        (0..SAMPLE).map(|i| (at(i).round() as u32).clamp(least, most)).collect();
    sizes.dedup();
    sizes.into_iter().filter_map(NonZeroU32::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("not zero")
    }

    /// Devices of a time for their transfers and a time for a text.
    fn balanced(devices: &[(f64, f64)], most: &[u32], noise: f64) -> Balance {
        let ranges: Vec<Range> =
            most.iter().map(|&most| Range { smallest: size(2), largest: size(most) }).collect();
        let mut duration = |device: usize, size: NonZeroU32| {
            let (transfers, text) = devices[device];
            Seconds::from_raw(transfers + text * f64::from(size.get()))
        };
        balance(&ranges, &mut duration, 4, noise)
    }

    /// Whoever is not at a bound takes as long as the round, to within one text; nobody takes longer.
    #[test]
    fn all_finish_within_one_text_of_each_other() {
        let devices: Vec<(f64, f64)> = (0..100)
            .map(|i| (0.5 + 0.01 * f64::from(i), 0.02 + 0.003 * f64::from(i % 17)))
            .collect();
        let most: Vec<u32> = (0..100).map(|i| if i % 10 == 3 { 9 } else { 500 }).collect();
        for noise in [1.0, 50.0, 3_000.0] {
            let Balance { round, sizes } = balanced(&devices, &most, noise);
            for ((device, size), most) in devices.iter().zip(&sizes).zip(&most) {
                let takes = device.0 + device.1 * f64::from(size.get());
                assert!(takes <= round.get(), "{device:?} {size}");
                assert!((2..=*most).contains(&size.get()));
                if size.get() < *most {
                    assert!(
                        takes + device.1 > round.get() - 1e-9,
                        "{device:?} {size}: {takes} {round}"
                    );
                }
            }
            assert!(sizes.iter().any(|size| size.get() > 2) || noise < 10.0);
        }
    }

    /// Alike devices: `T (1 + N / (U b))` with `T = c + e b` is least at `b = sqrt(N c / (U e))`.
    #[test]
    fn the_batch_of_alike_devices_is_the_closed_forms() {
        for (transfers, text, noise) in [(2.0, 0.05, 40.0), (0.5, 0.01, 400.0), (8.0, 0.5, 90.0)] {
            let Balance { sizes, .. } = balanced(&[(transfers, text); 5], &[60; 5], noise);
            let due = f64::sqrt(noise * transfers / (4.0 * text));
            assert!(sizes.iter().all(|size| *size == sizes[0]));
            let found = f64::from(sizes[0].get());
            assert!((found - due.clamp(2.0, 60.0)).abs() <= 1.0, "{found} {due}");
        }
    }

    /// No time that a device could take makes learning shorter than the one chosen.
    #[test]
    fn no_other_round_is_better() {
        let devices = [(0.5, 0.1), (1.0, 0.02), (0.1, 0.3)];
        let Balance { round, .. } = balanced(&devices, &[40; 3], 120.0);
        let learning = |time: f64| {
            let batch = |(transfers, text): &(f64, f64)| {
                ((time - transfers) / text + 1e-9).floor().clamp(2.0, 40.0)
            };
            let mean = devices.iter().map(batch).sum::<f64>() / 3.0;
            time * (1.0 + 120.0 / (4.0 * mean))
        };
        let slowest: f64 = 1.04;
        for i in 0..2_000 {
            let time = slowest + 0.01 * f64::from(i);
            assert!(learning(time) >= learning(round.get()) * (1.0 - 1e-9), "{time} {round}");
        }
    }

    #[test]
    fn samples_hold_the_first_and_the_last() {
        let items: Vec<usize> = (0..1_000).collect();
        let taken: Vec<usize> = spaced(&items, 64).copied().collect();
        assert_eq!((taken.len(), taken[0], taken[63]), (64, 0, 999));
        assert!(taken.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(spaced(&items[..3], 64).count(), 3);
        assert_eq!(spaced(&items[..1], 64).count(), 1);
        assert_eq!(spaced::<u8>(&[], 64).count(), 0);
        for (least, most) in [(1, 1), (3, 40), (1, 1_000), (2, 100_000)] {
            let range = Range { smallest: size(least), largest: size(most) };
            let sizes = candidates(range);
            assert_eq!((sizes[0].get(), sizes[sizes.len() - 1].get()), (least, most));
            assert!(sizes.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn the_largest_that_fits_is_found() {
        let range = Range { smallest: size(3), largest: size(77) };
        for limit in 0..100 {
            let found = largest(range, &mut |size| size.get() <= limit).get();
            assert_eq!(found, limit.clamp(3, 77));
        }
    }
}
