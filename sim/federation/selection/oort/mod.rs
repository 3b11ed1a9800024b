//! Those first from whom most is to be learnt soonest.
//!
//! Oort (Lai, Zhu, Madhyastha and Chowdhury, "Oort: efficient federated learning via guided participant selection",
//! OSDI 2021, algorithm 1), with the details and defaults of its implementation in FedScale (`thirdparty/oort/oort.py`).
//!
//! * **Utility.** Statistically, how badly the model does on a client's texts: `|B| sqrt(1/|B| Σ loss²)`, which the client
//!   [reports](fleetune_algorithms::reporting). Systemically, how long the device takes: [`score`] puts both together, with a
//!   bonus for what was heard long ago. The greatest utilities are clipped.
//! * **Exploitation.** Of those heard of, a share 1 - ε of the round: drawn in proportion to their scores from those
//!   above a cut-off.
//! * **Exploration.** The rest, of those never asked: drawn in proportion to their speed from the fastest, five times
//!   as many as are wanted. ε decays from round to round.
//! * **Pacer.** It moves the preferred duration of a round: [`pacer`].
//! * **Blacklist.** Who was asked more often than so many times comes last; of those at most three tenths of all,
//!   most often asked first.
//!
//! Whose update did not come (late, surplus, left) is credited with the mean utility of the round, as FedScale does; its duration is
//! known to be at least what it took until then. FedScale explores in proportion to the number of texts, too, which here no
//! server is told.

mod pacer;
mod score;

use fleetune_algorithms::protocol::ClientId;
use fleetune_scenarios::schema::OortConfig;
use fleetune_units::Seconds;

use self::{
    pacer::Pacer,
    score::{Pace, Scale},
};
use super::{
    Call, Candidates, Policy, admit, entry,
    ranking::{By, Ranking, keys, rings},
};
use crate::federation::outcome::{ClientOutcome, Fate, RoundOutcome};

/// Exploration draws from so many times as many devices as it wants.
const WINDOW: usize = 5;

/// Exploitation draws from at least so many times as many.
const AT_LEAST: usize = 10;

/// The share of all devices that may be on the blacklist.
const BLACKLIST: f64 = 0.3;

/// What is known of a device.
#[derive(Debug, Clone, Copy, Default)]
struct Arm {
    /// Of its texts, as it last said.
    utility: f32,
    /// Seconds: as it thought, until it was seen; 0 if it cannot take part.
    duration: f32,
    /// The round, from 1, in which it was last heard of.
    last: u32,
    /// How often it was asked.
    times: u32,
}

/// Those from whom most is to be learnt soonest.
#[derive(Debug)]
pub(super) struct Oort {
    config: OortConfig,
    arms: Vec<Arm>,
    /// Of the groups, how far each has come; nothing of those that have not begun.
    groups: Vec<Option<Course>>,
}

/// How far a group has come.
#[derive(Debug, Clone)]
struct Course {
    pacer: Pacer,
    /// Rounds seen.
    rounds: u64,
    /// ε of the next round.
    exploration: f64,
}

impl Course {
    fn begin(config: &OortConfig) -> Self {
        let quantile = config.duration_quantile.get();
        let pacer = Pacer::new(quantile, config.pacer_rounds, config.pacer_step.get());
        let mut course = Self { pacer, rounds: 0, exploration: config.exploration.get() };
        course.decay(config);
        course
    }

    fn decay(&mut self, config: &OortConfig) {
        let decayed = self.exploration * config.exploration_decay.get();
        self.exploration = decayed.max(config.exploration_min.get());
    }

    /// How many of `wanted` are asked because of their scores, if so many are known.
    fn exploited(&self, wanted: usize, known: usize) -> usize {
        wanted.saturating_sub((wanted as f64 * self.exploration) as usize).min(known)
    }
}

/// A device with its key and what it counts for.
#[derive(Debug, Clone, Copy)]
struct Weighed {
    device: u32,
    key: u64,
    weight: f64,
}

impl Weighed {
    /// In the order of a draw.
    fn drawn(self) -> ((bool, By, u64), u32) {
        ((false, rings(self.key, self.weight), self.key), self.device)
    }

    /// After all that are drawn, the weightiest first.
    fn spare(self) -> ((bool, By, u64), u32) {
        ((true, By(-self.weight), self.key), self.device)
    }
}

/// Devices to ask: those drawn, then those to fall back on.
type Order = Ranking<(bool, By, u64)>;

/// Who is there.
struct Sorted {
    /// Those asked before, with their scores.
    known: Vec<Weighed>,
    /// Those on the blacklist.
    barred: Vec<Weighed>,
    /// Those never asked, with the factors of their speed.
    new: Vec<Weighed>,
}

impl Oort {
    pub(super) fn new(config: OortConfig) -> Self {
        Self { config, arms: Vec::new(), groups: Vec::new() }
    }

    fn course(&self, group: u32) -> Course {
        let course = self.groups.get(group as usize).cloned().flatten();
        course.unwrap_or_else(|| Course::begin(&self.config))
    }

    fn arm(&self, device: u32) -> Arm {
        self.arms.get(device as usize).copied().unwrap_or_default()
    }

    /// The utility and the seconds of a device.
    #[cfg(test)]
    pub(super) fn told(&self, device: u32) -> (f32, f32) {
        let arm = self.arm(device);
        (arm.utility, arm.duration)
    }

    /// What is known of the devices of a group.
    fn members(&self, candidates: &dyn Candidates) -> Vec<Arm> {
        let arms = (0..).zip(&self.arms).filter(|(device, _)| candidates.is_member(*device));
        arms.map(|(_, arm)| *arm).collect()
    }

    fn pace(&self, course: &Course, members: &[Arm]) -> Pace {
        let known = members.iter().filter(|arm| arm.duration > 0.0);
        let durations = known.map(|arm| f64::from(arm.duration)).collect();
        Pace::of(durations, course.pacer.quantile(), self.config.penalty.get())
    }

    /// The least number of times that bars a device.
    fn barred_from(&self, members: &[Arm]) -> Option<u32> {
        let after = self.config.blacklist_after?;
        let mut often: Vec<u32> =
            members.iter().map(|arm| arm.times).filter(|&times| times > after).collect();
        let most = (BLACKLIST * members.len() as f64) as usize;
        if often.len() <= most {
            return Some(after + 1);
        }
        // Those beyond the share are off the list, and those asked as often as the first of them.
        often.sort_unstable_by(|a, b| b.cmp(a));
        Some(often[most] + 1)
    }

    fn sort(&self, call: &Call<'_>, course: &Course, candidates: &dyn Candidates) -> Sorted {
        let members = self.members(candidates);
        let (pace, barred_from) = (self.pace(course, &members), self.barred_from(&members));
        let keyed = keys(call.seeds, call.round, candidates.devices());
        let able = keyed.filter(|(_, device)| candidates.is_able(*device));
        let arms = able.map(|(key, device)| (key, device, self.arm(device)));
        let (old, new): (Vec<_>, Vec<_>) = arms.partition(|(_, _, arm)| arm.times > 0);
        let utilities = old.iter().map(|(_, _, arm)| f64::from(arm.utility));
        let utilities = utilities.filter(|&utility| utility > 0.0).collect();
        let scale = Scale::of(utilities, self.config.clip_quantile.get());
        let score = |arm: Arm| {
            let told = (f64::from(arm.utility), u64::from(arm.last));
            // If nobody has told anything yet, all are alike.
            scale.map_or(1.0, |s| s.score(told, course.rounds + 1, arm.duration.into(), pace))
        };
        let weighed = |key, device, weight| Weighed { device, key, weight };
        let is_barred = |arm: Arm| barred_from.is_some_and(|least| arm.times >= least);
        let (mut known, mut barred) = (Vec::new(), Vec::new());
        for (key, device, arm) in old {
            let list = if is_barred(arm) { &mut barred } else { &mut known };
            list.push(weighed(key, device, score(arm)));
        }
        let speed = |arm: Arm| pace.factor(arm.duration.into());
        let new = new.into_iter().map(|(key, device, arm)| weighed(key, device, speed(arm)));
        Sorted { known, barred, new: new.collect() }
    }

    /// A draw in proportion to the scores, from those above the cut-off or among the best.
    fn exploit(&self, known: &[Weighed], wanted: usize) -> Order {
        let mut scores: Vec<f64> = known.iter().map(|one| one.weight).collect();
        let mut at = |place: usize| {
            let place = place.min(scores.len().checked_sub(1)?);
            Some(*scores.select_nth_unstable_by(place, |a, b| b.total_cmp(a)).1)
        };
        let cutoff = at(wanted).map_or(0.0, |score| score * self.config.cutoff.get());
        let least = at(AT_LEAST * wanted).map_or(0.0, |score| score.min(cutoff));
        let order = |one: &Weighed| if one.weight >= least { one.drawn() } else { one.spare() };
        known.iter().map(order).collect()
    }
}

/// A draw in proportion to the speed, from the fastest.
fn explore(mut new: Vec<Weighed>, wanted: usize) -> Order {
    let window = (WINDOW * wanted).min(new.len());
    if window < new.len() {
        new.select_nth_unstable_by_key(window, |one| (By(-one.weight), one.key));
    }
    let order =
        |(place, one): (usize, Weighed)| if place < window { one.drawn() } else { one.spare() };
    new.into_iter().enumerate().map(order).collect()
}

impl Policy for Oort {
    fn introduce(&mut self, device: u32, estimate: &dyn Fn() -> Seconds) {
        entry(&mut self.arms, device).duration = estimate().get() as f32;
    }

    fn select(&self, call: &Call<'_>, candidates: &mut dyn Candidates) -> Vec<u32> {
        let course = self.course(call.group);
        let Sorted { known, barred, new } = self.sort(call, &course, candidates);
        let wanted = call.wanted as usize;
        let exploited = course.exploited(wanted, known.len());
        let mut best = self.exploit(&known, exploited);
        let mut unknown = explore(new, wanted - exploited);
        let mut last: Order = barred.into_iter().map(Weighed::spare).collect();
        let mut asked = Vec::new();
        admit(&mut best, exploited, candidates, &mut asked);
        let rest: [&mut Order; 3] = [&mut unknown, &mut best, &mut last];
        for order in rest {
            admit(order, wanted, candidates, &mut asked);
        }
        asked
    }

    fn observe(&mut self, outcome: &RoundOutcome, reports: &[(ClientId, f32)]) {
        let told = |client: &ClientOutcome| {
            let came = client.fate == Fate::Aggregated;
            let place = reports.binary_search_by_key(&client.client, |report| report.0).ok();
            let utility = place.filter(|_| came).map(|place| reports[place].1);
            // A model that has diverged has no losses.
            utility.filter(|utility| utility.is_finite())
        };
        let all: Vec<Option<f32>> = outcome.clients.iter().map(told).collect();
        let mean = mean(all.iter().flatten().map(|&utility| f64::from(utility)));
        let mut course = self.course(outcome.group);
        course.rounds += 1;
        let mut learnt = Vec::new();
        for (client, told) in outcome.clients.iter().zip(all) {
            let arm = entry(&mut self.arms, client.client);
            let exploited = arm.times > 0;
            arm.heard(client, told.or(mean.map(|mean| mean as f32)));
            arm.last = u32::try_from(course.rounds).unwrap_or(u32::MAX);
            if exploited {
                learnt.push(f64::from(arm.utility));
            }
        }
        course.pacer.round(self::mean(learnt.into_iter()).unwrap_or(0.0));
        course.decay(&self.config);
        *entry(&mut self.groups, outcome.group) = Some(course);
    }
}

impl Arm {
    /// What became of it, and the utility that it told or is credited with, if there is one.
    fn heard(&mut self, client: &ClientOutcome, utility: Option<f32>) {
        let times = client.times;
        let busy = times.download.saturating_plus(times.compute).saturating_plus(times.upload);
        let busy = busy.as_seconds() as f32;
        let whole = client.fate == Fate::Aggregated;
        self.duration = if whole { busy } else { busy.max(self.duration) };
        self.utility = utility.unwrap_or(self.utility);
        self.times = self.times.saturating_add(1);
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
