//! Test accuracy against what it has cost so far.

use super::{
    Chart, LABEL, NOTE, View,
    axis::{self, Axis},
    column, font, on_paper, palette,
    scene::{Anchor, Point, Scene},
    series::{self, Band, Curve},
    title,
};
use crate::{
    format::{count, percent_short},
    statistics::{Outcome, Resource},
    text::shown,
    words,
};

/// The plotting area.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// One algorithm's data.
struct Entry<'a> {
    outcome: &'a Outcome,
    index: usize,
    curves: Vec<Curve>,
    hits: Curve,
}

pub(super) fn chart(view: &View<'_>, resource: Resource) -> Chart {
    let (name, subject) = match resource {
        Resource::Time => ("accuracy-time", "simulated time"),
        Resource::Flops => ("accuracy-flops", "arithmetic on devices"),
        Resource::Uplink => ("accuracy-uplink", "bytes sent by devices"),
        Resource::Downlink => ("accuracy-downlink", "bytes sent to devices"),
        Resource::Energy => ("accuracy-energy", "energy of devices"),
    };
    let entries = entries(view, resource);
    let mut scene = Scene::new(view.width, 0.0);
    let heading = format!("Test accuracy against {subject}");
    let top = title(&mut scene, &heading);
    let legend_height = 36.0 * entries.len() as f64;
    let legend_width = 32.0 + legend_column(view, &entries, resource);
    let (frame, legend) = if view.is_narrow() {
        let frame =
            Frame { left: 30.0, right: view.width - 46.0, top: top + 22.0, bottom: top + 252.0 };
        let legend = (0.0, frame.bottom + 58.0);
        (frame, legend)
    } else {
        let bottom = (top + 22.0 + legend_height).max(top + 372.0);
        let legend = view.width - legend_width;
        let frame = Frame { left: 36.0, right: legend - 62.0, top: top + 22.0, bottom };
        (frame, (legend, top + 22.0))
    };
    let (x, x_title) = x_axis(&entries, resource, subject, &frame);
    let y = y_axis(view, &entries, &frame);
    grid(&mut scene, &frame, &x, &y, &x_title);
    references(&mut scene, view, &frame, &y);
    for entry in entries.iter().rev() {
        plot(&mut scene, entry, &x, &y);
    }
    for entry in entries.iter().rev() {
        marks(&mut scene, entry, &x, &y);
    }
    for (row, entry) in entries.iter().enumerate() {
        let at = (legend.0, legend.1 + 36.0 * row as f64);
        legend_entry(&mut scene, view, entry, resource, at);
    }
    let legend_end = legend.1 + legend_height;
    let height = (frame.bottom + 46.0).max(if view.is_narrow() { legend_end } else { 0.0 });
    let caption = caption(view, resource, &x_title);
    Chart { name: name.to_owned(), title: heading, caption, scene: on_paper(scene, height) }
}

/// The algorithms, the cheapest to the target first, then the others by final accuracy.
fn entries<'a>(view: &View<'a>, resource: Resource) -> Vec<Entry<'a>> {
    let outcomes = &view.comparison.outcomes;
    let ranking = view.comparison.ranking(resource);
    let mut rest = outcomes.iter().filter(|o| !ranking.contains(o)).collect::<Vec<_>>();
    let last = |o: &Outcome| o.final_accuracy.map_or(0.0, |e| e.mean);
    rest.sort_by(|a, b| last(b).total_cmp(&last(a)));
    ranking
        .into_iter()
        .chain(rest)
        .map(|outcome| {
            let (curves, hits) = series::curves(view.run, &outcome.algorithm, resource);
            let index = outcomes.iter().position(|o| o == outcome).unwrap_or(0);
            Entry { outcome, index, curves, hits }
        })
        .collect()
}

/// Linear from zero, or logarithmic if the algorithms' ranges differ widely.
fn x_axis(
    entries: &[Entry<'_>],
    resource: Resource,
    subject: &str,
    frame: &Frame,
) -> (Axis, String) {
    let end = |e: &Entry<'_>| e.curves.iter().flatten().map(|p| p.0).fold(0.0, f64::max);
    let ends = entries.iter().map(end).filter(|x| *x > 0.0).collect::<Vec<_>>();
    let most = ends.iter().copied().fold(0.0, f64::max);
    let least = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let pixels = (frame.left, frame.right);
    let steps = ((frame.right - frame.left) / 70.0) as usize;
    let quantity = resource.quantity();
    if most / least > axis::WIDE {
        let points = entries.iter().flat_map(|e| e.curves.iter().flatten());
        let first = points.map(|p| p.0).filter(|x| *x > 0.0).fold(most, f64::min);
        let axis = Axis::decades(quantity, first, most, pixels, steps);
        (axis, format!("{subject}, whole fleet (logarithmic)"))
    } else {
        let (axis, unit) = Axis::amounts(quantity, most, pixels, steps);
        let whole = if resource == Resource::Time { "" } else { ", whole fleet" };
        (axis, format!("{subject}{whole}, {unit}"))
    }
}

fn y_axis(view: &View<'_>, entries: &[Entry<'_>], frame: &Frame) -> Axis {
    let data = entries.iter().flat_map(|e| e.curves.iter().flatten()).map(|p| p.1);
    let (low, high) = data
        .chain([view.comparison.target])
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), y| (l.min(y), h.max(y)));
    let margin = 0.05 * (high - low);
    Axis::percentages(
        low - margin,
        high + margin,
        (frame.bottom, frame.top),
        ((frame.bottom - frame.top) / 45.0) as usize,
    )
}

fn grid(scene: &mut Scene, frame: &Frame, x: &Axis, y: &Axis, x_title: &str) {
    for tick in &y.ticks {
        let at = y.at(tick.value);
        scene.line(&[(frame.left, at), (frame.right, at)], palette::GRID, 1.0);
        scene.text((frame.left - 6.0, at + 4.0), &tick.label, NOTE, palette::MUTED, Anchor::End);
    }
    let mut free = f64::NEG_INFINITY;
    for tick in &x.ticks {
        let at = x.at(tick.value);
        scene.line(&[(at, frame.top), (at, frame.bottom + 4.0)], palette::GRID, 1.0);
        let half = font::width(&tick.label, NOTE) / 2.0;
        if at - half > free {
            let y = frame.bottom + 17.0;
            scene.text((at, y), &tick.label, NOTE, palette::MUTED, Anchor::Middle);
            free = at + half + 8.0;
        }
    }
    scene.line(&[(frame.left, frame.bottom), (frame.right, frame.bottom)], palette::MUTED, 1.0);
    let note = (NOTE, palette::MUTED);
    scene.text((0.0, frame.top - 10.0), "test accuracy, %", note.0, note.1, Anchor::Start);
    scene.text((frame.right, frame.bottom + 36.0), x_title, note.0, note.1, Anchor::End);
}

/// The target and the common start, named in the margin to the right.
fn references(scene: &mut Scene, view: &View<'_>, frame: &Frame, y: &Axis) {
    let starts = &view.run.details.starts;
    let start = starts.iter().map(|s| s.accuracy).sum::<f64>() / starts.len().max(1) as f64;
    let target_y = y.at(view.comparison.target);
    scene.dashed(&[(frame.left, target_y), (frame.right, target_y)], palette::INK, 1.2, (6.0, 4.0));
    let mut labels = vec![(target_y, "target", view.comparison.target, palette::INK)];
    if !starts.is_empty() {
        let at = y.at(start);
        scene.dashed(&[(frame.left, at), (frame.right, at)], palette::MUTED, 1.0, (2.0, 3.0));
        labels.push((at, "start", start, palette::MUTED));
    }
    // From below, each clear of what is beneath it.
    labels.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut free = frame.bottom - 6.0;
    for (at, name, value, color) in labels {
        let (x, at) = (frame.right + 6.0, at.min(free));
        scene.text((x, at - 1.0), name, NOTE, color, Anchor::Start);
        scene.text((x, at + 12.0), percent_short(value), NOTE, color, Anchor::Start);
        free = at - 28.0;
    }
}

fn plot(scene: &mut Scene, entry: &Entry<'_>, x: &Axis, y: &Axis) {
    let (color, dash) = palette::series(entry.index);
    let place = |&(a, b): &(f64, f64)| (x.at(a), y.at(b));
    let pixels = |curve: &Curve| curve.iter().map(place).collect::<Vec<Point>>();
    let visible = |curve: &Curve| curve.iter().filter(|p| p.0 >= x.value(0.0)).copied().collect();
    let Band { mean, low, high, tails } = series::band(&entry.curves, |all| grid_points(all, x));
    if entry.curves.len() > 1 && mean.len() > 1 {
        let back = pixels(&low).into_iter().rev();
        scene.area(pixels(&high).into_iter().chain(back).collect(), color, 0.16);
    }
    for tail in &tails {
        scene.faint_line(&pixels(&visible(tail)), color, 1.2);
    }
    let line = pixels(&mean);
    match (dash, line.as_slice()) {
        (_, [only]) => scene.disc(*only, 3.0, color),
        (Some(dash), _) => scene.dashed(&line, color, 2.2, dash),
        (None, _) => scene.line(&line, color, 2.2),
    }
}

/// The amounts at which to average: every evaluation, unless that is finer than the picture.
fn grid_points(all: &[f64], x: &Axis) -> Vec<f64> {
    const FINEST: usize = 320;
    let first = x.value(0.0);
    let visible = all.iter().copied().filter(|a| *a >= first).collect::<Vec<_>>();
    let Some(&end) = visible.last() else { return all.last().copied().into_iter().collect() };
    if visible.len() <= FINEST {
        return visible;
    }
    let steps = (0..=FINEST).map(|i| x.value(i as f64 / FINEST as f64));
    steps.filter(|a| *a >= visible[0] && *a < end).chain([end]).collect()
}

/// Dots where the seeds first met the target.
fn marks(scene: &mut Scene, entry: &Entry<'_>, x: &Axis, y: &Axis) {
    let (color, _) = palette::series(entry.index);
    for &(a, b) in &entry.hits {
        scene.disc((x.at(a), y.at(b)), 5.0, palette::PAPER);
        scene.disc((x.at(a), y.at(b)), 3.8, color);
    }
}

fn legend_entry(
    scene: &mut Scene,
    view: &View<'_>,
    entry: &Entry<'_>,
    resource: Resource,
    (x, y): Point,
) {
    let (color, dash) = palette::series(entry.index);
    let swatch = [(x, y + 8.0), (x + 22.0, y + 8.0)];
    match dash {
        Some(dash) => scene.dashed(&swatch, color, 3.0, dash),
        None => scene.line(&swatch, color, 3.0),
    }
    let room = view.width - x - 30.0;
    let name = font::fitted(&shown(&entry.outcome.algorithm), LABEL, room);
    scene.text((x + 30.0, y + 12.5), name, LABEL, palette::INK, Anchor::Start);
    let note = font::fitted(&verdict(view, entry.outcome, resource), NOTE, room);
    scene.text((x + 30.0, y + 27.0), note, NOTE, palette::MUTED, Anchor::Start);
}

/// How wide the legend's texts are: as their notes, or wider if names ask for it.
fn legend_column(view: &View<'_>, entries: &[Entry<'_>], resource: Resource) -> f64 {
    let notes = entries.iter().map(|e| verdict(view, e.outcome, resource));
    let names = entries.iter().map(|e| shown(&e.outcome.algorithm));
    column(notes, NOTE, 240.0).max(column(names, LABEL, 240.0))
}

fn verdict(view: &View<'_>, outcome: &Outcome, resource: Resource) -> String {
    let target = percent_short(view.comparison.target);
    let (reached, seeds) = (outcome.reached, count(outcome.seeds as u64, "seed"));
    match words::seen(outcome, resource).filter(|_| reached > 0) {
        Some(cost) => format!("{target} after {cost} ({reached} of {seeds})"),
        None => format!("{target} not reached (0 of {seeds})"),
    }
}

fn caption(view: &View<'_>, resource: Resource, x_title: &str) -> String {
    let seeds = view.comparison.outcomes.iter().map(|o| o.seeds).max().unwrap_or(0);
    let band = match seeds {
        0 | 1 => "Lines are single runs; one seed gives no band.".to_owned(),
        _ => {
            "Lines are means over seeds, up to where the first seed stopped; bands reach from the \
              lowest to the highest seed; thin lines are the seeds that went on."
                .to_owned()
        }
    };
    let log = if x_title.ends_with("(logarithmic)") {
        " The horizontal axis is logarithmic: each mark is a multiple of the one before."
    } else {
        ""
    };
    let (better, included) = match resource {
        Resource::Time => ("sooner", ""),
        _ => ("cheaper", " Work that was dropped or came too late is included."),
    };
    format!(
        "Further left is {better}. {band} A dot is the evaluation at which a seed first met the \
         target.{included}{log}"
    )
}
