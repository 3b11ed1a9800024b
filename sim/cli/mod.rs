//! The program, one file a command.
//!
//! Results go to stdout, progress and errors to stderr. Exit codes:
//!
//! | code | meaning | what to do |
//! |---|---|---|
//! | 0 | done | |
//! | 2 | the command line or the scenario is wrong | the message says where and what was expected |
//! | 3 | stopped early; what was written is valid | run again for the rest |
//! | 4 | an invariant of the simulator broke, or a closed form does not hold | report it with the scenario and the seed |
//! | 5 | reading or writing failed | the message names the file |

mod calibrate;
mod check;
mod compare;
mod completions;
mod devices;
mod distill;
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
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: all its algorithms, on all its seeds, and write the report.
    Run(run::Run),
    /// Check scenarios without running them; every mistake is reported with its place.
    Check(check::Check),
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
    /// Make the charts and the report of a run directory again.
    Report(report::Report),
    /// Put runs side by side: what each algorithm cost, ratios with intervals, and why runs cannot be compared.
    Compare(compare::Compare),
    /// Print a completion script for a shell.
    Completions(completions::Completions),
}

/// How a command ended, if not with results.
#[derive(Debug)]
enum Failure {
    /// The command line or a scenario is wrong.
    Usage(String),
    /// Stopped early; what was written is valid.
    Stopped,
    /// An invariant of the simulator broke.
    Invariant(String),
    /// Reading or writing failed.
    Io(String),
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    // clap prints its own errors and exits with 2, as ours do.
    let result = match Arguments::parse().command {
        Command::Run(command) => command.execute(),
        Command::Check(command) => command.execute(),
        Command::Plan(command) => command.execute(),
        Command::Sweep(command) => command.execute(),
        Command::Page(command) => command.execute(),
        Command::Probe(command) => command.execute(),
        Command::Validate(command) => command.execute(),
        Command::Devices(command) => command.execute(),
        Command::Calibrate(command) => command.execute(),
        Command::Distill(command) => command.execute(),
        Command::Report(command) => command.execute(),
        Command::Compare(command) => command.execute(),
        Command::Completions(command) => command.execute(),
    };
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Stopped) => ("stopped early; the results so far are valid".to_owned(), 3),
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
        let all = self.set.iter().chain(more);
        let overrides = Overrides::parse(all.map(String::as_str)).map_err(mistakes)?;
        fleetune_scenarios::check(&self.path, &overrides).map_err(mistakes)
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
