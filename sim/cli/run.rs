use std::{
    num::NonZeroU64,
    path::{Path, PathBuf},
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
use fleetune_scenarios::Scenario;
use fleetune_units::Seconds;

use super::{
    Failure, ScenarioArguments,
    claim::{Claim, Resumed},
    progress::Reporter,
    say,
};
use crate::{
    campaign::{CampaignError, keep_campaign, time_campaign},
    cell::{Ending, Progress},
    checkpoint::Every,
    federation::End,
    keep::Keep,
    prepare::Prepared,
    results::{Circumstances, collect},
    timing,
};

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The scenario, such as scenarios/quickstart.yaml.
    #[arg(value_name = "SCENARIO", required_unless_present = "resume")]
    path: Option<PathBuf>,
    /// Change a field: a path and a YAML value, such as federation.cohort=4. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Go on with a run that was stopped or killed, in its directory `....partial`: its results are those of an
    /// uninterrupted one.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["path", "set", "out", "seeds", "backend"])]
    resume: Option<PathBuf>,
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
    /// Keep what is learnt after every N rounds; results do not depend on it. The default is after every round, unless
    /// that takes more than a twentieth of the time.
    #[arg(long, value_name = "N")]
    checkpoint_every: Option<NonZeroU64>,
    /// No progress on stderr.
    #[arg(long)]
    quiet: bool,
    /// Print summary.json instead of the table.
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let stop = interruptible()?;
        if let Some(resumed) = &self.resume {
            return match Claim::resume(resumed)? {
                Resumed::Finished(directory) => self.conclude(&directory),
                Resumed::Run { claim, scenario, backend } => {
                    let prepared = prepare(*scenario, backend)?;
                    self.fill(claim, &prepared, backend, stop)
                }
            };
        }
        let more: Vec<String> = self.seeds.iter().map(|n| format!("seeds={n}")).collect();
        let path = self.path.clone().expect("clap asks for one of the two");
        let scenario = ScenarioArguments { path, set: self.set.clone() }.check(&more)?;
        let directory = match &self.out {
            Some(out) => RunDir::create_exactly(out),
            None => RunDir::create(&PathBuf::from("runs"), scenario.name.as_str(), scenario.hash()),
        }
        .map_err(io)?;
        let prepared = prepare(scenario, self.backend)?;
        let claim = Claim::begin(directory, &prepared.scenario, self.backend)?;
        self.fill(claim, &prepared, self.backend, stop)
    }

    /// Runs what is missing, and says how to go on if that fails.
    fn fill(
        &self,
        claim: Claim,
        prepared: &Prepared,
        backend: Backend,
        stop: Arc<AtomicBool>,
    ) -> Result<(), Failure> {
        let partial = claim.path().to_owned();
        match self.results(&claim, prepared, backend, stop) {
            Ok(()) => {
                let directory =
                    claim.finish().map_err(|failure| failure.and_then_resume(&partial))?;
                self.conclude(&directory)
            }
            Err(failure) => Err(failure.and_then_resume(&partial)),
        }
    }

    fn results(
        &self,
        claim: &Claim,
        prepared: &Prepared,
        backend: Backend,
        stop: Arc<AtomicBool>,
    ) -> Result<(), Failure> {
        let threads = self.threads.map_or_else(processors, usize::from);
        // The one place where the host's clock is read: for the manifest, never for a result.
        #[expect(clippy::disallowed_methods, reason = "the manifest says how long the host took")]
        let started = Instant::now();
        let reporter = Reporter::new(&prepared.scenario, self.quiet);
        let hear = |progress: Progress<'_>| reporter.hear(progress);
        let circumstances = || Circumstances {
            backend: backend.to_string(),
            threads,
            wall_time: Seconds::from_raw(started.elapsed().as_secs_f64()),
        };
        if prepared.scenario.training.is_real() {
            let every = self.checkpoint_every.map_or(Every::Affordable, Every::Rounds);
            let (folder, backend) = (claim.checkpoints(), backend.to_string());
            let keep = Keep { folder, every, backend, stop };
            let cells = keep_campaign(prepared, threads, &keep, &hear);
            reporter.finish();
            let results = collect(prepared, &cells.map_err(failure)?, &circumstances());
            write_tables(claim.path(), &results).map_err(io)?;
        } else {
            let cells = time_campaign(prepared, threads, &stop, &hear);
            reporter.finish();
            let cells = cells.map_err(failure)?;
            if cells.iter().any(|cell| cell.ending == Ending::Ran(End::Asked)) {
                return Err(failure(CampaignError::Paused));
            }
            let results = timing::collect(prepared, &cells, &circumstances());
            reports::write_tables(claim.path(), &results).map_err(io)?;
        }
        render(claim.path()).map_err(io)?;
        Ok(())
    }

    fn conclude(&self, directory: &Path) -> Result<(), Failure> {
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

fn prepare(scenario: Scenario, backend: Backend) -> Result<Prepared, Failure> {
    Prepared::new(scenario, backend).map_err(|error| Failure::Usage(format!("error: {error}")))
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
        eprintln!("finishing what is under way; press Ctrl-C again to stop at once");
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
        CampaignError::Paused => {
            Failure::Stopped("stopped early; what was done is kept".to_owned())
        }
        CampaignError::Threads(_) | CampaignError::Checkpoint(_) | CampaignError::Store(_) => {
            Failure::Io(message)
        }
        _ => Failure::Usage(message),
    }
}
