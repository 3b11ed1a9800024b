//! The comparison for the terminal: plain text, aligned.

use super::{Compared, Pair};
use crate::{
    format::percent,
    statistics::Resource,
    terminal::{aligned, wrap},
    text::shown,
    words,
};

const WIDTH: usize = 96;

pub(super) fn tables(compared: &Compared, resource: Resource) -> String {
    let mut text = format!("{}\n\n", wrap(&compared.answer().0, WIDTH));
    for remark in &compared.remarks {
        text.push_str(&format!("{}\n\n", wrap(&shown(remark), WIDTH)));
    }
    text.push_str(&costs(compared));
    let title = resource.title().to_lowercase();
    for block in compared.blocks() {
        text.push_str(&format!(
            "\n{}: {title} of the first in multiples of the second's\n",
            block.title
        ));
        let head =
            ["pair", "ratio", "95% interval", "p (Holm)", "exact p", "seeds", "seeds needed"];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(block.pairs.iter().map(|pair| row(compared, pair, resource)));
        text.push_str(&aligned(&rows));
    }
    text.push_str(&format!("\n{}\n", wrap(words::HOW_COMPARED, WIDTH)));
    text
}

fn costs(compared: &Compared) -> String {
    let head =
        ["run", "algorithm", "reached", "time", "compute", "uplink", "downlink", "energy", "final"];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(compared.arms().into_iter().map(|arm| {
        let outcome = arm.outcome;
        let [time, flops, uplink, downlink, energy] =
            Resource::ALL.map(|resource| words::seen(outcome, resource).unwrap_or("-".to_owned()));
        [
            shown(&compared.entries[arm.entry].name),
            shown(&outcome.algorithm),
            format!("{}/{}", outcome.reached, outcome.seeds),
            time,
            flops,
            uplink,
            downlink,
            energy,
            outcome.final_accuracy.map_or("-".to_owned(), |e| percent(e.mean)),
        ]
    }));
    aligned(&rows)
}

fn row(compared: &Compared, pair: &Pair<'_>, resource: Resource) -> [String; 7] {
    let names = [pair.a, pair.b].map(|arm| match pair.a.entry == pair.b.entry {
        true => shown(&arm.outcome.algorithm),
        false => compared.name(arm),
    });
    let name = names.join(" / ");
    match &pair.contrasts[resource.index()] {
        Ok(contrast) => {
            let texts = words::figures(contrast, pair.adjusted[resource.index()]);
            let words::Figures { ratio, interval, p, exact, seeds, needed } = texts;
            [name, ratio, interval, p, exact, seeds, needed]
        }
        Err(why) => {
            let dash = || "-".to_owned();
            [name, words::incomparable(*why, resource), dash(), dash(), dash(), dash(), dash()]
        }
    }
}
