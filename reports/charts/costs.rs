//! What reaching the target costs: a panel for each resource, a row for each algorithm.

use super::{
    Chart, LABEL, NOTE, View,
    axis::{self, Axis},
    column, font, notes, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};
use crate::{
    format::{count, percent_short, ratio_interval},
    statistics::{Outcome, Resource},
    text::shown,
    words,
};

const PANELS: [Resource; 4] = [Resource::Time, Resource::Flops, Resource::Uplink, Resource::Energy];
const ROW: f64 = 24.0;

/// What a row says in words, right of its bar.
struct Figures {
    value: String,
    ratio: String,
}

pub(super) fn chart(view: &View<'_>) -> Chart {
    let target = percent_short(view.comparison.target);
    let mut scene = Scene::new(view.width, 0.0);
    let heading = format!("What it costs to reach {target} test accuracy");
    let top = title(&mut scene, &heading);
    if view.comparison.ranking(Resource::Time).is_empty() {
        let note = "No algorithm reached the target in any seed, so there is no cost to compare.";
        let end = notes(&mut scene, top, note);
        let (caption, scene) = (String::new(), on_paper(scene, end + 6.0));
        return Chart { name: "cost-to-target".to_owned(), title: heading, caption, scene };
    }
    let across = if view.is_narrow() { 1 } else { 2 };
    let gap = 44.0;
    let width = (view.width - gap * (across - 1) as f64) / across as f64;
    let rows = view.comparison.outcomes.len() as f64;
    let (mut any_log, mut end) = (false, top);
    for row in PANELS.chunks(across) {
        let mut ticks = 0.0;
        for (i, &resource) in row.iter().enumerate() {
            let corner = (i as f64 * (width + gap), end);
            if panel(&mut scene, view, resource, corner, width) {
                (any_log, ticks) = (true, 18.0);
            }
        }
        end += 46.0 + ROW * rows + ticks;
    }
    end -= 12.0;
    if view.comparison.outcomes.iter().any(Outcome::is_censored) {
        let note = "≥ Pale or hollow: not all seeds reached the target. Those that did not are in the mean with \
                    what they had spent when they were given up; the ratio is up to where all seeds of both were watched.";
        end = notes(&mut scene, end, note);
    }
    let scene = on_paper(scene, end + 6.0);
    Chart { name: "cost-to-target".to_owned(), title: heading, caption: caption(any_log), scene }
}

/// Draws one panel; says whether it is logarithmic.
fn panel(scene: &mut Scene, view: &View<'_>, resource: Resource, at: Point, width: f64) -> bool {
    let outcomes = &view.comparison.outcomes;
    let best = view.comparison.ranking(resource).first().copied();
    let cheapest = |of: &Outcome| {
        let mean = |o: &Outcome| o.seen(resource).map_or(f64::INFINITY, |cost| cost.mean);
        outcomes.iter().all(|other| mean(of) <= mean(other))
    };
    let name = if best.is_some_and(cheapest) { "best" } else { "surest" };
    let figures = outcomes.iter().map(|o| figures(o, (best, name), resource)).collect::<Vec<_>>();
    let labels = outcomes.iter().map(|o| shown(&o.algorithm));
    let label_width = column(labels, LABEL, 0.26 * width);
    let known = || figures.iter().flatten();
    let ratio = at.0 + width - column(known().map(|f| &f.ratio), NOTE, 0.36 * width);
    let value = ratio - 10.0;
    let bars_end = value - column(known().map(|f| &f.value), NOTE, 0.24 * width) - 12.0;
    let bars = (at.0 + label_width + 10.0, bars_end);
    let heading = match resource {
        Resource::Flops => "Arithmetic on devices",
        Resource::Uplink => "Sent by devices",
        other => other.title(),
    };
    scene.text((at.0, at.1 + 16.0), heading, LABEL, palette::INK, Anchor::Start);
    let (x, log) = axis(outcomes, resource, bars);
    let (top, bottom) = (at.1 + 24.0, at.1 + 26.0 + ROW * outcomes.len() as f64);
    if log {
        log_grid(scene, &x, (top, bottom));
    } else {
        scene.line(&[(bars.0, top), (bars.0, bottom)], palette::MUTED, 1.0);
    }
    for (i, (outcome, figures)) in outcomes.iter().zip(&figures).enumerate() {
        let middle = top + ROW * (i as f64 + 0.5) + 1.0;
        let label = font::fitted(&shown(&outcome.algorithm), LABEL, label_width);
        scene.text((at.0, middle + 4.5), label, LABEL, palette::INK, Anchor::Start);
        let y = middle + 4.0;
        match figures {
            Some(Figures { value: text, ratio: note }) => {
                amount(scene, outcome, i, resource, &x, (middle, log));
                let note = font::fitted(note, NOTE, at.0 + width - ratio + 0.5);
                scene.text((value, y), text, NOTE, palette::INK, Anchor::End);
                scene.text((ratio, y), note, NOTE, palette::MUTED, Anchor::Start);
            }
            None => {
                let text = format!("not reached (0 of {})", count(outcome.seeds as u64, "seed"));
                let (left, right) = (bars.0 + 6.0, bars.0 + 10.0 + font::width(&text, NOTE));
                scene.rect((left, middle - 8.0), (right, middle + 8.0), palette::PAPER);
                scene.text((bars.0 + 8.0, y), text, NOTE, palette::MUTED, Anchor::Start);
            }
        }
    }
    log
}

/// Zero to the largest, or logarithmic if the algorithms differ widely.
fn axis(outcomes: &[Outcome], resource: Resource, bars: (f64, f64)) -> (Axis, bool) {
    let reached = outcomes.iter().filter(|o| o.reached > 0);
    let costs = reached.filter_map(|o| o.seen(resource)).collect::<Vec<_>>();
    let means = costs.iter().map(|c| c.mean).filter(|m| *m > 0.0);
    let most = means.clone().fold(0.0, f64::max);
    let least = means.fold(f64::INFINITY, f64::min);
    let ends = costs.iter().filter_map(|c| c.interval());
    if most / least > axis::WIDE {
        let (low, high) = ends
            .fold((least, most), |(l, h), e| (if e.0 > 0.0 { l.min(e.0) } else { l }, h.max(e.1)));
        let (low, high) = (low.max(least / 10.0), high.min(most * 10.0));
        (Axis::decades(resource.quantity(), low / 1.5, high * 1.2, bars, 3), true)
    } else {
        // An interval from two seeds can be ten times as long as the bar; it may leave the chart.
        let high = ends.map(|e| e.1).fold(most, f64::max).min(1.5 * most);
        (Axis::amounts(resource.quantity(), high, bars, 4).0, false)
    }
}

fn log_grid(scene: &mut Scene, x: &Axis, (top, bottom): (f64, f64)) {
    let mut free = f64::NEG_INFINITY;
    for tick in &x.ticks {
        let at = x.at(tick.value);
        scene.line(&[(at, top), (at, bottom)], palette::GRID, 1.0);
        let half = font::width(&tick.label, NOTE) / 2.0;
        if at - half > free {
            let y = bottom + 14.0;
            scene.text((at, y), &tick.label, NOTE, palette::MUTED, Anchor::Middle);
            free = at + half + 8.0;
        }
    }
}

/// A bar from zero, or a dot where there is no zero, with its interval.
fn amount(
    scene: &mut Scene,
    outcome: &Outcome,
    index: usize,
    resource: Resource,
    x: &Axis,
    (middle, log): (f64, bool),
) {
    let Some(cost) = outcome.seen(resource) else { return };
    let (color, _) = palette::series(index);
    let end = x.at(cost.mean);
    let start = x.at(0.0);
    if log {
        scene.dashed(&[(start, middle), (end, middle)], palette::GRID, 1.5, (2.0, 2.0));
    } else {
        let opacity = if outcome.is_censored() { 0.45 } else { 0.85 };
        scene.tint((start, middle - 7.0), (end.max(start + 1.0), middle + 7.0), color, opacity);
    }
    if let Some((low, high)) = cost.interval().filter(|_| !outcome.is_censored()) {
        let (low, high) = (x.at(low.max(0.0)), x.at(high));
        if high - low > 1.5 {
            let ink = if log { color } else { palette::INK };
            scene.line(&[(low, middle), (high, middle)], ink, 1.3);
            for end in [low, high] {
                scene.line(&[(end, middle - 3.5), (end, middle + 3.5)], ink, 1.3);
            }
        }
    }
    if log {
        scene.disc((end, middle), 5.0, color);
        if outcome.is_censored() {
            scene.disc((end, middle), 2.6, palette::PAPER);
        }
    }
}

/// The mean and the ratio to the best, which is called by `name`; nothing if the target was never reached.
fn figures(
    outcome: &Outcome,
    (best, name): (Option<&Outcome>, &str),
    resource: Resource,
) -> Option<Figures> {
    if outcome.reached == 0 {
        return None;
    }
    let value = words::seen(outcome, resource)?;
    let best = best?;
    let ratio = if best == outcome {
        name.to_owned()
    } else {
        match outcome.contrast(best, resource) {
            Ok(c) => match c.interval.and_then(|i| ratio_interval(c.ratio, i)) {
                Some(range) => format!("{} ({range})", words::bounded_ratio(&c)),
                None => words::bounded_ratio(&c),
            },
            Err(why) => words::incomparable(why, resource),
        }
    };
    Some(Figures { value, ratio })
}

fn caption(any_log: bool) -> String {
    let scale = if any_log {
        " Panels with dots are logarithmic, because their amounts differ more than thirtyfold; \
         there, distance from the left edge means nothing."
    } else {
        ""
    };
    format!(
        "Shorter is better. Each amount is the mean over seeds at the first evaluation that met \
         the target, waste included, with its 95% interval as a whisker. The last column says how \
         many times the best's cost it is, paired by seed, with a 95% interval: if that includes \
         1, the seeds do not tell the two apart. The best is the cheapest of those that reached \
         the target in the most seeds; where one that reached it in fewer is cheaper still, it is called the surest.{scale}"
    )
}
