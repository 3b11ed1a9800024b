//! Curves of closed forms, with what was measured on them, as plain data.

use serde::{Deserialize, Serialize};

use crate::Finding;

/// A figure: closed forms as lines, measurements as dots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// Short, for a file's name: lower-case letters and hyphens.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// How to read it, and what is to be seen.
    pub caption: String,
    /// The horizontal axis, with its unit.
    pub x: String,
    /// The vertical axis, with its unit.
    pub y: String,
    /// Whether the horizontal axis is logarithmic.
    pub log_x: bool,
    /// What is drawn.
    pub traces: Vec<Trace>,
}

/// A closed form and what was measured of it; either may be missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// What it is.
    pub name: String,
    /// The closed form, as points of a line.
    pub line: Vec<(f64, f64)>,
    /// What was measured.
    pub dots: Vec<Dot>,
}

/// A measured point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dot {
    /// Where.
    pub x: f64,
    /// What was measured there.
    pub y: f64,
    /// Half the width of its interval.
    pub half_width: f64,
}

impl Figure {
    /// A figure without traces, with linear axes.
    pub fn new(name: &str, title: &str, (x, y): (&str, &str), caption: &str) -> Self {
        let [name, title, caption, x, y] = [name, title, caption, x, y].map(str::to_owned);
        Self { name, title, caption, x, y, log_x: false, traces: Vec::new() }
    }

    /// With a logarithmic horizontal axis.
    #[must_use]
    pub fn logarithmic(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// With one trace more.
    #[must_use]
    pub fn with(mut self, name: &str, line: Vec<(f64, f64)>, dots: Vec<Dot>) -> Self {
        self.traces.push(Trace { name: name.to_owned(), line, dots });
        self
    }
}

impl Dot {
    /// What `finding` measured, at `x`.
    pub fn of(x: f64, finding: &Finding) -> Self {
        Self { x, y: finding.measured, half_width: finding.half_width() }
    }
}

/// `f` at `steps` + 1 points from `from` to `to`, evenly spaced.
pub fn curve((from, to): (f64, f64), steps: u32, f: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let at = |i: u32| from + (to - from) * f64::from(i) / f64::from(steps);
    (0..=steps).map(at).map(|x| (x, f(x))).collect()
}
