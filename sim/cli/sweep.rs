use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use fleetune_models::backend::Backend;
use fleetune_reports::statistics::Resource;
use fleetune_scenarios::{
    schema::Name,
    sweep::{Sweep as Checked, check_sweep},
};
use fleetune_units::Seconds;

use super::{
    Failure, mistakes,
    run::{interruptible, processors},
    say,
    table::Table,
};
use crate::{
    cell::Progress,
    results::Circumstances,
    sweep::{
        Awaited, Manner, Shard, Store, StudyOutcome, SweepError, SweepOutcome, Unfinished,
        WriteError, run_sweep, write, write_study,
    },
};

/// Arguments of `sweep`.
#[derive(Debug, Args)]
pub(super) struct Sweep {
    /// The sweep, such as scenarios/headline.sweep.yaml.
    #[arg(value_name = "SWEEP")]
    path: PathBuf,
    /// Keep cells and results here. What was finished there before is not run again. The default is runs/<name>.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run this part of the cells alone, such as 2/8: the second of eight. Shards may run at once, on several machines,
    /// if they share the folder; a last run without --shard writes the tables.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Threads to use; results do not depend on it. The default is one per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// What computes the tensors: flex or ndarray.
    #[arg(long, value_name = "B", default_value_t = Backend::default())]
    backend: Backend,
    /// No progress on stderr.
    #[arg(long)]
    quiet: bool,
}

impl Sweep {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let sweep = check_sweep(&self.path).map_err(mistakes)?;
        let name = sweep.spec().name.as_str();
        let folder = self.out.clone().unwrap_or_else(|| Path::new("runs").join(name));
        let store = claim(&folder, sweep.text())?;
        let stop = interruptible()?;
        #[expect(clippy::disallowed_methods, reason = "the manifest says how long the host took")]
        let started = Instant::now();
        let threads = self.threads.map_or_else(processors, usize::from);
        let manner = Manner {
            backend: self.backend,
            threads: Some(threads),
            shard: self.shard.unwrap_or(Shard::WHOLE),
            stop: &stop,
        };
        let herald = |study: &Name, all: usize, kept: usize| {
            if !self.quiet {
                eprintln!("{study}: {all} cells, {kept} of them finished before");
            }
        };
        let listener = |progress: Progress<'_>| self.hear(progress);
        let outcome = run_sweep(&sweep, &store, manner, &herald, &listener).map_err(failure)?;
        if let Some(shard) = self.shard {
            return say(&progress(&outcome, shard, &self.path));
        }
        let outcomes = outcome.finished;
        let circumstances = Circumstances {
            backend: self.backend.to_string(),
            threads,
            wall_time: Seconds::from_raw(started.elapsed().as_secs_f64()),
        };
        let mut mixes = String::new();
        for study in &outcomes {
            let written = write_study(&folder, &sweep, study, &circumstances);
            if let Some(compared) = written.map_err(write_failure)? {
                let page = folder.join(study.name.as_str()).join("report.html");
                let tables = compared.terminal(Resource::Time);
                mixes.push_str(&format!("\n{}\n{tables}\nPage: {}\n", study.name, page.display()));
            }
        }
        say(&format!("{}{mixes}\n{}\n", summary(&sweep, &outcomes), folder.display()))
    }

    fn hear(&self, progress: Progress<'_>) {
        let Progress { label, seed, rounds, accuracy, .. } = progress;
        if let Some(accuracy) = accuracy.filter(|_| !self.quiet && rounds > 0) {
            eprintln!("  {label}, seed {seed}: {:.1} % after {rounds} rounds", 100.0 * accuracy);
        }
    }
}

/// The store of the sweep in `folder`, which must be new, empty or a sweep's.
fn claim(folder: &Path, text: &[u8]) -> Result<Store, Failure> {
    let cells = folder.join("cells");
    let taken = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    if taken && !cells.is_dir() {
        let message = "it is not empty, and not a sweep's: choose another directory with --out";
        return Err(Failure::Usage(format!("error: {}: {message}", folder.display())));
    }
    let store = Store::open(&cells).map_err(|error| Failure::Io(format!("error: {error}")))?;
    write(&folder.join("sweep.yaml"), text).map_err(write_failure)?;
    Ok(store)
}

/// What is done after a shard, and what is to be done next.
fn progress(outcome: &SweepOutcome, shard: Shard, path: &Path) -> String {
    let mut text = format!("shard {shard}: done with what it can do\n");
    for study in &outcome.finished {
        text.push_str(&format!("  {}: all cells are there\n", study.name));
    }
    for Unfinished { name, awaits } in &outcome.unfinished {
        text.push_str(&match awaits {
            Awaited::Cells(missing) => {
                format!("  {name}: {missing} cells of other shards are missing\n")
            }
            Awaited::Choice(study) => format!("  {name}: waits for what {study} chooses\n"),
        });
    }
    let file = path.display();
    text.push_str(&if outcome.unfinished.is_empty() {
        format!("Next: fleetune sweep {file}, without --shard, writes the tables.\n")
    } else {
        format!(
            "Next: when the other shards are done, run all of them again, or fleetune sweep {file} for what is left.\n"
        )
    });
    text
}

/// What came of every study that is not on several fleets, for the terminal.
fn summary(sweep: &Checked, outcomes: &[StudyOutcome]) -> String {
    let mut text = String::new();
    let on_fleets = |study: &&StudyOutcome| {
        sweep.spec().studies.get(&study.name).is_some_and(|s| !s.fleets.is_empty())
    };
    for study in outcomes.iter().filter(|study| !on_fleets(study)) {
        let mut table = Table::new(&["algorithm", "trials", "seeds", "least loss", "accuracy"]);
        let mut labels: Vec<_> = study.trials.iter().map(|t| &t.trial.algorithm).collect();
        labels.dedup();
        for label in labels {
            let mine = || study.trials.iter().filter(|t| t.trial.algorithm == *label);
            let best = mine().min_by(|a, b| a.loss().total_cmp(&b.loss()));
            table.row([
                label.to_string(),
                mine().count().to_string(),
                best.map_or_else(String::new, |t| t.cells.len().to_string()),
                best.map_or_else(String::new, |t| format!("{:.4}", t.loss())),
                best.map_or_else(String::new, |t| format!("{:.1}%", 100.0 * t.accuracy())),
            ]);
        }
        text.push_str(&format!("\n{}\n{table}", study.name));
        for (label, chosen) in study.chosen.iter().flatten() {
            let own = |path: &str| {
                path.rsplit_once(&format!(".{label}.")).map_or(path, |p| p.1).to_owned()
            };
            let each = chosen.settings.iter().map(|(path, value)| format!("{}={value}", own(path)));
            text.push_str(&format!("  chosen: {}\n", each.collect::<Vec<_>>().join(" ")));
        }
    }
    text
}

pub(super) fn failure(error: SweepError) -> Failure {
    let message = format!("error: {error}");
    match error {
        SweepError::Stopped => Failure::Stopped(message.trim_start_matches("error: ").to_owned()),
        SweepError::Scenario(errors) => mistakes(errors),
        SweepError::Cell { source, .. } if source.is_broken_invariant() => {
            Failure::Invariant(message)
        }
        SweepError::Store(_) | SweepError::Threads(_) => Failure::Io(message),
        _ => Failure::Usage(message),
    }
}

pub(super) fn write_failure(error: WriteError) -> Failure {
    match error {
        WriteError::Sweep(error) => failure(error),
        WriteError::Compare(error) => super::compare::failure(error),
        other => Failure::Io(format!("error: {other}")),
    }
}
