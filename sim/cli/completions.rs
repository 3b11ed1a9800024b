use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Arguments, Failure, say};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "fleetune", &mut script);
        say(&String::from_utf8_lossy(&script))
    }
}
