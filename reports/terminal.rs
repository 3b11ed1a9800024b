//! The summary for the terminal: plain text, aligned.

use std::path::Path;

use crate::{
    answer::Answer,
    charged,
    format::percent,
    privacy,
    reader::Run,
    staleness,
    statistics::{Comparison, Outcome, Resource},
    text::shown,
    words::seen,
};

/// The answer, a table with a row for each algorithm, how stale and how private updates were, and where the report is.
pub fn summary_table(run: &Run, comparison: &Comparison, report: &Path) -> String {
    let answer = Answer::new(run, comparison);
    let head = [
        "algorithm",
        "reached",
        "time",
        "compute",
        "uplink",
        "downlink",
        "energy",
        "final",
        "gain",
        "excluded",
        "wasted",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(comparison.outcomes.iter().map(row));
    let mut text = format!("{}\n\n", wrap(&answer.headline, 96));
    if let Some(note) = charged::note(run) {
        text.push_str(&format!("{}\n\n", wrap(&note, 96)));
    }
    text.push_str(&aligned(&rows));
    if comparison.outcomes.iter().any(Outcome::is_censored) {
        text.push_str(
            "≥: seeds that did not reach the target count with what they had spent in the end\n",
        );
    }
    for sentence in staleness::sentences(run).into_iter().chain(privacy::sentences(run)) {
        text.push_str(&format!("\n{}\n", wrap(&sentence, 96)));
    }
    text.push_str(&format!("\nReport: {}\n", report.display()));
    text
}

fn row(outcome: &Outcome) -> [String; 11] {
    let cost = |resource: Resource| seen(outcome, resource).unwrap_or("-".to_owned());
    let [time, flops, uplink, downlink, energy] = Resource::ALL.map(cost);
    let last = outcome.final_accuracy.map_or("-".to_owned(), |e| percent(e.mean));
    let gain = outcome.gain.map_or("-".to_owned(), |e| format!("{:+.1} pt", 100.0 * e.mean));
    [
        shown(&outcome.algorithm),
        format!("{}/{}", outcome.reached, outcome.seeds),
        time,
        flops,
        uplink,
        downlink,
        energy,
        last,
        gain,
        outcome.excluded.1.to_string(),
        percent(outcome.wasted),
    ]
}

/// Columns two spaces apart, the first one flush left, the others flush right.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths = std::array::from_fn::<usize, N, _>(width);
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        let mut line = format!("{:<w$}", row[0], w = widths[0]);
        for (cell, w) in row.iter().zip(widths).skip(1) {
            line.push_str(&format!("  {cell:>w$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
        if i == 0 {
            text.push_str(&"-".repeat(widths.iter().sum::<usize>() + 2 * (N - 1)));
            text.push('\n');
        }
    }
    text
}

/// Broken at spaces into lines of at most `limit` characters.
pub(crate) fn wrap(text: &str, limit: usize) -> String {
    let (mut out, mut length) = (String::new(), 0);
    for word in text.split(' ') {
        let long = word.chars().count();
        if length > 0 && length + 1 + long > limit {
            out.push('\n');
            length = 0;
        } else if length > 0 {
            out.push(' ');
            length += 1;
        }
        out.push_str(word);
        length += long;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{aligned, wrap};

    #[test]
    fn columns_line_up() {
        let rows = [["a", "bb"], ["ccc", "×"]].map(|r| r.map(str::to_owned));
        assert_eq!(aligned(&rows), "a    bb\n-------\nccc   ×\n");
    }

    #[test]
    fn sentences_are_broken_at_spaces() {
        assert_eq!(wrap("one two three", 8), "one two\nthree");
    }
}
