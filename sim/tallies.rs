//! What is counted of a cell for the charts: who could take part, who did, and where the time went.

use std::collections::BTreeMap;

use fleetune_algorithms::protocol::{Horizon, Server};
use fleetune_devices::{Fleet, network::Wiring};
use fleetune_reports::records::{
    GroupRecord, Histogram, ProfileFit, ProfileParticipation, RoundAnatomy, Staleness,
};
use fleetune_units::{Bytes, Seconds};
use serde::{Deserialize, Serialize};

use crate::{
    federation::{
        Anatomy, ClientOutcome, Clock, Closing, Fate, FederationConfig, GroupInfo, Peaks,
        RoundOutcome,
    },
    kernel::SimDuration,
};

/// Counts of one cell; several cells of an algorithm are merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tallies {
    /// The profiles, in the order in which the fleet has them.
    profiles: Vec<String>,
    /// By device: which of them is its own.
    profile_of: Vec<u16>,
    fit: BTreeMap<String, ProfileFit>,
    participation: BTreeMap<String, ProfileParticipation>,
    /// Of those whose updates were aggregated.
    times: Anatomy,
    aggregated: u64,
    /// Groups with rounds of their own, by number; none where all devices are one.
    groups: Vec<Group>,
}

/// A group with rounds of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Group {
    /// All but the mean.
    record: GroupRecord,
    /// Time of its rounds together.
    rounds: SimDuration,
}

impl Tallies {
    /// Nothing counted yet but what the fleet can hold: the most memory that any exchange asks of each device.
    pub fn new(
        fleet: &Fleet,
        (wiring, clock): (&Wiring, &Clock),
        config: &FederationConfig,
        server: &dyn Server,
    ) -> Self {
        let horizon = Horizon { rounds: config.stop.rounds, cohort: config.cohort };
        let peaks = Peaks::of(server, &fleet.devices, (wiring, clock), horizon);
        let mut fit: BTreeMap<String, ProfileFit> = BTreeMap::new();
        let mut participation = BTreeMap::new();
        let (mut profiles, mut profile_of) = (Vec::new(), Vec::with_capacity(fleet.len()));
        for (index, device) in fleet.devices.iter().enumerate() {
            let name = device.profile().name.as_str();
            // Devices of a class come one after the other.
            let known = profiles.iter().rposition(|known: &String| known == name);
            let profile = known.unwrap_or(profiles.len());
            if known.is_none() {
                profiles.push(name.to_owned());
                fit.insert(
                    name.to_owned(),
                    ProfileFit {
                        profile: name.to_owned(),
                        devices: 0,
                        budget: device.memory_budget(),
                        needed: Bytes::new(0),
                        fits: true,
                    },
                );
            }
            if let Some(entry) = fit.get_mut(name) {
                entry.devices += 1;
                entry.needed = entry.needed.max(peaks.at(index).most);
                entry.fits = entry.needed <= entry.budget;
            }
            profile_of.push(profile as u16);
        }
        for (name, fit) in &fit {
            participation.insert(
                name.clone(),
                ProfileParticipation {
                    profile: name.clone(),
                    devices: fit.devices,
                    started: 0,
                    completed: 0,
                    left: 0,
                    late: 0,
                    surplus: 0,
                    stale: 0,
                    interrupted: 0,
                    excluded: 0,
                    staleness: Staleness::default(),
                    device_flops: Default::default(),
                    energy: Default::default(),
                },
            );
        }
        let times = Anatomy::default();
        Self { profiles, profile_of, fit, participation, times, aggregated: 0, groups: Vec::new() }
    }

    /// Another group has rounds of its own. Groups are numbered from 0 in the order in which they
    /// are told, all of them before the first round.
    pub fn tell_group(&mut self, group: &GroupInfo) {
        let record = GroupRecord {
            name: group.name.clone(),
            devices: group.devices.into(),
            rounds: 0,
            participants: 0,
            mean_round: None,
            staleness: Histogram::default(),
            device_flops: Default::default(),
            uplink: Bytes::ZERO,
            downlink: Bytes::ZERO,
            energy: Default::default(),
        };
        self.groups.push(Group { record, rounds: SimDuration::ZERO });
    }

    /// Counts a round.
    pub fn add(&mut self, outcome: &RoundOutcome) {
        for (client, spent) in &outcome.tails {
            let profile = &self.profiles[usize::from(self.profile_of[*client as usize])];
            if let Some(entry) = self.participation.get_mut(profile) {
                entry.energy += spent.total().energy;
            }
        }
        for client in &outcome.clients {
            let profile = &self.profiles[usize::from(self.profile_of[client.client as usize])];
            if let Some(entry) = self.participation.get_mut(profile) {
                count(entry, client);
            }
            if client.fate == Fate::Aggregated {
                self.aggregated += 1;
                self.times += client.times;
            }
        }
        if let Some(group) = self.groups.get_mut(outcome.group as usize) {
            group.add(outcome);
        }
    }

    /// Adds another seed's counts. The fleets have the same groups, so profiles agree.
    pub fn merge(&mut self, other: &Self) {
        self.times += other.times;
        self.aggregated += other.aggregated;
        for (name, more) in &other.participation {
            let Some(entry) = self.participation.get_mut(name) else { continue };
            entry.started += more.started;
            entry.completed += more.completed;
            entry.left += more.left;
            entry.late += more.late;
            entry.surplus += more.surplus;
            entry.stale += more.stale;
            entry.interrupted += more.interrupted;
            entry.excluded += more.excluded;
            entry.staleness.merge(&more.staleness);
            entry.device_flops += more.device_flops;
            entry.energy += more.energy;
        }
        // A seed may have fewer groups, if it has fewer devices to divide.
        for (index, more) in other.groups.iter().enumerate() {
            match self.groups.get_mut(index) {
                Some(group) => group.merge(more),
                None => self.groups.push(more.clone()),
            }
        }
        for (name, more) in &other.fit {
            let Some(entry) = self.fit.get_mut(name) else { continue };
            entry.needed = entry.needed.max(more.needed);
            entry.fits = entry.needed <= entry.budget;
        }
    }

    /// Which profiles have the memory, in the order of their names.
    pub fn fit(&self) -> Vec<ProfileFit> {
        self.fit.values().cloned().collect()
    }

    /// Who took part.
    pub fn participation(&self) -> Vec<ProfileParticipation> {
        self.participation.values().cloned().collect()
    }

    /// How stale updates were, over all devices.
    pub fn staleness(&self) -> Staleness {
        let mut all = Staleness::default();
        self.participation.values().for_each(|profile| all.merge(&profile.staleness));
        all
    }

    /// What groups with rounds of their own did, if there is more than one.
    pub fn groups(&self) -> Vec<GroupRecord> {
        let several = self.groups.len() > 1;
        self.groups.iter().filter(|_| several).map(Group::record).collect()
    }

    /// Where a client's time goes, over those whose updates were aggregated.
    pub fn anatomy(&self) -> Option<RoundAnatomy> {
        let mean = |total| mean(total, self.aggregated);
        Some(RoundAnatomy {
            download: mean(self.times.download)?,
            compute: mean(self.times.compute)?,
            upload: mean(self.times.upload)?,
            wait: mean(self.times.wait)?,
        })
    }
}

/// Counts a client's part in a round.
fn count(entry: &mut ProfileParticipation, client: &ClientOutcome) {
    let spent = client.spent.total();
    entry.started += 1;
    entry.device_flops += spent.device_flops;
    entry.energy += spent.energy;
    *match client.fate {
        Fate::Aggregated => &mut entry.completed,
        Fate::Left => &mut entry.left,
        Fate::Late => &mut entry.late,
        Fate::Surplus => &mut entry.surplus,
        Fate::Stale => &mut entry.stale,
        Fate::Interrupted => &mut entry.interrupted,
        Fate::Excluded => &mut entry.excluded,
    } += 1;
    match (client.fate, client.staleness) {
        (Fate::Aggregated, Some(staleness)) => entry.staleness.joined.add(staleness),
        (Fate::Stale, Some(staleness)) => entry.staleness.discarded.add(staleness),
        _ => {}
    }
}

fn mean(total: SimDuration, count: u64) -> Option<Seconds> {
    (count > 0).then(|| Seconds::from_raw(total.as_seconds() / count as f64))
}

impl Group {
    fn add(&mut self, outcome: &RoundOutcome) {
        let record = &mut self.record;
        if outcome.closing != Closing::Interrupted {
            let lasted = outcome.closed.since(outcome.opened).unwrap_or(SimDuration::ZERO);
            self.rounds = self.rounds.saturating_plus(lasted);
            record.rounds += 1;
        }
        record.participants += u64::from(outcome.participants());
        let joined = outcome.clients.iter().filter(|client| client.fate == Fate::Aggregated);
        joined.filter_map(|client| client.staleness).for_each(|n| record.staleness.add(n));
        let spent = outcome.spent().total();
        record.device_flops += spent.device_flops;
        record.uplink += spent.uplink;
        record.downlink += spent.downlink;
        record.energy += spent.energy;
    }

    fn merge(&mut self, other: &Self) {
        let (record, more) = (&mut self.record, &other.record);
        self.rounds = self.rounds.saturating_plus(other.rounds);
        record.devices = record.devices.max(more.devices);
        record.rounds += more.rounds;
        record.participants += more.participants;
        record.staleness.merge(&more.staleness);
        record.device_flops += more.device_flops;
        record.uplink += more.uplink;
        record.downlink += more.downlink;
        record.energy += more.energy;
    }

    fn record(&self) -> GroupRecord {
        let mean_round = mean(self.rounds, self.record.rounds);
        GroupRecord { mean_round, ..self.record.clone() }
    }
}
