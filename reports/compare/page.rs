//! The comparison as one HTML file.

use serde::Serialize;

use super::{Compared, Pair};
use crate::{
    charts::{NARROW, WIDE},
    error::ReportError,
    format::percent,
    html::{Figure, Styled, figures, fill_compared},
    statistics::Resource,
    text::shown,
    words,
};

#[derive(Serialize)]
struct Page {
    style: Styled,
    title: String,
    headline: String,
    points: Vec<String>,
    remarks: Vec<String>,
    target: String,
    runs: Vec<RunRow>,
    figures: Vec<Figure>,
    resources: Vec<Section>,
    how: &'static str,
}

/// A run with its algorithms.
#[derive(Serialize)]
struct RunRow {
    name: String,
    link: Option<String>,
    facts: String,
    arms: Vec<ArmRow>,
}

#[derive(Serialize)]
struct ArmRow {
    name: String,
    cells: Vec<(&'static str, String)>,
}

/// All pairs by one resource.
#[derive(Serialize)]
struct Section {
    title: &'static str,
    open: bool,
    blocks: Vec<BlockRows>,
}

#[derive(Serialize)]
struct BlockRows {
    title: String,
    rows: Vec<PairRow>,
}

#[derive(Serialize)]
struct PairRow {
    name: String,
    ratio: String,
    interval: String,
    apart: bool,
    p: String,
    exact: String,
    effect: String,
    seeds: String,
    needed: String,
}

pub(super) fn html(compared: &Compared) -> Result<String, ReportError> {
    let (headline, points) = compared.answer();
    let target = compared.comparisons.first().map_or(0.0, |c| c.target);
    let page = Page {
        style: Styled::new(),
        title: shown(&compared.title),
        headline,
        points,
        remarks: compared.remarks.iter().map(|remark| shown(remark)).collect(),
        target: crate::format::percent_short(target),
        runs: runs(compared),
        figures: figures(compared.charts(WIDE), compared.charts(NARROW))?,
        resources: Resource::ALL.map(|resource| section(compared, resource)).into(),
        how: words::HOW_COMPARED,
    };
    fill_compared(&page).map_err(|e| ReportError::Template(format!("{e:#}")))
}

fn runs(compared: &Compared) -> Vec<RunRow> {
    let row = |(place, entry): (usize, &super::Entry)| {
        let facts = &entry.run.details.scenario.facts;
        let fleet = facts.iter().find(|(label, _)| label.eq_ignore_ascii_case("fleet"));
        let arms = compared.arms().into_iter().filter(|arm| arm.entry == place);
        RunRow {
            name: shown(&entry.name),
            link: entry.report.clone(),
            facts: fleet.map_or(String::new(), |(_, text)| shown(text)),
            arms: arms.map(|arm| arm_row(compared, arm)).collect(),
        }
    };
    compared.entries.iter().enumerate().map(row).collect()
}

fn arm_row(compared: &Compared, arm: super::Arm<'_>) -> ArmRow {
    let outcome = arm.outcome;
    let heads = ["Time", "Compute", "Uplink", "Downlink", "Energy"];
    let mut cells = vec![("Reached", format!("{} of {}", outcome.reached, outcome.seeds))];
    cells.extend(heads.into_iter().zip(Resource::ALL).map(|(head, resource)| {
        (head, words::seen(outcome, resource).unwrap_or_else(|| "-".to_owned()))
    }));
    let last = outcome.final_accuracy.map_or("none".to_owned(), |e| percent(e.mean));
    cells.push(("Final accuracy", last));
    let algorithms = &compared.entries[arm.entry].run.details.algorithms;
    let fit = algorithms.iter().find(|a| a.label == outcome.algorithm).map(|a| &a.fit);
    let devices: u64 = fit.into_iter().flatten().map(|f| f.devices).sum();
    cells.push(("Excluded", format!("{} of {devices}", outcome.excluded.1)));
    ArmRow { name: shown(&outcome.algorithm), cells }
}

fn section(compared: &Compared, resource: Resource) -> Section {
    let blocks = compared.blocks().into_iter().map(|block| BlockRows {
        title: block.title.clone(),
        rows: block.pairs.iter().map(|pair| pair_row(compared, pair, resource)).collect(),
    });
    Section { title: resource.title(), open: resource == Resource::Time, blocks: blocks.collect() }
}

fn pair_row(compared: &Compared, pair: &Pair<'_>, resource: Resource) -> PairRow {
    let names = [pair.a, pair.b].map(|arm| {
        let same_label = pair.a.outcome.algorithm == pair.b.outcome.algorithm;
        match (pair.a.entry == pair.b.entry, same_label) {
            (true, _) => shown(&arm.outcome.algorithm),
            (false, true) => shown(&compared.entries[arm.entry].name),
            (false, false) => compared.name(arm),
        }
    });
    let name = names.join(" / ");
    let dash = || "–".to_owned();
    match &pair.contrasts[resource.index()] {
        Ok(contrast) => {
            let adjusted = pair.adjusted[resource.index()];
            let found = words::figures(contrast, adjusted);
            PairRow {
                name,
                ratio: found.ratio,
                interval: found.interval,
                apart: adjusted <= 1.0 - crate::statistics::LEVEL,
                p: found.p,
                exact: found.exact,
                effect: words::effect(contrast),
                seeds: found.seeds,
                needed: found.needed,
            }
        }
        Err(why) => PairRow {
            name,
            ratio: words::incomparable(*why, resource),
            interval: dash(),
            apart: false,
            p: dash(),
            exact: dash(),
            effect: dash(),
            seeds: dash(),
            needed: dash(),
        },
    }
}
