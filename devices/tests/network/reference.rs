//! The obvious simulator: every rate anew at every event, no components, no virtual time.
//!
//! It shares nothing with the engine but the moments' rounding and `fair_share::solve`, which has
//! its own tests; SimGrid is the oracle nobody here wrote.

use fleetune_devices::network::fair_share::{Capacity, Flow, Sharing, solve};

use super::kit::rate;

/// A flow as the reference sees it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) flow: Flow,
    pub(crate) size: f64,
    /// Start and latency, [ns].
    pub(crate) begins: u64,
    /// When it is broken off, [ns].
    pub(crate) aborted: Option<u64>,
}

/// What became of a job: when it ended or was broken off, and how much it had moved by then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fate {
    pub(crate) at: f64,
    pub(crate) moved: f64,
}

/// Plays `jobs` until `horizon` [ns]; `capacity(link, t)` for t [ns], constant between `changes`.
pub(crate) fn play(
    sharing: &[Sharing],
    capacity: impl Fn(usize, u64) -> f64,
    changes: &[u64],
    jobs: &[Job],
    horizon: u64,
) -> Vec<Fate> {
    let mut left: Vec<f64> = jobs.iter().map(|job| job.size).collect();
    let mut fates: Vec<Option<Fate>> = vec![None; jobs.len()];
    let mut now = 0;
    while now < horizon {
        for (job, index) in jobs.iter().zip(0..) {
            if fates[index].is_none() && job.aborted.is_some_and(|at| at <= now) {
                fates[index] = Some(Fate { at: now as f64, moved: job.size - left[index] });
            }
        }
        for (job, index) in jobs.iter().zip(0..) {
            if fates[index].is_none() && job.begins <= now && left[index] == 0.0 {
                fates[index] = Some(Fate { at: now as f64, moved: 0.0 });
            }
        }
        let moving: Vec<usize> =
            (0..jobs.len()).filter(|j| fates[*j].is_none() && jobs[*j].begins <= now).collect();
        let links: Vec<Capacity> = sharing
            .iter()
            .enumerate()
            .map(|(l, sharing)| Capacity { capacity: rate(capacity(l, now)), sharing: *sharing })
            .collect();
        let flows: Vec<Flow> = moving.iter().map(|j| jobs[*j].flow.clone()).collect();
        let rates: Vec<f64> = solve(&links, &flows).unwrap().iter().map(|r| r.get()).collect();
        let end = |(j, rate): (&usize, &f64)| now + (left[*j] / rate * 1e9).ceil().min(1e18) as u64;
        let begins = jobs.iter().flat_map(|job| [Some(job.begins), job.aborted]).flatten();
        let next = moving
            .iter()
            .zip(&rates)
            .map(end)
            .chain(begins)
            .chain(changes.iter().copied())
            .filter(|at| *at > now)
            .fold(horizon, u64::min);
        let step = (next - now) as f64 / 1e9;
        for (j, rate) in moving.iter().zip(&rates) {
            left[*j] -= rate * step;
            if left[*j] <= 1e-7 {
                left[*j] = 0.0;
                fates[*j] = Some(Fate { at: next as f64, moved: jobs[*j].size });
            }
        }
        now = next;
    }
    let unfinished = |j: usize| Fate { at: f64::INFINITY, moved: jobs[j].size - left[j] };
    fates.into_iter().enumerate().map(|(j, fate)| fate.unwrap_or(unfinished(j))).collect()
}
