//! Writes reports from invented records, to look at layouts: `cargo run --example gallery -- DIR`.
//!
//! Nothing that it writes is a result, and every page says so.

#[path = "../tests/synthetic.rs"]
mod synthetic;

use std::{error::Error, path::PathBuf};

use fleetune_reports::{Run, statistics::Comparison, summary_table, write_run};
use synthetic::Recipe;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::args().nth(1).ok_or("say where to write: gallery DIR")?);
    let usual = Recipe::usual();
    let single = Recipe { seeds: 1, ..usual.clone() };
    let hopeless = Recipe { target: 0.9, ..usual.clone() };
    let point = Recipe { evaluations: 1, seeds: 2, ..usual.clone() };
    let none = Recipe { evaluations: 0, ..usual.clone() };
    let mut censored = Recipe { seeds: 4, ..usual.clone() }.results();
    censored.rounds.iter_mut().filter(|r| r.seed % 2 == 1).for_each(|r| r.accuracy *= 0.93);
    write_run(&root.join("censored"), &censored)?;
    let recipes = [
        ("usual", usual),
        ("single", single),
        ("hopeless", hopeless),
        ("point", point),
        ("none", none),
        ("crowded", Recipe::crowded()),
    ];
    for (name, recipe) in recipes {
        let dir = root.join(name);
        let paths = write_run(&dir, &recipe.results())?;
        let run = Run::load(&dir)?;
        let comparison = Comparison::new(&run.summary, &run.details);
        println!("{}\n", summary_table(&run, &comparison, &paths.report));
    }
    Ok(())
}
