//! Runs the program on a scenario that takes seconds.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

/// Six devices that are always there, two seeds, two rounds: all algorithms, really trained.
const HEAD: &str = "\
name: tiny
root_seed: 7
seeds: 2
target: { accuracy: 0.2 }
model: { checkpoint: embedded, max_length: 16 }
task:
  dataset: { builtin: source }
  partition: { dirichlet: { alpha: 1.0 } }
  test_examples: 40
fleet:
  groups:
    - { profile: phone-high, count: 4 }
    - { profile: raspberry-pi-4, count: 2 }
  heterogeneity: { compute_sigma: 0.3, link_sigma: 0.3 }
  availability: always
federation:
  cohort: 3
  over_commitment: 1.0
  stop: { rounds: 2 }
algorithms:
";

/// The four algorithms, one a line.
pub(crate) const ALGORITHMS: [&str; 4] = [
    "  FedSPZO: { fedspzo: { catch_up: dense, local_steps: 2, batch_size: 4, perturbations: { lower: 1, upper: 2 }, learning_rate: { base: 1e-4 } } }\n",
    "  MeZO: { mezo: { catch_up: dense, local_steps: 2, batch_size: 4, learning_rate: { base: 1e-4 } } }\n",
    "  FwdLLM: { fwdllm: { batch_size: 4, learning_rate: { base: 1e-3 } } }\n",
    "  FedAvg: { fedavg: { local_steps: 2, batch_size: 4, learning_rate: { base: 1e-4 } } }\n",
];

/// The scenario with these algorithms.
pub(crate) fn scenario<'a>(algorithms: impl IntoIterator<Item = &'a str>) -> String {
    algorithms.into_iter().fold(HEAD.to_owned(), |text, line| text + line)
}

/// A place of its own for a test, with the scenario in it.
#[derive(Debug)]
pub(super) struct Desk {
    folder: TempDir,
}

impl Desk {
    /// With `tiny.yaml`, all four algorithms.
    pub(super) fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.put("tiny.yaml", &scenario(ALGORITHMS));
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `fleetune` with these arguments, in this place.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetune"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(super) fn ends(&self, arguments: &[&str]) -> End {
        End::of(&self.command(arguments).output().unwrap())
    }

    /// As [`Self::ends`], and it must end well.
    #[track_caller]
    pub(super) fn succeeds(&self, arguments: &[&str]) -> End {
        let end = self.ends(arguments);
        assert_eq!(end.code, Some(0), "{arguments:?}: {}", end.stderr);
        end
    }

    /// As [`Self::ends`], with this exit code, and these words on stderr.
    #[track_caller]
    pub(super) fn fails(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let end = self.ends(arguments);
        assert_eq!(end.code, Some(code), "{arguments:?}: {}", end.stderr);
        for word in words {
            assert!(end.stderr.contains(word), "{arguments:?}: no `{word}` in: {}", end.stderr);
        }
        assert!(!end.stderr.contains("panicked"), "{arguments:?}: {}", end.stderr);
    }
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub(super) struct End {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl End {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        Self { code: output.status.code(), stdout, stderr }
    }
}

/// All files below `folder` with their content, by name.
pub(super) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        let name = name.into_string().unwrap();
        if path.is_dir() {
            files.extend(contents(&path).into_iter().map(|(n, c)| (format!("{name}/{n}"), c)));
        } else {
            files.push((name, fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}
