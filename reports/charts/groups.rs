//! Tiers or edges side by side: how many rounds each had, how long they were, how stale they came.

use super::{
    Chart, LABEL, NOTE, View, column, font, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};
use crate::{
    format::{Quantity, grouped, significant},
    records::GroupRecord,
    text::shown,
};

const ROW: f64 = 20.0;
/// Above an algorithm's rows, for its name.
const HEAD: f64 = 22.0;
const GAP: f64 = 28.0;
const HEADING: &str = "What each group of devices did";

/// A figure of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Panel {
    Rounds,
    Duration,
    Staleness,
}

/// An algorithm with its groups, and how many seeds it was run with.
struct Block<'a> {
    index: usize,
    name: String,
    seeds: usize,
    groups: &'a [GroupRecord],
}

/// Nothing where all devices are one group.
pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let algorithms = view.run.details.algorithms.iter().enumerate();
    let block = |(index, algorithm): (usize, &'_ crate::records::AlgorithmDetails)| Block {
        index,
        name: shown(&algorithm.label),
        seeds: view.comparison.outcomes.get(index).map_or(0, |outcome| outcome.seeds),
        groups: &view.run.details.algorithms[index].groups,
    };
    let blocks: Vec<Block<'_>> =
        algorithms.map(block).filter(|block| block.groups.len() > 1).collect();
    if blocks.is_empty() {
        return None;
    }
    let mut panels = vec![Panel::Rounds, Panel::Duration];
    let any_stale = blocks.iter().flat_map(|b| b.groups).any(|group| !group.staleness.is_empty());
    panels.extend(any_stale.then_some(Panel::Staleness));
    let mut scene = Scene::new(view.width, 0.0);
    let mut top = title(&mut scene, HEADING);
    let names =
        blocks.iter().flat_map(|block| block.groups).map(|group| name(group, f64::INFINITY));
    let limit = if view.is_narrow() { 0.42 } else { 0.26 } * view.width;
    let label = column(names, NOTE, limit) + 12.0;
    let across = if view.is_narrow() { 1 } else { panels.len() };
    for row in panels.chunks(across) {
        let width = (view.width - label - GAP * (across - 1) as f64) / across as f64;
        let left = |i: usize| label + (width + GAP) * i as f64;
        let columns: Vec<(Panel, (f64, f64))> =
            row.iter().enumerate().map(|(i, &panel)| (panel, (left(i), left(i) + width))).collect();
        top = table(&mut scene, &blocks, &columns, label - 12.0, top);
    }
    let (title, scene) = (HEADING.to_owned(), on_paper(scene, top));
    Some(Chart { name: "groups".to_owned(), title, caption: caption(any_stale), scene })
}

/// "tier 1 (12)", with as much of the name as `limit` leaves room for.
fn name(group: &GroupRecord, limit: f64) -> String {
    let devices = format!(" ({})", grouped(group.devices));
    let room = limit - font::width(&devices, NOTE) - 1.0;
    format!("{}{devices}", font::fitted(&shown(&group.name), NOTE, room))
}

impl Panel {
    fn heading(self) -> &'static str {
        match self {
            Self::Rounds => "Rounds of its own, in a run",
            Self::Duration => "Mean time of a round",
            Self::Staleness => "Mean staleness when joined",
        }
    }

    fn value(self, group: &GroupRecord, seeds: usize) -> Option<f64> {
        match self {
            Self::Rounds => Some(group.rounds as f64 / seeds.max(1) as f64),
            Self::Duration => group.mean_round.map(|time| time.get()),
            Self::Staleness => group.staleness.mean(),
        }
    }

    fn text(self, value: f64) -> String {
        match self {
            Self::Rounds if value.fract() == 0.0 || value >= 1000.0 => format!("{value:.0}"),
            Self::Rounds | Self::Staleness => significant(value),
            Self::Duration => Quantity::Time.human(value),
        }
    }

    fn missing(self) -> &'static str {
        match self {
            Self::Staleness => "nothing joined",
            Self::Rounds | Self::Duration => "no round",
        }
    }
}

/// Draws all blocks with some panels side by side; returns where they end.
fn table(
    scene: &mut Scene,
    blocks: &[Block<'_>],
    columns: &[(Panel, (f64, f64))],
    label: f64,
    top: f64,
) -> f64 {
    let mut bars = Vec::new();
    for &(panel, (left, right)) in columns {
        let heading = font::fitted(panel.heading(), LABEL, right - left);
        scene.text((left, top + 14.0), heading, LABEL, palette::INK, Anchor::Start);
        let values = || {
            blocks.iter().flat_map(|block| {
                block.groups.iter().filter_map(|group| panel.value(group, block.seeds))
            })
        };
        let room =
            column(values().map(|value| panel.text(value)), NOTE, 0.5 * (right - left)) + 8.0;
        let most = values().fold(0.0, f64::max);
        bars.push((panel, (left, right - room), most));
    }
    let mut y = top + 20.0;
    for block in blocks {
        if !block.name.is_empty() {
            let name = font::fitted(&block.name, LABEL, scene.width);
            scene.text((0.0, y + 15.0), name, LABEL, palette::INK, Anchor::Start);
        }
        y += HEAD;
        let rows = ROW * block.groups.len() as f64;
        for &(_, (left, _), _) in &bars {
            scene.line(&[(left, y), (left, y + rows)], palette::GRID, 1.0);
        }
        for (i, group) in block.groups.iter().enumerate() {
            let middle = y + ROW * (i as f64 + 0.5);
            let text = name(group, label);
            scene.text((0.0, middle + 4.0), text, NOTE, palette::MUTED, Anchor::Start);
            for &(panel, ends, most) in &bars {
                let value = panel.value(group, block.seeds);
                bar(scene, (panel, value, most), block.index, ends, middle);
            }
        }
        y += rows + 4.0;
    }
    y + 16.0
}

fn bar(
    scene: &mut Scene,
    (panel, value, most): (Panel, Option<f64>, f64),
    index: usize,
    (left, right): Point,
    middle: f64,
) {
    let Some(value) = value else {
        scene.text(
            (left + 6.0, middle + 4.0),
            panel.missing(),
            NOTE,
            palette::MUTED,
            Anchor::Start,
        );
        return;
    };
    let (color, _) = palette::series(index);
    let width = if most > 0.0 { (right - left) * value / most } else { 0.0 };
    if width > 0.0 {
        let end = (left + width).max(left + 1.0);
        scene.tint((left, middle - 6.5), (end, middle + 6.5), color, 0.8);
    }
    let at = (left + width + 6.0, middle + 4.0);
    scene.text(at, panel.text(value), NOTE, palette::INK, Anchor::Start);
}

fn caption(any_stale: bool) -> String {
    let stale = if any_stale {
        " The staleness of an update is the number of versions of the global model between the one \
         that its round started from and the one that it made."
    } else {
        ""
    };
    format!(
        "Each group has rounds of its own; in brackets is how many devices it has. Rounds are those that it closed, as a mean over seeds; \
         the time of a round is from the asking of its devices to the joining of their updates.{stale} \
         A group with few and long rounds is heard seldom. Panels have scales of their own, common to \
         all algorithms."
    )
}
