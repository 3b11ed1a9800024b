//! Which devices have the memory for which algorithm.

use fleetune_units::Bytes;

use super::{
    Chart, LABEL, NOTE, column, font, is_narrow, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};
use crate::{
    format::Quantity,
    records::{AlgorithmDetails, ProfileFit},
    text::shown,
};

const ROW: f64 = 42.0;

pub(super) fn chart(algorithms: &[AlgorithmDetails], width: f64) -> Chart {
    let profiles = profiles(algorithms);
    let mut scene = Scene::new(width, 0.0);
    let heading = "Which devices have the memory for which algorithm".to_owned();
    let mut y = title(&mut scene, &heading);
    let heads = profiles.iter().flat_map(|p| [shown(&p.profile), row_note(p)]);
    let head = column(heads, LABEL, 0.34 * width) + 12.0;
    let cell = if is_narrow(width) { 68.0 } else { 108.0 };
    let most = (((width - head) / cell) as usize).max(1);
    // Columns that do not fit side by side go into blocks of equal width, one below the other.
    let blocks = algorithms.len().div_ceil(most).max(1);
    let per_block = algorithms.len().div_ceil(blocks).max(1);
    let cell = ((width - head) / per_block as f64).min(215.0);
    for block in algorithms.chunks(per_block) {
        y = matrix(&mut scene, block, &profiles, (head, cell), y);
    }
    if profiles.is_empty() {
        y = super::notes(&mut scene, y, "No algorithm has a table of memory needs.");
    }
    let scene = on_paper(scene, y + 2.0);
    Chart { name: "memory-fit".to_owned(), title: heading, caption: caption(), scene }
}

/// Every profile once, in order of appearance.
fn profiles(algorithms: &[AlgorithmDetails]) -> Vec<&ProfileFit> {
    let mut profiles: Vec<&ProfileFit> = Vec::new();
    for fit in algorithms.iter().flat_map(|a| &a.fit) {
        if !profiles.iter().any(|p| p.profile == fit.profile) {
            profiles.push(fit);
        }
    }
    profiles
}

fn row_note(fit: &ProfileFit) -> String {
    format!("{} × {}", fit.devices, bytes(fit.budget))
}

fn bytes(x: Bytes) -> String {
    Quantity::Bytes.human(x.get() as f64)
}

/// Draws one block of columns from `y` on and returns where it ends.
fn matrix(
    scene: &mut Scene,
    algorithms: &[AlgorithmDetails],
    profiles: &[&ProfileFit],
    (head, cell): (f64, f64),
    y: f64,
) -> f64 {
    let top = y + 26.0;
    for (i, algorithm) in algorithms.iter().enumerate() {
        let x = head + cell * i as f64;
        let name = font::fitted(&shown(&algorithm.label), LABEL, cell - 6.0);
        scene.text((x + 1.0, top - 9.0), name, LABEL, palette::INK, Anchor::Start);
    }
    for (j, profile) in profiles.iter().enumerate() {
        let y = top + ROW * j as f64;
        let name = font::fitted(&shown(&profile.profile), LABEL, head - 10.0);
        scene.text((0.0, y + 17.0), name, LABEL, palette::INK, Anchor::Start);
        let note = font::fitted(&row_note(profile), NOTE, head - 10.0);
        scene.text((0.0, y + 32.0), note, NOTE, palette::MUTED, Anchor::Start);
        for (i, algorithm) in algorithms.iter().enumerate() {
            let fit = algorithm.fit.iter().find(|f| f.profile == profile.profile);
            draw_cell(scene, fit, (head + cell * i as f64, y), cell);
        }
    }
    top + ROW * profiles.len() as f64 + 14.0
}

fn draw_cell(scene: &mut Scene, fit: Option<&ProfileFit>, (x, y): Point, width: f64) {
    let (from, to) = ((x, y), (x + width - 3.0, y + ROW - 3.0));
    let Some(fit) = fit else {
        scene.rect(from, to, palette::GRID);
        scene.text((x + 8.0, y + 17.0), "not planned", NOTE, palette::MUTED, Anchor::Start);
        return;
    };
    let color = if fit.fits { palette::FITS } else { palette::LACKS };
    scene.tint(from, to, color, if fit.fits { 0.28 } else { 0.22 });
    mark(scene, fit.fits, (x + 8.0, y + 8.0));
    scene.text((x + 24.0, y + 17.0), share(fit), LABEL, palette::INK, Anchor::Start);
    let needed = font::fitted(&bytes(fit.needed), NOTE, width - 12.0);
    scene.text((x + 8.0, y + 32.0), needed, NOTE, palette::MUTED, Anchor::Start);
}

/// A tick or a cross, in a square of ten pixels.
fn mark(scene: &mut Scene, fits: bool, (x, y): Point) {
    let at = |dx: f64, dy: f64| (x + dx, y + dy);
    if fits {
        scene.line(&[at(0.5, 5.5), at(3.5, 8.5), at(9.5, 1.5)], palette::INK, 1.8);
    } else {
        scene.line(&[at(1.0, 1.0), at(9.0, 9.0)], palette::INK, 1.8);
        scene.line(&[at(9.0, 1.0), at(1.0, 9.0)], palette::INK, 1.8);
    }
}

/// The need as a share of the budget, rounded away from the border between fitting and not.
fn share(fit: &ProfileFit) -> String {
    if fit.budget.get() == 0 {
        return "no budget".to_owned();
    }
    let percent = 100.0 * fit.needed.get() as f64 / fit.budget.get() as f64;
    if percent >= 99_950.0 {
        ">999×".to_owned()
    } else if percent >= 1000.0 {
        format!("{:.0}×", percent / 100.0)
    } else if percent > 100.0 {
        format!("{:.0}%", percent.ceil())
    } else if percent < 1.0 {
        "<1%".to_owned()
    } else {
        format!("{:.0}%", percent.floor())
    }
}

fn caption() -> String {
    "Rows are device classes, with the number of devices and the memory that training may use on \
     each. A cell says how much of it an algorithm's client step needs at its peak, as a share and \
     in bytes. A cross means that these devices take no part in training with that algorithm; they \
     are never slowed down instead."
        .to_owned()
}
