//! What a chart consists of, before it is painted: shapes in pixels on a page.
//!
//! Charts are laid out once, in real coordinates and with measured texts, and then painted as SVG
//! and PNG alike. That also lets a test see whether texts overlap or leave the page.

use super::font;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Color(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// A place, in pixels from the upper left corner.
pub(crate) type Point = (f64, f64);

/// Which end of a text its place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One thing to paint; later ones cover earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Line { points: Vec<Point>, color: Color, width: f64, opacity: f64 },
    Area { points: Vec<Point>, color: Color, opacity: f64 },
    Rect { from: Point, to: Point, color: Color, opacity: f64 },
    Disc { center: Point, radius: f64, color: Color },
    Text { at: Point, text: String, size: f64, color: Color, anchor: Anchor },
}

/// A chart, laid out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
}

/// Where a text stands; made to be compared with others.
#[derive(Debug, Clone, PartialEq)]
pub struct TextBox {
    /// The text.
    pub text: String,
    /// Its left end, in pixels.
    pub left: f64,
    /// Its right end.
    pub right: f64,
    /// The top of its capitals.
    pub top: f64,
    /// Its base line.
    pub bottom: f64,
}

impl Scene {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self { width, height, shapes: Vec::new() }
    }

    pub(crate) fn line(&mut self, points: &[Point], color: Color, width: f64) {
        self.shapes.push(Shape::Line { points: points.to_vec(), color, width, opacity: 1.0 });
    }

    pub(crate) fn faint_line(&mut self, points: &[Point], color: Color, width: f64) {
        self.shapes.push(Shape::Line { points: points.to_vec(), color, width, opacity: 0.45 });
    }

    /// A line in dashes of `on` pixels with gaps of `off`.
    pub(crate) fn dashed(
        &mut self,
        points: &[Point],
        color: Color,
        width: f64,
        (on, off): (f64, f64),
    ) {
        for dash in dashes(points, on, off) {
            self.line(&dash, color, width);
        }
    }

    pub(crate) fn area(&mut self, points: Vec<Point>, color: Color, opacity: f64) {
        self.shapes.push(Shape::Area { points, color, opacity });
    }

    pub(crate) fn rect(&mut self, from: Point, to: Point, color: Color) {
        self.shapes.push(Shape::Rect { from, to, color, opacity: 1.0 });
    }

    pub(crate) fn tint(&mut self, from: Point, to: Point, color: Color, opacity: f64) {
        self.shapes.push(Shape::Rect { from, to, color, opacity });
    }

    pub(crate) fn disc(&mut self, center: Point, radius: f64, color: Color) {
        self.shapes.push(Shape::Disc { center, radius, color });
    }

    /// A text on the base line at `at`.
    pub(crate) fn text(
        &mut self,
        at: Point,
        text: impl Into<String>,
        size: f64,
        color: Color,
        anchor: Anchor,
    ) {
        let text = text.into();
        if !text.is_empty() {
            self.shapes.push(Shape::Text { at, text, size, color, anchor });
        }
    }

    /// The same with a margin of `margin` pixels; the paper, its first shape, grows with it.
    pub(crate) fn with_margin(&self, margin: f64) -> Self {
        let moved = |p: &Point| (p.0 + margin, p.1 + margin);
        let mut scene = self.clone();
        scene.width += 2.0 * margin;
        scene.height += 2.0 * margin;
        for shape in &mut scene.shapes {
            match shape {
                Shape::Line { points, .. } | Shape::Area { points, .. } => {
                    points.iter_mut().for_each(|p| *p = moved(p));
                }
                Shape::Rect { from, to, .. } => (*from, *to) = (moved(from), moved(to)),
                Shape::Disc { center: at, .. } | Shape::Text { at, .. } => *at = moved(at),
            }
        }
        if let Some(Shape::Rect { from, to, .. }) = scene.shapes.first_mut() {
            (*from, *to) = ((0.0, 0.0), (scene.width, scene.height));
        }
        scene
    }

    pub(crate) fn texts(&self) -> Vec<TextBox> {
        let boxed = |shape: &Shape| match shape {
            Shape::Text { at, text, size, anchor, .. } => {
                let width = font::width(text, *size);
                let left = match anchor {
                    Anchor::Start => at.0,
                    Anchor::Middle => at.0 - width / 2.0,
                    Anchor::End => at.0 - width,
                };
                let (top, bottom) = (at.1 - 0.73 * size, at.1);
                Some(TextBox { text: text.clone(), left, right: left + width, top, bottom })
            }
            _ => None,
        };
        self.shapes.iter().filter_map(boxed).collect()
    }
}

/// Cuts a line into dashes.
fn dashes(points: &[Point], on: f64, off: f64) -> Vec<Vec<Point>> {
    let (mut done, mut dash) = (Vec::new(), Vec::new());
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let length = ((x1 - x0) * (x1 - x0) + (y1 - y0) * (y1 - y0)).sqrt();
        let at = |s: f64| (x0 + (x1 - x0) * s / length, y0 + (y1 - y0) * s / length);
        let mut walked = 0.0;
        if drawing && dash.is_empty() {
            dash.push(pair[0]);
        }
        while length - walked > left {
            walked += left;
            if drawing {
                dash.push(at(walked));
                done.push(std::mem::take(&mut dash));
            } else {
                dash.push(at(walked));
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - walked;
        if drawing {
            dash.push(pair[1]);
        }
    }
    if dash.len() > 1 {
        done.push(dash);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::dashes;

    #[test]
    fn dashes_follow_the_line_around_corners() {
        let cut = dashes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 5.0)], 4.0, 2.0);
        assert_eq!(cut, [vec![(0.0, 0.0), (4.0, 0.0)], vec![(5.0, 1.0), (5.0, 5.0)]]);
    }
}
