//! Those first who are least likely to be there in the next round.
//!
//! REFL (Abdelmoniem, Sahu, Canini and Fahmy, "REFL: resource-efficient federated learning", EuroSys 2023, arXiv
//! 2111.01108) asks whom it may not meet again, so that texts of devices that are seldom there are learnt from too. At the
//! opening of a round the server has an estimate of how long it will last, the moving average
//! `μ ← (1 - α) D + α μ` of the durations D of rounds so far; each device has a probability of being there in the next
//! round, from μ to 2 μ from now; those of the least probability are asked, ties drawn at random. Who was asked lately rests
//! for some rounds.
//!
//! In REFL devices make the forecast themselves, with a model trained on their own past. Here the server makes it, from
//! the comings and goings that it has seen, as of a process of two states: a device leaves at rate λ and comes at rate κ,
//! so that of one that is there now
//!
//! `P(there throughout [μ, 2 μ]) = (κ/(λ+κ) + λ/(λ+κ) e^(-(λ+κ) μ)) e^(-λ μ)`.
//!
//! Both rates are estimated as (ends + 1) / (time + mean length), over the device's periods of that kind: the maximum
//! likelihood estimate, the present period's time included, with one period for a start of the mean length of all devices'
//! in the group that have ended.

use fleetune_algorithms::protocol::ClientId;
use fleetune_scenarios::schema::AvailabilityConfig;

use super::{
    Call, Candidates, Policy, admit, entry,
    ranking::{By, Ranking, keys},
};
use crate::{
    federation::outcome::RoundOutcome,
    kernel::{SimDuration, SimTime},
};

/// Times and ends of periods of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Periods {
    /// Seconds in those that have ended.
    seconds: f32,
    ended: u32,
}

impl Periods {
    /// Ends per second, if `seconds` of one that has not ended are added, and one of the mean device.
    fn rate(self, open: f64, mean: Option<f64>) -> f64 {
        // Nobody has ever been seen to end one.
        let Some(mean) = mean else { return 0.0 };
        let seconds = f64::from(self.seconds) + open + mean;
        if seconds > 0.0 { (f64::from(self.ended) + 1.0) / seconds } else { f64::INFINITY }
    }

    fn end(&mut self, seconds: f64) {
        self.seconds += seconds as f32;
        self.ended = self.ended.saturating_add(1);
    }
}

/// What the server has seen of a device.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    there: Periods,
    away: Periods,
    /// When it last came or went.
    since: SimTime,
    /// The round it was last asked in, from 1; 0 is never.
    asked: u32,
}

/// Sums over all devices.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    seconds: f64,
    ended: u64,
}

impl Sum {
    fn mean(self) -> Option<f64> {
        (self.ended > 0).then(|| self.seconds / self.ended as f64)
    }

    fn end(&mut self, seconds: f64) {
        self.seconds += seconds;
        self.ended += 1;
    }
}

/// What the server has seen of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Whole {
    there: Sum,
    away: Sum,
    /// μ, in seconds, once a round has ended.
    round: Option<f64>,
}

/// Those least likely to be there in the next round.
#[derive(Debug)]
pub(super) struct Availability {
    config: AvailabilityConfig,
    seen: Vec<Seen>,
    groups: Vec<Whole>,
}

impl Availability {
    pub(super) fn new(config: AvailabilityConfig) -> Self {
        Self { config, seen: Vec::new(), groups: Vec::new() }
    }

    /// The probability that `device`, which is there, will be there all through the next round.
    fn forecast(&self, whole: Whole, device: u32, now: SimTime) -> f64 {
        let Some(round) = whole.round else { return 1.0 };
        let seen = self.seen.get(device as usize).copied().unwrap_or_default();
        let open = now.since(seen.since).unwrap_or(SimDuration::ZERO).as_seconds();
        let leaves = seen.there.rate(open, whole.there.mean());
        let comes = seen.away.rate(0.0, whole.away.mean());
        there_throughout(leaves, comes, round)
    }

    /// Whether it was asked in one of the rounds for which it is to rest.
    fn rests(&self, device: u32, round: u64) -> bool {
        let asked = self.seen.get(device as usize).map_or(0, |seen| u64::from(seen.asked));
        asked > 0 && (round + 1).saturating_sub(asked) <= self.config.rest
    }
}

/// Of a device that is there now, leaves at rate λ and comes at rate κ: the probability that it is there throughout
/// [μ, 2 μ].
fn there_throughout(leaves: f64, comes: f64, round: f64) -> f64 {
    let sum = leaves + comes;
    if sum == 0.0 || round == 0.0 {
        return 1.0;
    }
    if !sum.is_finite() {
        return if leaves.is_finite() { libm::exp(-leaves * round) } else { 0.0 };
    }
    let there = (comes + leaves * libm::exp(-sum * round)) / sum;
    there * libm::exp(-leaves * round)
}

impl Policy for Availability {
    fn moved(&mut self, group: u32, device: u32, is_there: bool, at: SimTime) {
        let whole = entry(&mut self.groups, group);
        let seen = entry(&mut self.seen, device);
        let seconds = at.since(seen.since).unwrap_or(SimDuration::ZERO).as_seconds();
        seen.since = at;
        // What began with the run began before it, as far as anyone knows, and is seen from its start on.
        match (is_there, at == SimTime::ZERO) {
            (_, true) => {}
            (true, false) => {
                seen.away.end(seconds);
                whole.away.end(seconds);
            }
            (false, false) => {
                seen.there.end(seconds);
                whole.there.end(seconds);
            }
        }
    }

    fn select(&self, call: &Call<'_>, candidates: &mut dyn Candidates) -> Vec<u32> {
        let keys = keys(call.seeds, call.round, candidates.devices());
        let able = keys.filter(|(_, device)| candidates.is_able(*device));
        let whole = self.groups.get(call.group as usize).copied().unwrap_or_default();
        let ranked = able.map(|(key, device)| {
            let forecast = By(self.forecast(whole, device, call.now));
            let rank = (self.rests(device, call.round), forecast, key);
            (rank, device)
        });
        let mut ranking: Ranking<(bool, By, u64)> = ranked.collect();
        let mut asked = Vec::new();
        admit(&mut ranking, call.wanted as usize, candidates, &mut asked);
        asked
    }

    fn observe(&mut self, outcome: &RoundOutcome, _: &[(ClientId, f32)]) {
        let lasted = outcome.closed.since(outcome.opened).unwrap_or(SimDuration::ZERO).as_seconds();
        let kept = self.config.smoothing.get();
        let round = &mut entry(&mut self.groups, outcome.group).round;
        *round = Some(round.map_or(lasted, |mean| (1.0 - kept) * lasted + kept * mean));
        for client in &outcome.clients {
            let asked = u32::try_from(outcome.round + 1).unwrap_or(u32::MAX);
            entry(&mut self.seen, client.client).asked = asked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against the two-state chain, simulated by hand in small steps.
    #[test]
    fn the_forecast_is_that_of_a_process_of_two_states() {
        for (leaves, comes, round) in [(0.5, 0.2, 1.0), (0.01, 0.3, 20.0), (2.0, 0.0, 0.7)] {
            let (steps, mut there) = (1_000_000, 1.0_f64);
            let step = round / f64::from(steps);
            for _ in 0..steps {
                there += step * (comes * (1.0 - there) - leaves * there);
            }
            let mut stays = there;
            for _ in 0..steps {
                stays -= step * leaves * stays;
            }
            let found = there_throughout(leaves, comes, round);
            assert!((found - stays).abs() < 1e-5, "{leaves} {comes} {round}: {found}, {stays}");
        }
        assert_eq!(there_throughout(0.0, 0.0, 5.0), 1.0);
        assert_eq!(there_throughout(0.0, 3.0, 5.0), 1.0);
        assert_eq!(there_throughout(f64::INFINITY, 3.0, 5.0), 0.0);
    }

    #[test]
    fn the_duration_of_rounds_is_a_moving_average_of_each_group() {
        use crate::federation::outcome::Closing;
        let mut availability = Availability::new(AvailabilityConfig::default());
        let mut round = RoundOutcome {
            group: 1,
            round: 0,
            waited: SimDuration::ZERO,
            opened: SimTime::ZERO,
            closed: SimTime::from_nanos(10_000_000_000),
            closing: Closing::Full,
            exchanges: 1,
            excluded: 0,
            clients: Vec::new(),
            tails: Vec::new(),
        };
        availability.observe(&round, &[]);
        assert_eq!(availability.groups[1].round, Some(10.0));
        round.closed = SimTime::from_nanos(20_000_000_000);
        availability.observe(&round, &[]);
        assert_eq!(availability.groups[1].round, Some(0.75 * 20.0 + 0.25 * 10.0));
        assert_eq!(availability.groups[0].round, None);
    }

    #[test]
    fn rates_are_what_was_seen_and_one_event_of_the_mean_device() {
        let seen = Periods { seconds: 30.0, ended: 2 };
        assert_eq!(seen.rate(10.0, Some(20.0)), 3.0 / 60.0);
        assert_eq!(Periods::default().rate(0.0, Some(20.0)), 1.0 / 20.0);
        assert_eq!(seen.rate(10.0, None), 0.0);
    }
}
