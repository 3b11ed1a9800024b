//! The charts of a run, and [`curves`] of anything: laid out for a given width, painted as SVG and PNG.

mod accuracy;
mod anatomy;
mod axis;
mod costs;
mod curves;
mod dots;
mod fit;
mod font;
mod groups;
mod paint;
mod palette;
mod scene;
mod series;
mod staleness;
mod timed;

use crate::{
    charged,
    error::ReportError,
    reader::Run,
    statistics::{Comparison, Resource},
    timing::{self, TimedRun},
};
pub use curves::{Plot, PlotTrace, curves};
pub(crate) use dots::{Dot, DotPlot, Panel, Scale, dots};
pub use scene::TextBox;
use scene::{Anchor, Scene};

/// The width of charts for a screen or a page, in pixels.
pub const WIDE: f64 = 960.0;
/// The width of charts for a telephone, in pixels.
pub const NARROW: f64 = 368.0;

/// The margin of charts in files of their own.
const MARGIN: f64 = 18.0;

/// What a chart is drawn from.
#[derive(Debug, Clone, Copy)]
struct View<'a> {
    run: &'a Run,
    comparison: &'a Comparison,
    width: f64,
}

impl View<'_> {
    fn is_narrow(&self) -> bool {
        is_narrow(self.width)
    }
}

/// Whether there is room for a telephone's layout alone.
fn is_narrow(width: f64) -> bool {
    width < 600.0
}

/// A chart, laid out but not yet painted.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The name of its files, without extension.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it shows and how to read it, in a few sentences of plain text.
    pub caption: String,
    scene: Scene,
}

impl Chart {
    /// The chart as an SVG document that names its font but does not need it.
    ///
    /// # Errors
    /// [`ReportError::Chart`] if the backend refuses, which is a fault of this program.
    pub fn svg(&self) -> Result<String, ReportError> {
        paint::svg(&self.scene.with_margin(MARGIN)).map_err(|problem| self.error(problem))
    }

    /// The chart as an SVG element without a margin, to be set into a page.
    ///
    /// # Errors
    /// [`ReportError::Chart`] if the backend refuses, which is a fault of this program.
    pub fn inline_svg(&self) -> Result<String, ReportError> {
        paint::svg(&self.scene).map_err(|problem| self.error(problem))
    }

    /// The chart as a PNG file of twice its size in pixels.
    ///
    /// # Errors
    /// [`ReportError::Chart`] if the backend refuses, which is a fault of this program.
    pub fn png(&self) -> Result<Vec<u8>, ReportError> {
        paint::png(&self.scene.with_margin(MARGIN)).map_err(|problem| self.error(problem))
    }

    /// Its width and height in pixels.
    pub fn size(&self) -> (f64, f64) {
        (self.scene.width, self.scene.height)
    }

    /// Where its texts stand.
    pub fn texts(&self) -> Vec<TextBox> {
        self.scene.texts()
    }

    fn error(&self, problem: String) -> ReportError {
        ReportError::Chart { chart: self.name.clone(), problem }
    }
}

/// The charts of `run`, laid out for `width` pixels: all that have something to show.
pub fn all(run: &Run, comparison: &Comparison, width: f64) -> Vec<Chart> {
    let view = View { run, comparison, width };
    let mut charts = vec![
        accuracy::chart(&view, Resource::Time),
        accuracy::chart(&view, Resource::Flops),
        accuracy::chart(&view, Resource::Uplink),
        costs::chart(&view),
        fit::chart(&run.details.algorithms, width),
        anatomy::chart(&run.details.algorithms, width),
    ];
    charts.extend(staleness::chart(&view));
    charts.extend(groups::chart(&view));
    match charged::note(run) {
        Some(note) => charts.into_iter().map(|chart| qualified(chart, &note)).collect(),
        None => charts,
    }
}

/// All charts of a run without training, laid out for `width` pixels. Each says that it is one.
pub fn timed(run: &TimedRun, width: f64) -> Vec<Chart> {
    let algorithms = &run.details.algorithms;
    let charts = [
        timed::chart(run, width),
        fit::chart(algorithms, width),
        anatomy::chart(algorithms, width),
    ];
    let note = timing::note(&run.summary);
    charts.into_iter().map(|chart| qualified(chart, &note)).collect()
}

/// A chart that says of whose costs it is: in the picture, and in its caption.
fn qualified(mut chart: Chart, note: &str) -> Chart {
    // The paper, which is laid again below the note.
    chart.scene.shapes.remove(0);
    let bottom = chart.scene.height;
    let end = notes(&mut chart.scene, bottom, note);
    let caption = [chart.caption.as_str(), note].join(" ").trim().to_owned();
    Chart { caption, scene: on_paper(chart.scene, end + 6.0), ..chart }
}

/// The size of titles.
const TITLE: f64 = 16.0;
/// The size of labels.
const LABEL: f64 = 13.0;
/// The size of notes and ticks.
const NOTE: f64 = 11.5;

/// Writes a title at the top, broken into lines, and returns where the chart may begin.
fn title(scene: &mut Scene, text: &str) -> f64 {
    let mut y = 4.0;
    for line in font::wrapped(text, TITLE, scene.width - 4.0) {
        y += 20.0;
        scene.text((0.0, y - 4.0), line, TITLE, palette::INK, Anchor::Start);
    }
    y + 6.0
}

/// Writes notes from `y` on, broken into lines, and returns where they end.
fn notes(scene: &mut Scene, y: f64, text: &str) -> f64 {
    let mut y = y;
    for line in font::wrapped(text, NOTE, scene.width - 4.0) {
        y += 16.0;
        scene.text((0.0, y - 3.0), line, NOTE, palette::MUTED, Anchor::Start);
    }
    y
}

/// Puts the paper below everything and fixes the height.
fn on_paper(mut scene: Scene, height: f64) -> Scene {
    scene.height = height.ceil();
    let corner = (scene.width, scene.height);
    scene.shapes.insert(
        0,
        scene::Shape::Rect { from: (0.0, 0.0), to: corner, color: palette::PAPER, opacity: 1.0 },
    );
    scene
}

/// The widest of `labels`, but at most `limit`.
fn column(labels: impl IntoIterator<Item = impl AsRef<str>>, size: f64, limit: f64) -> f64 {
    labels.into_iter().map(|l| font::width(l.as_ref(), size)).fold(0.0, f64::max).min(limit)
}
