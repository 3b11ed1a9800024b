use std::path::{Path, PathBuf};

use clap::Args;
use fleetune_validation::{Finding, Record, Verdict, cells, run_watched};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Failure, run::io, say, sweep::write_failure, table::Table};
use crate::{
    sweep::write,
    validate::{choose, page::page},
};

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Only these: series, such as N, or experiments, such as N6. May be repeated, or separated by commas.
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// Also write the page about it, a Markdown file; its pictures are put into a folder of the same name beside it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Threads to use; results do not depend on it. The default is one per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print JSON instead of tables, figures included.
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let chosen = choose(&self.only).map_err(|name| {
            let known =
                "expected a series, Q, N, R, A, C or E, or an experiment of one, such as N6";
            Failure::Usage(format!("error: --only: {known}; found `{name}`"))
        })?;
        let threads = self.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| Failure::Io(format!("error: cannot start threads: {e}")))?;
        // Hidden where stderr is no terminal.
        let bar = ProgressBar::new(chosen.len() as u64).with_style(style());
        let records = pool.install(|| run_watched(&chosen, &|_| bar.inc(1)));
        bar.finish_and_clear();
        // An experiment that cannot be carried out is a fault of the simulator too.
        let records = records.map_err(|e| Failure::Invariant(format!("error: {e}")))?;
        if self.json {
            let text = serde_json::to_string_pretty(&records).expect("plain data has no bad keys");
            say(&format!("{text}\n"))?;
        } else {
            records.iter().try_for_each(|record| say(&describe(record)))?;
        }
        if let Some(path) = &self.out {
            self.put_page(path, &records)?;
        }
        if !self.json {
            say(&conclusion(&records))?;
        }
        judge(&records)
    }

    fn put_page(&self, path: &Path, records: &[Record]) -> Result<(), Failure> {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_else(|| "validation".to_owned());
        let only = match self.only.join(",") {
            none if none.is_empty() => none,
            some => format!(" --only {some}"),
        };
        let command = format!("cargo run --release -- validate{only} --out {}", path.display());
        let page = page(records, &stem, &command).map_err(io)?;
        let folder = path.parent().unwrap_or(Path::new("")).join(&stem);
        std::fs::create_dir_all(&folder)
            .map_err(|e| Failure::Io(format!("error: cannot create {}: {e}", folder.display())))?;
        for (name, picture) in &page.pictures {
            write(&folder.join(name), picture).map_err(write_failure)?;
        }
        write(path, page.text.as_bytes()).map_err(write_failure)
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos} of {len} experiments, {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Quantities are broken at this many characters.
const WIDTH: usize = 60;

fn describe(record: &Record) -> String {
    let accepted = record.findings.iter().filter(|f| f.verdict == Verdict::Accepted).count();
    let mut text = format!(
        "{} {}: {accepted} of {} accepted\n",
        record.id,
        record.title,
        record.findings.len()
    );
    wrapped(&record.closed_form, 96).iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    let mut table = Table::new(&["", "expected", "measured", "allowed", ""]);
    for finding in &record.findings {
        let [what, expected, measured, allowed, verdict] = cells(finding);
        let mut lines = wrapped(&what, WIDTH);
        // The numbers stand beside the last line of their name.
        let last = lines.pop().unwrap_or_default();
        lines
            .into_iter()
            .for_each(|line| table.row([line, "".into(), "".into(), "".into(), "".into()]));
        let verdict = if finding.verdict == Verdict::Accepted { String::new() } else { verdict };
        table.row([last, expected, measured, allowed, verdict]);
    }
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    text
}

/// `text` in lines of at most `width` characters, but for longer words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn conclusion(records: &[Record]) -> String {
    let checks: usize = records.iter().map(|record| record.findings.len()).sum();
    let failed = records.iter().flat_map(|record| &record.findings);
    match failed.filter(|f| f.verdict != Verdict::Accepted).count() {
        0 => format!("{} experiments, {checks} checks: all accepted\n", records.len()),
        failed => {
            format!("{} experiments, {checks} checks: {failed} NOT accepted\n", records.len())
        }
    }
}

/// Fails with a line for each check that was not accepted.
fn judge(records: &[Record]) -> Result<(), Failure> {
    let line = |id: &str, finding: &Finding| {
        let [what, expected, measured, allowed, verdict] = cells(finding);
        format!(
            "{id}: {verdict}: {what}: expected {expected}, measured {measured}, allowed {allowed}\n"
        )
    };
    let failed = records.iter().flat_map(|record| record.findings.iter().map(move |f| (record, f)));
    let failed = failed.filter(|(_, finding)| finding.verdict != Verdict::Accepted);
    match failed.map(|(record, finding)| line(&record.id, finding)).collect::<String>() {
        none if none.is_empty() => Ok(()),
        some => Err(Failure::Invariant(some)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(findings: Vec<Finding>) -> Record {
        Record {
            id: "X1".to_owned(),
            title: "Something".to_owned(),
            statement: String::new(),
            closed_form: String::new(),
            findings,
            figures: Vec::new(),
        }
    }

    #[test]
    fn what_is_rejected_or_proves_nothing_is_a_broken_invariant() {
        let good = || Finding::exact("bytes", "B", 1, 1);
        assert!(judge(&[record(vec![good()])]).is_ok());
        let wrong = Finding::exact("bytes", "B", 5, 6);
        let blunt = Finding::within("time", "s", 1.0, 1.0, 0.5);
        for (bad, word) in [(wrong, "REJECTED: bytes: expected 5 B"), (blunt, "PROVES NOTHING")] {
            let records = [record(vec![good(), bad])];
            let Err(Failure::Invariant(text)) = judge(&records) else { panic!("{word}") };
            assert!(text.starts_with("X1: ") && text.contains(word), "{text}");
            assert_eq!(conclusion(&records), "1 experiments, 2 checks: 1 NOT accepted\n");
            assert!(describe(&records[0]).starts_with("X1 Something: 1 of 2 accepted\n"));
        }
    }

    #[test]
    fn long_names_are_broken_at_spaces() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensibilities", 7), ["incomprehensibilities"]);
    }
}
