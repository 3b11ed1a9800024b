//! Curves of formulas with what was measured on them.

use super::{
    Chart, LABEL, NOTE,
    axis::Axis,
    column, font, notes, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};

/// What to draw: lines and dots over one pair of axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// The name of its files, without extension.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How to read it.
    pub caption: String,
    /// The horizontal axis, with its unit.
    pub x: String,
    /// The vertical axis, with its unit; it begins at zero.
    pub y: String,
    /// Whether the horizontal axis is logarithmic; all values must then be positive.
    pub log_x: bool,
    /// What is drawn, in its colours' order.
    pub traces: Vec<PlotTrace>,
}

/// A line and the dots that belong to it, in one colour; either may be empty.
#[derive(Debug, Clone, PartialEq)]
pub struct PlotTrace {
    /// What it is, for the legend.
    pub name: String,
    /// Points of the line.
    pub line: Vec<(f64, f64)>,
    /// Place, value and half the width of its interval.
    pub dots: Vec<(f64, f64, f64)>,
}

/// Left, right, top and bottom of the plotting area.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// The height of the plotting area.
const HEIGHT: f64 = 320.0;

/// Lays `plot` out for `width` pixels.
pub fn curves(plot: &Plot, width: f64) -> Chart {
    let mut scene = Scene::new(width, 0.0);
    let top = title(&mut scene, &plot.title);
    let top = legend(&mut scene, top + 4.0, &plot.traces) + 32.0;
    let values = || plot.traces.iter().flat_map(points);
    let high = values().map(|p| p.1).fold(0.0, f64::max) * 1.05;
    let vertical = Axis::numbers(0.0, high, (top + HEIGHT, top), 6);
    let labels = vertical.ticks.iter().map(|tick| &tick.label);
    let left = column(labels, NOTE, 90.0) + 10.0;
    let frame = Frame { left, right: width - 14.0, top, bottom: top + HEIGHT };
    let horizontal = x_axis(plot, &frame);
    grid(&mut scene, &frame, &horizontal, &vertical, plot);
    for (index, trace) in plot.traces.iter().enumerate() {
        draw(&mut scene, index, trace, &horizontal, &vertical);
    }
    let end = notes(&mut scene, frame.bottom + 46.0, &plot.caption);
    Chart {
        name: plot.name.clone(),
        title: plot.title.clone(),
        caption: plot.caption.clone(),
        scene: on_paper(scene, end + 6.0),
    }
}

fn points(trace: &PlotTrace) -> impl Iterator<Item = Point> + '_ {
    trace.line.iter().copied().chain(trace.dots.iter().map(|&(x, y, half)| (x, y + half)))
}

fn x_axis(plot: &Plot, frame: &Frame) -> Axis {
    let values = || plot.traces.iter().flat_map(points).map(|p| p.0);
    let (low, high) =
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let pixels = (frame.left, frame.right);
    let most = ((frame.right - frame.left) / 60.0) as usize;
    if plot.log_x {
        Axis::powers(low, high, pixels, most)
    } else {
        // From zero, unless most of the axis would then be empty.
        let from = if low > high / 3.0 { low } else { low.min(0.0) };
        Axis::numbers(from, high, pixels, most.min(10))
    }
}

/// Names in a row, or as many rows as it takes, from `y` on; where they end.
fn legend(scene: &mut Scene, y: f64, traces: &[PlotTrace]) -> f64 {
    let (mut x, mut y) = (0.0, y + 14.0);
    let both = [("line: closed form", false), ("dots: measured", true)];
    let names = traces.iter().map(|trace| trace.name.as_str());
    let entries = names.enumerate().map(|(i, name)| (name, palette::series(i).0));
    let keys = both.map(|(name, _)| (name, palette::MUTED));
    for (index, (name, color)) in entries.chain(keys).enumerate() {
        let needed = 34.0 + font::width(name, LABEL) + 22.0;
        if x > 0.0 && x + needed > scene.width {
            (x, y) = (0.0, y + 20.0);
        }
        let line = index != traces.len() + 1;
        if line {
            scene.line(&[(x, y - 4.5), (x + 26.0, y - 4.5)], color, 2.0);
        }
        if index != traces.len() {
            scene.disc((x + 13.0, y - 4.5), 3.6, color);
        }
        scene.text((x + 34.0, y), name, LABEL, color, Anchor::Start);
        x += needed;
    }
    y
}

fn grid(scene: &mut Scene, frame: &Frame, x: &Axis, y: &Axis, plot: &Plot) {
    let Frame { left, right, top, bottom } = *frame;
    scene.text((0.0, top - 10.0), &plot.y, NOTE, palette::MUTED, Anchor::Start);
    for tick in &y.ticks {
        let at = y.at(tick.value);
        scene.line(&[(left, at), (right, at)], palette::GRID, 1.0);
        scene.text((left - 6.0, at + 4.0), &tick.label, NOTE, palette::MUTED, Anchor::End);
    }
    let mut free = f64::NEG_INFINITY;
    for tick in &x.ticks {
        let (at, half) = (x.at(tick.value), font::width(&tick.label, NOTE) / 2.0);
        scene.line(&[(at, top), (at, bottom + 4.0)], palette::GRID, 1.0);
        if at - half > free {
            scene.text((at, bottom + 17.0), &tick.label, NOTE, palette::MUTED, Anchor::Middle);
            free = at + half + 8.0;
        }
    }
    scene.line(&[(left, bottom), (right, bottom)], palette::MUTED, 1.0);
    scene.text((right, bottom + 36.0), &plot.x, NOTE, palette::MUTED, Anchor::End);
}

fn draw(scene: &mut Scene, index: usize, trace: &PlotTrace, x: &Axis, y: &Axis) {
    let (color, _) = palette::series(index);
    let line: Vec<Point> = trace.line.iter().map(|&(a, b)| (x.at(a), y.at(b))).collect();
    if line.len() > 1 {
        scene.line(&line, color, 2.0);
    }
    for &(a, b, half) in &trace.dots {
        let (at, low, high) = (x.at(a), y.at(b - half), y.at(b + half));
        // An interval that the dot hides needs no whisker.
        if low - high > 9.0 {
            scene.line(&[(at, low), (at, high)], color, 1.2);
            for end in [low, high] {
                scene.line(&[(at - 4.0, end), (at + 4.0, end)], color, 1.2);
            }
        }
        scene.disc((at, y.at(b)), 5.2, palette::PAPER);
        scene.disc((at, y.at(b)), 3.8, color);
    }
}
