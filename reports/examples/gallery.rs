//! Writes reports from invented records, to look at layouts: `cargo run --example gallery -- DIR`.
//!
//! Nothing that it writes is a result, and every page says so.

#[path = "../tests/synthetic.rs"]
mod synthetic;

use std::{error::Error, fs, path::PathBuf};

use fleetune_reports::{Run, charts, statistics::Comparison, summary_table, write_run};
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
    let mut looked_at = Vec::new();
    let mut stale = usual.results();
    synthetic::without_rounds(&mut stale, 2.0, 25);
    looked_at.push(("stale", stale));
    let mut tiers = usual.results();
    synthetic::without_rounds(&mut tiers, 1.0, u64::MAX);
    let names = ["tier 1, fastest", "tier 2", "tier 3, slowest"];
    synthetic::in_groups(&mut tiers, &names, true);
    looked_at.push(("tiers", tiers));
    let mut crowded = Recipe::crowded().results();
    synthetic::without_rounds(&mut crowded, 30.0, 200);
    let names = ["an edge with quite a long and winding name", "b", "c", "d", "e", "f"];
    synthetic::in_groups(&mut crowded, &names, false);
    looked_at.push(("crowded-edges", crowded));
    for (name, results) in looked_at {
        let dir = root.join(name);
        write_run(&dir, &results)?;
        let run = Run::load(&dir)?;
        let comparison = Comparison::new(&run);
        for chart in charts::all(&run, &comparison, charts::NARROW) {
            fs::write(dir.join(format!("{}-narrow.png", chart.name)), chart.png()?)?;
        }
    }
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
        let comparison = Comparison::new(&run);
        println!("{}\n", summary_table(&run, &comparison, &paths.report));
    }
    Ok(())
}
