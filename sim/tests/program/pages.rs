//! Pages about sweeps: their numbers are those of the run directory, and the same results give the same bytes.

use std::fs;

use super::harness::Desk;

const SWEEP: &str = "\
name: tiny-sweep
scenario: tiny.yaml
studies:
  search:
    seeds: 1
    draw: { latin_hypercube: 2 }
    tune:
      FedSPZO: { learning_rate.base: { log_uniform: [1e-4, 1e-2] } }
      MeZO: { learning_rate.base: { log_uniform: [1e-4, 1e-2] } }
      FedAvg: { learning_rate.base: { log_uniform: [1e-5, 1e-3] } }
    choose: loss
  test:
    with: search
    seeds: 2
    algorithms: [FedSPZO, MeZO, FedAvg]
  grid:
    with: search
    seeds: 2
    tune:
      FedSPZO: { split: [1, 3], perturbations.upper: [1, 4], local_steps: [1, 2] }
page:
  title: Who is cheaper?
  introduction: A tiny question.
  compare: test
  reference: FedSPZO
  controls: [FedAvg]
  thresholds: { accuracy: [0.2, 1.0], loss: [1000] }
  claims: [{ source: somebody, low: 2, high: 3 }]
  samples: 64
  ablation: { study: grid, rows: split, columns: perturbations.upper }
  discussion: Nothing follows.
";

/// The cells of the table row of `page` after `heading` that begins with `first`.
fn row(page: &str, heading: &str, first: &str) -> Vec<String> {
    let section = page.split_once(heading).unwrap_or_else(|| panic!("no {heading} in {page}")).1;
    let found = section.lines().find(|line| line.starts_with(&format!("| {first} |")));
    let line = found.unwrap_or_else(|| panic!("no row {first} after {heading}"));
    line.split('|').map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn a_page_tells_what_the_run_directory_holds() {
    let desk = Desk::new();
    desk.put("tiny.sweep.yaml", SWEEP);
    let page = ["page", "tiny.sweep.yaml", "--from", "x", "--out", "docs.md"];
    desk.fails(&page, 2, &["no sweep was run there"]);
    desk.succeeds(&["sweep", "tiny.sweep.yaml", "--out", "x", "--quiet"]);
    desk.succeeds(&page);
    let text = desk.read("docs.md");
    for chart in ["accuracy-flops.png", "cost-to-target.png"] {
        assert!(text.contains(&format!("](docs/{chart})")), "{chart}");
        let shown = fs::read(desk.path("docs").join(chart)).unwrap();
        assert_eq!(shown, fs::read(desk.path("x/test/charts").join(chart)).unwrap());
    }

    // What was searched.
    assert_eq!(row(&text, "## The search", "MeZO")[2..4], ["2", "1"]);
    let chosen = desk.read("x/search/chosen.yaml");
    let rate = chosen.lines().find_map(|line| line.split_once("mezo.learning_rate.base: "));
    let chosen = row(&text, "## The search", "MeZO")[7].replace('\\', "");
    assert_eq!(chosen, format!("learning_rate.base = {}", rate.unwrap().1));

    // Losses at the end, from the table of rounds: columns are algorithm, seed, round, time, accuracy, loss.
    let rounds = desk.read("x/test/rounds.csv");
    let last = |label: &str, seed: &str| -> f64 {
        let mine = |c: &Vec<&str>| c[0] == label && c[1] == seed;
        let mut columns = rounds.lines().map(|line| line.split(',').collect::<Vec<_>>());
        columns.rfind(mine).unwrap()[5].parse().unwrap()
    };
    let mean = |label: &str| (last(label, "0") + last(label, "1")) / 2.0;
    let heading = "### After the same computation";
    assert_eq!(row(&text, heading, "MeZO")[2], format!("{:.4}", mean("MeZO")));
    let more = mean("MeZO") - mean("FedSPZO");
    let shown = &row(&text, heading, "MeZO")[3];
    assert!(shown.starts_with(&format!("{more:+.4}")), "{shown}: {more}");

    // The start meets a high loss at no cost, and nothing has no ratio; nobody is always right.
    let heading = "### Whether it hangs on the target";
    assert_eq!(row(&text, heading, "loss 1000")[2..4], ["0 FLOP (2)", "- (0)"]);
    assert_eq!(row(&text, heading, "accuracy 100.0%")[2..5], ["- (0)"; 3]);

    // Who was not compared is not there.
    let resolved = desk.read("x/test/scenario.resolved.yaml");
    assert!(resolved.contains("FedAvg:") && !resolved.contains("FwdLLM"), "{resolved}");
    assert!(!text.contains("FwdLLM"));

    // A control is compared, and no claim is held against it.
    assert!(row(&text, "### What the others need", "FedAvg")[2].contains("of 2"));
    let claims = text.split_once("### What had been claimed").unwrap().1;
    assert!(claims.contains("against MeZO") && !claims.contains("against FedAvg"));

    // Theory beside every measurement.
    let measured = row(&text, "taken apart", "split = 3");
    let predicted = row(&text, "What theory predicts", "split = 3");
    for cell in measured[2..4].iter().chain(&predicted[2..4]) {
        assert!(cell.split(' ').next().unwrap().parse::<f64>().is_ok(), "{cell}");
    }

    desk.succeeds(&["page", "tiny.sweep.yaml", "--from", "x", "--out", "again/docs.md"]);
    assert_eq!(desk.read("again/docs.md"), text.replace("--out docs.md", "--out again/docs.md"));
}

#[test]
fn mistakes_in_a_page_are_told_with_their_place() {
    let desk = Desk::new();
    for (from, to, place, word) in [
        ("compare: test", "compare: taste", "24:12", "test"),
        ("reference: FedSPZO", "reference: FedZO", "25:14", "FedSPZO"),
        ("controls: [FedAvg]", "controls: [MeZO, FedAvig]", "26:20", "FedAvg"),
        ("accuracy: [0.2, 1.0]", "accuracy: [0.2, 70]", "27:33", "at most 1"),
        ("loss: [1000]", "loss: [-1]", "27:46", "above 0"),
        ("study: grid", "study: grit", "30:22", "grid"),
    ] {
        assert!(SWEEP.contains(from), "{from}");
        desk.put("tiny.sweep.yaml", &SWEEP.replacen(from, to, 1));
        let place = format!("tiny.sweep.yaml:{place}");
        desk.fails(&["check", "tiny.sweep.yaml"], 2, &[&place, word]);
    }
}

#[test]
fn sweeps_are_checked_and_not_taken_for_scenarios() {
    let desk = Desk::new();
    desk.put("tiny.sweep.yaml", SWEEP);
    let end = desk.succeeds(&["check", "tiny.sweep.yaml", "tiny.yaml"]);
    assert!(
        end.stdout.contains("search: 6 trials, test: 3 trials, grid: 8 trials"),
        "{}",
        end.stdout
    );
    let words = ["tiny.sweep.yaml:3:1", "a sweep, not a scenario", "fleetune sweep"];
    desk.fails(&["run", "tiny.sweep.yaml"], 2, &words);
    assert!(!desk.path("runs").exists());
}
