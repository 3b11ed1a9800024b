//! The walk-through of adding an algorithm shows what is compiled, and what it shows runs and learns.

use std::{fs, path::Path};

use super::harness::{Desk, scenario};

const PAGE: &str = include_str!("../../../docs/add-an-algorithm.md");

/// The page's code that begins with this fence, block by block.
fn blocks(fence: &str) -> Vec<&'static str> {
    let fence = format!("\n```{fence}\n");
    let blocks = PAGE.split(&fence).skip(1);
    blocks.map(|block| block.split_once("```\n").unwrap().0).collect()
}

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// Blocks follow each other with a blank line between them.
#[test]
fn the_page_shows_the_whole_file_to_the_byte() {
    let blocks = blocks("rust algorithms/signspsa.rs");
    assert!(blocks.len() > 3, "explained piece by piece");
    assert_eq!(blocks.join("\n"), source("algorithms/signspsa.rs"));
}

#[test]
fn the_page_shows_the_line_of_the_registry_and_there_is_no_other() {
    for path in ["algorithms/lib.rs", "algorithms/registry.rs"] {
        let [line] = blocks(&format!("rust {path}"))[..] else { panic!("{path}: one line") };
        let text = source(path);
        let found: Vec<_> = text.split_inclusive('\n').filter(|l| !l.starts_with("//!")).collect();
        let mentions = found.iter().filter(|l| l.to_lowercase().contains("signspsa"));
        assert_eq!(mentions.collect::<Vec<_>>(), [&line], "{path}");
    }
    let shown = PAGE.matches("```rust ").count();
    assert_eq!(
        shown,
        blocks("rust algorithms/signspsa.rs").len() + 2,
        "all code is held to its file"
    );
    assert!(source("README.md").contains("(docs/add-an-algorithm.md)"));
}

/// From 0.955 nats the loss falls by 0.05 at least. Exit code 0 says that every job counted what was charged.
#[test]
fn what_the_page_runs_learns() {
    let [line] = blocks("yaml")[..] else { panic!("one scenario") };
    let desk = Desk::new();
    desk.put("signs.yaml", &scenario([line]));
    let set =
        ["task.test_examples=400", "federation.stop.rounds=12", "federation.evaluate_every=12"];
    let set = set.into_iter().flat_map(|set| ["--set", set]);
    let run = ["run", "signs.yaml", "--out", "x", "--quiet", "--seeds", "1"];
    desk.succeeds(&run.into_iter().chain(set).collect::<Vec<_>>());
    let table = desk.read("x/rounds.csv");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let column = |i: usize| rows.iter().map(|row| row[i].parse().unwrap()).collect::<Vec<f64>>();
    let (loss, uplink) = (column(5), column(7));
    assert_eq!(loss.len(), 2, "before and after");
    assert!(loss[1] < loss[0] - 0.05, "{loss:?}");
    // 12 rounds of 3 messages: a header of 24 bytes, and 8 steps in one.
    assert_eq!(uplink, [0.0, 12.0 * 3.0 * 25.0]);
}
