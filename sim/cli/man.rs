use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory};

use super::{Arguments, Failure, say};

/// Arguments of `man`.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// Where to write them, one page for the program and one for each command: a folder of a MANPATH, such as
    /// ~/.local/share/man/man1.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Man {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |error| Failure::Io(format!("error: cannot write {path}: {error}"))
        };
        std::fs::create_dir_all(&self.folder).map_err(failed(&self.folder))?;
        clap_mangen::generate_to(Arguments::command(), &self.folder)
            .map_err(failed(&self.folder))?;
        say(&format!("{}\n", self.folder.join("fleetune.1").display()))
    }
}
