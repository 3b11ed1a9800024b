use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use clap::Args;
use fleetune_models::backend::Backend;
use fleetune_reports::{
    ReportError, Run as Stored, RunDir, render, statistics::Comparison, summary_table,
    timing as reports, write_tables,
};
use fleetune_units::Seconds;

use super::{Failure, ScenarioArguments, progress::Reporter, say};
use crate::{
    campaign::{CampaignError, run_campaign, time_campaign},
    cell::{Ending, Progress},
    federation::End,
    prepare::Prepared,
    results::{Circumstances, collect},
    timing,
};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// Write into exactly this directory, which must not exist or be empty. The default is
    /// runs/<name>-<hash>, with a number behind it if that exists.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Run this many seeds instead of the scenario's.
    #[arg(long, value_name = "N")]
    seeds: Option<u32>,
    /// Threads to use; results do not depend on it. The default is one per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// What computes the tensors: flex or ndarray.
    #[arg(long, value_name = "B", default_value_t = Backend::default())]
    backend: Backend,
    /// No progress on stderr.
    #[arg(long)]
    quiet: bool,
    /// Print summary.json instead of the table.
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let more: Vec<String> = self.seeds.iter().map(|n| format!("seeds={n}")).collect();
        let scenario = self.scenario.check(&more)?;
        let directory = match &self.out {
            Some(out) => RunDir::create_exactly(out),
            None => RunDir::create(&PathBuf::from("runs"), scenario.name.as_str(), scenario.hash()),
        }
        .map_err(io)?;
        let threads = self.threads.map_or_else(processors, usize::from);
        let stop = interruptible()?;
        // The one place where the host's clock is read: for the manifest, never for a result.
        #[expect(clippy::disallowed_methods, reason = "the manifest says how long the host took")]
        let started = Instant::now();
        let prepared = Prepared::new(scenario, self.backend)
            .map_err(|error| Failure::Usage(format!("error: {error}")))?;
        let reporter = Reporter::new(&prepared.scenario, self.quiet);
        let hear = |progress: Progress<'_>| reporter.hear(progress);
        let circumstances = || Circumstances {
            backend: self.backend.to_string(),
            threads,
            wall_time: Seconds::from_raw(started.elapsed().as_secs_f64()),
        };
        let interrupted = if prepared.scenario.training.is_real() {
            let cells = run_campaign(&prepared, threads, &stop, &hear);
            reporter.finish();
            let cells = cells.map_err(failure)?;
            let results = collect(&prepared, &cells, &circumstances());
            write_tables(directory.path(), &results).map_err(io)?;
            cells.iter().any(|cell| was_interrupted(&cell.ending))
        } else {
            let cells = time_campaign(&prepared, threads, &stop, &hear);
            reporter.finish();
            let cells = cells.map_err(failure)?;
            let results = timing::collect(&prepared, &cells, &circumstances());
            reports::write_tables(directory.path(), &results).map_err(io)?;
            cells.iter().any(|cell| was_interrupted(&cell.ending))
        };
        render(directory.path()).map_err(io)?;
        let directory = directory.finish().map_err(io)?;
        self.conclude(&directory)?;
        if interrupted { Err(Failure::Stopped) } else { Ok(()) }
    }

    fn conclude(&self, directory: &std::path::Path) -> Result<(), Failure> {
        if self.json {
            let path = directory.join("summary.json");
            let text = std::fs::read_to_string(&path)
                .map_err(|e| Failure::Io(format!("error: cannot read {}: {e}", path.display())))?;
            return say(&text);
        }
        let report = directory.join("report.html");
        if reports::is_timed(directory).map_err(io)? {
            let run = reports::TimedRun::load(directory).map_err(io)?;
            return say(&reports::summary_table(&run, &report));
        }
        let run = Stored::load(directory).map_err(io)?;
        let comparison = Comparison::new(&run);
        say(&summary_table(&run, &comparison, &report))
    }
}

fn was_interrupted(ending: &Ending) -> bool {
    *ending == Ending::Ran(End::Asked)
}

pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A flag that Ctrl-C raises; the second Ctrl-C ends the program at once.
pub(super) fn interruptible() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("finishing the rounds under way; press Ctrl-C again to give up");
    })
    .map_err(|error| Failure::Io(format!("error: cannot listen for interrupts: {error}")))?;
    Ok(stop)
}

pub(super) fn io(error: ReportError) -> Failure {
    Failure::Io(format!("error: {error}"))
}

pub(super) fn failure(error: CampaignError) -> Failure {
    let message = format!("error: {error}");
    match &error {
        CampaignError::Cell { source, .. } if source.is_broken_invariant() => {
            Failure::Invariant(message)
        }
        CampaignError::Threads(_) => Failure::Io(message),
        _ => Failure::Usage(message),
    }
}
