//! The three tasks that come with the program.
//!
//! All are made from one table of 23,595 English sentences with human sentiment ratings (Hutto and Gilbert, ICWSM
//! 2014); `models/assets/text/README.md` gives origin, terms, and what was done to it.

use std::{fmt, io::Read, str::FromStr};

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};

use super::{
    error::TaskError,
    split::Split,
    task::{ClassInfo, Example, Task},
};

const TABLE: &[u8] = include_bytes!("../assets/text/vader.tsv.gz");

/// Ratings closer to zero than this are neutral and belong to no class of a sentiment task. Ratings are means of about
/// twenty integers in -4..=4; half a point is where the nearest integer stops being zero.
const NEUTRAL: f64 = 0.5;

/// A task that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BuiltinTask {
    /// Where a sentence comes from: film reviews, tweets, product reviews or newspaper editorials.
    Source,
    /// Whether an extract of a film review is negative or positive.
    Movie,
    /// Whether a tweet is negative or positive.
    Tweet,
}

impl BuiltinTask {
    /// Every built-in task.
    pub const ALL: [Self; 3] = [Self::Source, Self::Movie, Self::Tweet];

    /// The name scenarios use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Movie => "movie",
            Self::Tweet => "tweet",
        }
    }

    /// The classes, in the order of their labels, with their prompts.
    pub fn classes(self) -> Vec<ClassInfo> {
        let classes: &[(&str, &str)] = match self {
            Self::Source => &[
                ("movie", "movie review"),
                ("tweet", "tweet"),
                ("product", "product review"),
                ("editorial", "newspaper editorial"),
            ],
            Self::Movie => &[
                ("negative", "i hated this film, it was terrible"),
                ("positive", "i loved this film, it was great"),
            ],
            Self::Tweet => &[
                ("negative", "i hate this, i feel so sad and angry"),
                ("positive", "i love this, i feel so happy and glad"),
            ],
        };
        classes.iter().map(|(name, prompt)| ClassInfo::new(name, prompt)).collect()
    }

    /// Unpacks the task, in some tens of milliseconds.
    pub fn load(self) -> Task {
        let classes = self.classes();
        let table = table();
        let examples = rows(&table).filter_map(|row| {
            let label = self.label(&row, &classes)?;
            Some((row.split, Example { text: row.text.to_owned(), label }))
        });
        Task::assemble(self.name().to_owned(), classes.clone(), examples)
    }

    /// The row's label in this task, if it belongs to it.
    fn label(self, row: &Row<'_>, classes: &[ClassInfo]) -> Option<usize> {
        match self {
            Self::Source => classes.iter().position(|class| class.name == row.source),
            Self::Movie | Self::Tweet if row.source != self.name() => None,
            Self::Movie | Self::Tweet if row.rating < -NEUTRAL => Some(0),
            Self::Movie | Self::Tweet if row.rating > NEUTRAL => Some(1),
            Self::Movie | Self::Tweet => None,
        }
    }
}

impl fmt::Display for BuiltinTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BuiltinTask {
    type Err = TaskError;

    fn from_str(name: &str) -> Result<Self, TaskError> {
        let found = Self::ALL.into_iter().find(|task| task.name() == name);
        found.ok_or_else(|| TaskError::UnknownTask {
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

/// One line of the table.
struct Row<'a> {
    source: &'a str,
    split: Split,
    rating: f64,
    text: &'a str,
}

/// The table as text.
fn table() -> String {
    let mut text = String::new();
    GzDecoder::new(TABLE)
        .read_to_string(&mut text)
        .expect("the embedded table is gzip and UTF-8: a test unpacks it");
    text
}

/// The lines of the table, without its header.
fn rows(table: &str) -> impl Iterator<Item = Row<'_>> {
    table.lines().skip(1).map(|line| {
        let mut columns = line.splitn(6, '\t').skip(1);
        let mut parse = || {
            let (source, _group, split) = (columns.next()?, columns.next()?, columns.next()?);
            let (rating, text) = (columns.next()?.parse().ok()?, columns.next()?);
            Some(Row { source, split: Split::from_name(split)?, rating, text })
        };
        parse().expect("every line of the embedded table has its columns: a test reads them all")
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::tasks::split::{TEST_PERCENT, VALIDATION_PERCENT, collapse, normalise, split_of};

    /// Class counts of training, validation and test, as `build.py` printed them.
    const COUNTS: [(BuiltinTask, [&[usize]; 3]); 3] = [
        (
            BuiltinTask::Source,
            [&[7931, 3181, 2727, 3912], &[1117, 392, 294, 396], &[1554, 626, 659, 806]],
        ),
        (BuiltinTask::Movie, [&[3791, 3713], &[512, 545], &[756, 723]]),
        (BuiltinTask::Tweet, [&[809, 1736], &[92, 228], &[161, 335]]),
    ];

    #[test]
    fn counts_are_those_of_the_program_that_made_the_table() {
        for (builtin, expected) in COUNTS {
            let task = builtin.load();
            assert_eq!(Split::ALL.map(|split| task.class_counts(split)), expected, "{builtin}");
        }
    }

    #[test]
    fn split_is_the_keyed_hash_of_the_group() {
        let table = table();
        for line in table.lines().skip(1) {
            let columns: Vec<_> = line.split('\t').collect();
            assert_eq!(columns.len(), 6, "{line}");
            let split = split_of(columns[2], VALIDATION_PERCENT, TEST_PERCENT);
            assert_eq!(split.name(), columns[3], "{line}");
            assert_eq!(collapse(columns[5]), columns[5], "{line}");
            assert!((-4.0..=4.0).contains(&columns[4].parse().unwrap()), "{line}");
        }
    }

    #[test]
    fn no_wording_is_in_two_splits_of_any_task() {
        let mut home = BTreeMap::new();
        for task in BuiltinTask::ALL.map(BuiltinTask::load) {
            for split in Split::ALL {
                for example in task.examples(split) {
                    let first = *home.entry(normalise(&example.text)).or_insert(split);
                    assert_eq!(first, split, "{}: {}", task.name, example.text);
                }
            }
        }
    }

    /// Every class has its share of every split, within what splitting whole groups lets chance do.
    #[test]
    fn splits_are_stratified() {
        let table = table();
        let mut groups: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
        for line in table.lines().skip(1) {
            let columns: Vec<_> = line.split('\t').collect();
            let size = groups.entry(columns[1]).or_default().entry(columns[2]).or_default();
            *size += 1.0;
        }
        let task = BuiltinTask::Source.load();
        for (label, class) in task.classes.iter().enumerate() {
            let sizes = &groups[class.name.as_str()];
            let (n, squares): (f64, f64) =
                sizes.values().fold((0.0, 0.0), |(n, s), size| (n + size, s + size * size));
            for (split, share) in
                [(Split::Train, 0.75), (Split::Validation, 0.10), (Split::Test, 0.15)]
            {
                // Each group falls in with probability `share`: mean share·n, variance share(1-share) Σ size².
                let sd = (share * (1.0 - share) * squares).sqrt();
                let z = (task.class_counts(split)[label] as f64 - share * n) / sd;
                // Twelve two-sided tests: false alarm below 12 × 6.4e-5 (4 sd), had the hash been drawn anew.
                assert!(z.abs() < 4.0, "{} {}: {z:.1} sd", class.name, split.name());
            }
        }
    }

    #[test]
    fn hashes_are_stable() {
        let hashes = BuiltinTask::ALL.map(|builtin| builtin.load().data_hash());
        assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), 3);
        assert_eq!(
            hashes.map(|hash| hash[..16].to_owned()),
            ["a0eb9611228c5a68", "b57b31755c24cd88", "057ce4da9e39ab6f"]
        );
    }

    #[test]
    fn names_round_trip_and_an_unknown_one_is_told_the_known() {
        for builtin in BuiltinTask::ALL {
            assert_eq!(builtin.name().parse::<BuiltinTask>().unwrap(), builtin);
            let json = serde_json::to_string(&builtin).unwrap();
            assert_eq!(json, format!("\"{builtin}\""));
        }
        let error = "sources".parse::<BuiltinTask>().unwrap_err().to_string();
        assert!(error.contains("`sources`") && error.contains("source, movie, tweet"), "{error}");
    }
}
