//! Invented records in many shapes, to exercise layouts and formats. Nothing of them is a result.

use std::collections::BTreeMap;

use fleetune_reports::records::{
    AlgorithmDetails, Backhaul, CellTotals, Details, GroupRecord, Histogram, Manifest, ProfileFit,
    ProfileParticipation, RoundAnatomy, RoundRecord, RunResults, ScenarioInfo, Staleness, Start,
    Statement, Treatment,
};
use fleetune_units::{Bytes, Flops, Joules, Seconds};

/// How an invented algorithm behaves.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) label: String,
    /// Accuracy it tends to.
    pub(crate) plateau: f64,
    /// Rounds to 63% of the way.
    pub(crate) pace: f64,
    pub(crate) round_s: f64,
    pub(crate) flops: f64,
    pub(crate) up: f64,
    pub(crate) needed: u64,
}

/// What to invent.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) seeds: u64,
    pub(crate) evaluations: u64,
    pub(crate) target: f64,
    pub(crate) profiles: Vec<(String, u64, u64)>,
}

pub(crate) fn shape(
    label: &str,
    plateau: f64,
    pace: f64,
    round_s: f64,
    flops: f64,
    up: f64,
    needed: u64,
) -> Shape {
    Shape { label: label.to_owned(), plateau, pace, round_s, flops, up, needed }
}

impl Recipe {
    /// Something like what one expects of a real comparison.
    pub(crate) fn usual() -> Self {
        let profile = |name: &str, n, mb: u64| (name.to_owned(), n, mb * 1_000_000);
        Self {
            name: "invented-layout-sample".to_owned(),
            shapes: vec![
                shape("FedSPZO", 0.79, 60.0, 70.0, 2.1e11, 9e2, 61_000_000),
                shape("MeZO", 0.785, 95.0, 88.0, 3.6e11, 8e2, 55_000_000),
                shape("FwdLLM", 0.755, 110.0, 130.0, 6.0e11, 3e6, 74_000_000),
                shape("FedAvg", 0.82, 12.0, 240.0, 9.0e11, 5.2e7, 410_000_000),
            ],
            seeds: 3,
            evaluations: 60,
            target: 0.74,
            profiles: vec![
                profile("phone-high", 16, 1200),
                profile("phone-mid", 20, 600),
                profile("phone-old", 10, 250),
                profile("raspberry-pi-5", 10, 1500),
                profile("watch", 8, 60),
            ],
        }
    }

    /// Twelve algorithms, half of them hopeless, with long names, on many profiles.
    pub(crate) fn crowded() -> Self {
        let mut recipe = Self::usual();
        recipe.name = "crowded-invented-layout-sample".to_owned();
        recipe.shapes = (0..12)
            .map(|i| {
                let x = f64::from(i);
                let label = format!("Algorithm {i} with quite a long and winding name");
                let plateau = 0.68 + 0.012 * x;
                shape(
                    &label,
                    plateau,
                    30.0 + 10.0 * x,
                    60.0 + 20.0 * x,
                    1e11,
                    libm::pow(10.0, 2.0 + 0.5 * x),
                    30_000_000 << (i / 2),
                )
            })
            .collect();
        let more =
            (0..5).map(|i| (format!("a-profile-with-a-long-name-{i}"), 1 + i, 90_000_000 << i));
        recipe.profiles.extend(more);
        recipe
    }

    pub(crate) fn results(&self) -> RunResults {
        let cells = self.shapes.iter().flat_map(|s| (0..self.seeds).map(move |seed| (s, seed)));
        let rounds = cells.clone().flat_map(|(s, seed)| self.rounds(s, seed)).collect::<Vec<_>>();
        let totals = cells.map(|(s, seed)| self.totals(s, seed, &rounds)).collect();
        RunResults {
            target_accuracy: self.target,
            costs_of: None,
            totals,
            rounds,
            details: self.details(),
            manifest: manifest(),
            scenario_yaml: format!("name: {:?}\n", self.name),
        }
    }

    fn rounds(&self, s: &Shape, seed: u64) -> Vec<RoundRecord> {
        let luck = 1.0 + 0.12 * noise(&s.label, seed, 0);
        (1..=self.evaluations)
            .map(|i| {
                let round = 5 * i;
                let n = round as f64;
                let way = 1.0 - libm::exp(-n * luck / s.pace);
                let wobble = 0.006 * noise(&s.label, seed, i);
                let accuracy = (0.652 + (s.plateau - 0.652) * way + wobble).clamp(0.0, 1.0);
                RoundRecord {
                    algorithm: s.label.clone(),
                    seed,
                    round,
                    sim_time: Seconds::from_raw(n * s.round_s * (2.0 - luck)),
                    accuracy,
                    loss: 1.1 - accuracy,
                    device_flops: Flops::new((n * s.flops * 8.0) as u128),
                    uplink: Bytes::new((n * s.up * 8.0) as u64),
                    downlink: Bytes::new((n * (s.up * 4.0 + 2e4)) as u64),
                    energy: Joules::from_raw(n * s.flops * 2e-10),
                    participants: 8,
                    dropped: 1,
                    excluded: self.excluded(s),
                }
            })
            .collect()
    }

    fn excluded(&self, s: &Shape) -> u64 {
        self.profiles.iter().filter(|p| p.2 < s.needed).map(|p| p.1).sum()
    }

    fn totals(&self, s: &Shape, seed: u64, rounds: &[RoundRecord]) -> CellTotals {
        let mine = |r: &&RoundRecord| r.algorithm == s.label && r.seed == seed;
        let flops = rounds.iter().rfind(mine).map_or(0, |r| r.device_flops.get());
        CellTotals {
            algorithm: s.label.clone(),
            seed,
            excluded_devices: self.excluded(s),
            device_flops: Flops::new(flops),
            wasted_flops: Flops::new(flops / 7),
            server_flops: Flops::new(flops / 3),
            staleness: Staleness::default(),
            backhaul: Backhaul::default(),
        }
    }

    fn details(&self) -> Details {
        let statement = |subject: &str, treatment, how: &str| Statement {
            subject: subject.to_owned(),
            treatment,
            how: how.to_owned(),
        };
        Details {
            scenario: ScenarioInfo {
                name: self.name.clone(),
                description:
                    "Invented records that exercise the report's layout: no training took \
                              place, and no figure here is a result."
                        .to_owned(),
                facts: vec![
                    ("Fleet".to_owned(), "64 devices of 5 classes".to_owned()),
                    ("Task".to_owned(), "none: invented".to_owned()),
                    ("Cohort".to_owned(), "8 clients a round, 1.3 over-committed".to_owned()),
                ],
            },
            starts: (0..self.seeds)
                .map(|seed| Start { seed, accuracy: 0.652, loss: 0.45 })
                .collect(),
            algorithms: self.shapes.iter().map(|s| self.algorithm(s)).collect(),
            reality: vec![
                statement("Everything", Treatment::Simulated, "Invented by a formula, for layout."),
                statement(
                    "Layout",
                    Treatment::Real,
                    "Charts and tables are made as for a real run.",
                ),
            ],
            notices: vec!["Layout sample: these records are invented.".to_owned()],
        }
    }

    fn algorithm(&self, s: &Shape) -> AlgorithmDetails {
        let fit = |p: &(String, u64, u64)| ProfileFit {
            profile: p.0.clone(),
            devices: p.1,
            budget: Bytes::new(p.2),
            needed: Bytes::new(s.needed),
            fits: s.needed <= p.2,
        };
        let part = |p: &(String, u64, u64)| {
            let started = if s.needed <= p.2 { 31 * p.1 } else { 0 };
            ProfileParticipation {
                profile: p.0.clone(),
                devices: p.1,
                started,
                completed: started * 8 / 10,
                left: started / 10,
                late: 0,
                surplus: started - started * 8 / 10 - started / 10,
                stale: 0,
                interrupted: 0,
                excluded: 0,
                staleness: Staleness::default(),
                device_flops: Flops::new((s.flops * started as f64) as u128),
                energy: Joules::from_raw(s.flops * 2e-10 * started as f64),
            }
        };
        AlgorithmDetails {
            label: s.label.clone(),
            description: "an invented algorithm for the layout".to_owned(),
            fit: self.profiles.iter().map(fit).collect(),
            anatomy: Some(RoundAnatomy {
                download: Seconds::from_raw(s.up.sqrt() * 2e-3 + 0.2),
                compute: Seconds::from_raw(s.round_s * 0.5),
                upload: Seconds::from_raw(s.up.sqrt() * 5e-3 + 0.1),
                wait: Seconds::from_raw(s.round_s * 0.35),
            }),
            participation: self.profiles.iter().map(part).collect(),
            privacy: Vec::new(),
            groups: Vec::new(),
        }
    }
}

/// As if there had been no rounds: an update of the profile in place n is stale by a geometric law of
/// mean `mean (n + 1)`, and discarded beyond `bound`.
pub(crate) fn without_rounds(results: &mut RunResults, mean: f64, bound: u64) {
    results.totals.iter_mut().for_each(|cell| cell.staleness = Staleness::default());
    for algorithm in &mut results.details.algorithms {
        if let Some(anatomy) = &mut algorithm.anatomy {
            anatomy.wait = Seconds::ZERO;
        }
        for (place, p) in algorithm.participation.iter_mut().enumerate() {
            let share = 1.0 / (1.0 + mean * (place + 1) as f64);
            for i in 0..p.started - p.left {
                let u = 0.5 * (1.0 + noise(&p.profile, place as u64, i));
                let stale = (libm::log(u.max(1e-300)) / libm::log1p(-share)) as u64;
                let counts = if stale > bound {
                    &mut p.staleness.discarded
                } else {
                    &mut p.staleness.joined
                };
                counts.add(stale);
            }
            (p.completed, p.surplus) = (p.staleness.joined.total(), 0);
            p.stale = p.staleness.discarded.total();
        }
        let mine = results.totals.iter_mut().find(|cell| cell.algorithm == algorithm.label);
        if let Some(cell) = mine {
            cell.staleness = algorithm.staleness();
        }
    }
}

/// As if devices were in groups of these names, the later the slower.
pub(crate) fn in_groups(results: &mut RunResults, names: &[&str], stale: bool) {
    for cell in &mut results.totals {
        cell.backhaul =
            Backhaul { uplink: Bytes::new(40_000_000), downlink: Bytes::new(50_000_000) };
    }
    for (place, algorithm) in results.details.algorithms.iter_mut().enumerate() {
        let group = |(n, name): (usize, &&str)| {
            let slow = (n * n + 1) as u64;
            let mut staleness = Histogram::default();
            (0..if stale { 200 / slow } else { 0 }).for_each(|i| staleness.add((i % 3 + 1) * slow));
            GroupRecord {
                name: (*name).to_owned(),
                devices: 12 + n as u64,
                rounds: 301 / slow,
                participants: 2000 / slow,
                mean_round: (n < 9).then(|| Seconds::from_raw((7.3 + place as f64) * slow as f64)),
                staleness,
                device_flops: Flops::new(1_000_000_000_000 / u128::from(slow)),
                uplink: Bytes::new(12_000_000 / slow),
                downlink: Bytes::new(120_000_000 / slow),
                energy: Joules::from_raw(420.0 / slow as f64),
            }
        };
        algorithm.groups = names.iter().enumerate().map(group).collect();
    }
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        version: "0.0.0-invented".to_owned(),
        engine: Some("89abcdef".repeat(8)),
        git_commit: None,
        rustc: "rustc 1.95.0".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        cpu: "no processor".to_owned(),
        threads: 2,
        training: None,
        backend: "flex".to_owned(),
        scenario_sha256: "0123456789abcdef".repeat(4),
        data_sha256: BTreeMap::from([("builtin: source".to_owned(), "fedcba9876543210".repeat(4))]),
        root_seed: 20_260_101,
        host_wall_time: Seconds::from_raw(123.456),
    }
}

/// A repeatable number between -1 and 1.
fn noise(label: &str, seed: u64, i: u64) -> f64 {
    let mut x = label
        .bytes()
        .fold(seed * 1000 + i + 1, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    x ^= x >> 31;
    x = x.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    (x >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}
