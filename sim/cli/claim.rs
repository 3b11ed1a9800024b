//! A run's directory from its claim to its end: it is one process's alone, and a run that was killed goes on in it.
//!
//! ```text
//! DIR.partial/checkpoints/run.json    which program began the run, and how
//! DIR.partial/checkpoints/lock        locked while a process is at it; the system lets go of it when that ends
//! DIR.partial/checkpoints/...         cells, as in `keep`
//! DIR.partial/scenario.resolved.yaml  as resolved: once it is there the run can go on
//! ```
//!
//! A finished run has none of it but the scenario.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use fleetune_models::backend::Backend;
use fleetune_reports::RunDir;
use fleetune_scenarios::{Overrides, Scenario, check};
use serde::{Deserialize, Serialize};

use super::{Failure, mistakes, run::io as report_failure};
use crate::checkpoint::atomically;

const CHECKPOINTS: &str = "checkpoints";
const SCENARIO: &str = "scenario.resolved.yaml";
const RUN: &str = "run.json";
const LOCK: &str = "lock";

/// How a run was begun: what is not in its scenario.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    /// The version, for people.
    fleetune: String,
    /// A hash of the sources that results are computed from.
    engine: String,
    /// A hash of all that results depend on, the files that the scenario names included.
    scenario: String,
    backend: Backend,
    /// Whether the directory was asked for by name.
    exactly: bool,
}

impl Begun {
    /// By this program.
    fn now(scenario: &Scenario, backend: Backend, exactly: bool) -> Self {
        let fleetune = env!("CARGO_PKG_VERSION").to_owned();
        let (engine, scenario) = (env!("FLEETUNE_ENGINE").to_owned(), scenario.hash().to_owned());
        Self { fleetune, engine, scenario, backend, exactly }
    }
}

/// A run directory that is this process's.
#[derive(Debug)]
pub(super) struct Claim {
    directory: RunDir,
    /// Held while this lives.
    _lock: File,
}

/// What there is to be resumed.
#[derive(Debug)]
pub(super) enum Resumed {
    /// A run that goes on.
    Run {
        /// Its directory.
        claim: Claim,
        /// Its scenario.
        scenario: Box<Scenario>,
        /// What computes its tensors.
        backend: Backend,
    },
    /// One that was killed when nothing but its checkpoints were left to be removed: they are.
    Finished(PathBuf),
}

impl Claim {
    /// Begins a run in a directory of its own.
    pub(super) fn begin(
        directory: RunDir,
        scenario: &Scenario,
        backend: Backend,
    ) -> Result<Self, Failure> {
        let folder = directory.path().join(CHECKPOINTS);
        fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        let lock = lock(directory.path())?;
        let begun = Begun::now(scenario, backend, directory.is_exact());
        let text = serde_json::to_vec_pretty(&begun).map_err(io::Error::other);
        let path = folder.join(RUN);
        text.and_then(|text| atomically(&path, [&text[..]])).map_err(failed("write", &path))?;
        let path = directory.path().join(SCENARIO);
        let text = scenario.resolved_yaml();
        atomically(&path, [text.as_bytes()]).map_err(failed("write", &path))?;
        Ok(Self { directory, _lock: lock })
    }

    /// Takes up a run that was begun in `asked`, or in `<asked>.partial`.
    pub(super) fn resume(asked: &Path) -> Result<Resumed, Failure> {
        let directory = unfinished(asked)?;
        let lock = lock(&directory)?;
        let begun = begun(&directory)?;
        let Some(claimed) = RunDir::reopen(&directory, begun.exactly) else {
            // It has its name, and so all of its results.
            conclude(&directory)?;
            return Ok(Resumed::Finished(directory));
        };
        let scenario = check(&directory.join(SCENARIO), &Overrides::none()).map_err(mistakes)?;
        if scenario.hash() != begun.scenario {
            let why = "its run was begun with another scenario, or a file that it names has changed since: run the scenario \
                       again";
            return Err(refused(&directory, why));
        }
        let claim = Self { directory: claimed, _lock: lock };
        Ok(Resumed::Run { claim, scenario: Box::new(scenario), backend: begun.backend })
    }

    /// Where to write.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where cells are kept.
    pub(super) fn checkpoints(&self) -> PathBuf {
        self.path().join(CHECKPOINTS)
    }

    /// All is written: gives the directory its name and removes what the run would have gone on from.
    pub(super) fn finish(self) -> Result<PathBuf, Failure> {
        // Results are on the disk before what they could be had again from is not.
        synchronise(self.path())?;
        let directory = self.directory.finish().map_err(report_failure)?;
        conclude(&directory)?;
        Ok(directory)
    }
}

/// The directory of a run that can go on.
fn unfinished(asked: &Path) -> Result<PathBuf, Failure> {
    let mut partial = asked.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let begun = |directory: &&Path| directory.join(CHECKPOINTS).join(RUN).is_file();
    if let Some(found) = [asked, &partial].into_iter().find(begun) {
        let scenario = found.join(SCENARIO);
        return match scenario.is_file() {
            true => Ok(found.to_owned()),
            false => Err(refused(found, "nothing was begun in it: run the scenario again")),
        };
    }
    Err(match asked {
        _ if asked.join("summary.json").is_file() => {
            refused(asked, "the run in it is finished, and nothing is left to do")
        }
        _ if asked.exists() => {
            refused(asked, "it is not a run that was stopped: expected a directory `....partial`")
        }
        _ => refused(asked, "there is no such directory"),
    })
}

fn begun(directory: &Path) -> Result<Begun, Failure> {
    let path = directory.join(CHECKPOINTS).join(RUN);
    let text = fs::read(&path).map_err(failed("read", &path))?;
    let begun: Begun = serde_json::from_slice(&text).map_err(|error| {
        refused(&path, &format!("it is damaged ({error}): run the scenario again"))
    })?;
    if begun.engine == env!("FLEETUNE_ENGINE") {
        return Ok(begun);
    }
    let message = format!(
        "its run was begun by another build of fleetune ({}), and its results would not be of one piece: resume it with \
         that one, or run the scenario again",
        begun.fleetune
    );
    Err(refused(directory, &message))
}

/// Locks a run's directory for this process.
fn lock(directory: &Path) -> Result<File, Failure> {
    let path = directory.join(CHECKPOINTS).join(LOCK);
    let file = File::create(&path).map_err(failed("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(refused(
            directory,
            "another process is at it: wait for that to end, or stop it with Ctrl-C",
        )),
        Err(TryLockError::Error(error)) => Err(failed("lock", &path)(error)),
    }
}

/// Nothing is left to go on from.
fn conclude(directory: &Path) -> Result<(), Failure> {
    let folder = directory.join(CHECKPOINTS);
    fs::remove_dir_all(&folder).map_err(failed("remove", &folder))
}

/// All files below are on the disk.
fn synchronise(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(failed("read", path))?;
        for entry in entries {
            synchronise(&entry.map_err(failed("read", path))?.path())?;
        }
        return Ok(());
    }
    File::open(path).and_then(|file| file.sync_all()).map_err(failed("write", path))
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::Usage(format!("error: {}: {why}", path.display()))
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> Failure + use<'p> {
    move |error| Failure::Io(format!("error: cannot {action} {}: {error}", path.display()))
}
