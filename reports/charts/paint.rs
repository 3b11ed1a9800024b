//! Paints a scene with plotters' backends: SVG text and PNG bytes.

use plotters::{
    backend::{BitMapBackend, DrawingBackend, SVGBackend},
    style::{
        Color as _, RGBAColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{
    font,
    scene::{Anchor, Color, Point, Scene, Shape},
};

/// plotters' coordinates are whole numbers, so everything is painted at this many times its size:
/// the SVG's view box is as much larger than the SVG, and the PNG is averaged down.
const FINENESS: f64 = 4.0;

/// Pixels of the PNG for a pixel of the scene, in each direction.
const PNG_SCALE: usize = 2;

/// The scene as an SVG document.
pub(super) fn svg(scene: &Scene) -> Result<String, String> {
    let (width, height) = size(scene);
    let mut text = String::new();
    let mut backend = SVGBackend::with_string(&mut text, (width, height));
    paint(scene, &mut backend, svg_text)?;
    backend.present().map_err(|e| e.to_string())?;
    drop(backend);
    let drawn = format!(r#"<svg width="{width}" height="{height}""#);
    let shown = format!(r#"<svg width="{}" height="{}""#, scene.width, scene.height);
    Ok(text.replacen(&drawn, &shown, 1))
}

/// The scene as a PNG file.
pub(super) fn png(scene: &Scene) -> Result<Vec<u8>, String> {
    let (width, height) = size(scene);
    let mut pixels = vec![255_u8; width as usize * height as usize * 3];
    {
        let mut backend = BitMapBackend::with_buffer(&mut pixels, (width, height));
        paint(scene, &mut backend, bitmap_text)?;
        backend.present().map_err(|e| e.to_string())?;
    }
    let factor = FINENESS as usize / PNG_SCALE;
    let pixels = averaged(&pixels, width as usize, factor);
    encode(&pixels, width / factor as u32, height / factor as u32).map_err(|e| e.to_string())
}

fn encode(pixels: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

/// Replaces squares of `factor` by `factor` pixels by their mean.
fn averaged(pixels: &[u8], width: usize, factor: usize) -> Vec<u8> {
    let row = width * 3;
    let area = (factor * factor) as u32;
    let mut out = Vec::with_capacity(pixels.len() / (factor * factor));
    for rows in pixels.chunks_exact(row * factor) {
        for x in (0..row).step_by(3 * factor) {
            for channel in 0..3 {
                let sum = (0..factor)
                    .flat_map(|dy| (0..factor).map(move |dx| (dx, dy)))
                    .map(|(dx, dy)| u32::from(rows[dy * row + x + 3 * dx + channel]))
                    .sum::<u32>();
                out.push(((sum + area / 2) / area) as u8);
            }
        }
    }
    out
}

/// The scene's size as it is painted: whole pixels of the PNG.
fn size(scene: &Scene) -> (u32, u32) {
    let pixels = |x: f64| x.ceil() as u32 * FINENESS as u32;
    (pixels(scene.width), pixels(scene.height))
}

fn rgba(color: Color, opacity: f64) -> RGBAColor {
    RGBAColor(color.0, color.1, color.2, opacity)
}

fn fine((x, y): Point) -> (i32, i32) {
    ((x * FINENESS).round() as i32, (y * FINENESS).round() as i32)
}

type TextPainter<B> = fn(&mut B, Point, &str, f64, RGBAColor, Anchor) -> Result<(), String>;

fn paint<B: DrawingBackend>(
    scene: &Scene,
    backend: &mut B,
    text_painter: TextPainter<B>,
) -> Result<(), String> {
    font::register();
    for shape in &scene.shapes {
        match shape {
            Shape::Line { points, color, width, opacity } => {
                let style = ShapeStyle {
                    color: rgba(*color, *opacity),
                    filled: false,
                    stroke_width: (width * FINENESS).round().max(1.0) as u32,
                };
                backend.draw_path(distinct(points), &style).map_err(|e| e.to_string())?;
            }
            Shape::Area { points, color, opacity } => {
                let style = rgba(*color, *opacity).filled();
                backend.fill_polygon(distinct(points), &style).map_err(|e| e.to_string())?;
            }
            Shape::Rect { from, to, color, opacity } => {
                let style = rgba(*color, *opacity).filled();
                backend
                    .draw_rect(fine(*from), fine(*to), &style, true)
                    .map_err(|e| e.to_string())?;
            }
            Shape::Disc { center, radius, color } => {
                let style = rgba(*color, 1.0).filled();
                let radius = (radius * FINENESS).round() as u32;
                backend
                    .draw_circle(fine(*center), radius, &style, true)
                    .map_err(|e| e.to_string())?;
            }
            Shape::Text { at, text, size, color, anchor } => {
                text_painter(backend, *at, text, *size, rgba(*color, 1.0), *anchor)?;
            }
        }
    }
    Ok(())
}

/// The points in fine pixels, without repetitions (which have no direction to draw a joint in).
fn distinct(points: &[Point]) -> Vec<(i32, i32)> {
    let mut fine = points.iter().map(|&p| fine(p)).collect::<Vec<_>>();
    fine.dedup();
    fine
}

/// plotters divides font sizes by 1.24 for SVG, and puts a text that is anchored at its top 0.76
/// em below: the one anchor that does not depend on the reader's font.
fn svg_text<B: DrawingBackend>(
    backend: &mut B,
    (x, y): Point,
    text: &str,
    em: f64,
    color: RGBAColor,
    anchor: Anchor,
) -> Result<(), String> {
    let h = match anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let style = TextStyle::from((font::FAMILY, em * FINENESS * 1.24))
        .color(&color)
        .pos(Pos::new(h, VPos::Top));
    backend.draw_text(text, &style, fine((x, y - 0.76 * em))).map_err(|e| e.to_string())
}

/// plotters' bitmaps have the base line of a text half its size below its top.
fn bitmap_text<B: DrawingBackend>(
    backend: &mut B,
    (x, y): Point,
    text: &str,
    em: f64,
    color: RGBAColor,
    anchor: Anchor,
) -> Result<(), String> {
    let size = font::bitmap_size(em);
    let left = match anchor {
        Anchor::Start => x,
        Anchor::Middle => x - font::width(text, em) / 2.0,
        Anchor::End => x - font::width(text, em),
    };
    let style = TextStyle::from((font::FAMILY, size * FINENESS))
        .color(&color)
        .pos(Pos::new(HPos::Left, VPos::Top));
    backend.draw_text(text, &style, fine((left, y - size / 2.0))).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::averaged;

    #[test]
    fn averaging_takes_squares() {
        // Two rows of four grey pixels.
        let grey = [0, 4, 100, 200, 8, 12, 100, 200_u8];
        let pixels = grey.iter().flat_map(|&g| [g; 3]).collect::<Vec<_>>();
        assert_eq!(averaged(&pixels, 4, 2), [6, 6, 6, 150, 150, 150]);
    }
}
