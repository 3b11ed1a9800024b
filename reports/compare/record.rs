//! `comparison.json`: everything that was compared, for other programs.

use serde::Serialize;

use super::{Arm, Compared, Pair};
use crate::statistics::{Contrast, Design, Incomparable, Resource};

/// What `comparison.json` holds.
#[derive(Serialize)]
pub(super) struct Record {
    target_accuracy: f64,
    answer: String,
    remarks: Vec<String>,
    runs: Vec<RunRecord>,
    comparisons: Vec<PairRecord>,
}

#[derive(Serialize)]
struct RunRecord {
    name: String,
    scenario: String,
    scenario_sha256: String,
    /// Runs with the same number have the same worlds.
    world: usize,
    algorithms: Vec<ArmRecord>,
}

#[derive(Serialize)]
struct ArmRecord {
    algorithm: String,
    seeds: usize,
    reached: usize,
    final_accuracy: Option<f64>,
    /// Means over seeds, those that did not reach the target with what they had spent when they were given up.
    seen: Vec<(&'static str, f64)>,
}

#[derive(Serialize)]
struct PairRecord {
    block: String,
    a: Who,
    b: Who,
    resource: &'static str,
    #[serde(flatten)]
    found: Found,
}

#[derive(Serialize)]
struct Who {
    run: String,
    algorithm: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Ratio {
        paired: bool,
        seeds: (usize, usize),
        ratio: f64,
        interval: Option<(f64, f64)>,
        p: f64,
        p_holm: f64,
        p_exact: Option<f64>,
        effect: Option<f64>,
        cut: (usize, usize),
        /// Null where all seeds reached the target.
        horizon: Option<f64>,
        seeds_needed: Option<usize>,
        detectable_ratio: Option<f64>,
    },
    Nothing {
        why: String,
    },
}

/// The name of a resource in tables for programs, with its unit.
pub(super) fn key(resource: Resource) -> &'static str {
    match resource {
        Resource::Time => "time_s",
        Resource::Flops => "device_flops",
        Resource::Uplink => "uplink_bytes",
        Resource::Downlink => "downlink_bytes",
        Resource::Energy => "energy_j",
    }
}

impl Record {
    pub(super) fn new(compared: &Compared) -> Self {
        let runs = compared.entries.iter().enumerate().map(|(place, entry)| RunRecord {
            name: entry.name.clone(),
            scenario: entry.run.details.scenario.name.clone(),
            scenario_sha256: entry.run.manifest.scenario_sha256.clone(),
            world: compared.worlds[place],
            algorithms: compared.arms().into_iter().filter(|a| a.entry == place).map(arm).collect(),
        });
        let who = |arm: Arm<'_>| Who {
            run: compared.entries[arm.entry].name.clone(),
            algorithm: arm.outcome.algorithm.clone(),
        };
        let mut comparisons = Vec::new();
        for block in compared.blocks() {
            for pair in &block.pairs {
                comparisons.extend(Resource::ALL.map(|resource| PairRecord {
                    block: block.title.clone(),
                    a: who(pair.a),
                    b: who(pair.b),
                    resource: key(resource),
                    found: found(pair, resource),
                }));
            }
        }
        Self {
            target_accuracy: compared.comparisons.first().map_or(0.0, |c| c.target),
            answer: compared.answer().0,
            remarks: compared.remarks.clone(),
            runs: runs.collect(),
            comparisons,
        }
    }
}

fn arm(arm: Arm<'_>) -> ArmRecord {
    let outcome = arm.outcome;
    let seen = |resource: Resource| Some((key(resource), outcome.seen(resource)?.mean));
    ArmRecord {
        algorithm: outcome.algorithm.clone(),
        seeds: outcome.seeds,
        reached: outcome.reached,
        final_accuracy: outcome.final_accuracy.map(|accuracy| accuracy.mean),
        seen: Resource::ALL.into_iter().filter_map(seen).collect(),
    }
}

fn found(pair: &Pair<'_>, resource: Resource) -> Found {
    let contrast: &Contrast = match &pair.contrasts[resource.index()] {
        Ok(contrast) => contrast,
        Err(Incomparable::NoSeed) => return Found::Nothing { why: "no seed".to_owned() },
        Err(Incomparable::NothingWithin(end)) => {
            return Found::Nothing { why: format!("neither was there within {end}") };
        }
    };
    Found::Ratio {
        paired: contrast.design == Design::Paired,
        seeds: contrast.seeds,
        ratio: contrast.ratio,
        interval: contrast.interval,
        p: contrast.p,
        p_holm: pair.adjusted[resource.index()],
        p_exact: contrast.exact,
        effect: contrast.effect,
        cut: contrast.cut,
        horizon: contrast.horizon.is_finite().then_some(contrast.horizon),
        seeds_needed: contrast.seeds_needed(),
        detectable_ratio: contrast.detectable(),
    }
}
