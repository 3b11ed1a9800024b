//! What a client's time in a round is made of.

use super::{
    Chart, LABEL, NOTE,
    axis::WIDE as WIDELY,
    column, font, on_paper, palette,
    scene::{Anchor, Scene},
    title,
};
use crate::{
    format::{Quantity, percent},
    records::{AlgorithmDetails, RoundAnatomy},
    text::shown,
};

const ROW: f64 = 46.0;
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
    for (i, algorithm) in algorithms.iter().enumerate() {
        let scale = match &algorithm.anatomy {
            Some(anatomy) if shares => total(anatomy),
            _ => most,
        };
        row(&mut scene, algorithm, bars, scale, top + ROW * i as f64);
    }
    let end = top + ROW * algorithms.len() as f64;
    let (title, scene) = (heading.to_owned(), on_paper(scene, end + 2.0));
    Chart { name: "round-anatomy".to_owned(), title, caption: caption(shares), scene }
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

fn row(scene: &mut Scene, algorithm: &AlgorithmDetails, bars: (f64, f64), scale: f64, y: f64) {
    let name = font::fitted(&shown(&algorithm.label), LABEL, bars.0 - 12.0);
    scene.text((0.0, y + 15.0), name, LABEL, palette::INK, Anchor::Start);
    let Some(anatomy) = &algorithm.anatomy else {
        let text = "no client ever took part";
        scene.text((bars.0, y + 15.0), text, NOTE, palette::MUTED, Anchor::Start);
        return;
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
    let note = format!(
        "{} dropped, {} too late, of {} client-rounds",
        percent(anatomy.dropped_share),
        percent(anatomy.late_share),
        grouped(anatomy.client_rounds)
    );
    let note = font::fitted(&note, NOTE, scene.width - bars.0);
    scene.text((bars.0, y + 35.0), note, NOTE, palette::MUTED, Anchor::Start);
}

/// 12345 as "12,345".
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn caption(shares: bool) -> String {
    let scale = if shares {
        " The totals differ more than thirtyfold, so every bar is drawn to its own total."
    } else {
        ""
    };
    format!(
        "Means over the client-rounds whose result was used. A long first or third part means that \
         the link is the bottleneck, a long second one the processor, a long last one that fast \
         clients wait for slow ones.{scale} Below each bar is what was lost: clients that went \
         offline, and results that came after the round had ended."
    )
}
