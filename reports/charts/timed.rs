//! What a whole run without training takes: a panel for each resource, a bar for each algorithm.

use super::{
    Chart, LABEL, NOTE,
    axis::Axis,
    column, font, is_narrow, on_paper, palette,
    scene::{Anchor, Point, Scene},
    title,
};
use crate::{
    format::Quantity,
    text::shown,
    timing::{Amount, Taking, TimedRun, takings},
};

const ROW: f64 = 24.0;

pub(super) fn chart(run: &TimedRun, width: f64) -> Chart {
    let takings = takings(run);
    let mut scene = Scene::new(width, 0.0);
    let heading = "What the whole run takes".to_owned();
    let mut end = title(&mut scene, &heading);
    let across = if is_narrow(width) { 1 } else { 2 };
    let gap = 44.0;
    let panel_width = (width - gap * (across - 1) as f64) / across as f64;
    for row in PANELS.chunks(across) {
        for (i, panel) in row.iter().enumerate() {
            let corner = (i as f64 * (panel_width + gap), end);
            draw(&mut scene, &takings, panel, (corner, panel_width));
        }
        end += 46.0 + ROW * takings.len() as f64;
    }
    let scene = on_paper(scene, end - 6.0);
    Chart { name: "run-costs".to_owned(), title: heading, caption: caption(), scene }
}

/// What a panel shows.
struct Panel {
    heading: &'static str,
    quantity: Quantity,
    amount: fn(&Taking) -> &Amount,
}

const fn panel(heading: &'static str, quantity: Quantity, amount: fn(&Taking) -> &Amount) -> Panel {
    Panel { heading, quantity, amount }
}

/// Resources are in the order of `Resource::ALL`.
const PANELS: [Panel; 6] = [
    panel("Simulated time", Quantity::Time, |taking| &taking.resources[0]),
    panel("Simulated time of a round", Quantity::Time, |taking| &taking.per_round),
    panel("Arithmetic on devices", Quantity::Flops, |taking| &taking.resources[1]),
    panel("Device energy", Quantity::Energy, |taking| &taking.resources[4]),
    panel("Sent by devices", Quantity::Bytes, |taking| &taking.resources[2]),
    panel("Sent to devices", Quantity::Bytes, |taking| &taking.resources[3]),
];

fn draw(scene: &mut Scene, takings: &[Taking], panel: &Panel, (at, width): (Point, f64)) {
    let Panel { heading, quantity, amount } = *panel;
    scene.text((at.0, at.1 + 16.0), heading, LABEL, palette::INK, Anchor::Start);
    let label_width = column(takings.iter().map(|t| shown(&t.algorithm)), LABEL, 0.3 * width);
    let values = column(takings.iter().map(|t| &amount(t).mean), NOTE, 0.3 * width);
    let bars = (at.0 + label_width + 10.0, at.0 + width - values - 10.0);
    let most = takings.iter().map(|t| amount(t).value).fold(0.0, f64::max);
    let (x, _) = Axis::amounts(quantity, most, bars, 4);
    let top = at.1 + 24.0;
    let bottom = top + 2.0 + ROW * takings.len() as f64;
    scene.line(&[(bars.0, top), (bars.0, bottom)], palette::MUTED, 1.0);
    for (i, taking) in takings.iter().enumerate() {
        let middle = top + ROW * (i as f64 + 0.5) + 1.0;
        let label = font::fitted(&shown(&taking.algorithm), LABEL, label_width);
        scene.text((at.0, middle + 4.5), label, LABEL, palette::INK, Anchor::Start);
        let Amount { mean, value, .. } = amount(taking);
        let (color, _) = palette::series(i);
        let end = x.at(*value).max(bars.0 + 1.0);
        scene.tint((bars.0, middle - 7.0), (end, middle + 7.0), color, 0.85);
        scene.text((end + 6.0, middle + 4.0), mean, NOTE, palette::INK, Anchor::Start);
    }
}

fn caption() -> String {
    "Means over seeds, all devices together, from the start of the run to its end, waste included. Runs end where the \
     scenario says, so a shorter bar is no better unless as many rounds were run."
        .to_owned()
}
