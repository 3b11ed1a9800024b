//! The program: see [`fleetune::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    fleetune::cli::main()
}
