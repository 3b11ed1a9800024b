//! What reaching the target costs: a panel for each resource, a row for each algorithm.

use super::{
    Chart, LABEL, NOTE, View,
    axis::{self, Axis},
    column, font, notes, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};
use crate::{
    format::{percent_short, ratio, ratio_interval},
    statistics::{Outcome, Resource},
    text::shown,
};

const PANELS: [Resource; 4] = [Resource::Time, Resource::Flops, Resource::Uplink, Resource::Energy];
const ROW: f64 = 24.0;

/// Where the parts of a panel's rows are.
struct Columns {
    label: f64,
    label_width: f64,
    value: f64,
    ratio: f64,
}

pub(super) fn chart(view: &View<'_>) -> Chart {
    let target = percent_short(view.comparison.target);
    let mut scene = Scene::new(view.width, 0.0);
    let heading = format!("What it costs to reach {target} test accuracy");
    let top = title(&mut scene, &heading);
    let across = if view.is_narrow() { 1 } else { 2 };
    let gap = 44.0;
    let width = (view.width - gap * (across - 1) as f64) / across as f64;
    let rows = view.comparison.outcomes.len() as f64;
    let height = 30.0 + ROW * rows + 34.0;
    let mut any_log = false;
    for (i, resource) in PANELS.into_iter().enumerate() {
        let corner = ((i % across) as f64 * (width + gap), top + (i / across) as f64 * height);
        any_log |= panel(&mut scene, view, resource, corner, width);
    }
    let mut end = top + height * PANELS.len().div_ceil(across) as f64 - 10.0;
    let censored = view.comparison.outcomes.iter().any(|o| o.reached > 0 && o.is_censored());
    if censored {
        let note = "* Only some seeds reached the target. The mean and the ratio are over those: \
                    over all seeds they would be higher.";
        end = notes(&mut scene, end, note);
    }
    let scene = on_paper(scene, end + 6.0);
    Chart { name: "cost-to-target", title: heading, caption: caption(any_log), scene }
}

/// Draws one panel; says whether it is logarithmic.
fn panel(scene: &mut Scene, view: &View<'_>, resource: Resource, at: Point, width: f64) -> bool {
    let outcomes = &view.comparison.outcomes;
    let labels = outcomes.iter().map(|o| shown(&o.algorithm));
    let label_width = column(labels, LABEL, 0.26 * width);
    let (value, ratio) = (at.0 + width - 116.0, at.0 + width);
    let bars = (at.0 + label_width + 10.0, value - 62.0);
    let columns = Columns { label: at.0, label_width, value, ratio };
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
    let best = view.comparison.ranking(resource).first().copied();
    for (i, outcome) in outcomes.iter().enumerate() {
        let middle = top + ROW * (i as f64 + 0.5) + 1.0;
        let label = font::fitted(&shown(&outcome.algorithm), LABEL, columns.label_width);
        scene.text((columns.label, middle + 4.5), label, LABEL, palette::INK, Anchor::Start);
        if outcome.cost(resource).is_some() {
            amount(scene, outcome, i, resource, &x, (middle, log));
            figures(scene, outcome, best, resource, (&columns, middle));
        } else {
            let text = format!("not reached (0 of {} seeds)", outcome.seeds);
            scene.text((bars.0 + 8.0, middle + 4.0), text, NOTE, palette::MUTED, Anchor::Start);
        }
    }
    log
}

/// Zero to the largest, or logarithmic if the algorithms differ widely.
fn axis(outcomes: &[Outcome], resource: Resource, bars: (f64, f64)) -> (Axis, bool) {
    let costs = outcomes.iter().filter_map(|o| o.cost(resource)).collect::<Vec<_>>();
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
    let Some(cost) = outcome.cost(resource) else { return };
    let (color, _) = palette::series(index);
    let end = x.at(cost.mean);
    let start = x.at(0.0);
    if log {
        scene.dashed(&[(start, middle), (end, middle)], palette::GRID, 1.5, (2.0, 2.0));
    } else {
        let opacity = if outcome.is_censored() { 0.45 } else { 0.85 };
        scene.tint((start, middle - 7.0), (end.max(start + 1.0), middle + 7.0), color, opacity);
    }
    if let Some((low, high)) = cost.interval() {
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

/// The mean and the ratio to the best, in columns of their own.
fn figures(
    scene: &mut Scene,
    outcome: &Outcome,
    best: Option<&Outcome>,
    resource: Resource,
    (columns, middle): (&Columns, f64),
) {
    let Some(cost) = outcome.cost(resource) else { return };
    let y = middle + 4.0;
    let star = if outcome.is_censored() { "*" } else { "" };
    let value = format!("{}{star}", resource.quantity().human(cost.mean));
    scene.text((columns.value, y), value, NOTE, palette::INK, Anchor::End);
    let text = match best {
        Some(best) if best == outcome => "lowest".to_owned(),
        Some(best) => match outcome.ratio(best, resource) {
            Some(r) => match r.interval {
                Some(interval) => format!("{} ({})", ratio(r.ratio), ratio_interval(interval)),
                None => ratio(r.ratio),
            },
            None => "no common seed".to_owned(),
        },
        None => String::new(),
    };
    let room = columns.ratio - columns.value - 10.0;
    let text = font::fitted(&text, NOTE, room);
    scene.text((columns.value + 10.0, y), text, NOTE, palette::MUTED, Anchor::Start);
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
         many times the lowest it is, paired by seed, with a 95% interval: if that includes 1, the \
         seeds do not tell the two apart.{scale}"
    )
}
