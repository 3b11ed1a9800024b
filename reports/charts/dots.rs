//! Amounts of several algorithms in several groups: a panel for each kind of amount, a dot for each algorithm.

use super::{
    Chart, LABEL, NOTE,
    axis::{self, Axis},
    column, font, is_narrow, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};
use crate::format::Quantity;

/// From one algorithm to the next.
const ROW: f64 = 17.0;
/// A group's heading, with the space above it.
const HEADING: f64 = 26.0;

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DotPlot {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) caption: String,
    /// Names of the algorithms, in their colours' order.
    pub(crate) series: Vec<String>,
    pub(crate) panels: Vec<Panel>,
}

/// One kind of amount.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) scale: Scale,
    /// Groups, one below the other.
    pub(crate) groups: Vec<(String, Vec<Dot>)>,
}

/// What a panel's amounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Amount(Quantity),
    Percentage,
}

/// One amount.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dot {
    /// Whose, by its place among the series.
    pub(crate) series: usize,
    pub(crate) value: f64,
    pub(crate) interval: Option<(f64, f64)>,
    /// Whether the true amount is known to be larger: drawn hollow, with an arrow.
    pub(crate) open: bool,
    /// The amount in words, right of the panel.
    pub(crate) text: String,
}

/// Lays `plot` out for `width` pixels.
pub(crate) fn dots(plot: &DotPlot, width: f64) -> Chart {
    let mut scene = Scene::new(width, 0.0);
    let top = title(&mut scene, &plot.title);
    let mut end = legend(&mut scene, top, &plot.series);
    let across = if is_narrow(width) || plot.panels.len() == 1 { 1 } else { 2 };
    let gap = 40.0;
    let panel_width = (width - gap * (across - 1) as f64) / across as f64;
    for row in plot.panels.chunks(across) {
        let mut lowest = end;
        for (i, panel) in row.iter().enumerate() {
            let corner = (i as f64 * (panel_width + gap), end);
            lowest = draw(&mut scene, panel, corner, panel_width).max(lowest);
        }
        end = lowest + 14.0;
    }
    let (name, caption) = (plot.name.clone(), plot.caption.clone());
    Chart { name, title: plot.title.clone(), caption, scene: on_paper(scene, end) }
}

/// Names in a row, or as many rows as it takes; where they end.
fn legend(scene: &mut Scene, top: f64, series: &[String]) -> f64 {
    let (mut x, mut y) = (0.0, top + 14.0);
    for (index, name) in series.iter().enumerate() {
        let name = font::fitted(name, LABEL, scene.width - 24.0);
        let needed = 18.0 + font::width(&name, LABEL) + 22.0;
        if x > 0.0 && x + needed - 22.0 > scene.width {
            (x, y) = (0.0, y + 20.0);
        }
        mark(scene, (x + 6.0, y - 4.5), index, false);
        scene.text((x + 18.0, y), name, LABEL, palette::INK, Anchor::Start);
        x += needed;
    }
    y + 16.0
}

/// Draws one panel and returns where it ends.
fn draw(scene: &mut Scene, panel: &Panel, (left, top): Point, width: f64) -> f64 {
    scene.text((left, top + 15.0), &panel.title, LABEL, palette::INK, Anchor::Start);
    let all = || panel.groups.iter().flat_map(|(_, dots)| dots);
    let texts = column(all().map(|dot| &dot.text), NOTE, 0.4 * width);
    let (from, to) = (left + 8.0, left + width - texts - 16.0);
    let (x, note) = scale(panel, (from, to));
    let mut y = top + 22.0;
    let begin = y + 6.0;
    let height: f64 = panel.groups.iter().map(|(_, dots)| HEADING + ROW * dots.len() as f64).sum();
    grid(scene, &x, (begin, y + height + 4.0), &note);
    for (name, dots) in &panel.groups {
        let name = font::fitted(name, NOTE, width - 4.0);
        // Paper behind the name, so that no grid line runs through it.
        let back = (left + 4.0 + font::width(&name, NOTE), y + HEADING - 6.0);
        scene.rect((left, y + 8.0), back, palette::PAPER);
        scene.text((left, y + HEADING - 9.0), name, NOTE, palette::INK, Anchor::Start);
        y += HEADING;
        for dot in dots {
            one(scene, dot, &x, y + 0.5 * ROW - 4.0);
            let text = font::fitted(&dot.text, NOTE, texts + 0.5);
            let at = (left + width - texts, y + 0.5 * ROW);
            scene.text(at, text, NOTE, palette::INK, Anchor::Start);
            y += ROW;
        }
    }
    y + 4.0 + if note.is_empty() { 18.0 } else { 34.0 }
}

/// Logarithmic where amounts differ widely; the title of the axis says so.
fn scale(panel: &Panel, pixels: (f64, f64)) -> (Axis, String) {
    let dots = || panel.groups.iter().flat_map(|(_, dots)| dots);
    let steps = (((pixels.1 - pixels.0) / 62.0) as usize).max(2);
    let ends = || dots().flat_map(|dot| [Some(dot.value), dot.interval.map(|i| i.1)]).flatten();
    let quantity = match panel.scale {
        Scale::Amount(quantity) => quantity,
        Scale::Percentage => {
            let starts = dots().filter_map(|dot| dot.interval).map(|i| i.0);
            let (low, high) = ends()
                .chain(starts)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            let (low, high) = if low <= high { (low - 0.01, high + 0.01) } else { (0.0, 1.0) };
            return (Axis::percentages(low.max(0.0), high.min(1.0), pixels, steps), "%".to_owned());
        }
    };
    let positive = dots().map(|dot| dot.value).filter(|v| *v > 0.0);
    let (least, most) = positive.fold((f64::INFINITY, 0.0_f64), |(l, m), v| (l.min(v), m.max(v)));
    if most / least > axis::WIDE {
        (Axis::decades(quantity, least / 1.5, most * 1.8, pixels, steps), "logarithmic".to_owned())
    } else {
        // An interval of few seeds can be ten times as long as the amount; it may leave the panel.
        let high = ends().fold(most, f64::max).min(1.6 * most);
        let (axis, unit) = Axis::amounts(quantity, high, pixels, steps);
        (axis, unit.to_owned())
    }
}

fn grid(scene: &mut Scene, x: &Axis, (top, bottom): (f64, f64), note: &str) {
    let mut free = f64::NEG_INFINITY;
    let mut last = 0.0;
    for tick in &x.ticks {
        let at = x.at(tick.value);
        scene.line(&[(at, top), (at, bottom)], palette::GRID, 1.0);
        let half = font::width(&tick.label, NOTE) / 2.0;
        if at - half > free && at - half >= -0.5 {
            scene.text((at, bottom + 14.0), &tick.label, NOTE, palette::MUTED, Anchor::Middle);
            (free, last) = (at + half + 8.0, at + half);
        }
    }
    let anchor = if last > font::width(note, NOTE) { Anchor::End } else { Anchor::Start };
    let at = if anchor == Anchor::End { last } else { x.at(x.value(0.0)) };
    scene.text((at, bottom + 30.0), note, NOTE, palette::MUTED, anchor);
}

fn one(scene: &mut Scene, dot: &Dot, x: &Axis, y: f64) {
    let (color, _) = palette::series(dot.series);
    let at = x.at(dot.value);
    if let Some((low, high)) = dot.interval.filter(|_| !dot.open) {
        let (low, high) = (x.at(low.max(0.0)), x.at(high));
        if high - low > 3.0 {
            scene.line(&[(low, y), (high, y)], color, 1.3);
            for end in [low, high] {
                scene.line(&[(end, y - 3.5), (end, y + 3.5)], color, 1.3);
            }
        }
    }
    if dot.open {
        let tip = at + 15.0;
        scene.line(&[(at, y), (tip, y)], color, 1.3);
        scene.line(&[(tip - 4.0, y - 3.5), (tip, y), (tip - 4.0, y + 3.5)], color, 1.3);
    }
    mark(scene, (at, y), dot.series, dot.open);
}

fn mark(scene: &mut Scene, at: Point, series: usize, open: bool) {
    let (color, dash) = palette::series(series);
    scene.disc(at, 5.2, color);
    if open {
        scene.disc(at, 3.0, palette::PAPER);
    } else if dash.is_some() {
        // The colours have run out: a light heart tells the second seven from the first.
        scene.disc(at, 1.8, palette::PAPER);
    }
}
