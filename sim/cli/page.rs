use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use clap::Args;
use fleetune_models::backend::Backend;
use fleetune_scenarios::sweep::check_sweep;

use super::{
    Failure, mistakes,
    run::io,
    say,
    sweep::{failure, write_failure},
};
use crate::sweep::{Manner, Shard, Store, run_sweep, study_page, write};

/// Arguments of `page`.
#[derive(Debug, Args)]
pub(super) struct Page {
    /// The sweep, such as scenarios/headline.sweep.yaml. It must have a `page`, and have been run.
    #[arg(value_name = "SWEEP")]
    path: PathBuf,
    /// Where the sweep was run. The default is runs/<name>.
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The page, a Markdown file; its charts are put into a folder of the same name beside it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What computed the tensors: flex or ndarray.
    #[arg(long, value_name = "B", default_value_t = Backend::default())]
    backend: Backend,
}

/// The charts of the comparison that a page shows.
const CHARTS: [&str; 2] = ["accuracy-flops.png", "cost-to-target.png"];

impl Page {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let sweep = check_sweep(&self.path).map_err(mistakes)?;
        let Some(spec) = sweep.spec().page.clone() else {
            let message = "it says nothing about a page: add `page` to it";
            return Err(Failure::Usage(format!("error: {}: {message}", self.path.display())));
        };
        let name = sweep.spec().name.as_str();
        let folder = self.from.clone().unwrap_or_else(|| Path::new("runs").join(name));
        let cells = folder.join("cells");
        if !cells.is_dir() {
            let message = "no sweep was run there: run it first, or say where it was with --from";
            return Err(Failure::Usage(format!("error: {}: {message}", folder.display())));
        }
        let store = Store::open(&cells).map_err(|e| Failure::Io(format!("error: {e}")))?;
        let stop = AtomicBool::new(false);
        let manner =
            Manner { backend: self.backend, threads: None, shard: Shard::WHOLE, stop: &stop };
        let found = run_sweep(&sweep, &store, manner, &|_, _, _| (), &|_| ()).map_err(failure)?;
        let outcomes = found.finished;
        let stem = self.out.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_else(|| name.to_owned());
        let commands = vec![
            format!("cargo run --release -- sweep {}", self.path.display()),
            format!(
                "cargo run --release -- page {} --out {}",
                self.path.display(),
                self.out.display()
            ),
        ];
        let page = study_page(&sweep, &spec, &outcomes, &folder, (stem.clone(), commands));
        let page = page.map_err(io)?;
        self.put_charts(&folder.join(spec.compare.as_str()), &stem)?;
        write(&self.out, page.markdown().as_bytes()).map_err(write_failure)?;
        say(&format!("{}\n", self.out.display()))
    }

    fn put_charts(&self, run: &Path, stem: &str) -> Result<(), Failure> {
        let folder = self.out.parent().unwrap_or(Path::new("")).join(stem);
        fs::create_dir_all(&folder)
            .map_err(|e| Failure::Io(format!("error: cannot create {}: {e}", folder.display())))?;
        for chart in CHARTS {
            let (from, to) = (run.join("charts").join(chart), folder.join(chart));
            fs::copy(&from, &to)
                .map_err(|e| Failure::Io(format!("error: cannot copy {}: {e}", from.display())))?;
        }
        Ok(())
    }
}
