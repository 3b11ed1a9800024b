//! What a client's time in a round is made of.

use super::{
    Chart, LABEL, NOTE,
    axis::WIDE as WIDELY,
    column, font, on_paper, palette,
    scene::{Anchor, Scene},
    title,
};
use crate::{
    format::{Quantity, grouped, percent},
    records::{AlgorithmDetails, LOSSES, RoundAnatomy},
    text::shown,
};

/// From one algorithm to the next, with one line below the bar.
const ROW: f64 = 46.0;
/// Each further line.
const LINE: f64 = 15.0;
const STAGES: [&str; 4] = ["download", "compute", "upload", "wait for others"];

pub(super) fn chart(algorithms: &[AlgorithmDetails], width: f64) -> Chart {
    let totals = algorithms.iter().filter_map(|a| a.anatomy.as_ref()).map(total);
    let most = totals.clone().fold(0.0, f64::max);
    let least = totals.filter(|t| *t > 0.0).fold(f64::INFINITY, f64::min);
    let shares = most / least > WIDELY;
    let mut scene = Scene::new(width, 0.0);
    let heading = if shares {
        "What a client's time in a round is made of, as shares of each algorithm's own total"
    } else {
        "What a client's time in a round is made of"
    };
    let top = title(&mut scene, heading);
    let top = legend(&mut scene, top);
    let label = column(algorithms.iter().map(|a| shown(&a.label)), LABEL, 0.28 * width) + 12.0;
    let bars = (label, width - 66.0);
    let mut y = top;
    for algorithm in algorithms {
        let scale = match &algorithm.anatomy {
            Some(anatomy) if shares => total(anatomy),
            _ => most,
        };
        y = row(&mut scene, algorithm, bars, scale, y);
    }
    let (title, scene) = (heading.to_owned(), on_paper(scene, y + 2.0));
    Chart { name: "round-anatomy".to_owned(), title, caption: caption(shares, algorithms), scene }
}

fn stages(anatomy: &RoundAnatomy) -> [f64; 4] {
    [anatomy.download, anatomy.compute, anatomy.upload, anatomy.wait].map(|t| t.get())
}

fn total(anatomy: &RoundAnatomy) -> f64 {
    stages(anatomy).iter().sum()
}

fn legend(scene: &mut Scene, top: f64) -> f64 {
    let (mut x, mut y) = (0.0, top + 4.0);
    for (name, color) in STAGES.into_iter().zip(palette::STAGES) {
        let width = 18.0 + font::width(name, NOTE) + 20.0;
        if x + width > scene.width {
            (x, y) = (0.0, y + 18.0);
        }
        scene.rect((x, y), (x + 12.0, y + 12.0), color);
        scene.text((x + 18.0, y + 10.0), name, NOTE, palette::INK, Anchor::Start);
        x += width;
    }
    y + 24.0
}

/// Draws one algorithm at `y` and returns where the next begins.
fn row(
    scene: &mut Scene,
    algorithm: &AlgorithmDetails,
    bars: (f64, f64),
    scale: f64,
    y: f64,
) -> f64 {
    let name = font::fitted(&shown(&algorithm.label), LABEL, bars.0 - 12.0);
    scene.text((0.0, y + 15.0), name, LABEL, palette::INK, Anchor::Start);
    let Some(anatomy) = &algorithm.anatomy else {
        let text = "no client ever took part";
        scene.text((bars.0, y + 15.0), text, NOTE, palette::MUTED, Anchor::Start);
        return y + ROW;
    };
    let mut x = bars.0;
    for (seconds, color) in stages(anatomy).into_iter().zip(palette::STAGES) {
        let width = if scale > 0.0 { (bars.1 - bars.0) * seconds / scale } else { 0.0 };
        if width > 0.0 {
            scene.rect((x, y), (x + width, y + 20.0), color);
        }
        x += width;
    }
    let sum = Quantity::Time.human(total(anatomy));
    scene.text((x + 6.0, y + 14.5), sum, LABEL, palette::INK, Anchor::Start);
    let lines = font::wrapped(&losses(algorithm), NOTE, scene.width - bars.0);
    for (i, line) in lines.iter().enumerate() {
        let at = (bars.0, y + 35.0 + LINE * i as f64);
        scene.text(at, line, NOTE, palette::MUTED, Anchor::Start);
    }
    y + ROW + LINE * lines.len().saturating_sub(1) as f64
}

/// What was lost, each kind by its name.
fn losses(algorithm: &AlgorithmDetails) -> String {
    let fates = algorithm.fates();
    let share = |count: u64| percent(count as f64 / fates.started() as f64);
    let parts: Vec<String> =
        fates.losses().map(|(loss, count)| format!("{} {}", share(count), loss.name)).collect();
    let parts = if parts.is_empty() { "nothing lost".to_owned() } else { parts.join(", ") };
    format!("{parts}, of {} client-rounds", grouped(fates.started()))
}

/// What the kinds of loss are that occurred.
fn meanings(algorithms: &[AlgorithmDetails]) -> String {
    let occurs = |name: &str| {
        algorithms.iter().any(|a| a.fates().losses().any(|(loss, _)| loss.name == name))
    };
    let meanings = LOSSES.iter().filter(|loss| occurs(loss.name));
    let meanings: Vec<String> =
        meanings.map(|loss| format!("{}, when {}", loss.name, loss.meaning)).collect();
    if meanings.is_empty() { "nothing".to_owned() } else { meanings.join("; ") }
}

fn caption(shares: bool, algorithms: &[AlgorithmDetails]) -> String {
    let scale = if shares {
        " The totals differ more than thirtyfold, so every bar is drawn to its own total."
    } else {
        ""
    };
    format!(
        "Means over the client-rounds whose result was used. A long first or third part means that \
         the link is the bottleneck, a long second one the processor, a long last one that fast \
         clients wait for slow ones.{scale} Below each bar is what came to nothing: {}.",
        meanings(algorithms)
    )
}
