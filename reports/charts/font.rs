//! The embedded font: measuring, cutting and registering.

use std::sync::OnceLock;

use ab_glyph::{Font as _, FontRef, ScaleFont as _};
use plotters::style::FontStyle;

/// The bytes of Liberation Sans; see `fonts/README.md`.
static BYTES: &[u8] = include_bytes!("../fonts/LiberationSans-Regular.ttf");

/// The name under which plotters knows the font, and the `font-family` of SVG texts. Arial's and
/// Helvetica's glyphs are as wide as Liberation Sans's.
pub(crate) const FAMILY: &str = "Liberation Sans, Arial, Helvetica, sans-serif";

fn font() -> &'static FontRef<'static> {
    static FONT: OnceLock<FontRef<'static>> = OnceLock::new();
    FONT.get_or_init(|| FontRef::try_from_slice(BYTES).expect("the embedded font is sound"))
}

/// Makes plotters know the font.
pub(crate) fn register() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let done = plotters::style::register_font(FAMILY, FontStyle::Normal, BYTES);
        assert!(done.is_ok(), "the embedded font is sound");
    });
}

/// The size to ask plotters' bitmap backend for, to get letters of `em` pixels: it takes the
/// height from ascender to descender.
pub(crate) fn bitmap_size(em: f64) -> f64 {
    em * f64::from(font().height_unscaled()) / f64::from(font().units_per_em().unwrap_or(2048.0))
}

/// How wide `text` is at `em` pixels.
pub(crate) fn width(text: &str, em: f64) -> f64 {
    let scaled = font().as_scaled(bitmap_size(em) as f32);
    let (mut width, mut before) = (0.0, None);
    for c in text.chars() {
        let glyph = scaled.glyph_id(c);
        width += before.map_or(0.0, |b| scaled.kern(b, glyph)) + scaled.h_advance(glyph);
        before = Some(glyph);
    }
    f64::from(width)
}

/// `text`, cut so that it is at most `limit` wide, with an ellipsis if anything was cut.
pub(crate) fn fitted(text: &str, em: f64, limit: f64) -> String {
    if width(text, em) <= limit {
        return text.to_owned();
    }
    let mut kept = text.chars().take(400).collect::<Vec<_>>();
    while kept.pop().is_some() {
        let cut = kept.iter().collect::<String>();
        let cut = format!("{}…", cut.trim_end());
        if width(&cut, em) <= limit {
            return cut;
        }
    }
    String::new()
}

/// `text` broken at spaces into lines of at most `limit`.
pub(crate) fn wrapped(text: &str, em: f64, limit: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), em) <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fitted(word, em, limit)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_arial() {
        // Arial's advances per 2048 units: H 1479, e 1139, l 455, o 1139; no kerning in "Hello".
        let expected = f64::from(1479 + 1139 + 455 + 455 + 1139) / 2048.0 * 16.0;
        assert!((width("Hello", 16.0) - expected).abs() < 0.01, "{}", width("Hello", 16.0));
    }

    #[test]
    fn cut_texts_keep_to_the_limit() {
        let cut = fitted("a very long label indeed", 12.0, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 60.0, "{cut}");
        assert_eq!(fitted("short", 12.0, 60.0), "short");
        assert_eq!(fitted("anything", 12.0, 0.0), "");
    }
}
