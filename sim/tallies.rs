//! What is counted of a cell for the charts: who could take part, who did, and where the time went.

use std::collections::BTreeMap;

use fleetune_algorithms::protocol::{Horizon, Server};
use fleetune_devices::{Fleet, network::Wiring};
use fleetune_reports::records::{ProfileFit, ProfileParticipation, RoundAnatomy};
use fleetune_units::{Bytes, Seconds};
use serde::{Deserialize, Serialize};

use crate::federation::{Anatomy, Clock, Fate, FederationConfig, Peaks, RoundOutcome};

/// Counts of one cell; several cells of an algorithm are merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tallies {
    /// The profiles, in the order in which the fleet has them.
    profiles: Vec<String>,
    /// By device: which of them is its own.
    profile_of: Vec<u16>,
    fit: BTreeMap<String, ProfileFit>,
    participation: BTreeMap<String, ProfileParticipation>,
    times: Anatomy,
    counts: Counts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Counts {
    started: u64,
    aggregated: u64,
    left: u64,
    late: u64,
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
                    dropped: 0,
                    late: 0,
                    device_flops: Default::default(),
                    energy: Default::default(),
                },
            );
        }
        let (times, counts) = (Anatomy::default(), Counts::default());
        Self { profiles, profile_of, fit, participation, times, counts }
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
            let Some(entry) = self.participation.get_mut(profile) else { continue };
            let spent = client.spent.total();
            entry.started += 1;
            entry.device_flops += spent.device_flops;
            entry.energy += spent.energy;
            self.counts.started += 1;
            match client.fate {
                Fate::Aggregated => {
                    entry.completed += 1;
                    self.counts.aggregated += 1;
                    self.times += client.times;
                }
                Fate::Left => {
                    entry.dropped += 1;
                    self.counts.left += 1;
                }
                Fate::Late | Fate::Surplus | Fate::Interrupted | Fate::Excluded | Fate::Stale => {
                    entry.late += 1;
                    self.counts.late += 1;
                }
            }
        }
    }

    /// Adds another seed's counts. The fleets have the same groups, so profiles agree.
    pub fn merge(&mut self, other: &Self) {
        self.times += other.times;
        self.counts.started += other.counts.started;
        self.counts.aggregated += other.counts.aggregated;
        self.counts.left += other.counts.left;
        self.counts.late += other.counts.late;
        for (name, more) in &other.participation {
            let Some(entry) = self.participation.get_mut(name) else { continue };
            entry.started += more.started;
            entry.completed += more.completed;
            entry.dropped += more.dropped;
            entry.late += more.late;
            entry.device_flops += more.device_flops;
            entry.energy += more.energy;
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

    /// Where a client's time goes, over those whose updates were aggregated.
    pub fn anatomy(&self) -> Option<RoundAnatomy> {
        let n = self.counts.aggregated;
        if n == 0 {
            return None;
        }
        let mean =
            |total: crate::kernel::SimDuration| Seconds::from_raw(total.as_seconds() / n as f64);
        let share = |count: u64| count as f64 / self.counts.started as f64;
        Some(RoundAnatomy {
            client_rounds: self.counts.started,
            download: mean(self.times.download),
            compute: mean(self.times.compute),
            upload: mean(self.times.upload),
            wait: mean(self.times.wait),
            dropped_share: share(self.counts.left),
            late_share: share(self.counts.late),
        })
    }
}
