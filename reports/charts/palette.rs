//! Colours that the colour-blind tell apart (Okabe and Ito 2008), and dashes when they run out.

use super::scene::Color;

/// The page.
pub(crate) const PAPER: Color = Color(0xFF, 0xFF, 0xFF);
/// Texts and axes.
pub(crate) const INK: Color = Color(0x1B, 0x1F, 0x24);
/// Secondary texts.
pub(crate) const MUTED: Color = Color(0x5B, 0x65, 0x70);
/// Grid lines and frames.
pub(crate) const GRID: Color = Color(0xE1, 0xE5, 0xEA);

/// Okabe and Ito's blue, vermilion, bluish green, reddish purple, orange and sky blue, then a
/// grey in place of their black, which is the ink's. Their yellow is too pale on white paper.
const SERIES: [Color; 7] = [
    Color(0x00, 0x72, 0xB2),
    Color(0xD5, 0x5E, 0x00),
    Color(0x00, 0x9E, 0x73),
    Color(0xCC, 0x79, 0xA7),
    Color(0xE6, 0x9F, 0x00),
    Color(0x56, 0xB4, 0xE9),
    Color(0x80, 0x80, 0x80),
];

/// The look of the `index`-th algorithm: the same in all charts of a run.
pub(crate) fn series(index: usize) -> (Color, Option<(f64, f64)>) {
    let dash = match index / SERIES.len() {
        0 => None,
        1 => Some((7.0, 3.0)),
        _ => Some((2.0, 2.5)),
    };
    (SERIES[index % SERIES.len()], dash)
}

/// Fits in memory; does not.
pub(crate) const FITS: Color = SERIES[5];
pub(crate) const LACKS: Color = SERIES[1];

/// Download, compute, upload, wait.
pub(crate) const STAGES: [Color; 4] = [SERIES[5], SERIES[4], SERIES[2], UNUSED];

/// What came to nothing.
pub(crate) const UNUSED: Color = Color(0xB8, 0xBF, 0xC7);
