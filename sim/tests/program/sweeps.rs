//! Sweeps: what is drawn, what is chosen, what is kept.

use std::{collections::BTreeMap, fs, process::Stdio, time::Duration};

use super::harness::{Desk, contents};

const SWEEP: &str = "\
name: tiny-sweep
scenario: tiny.yaml
seed: 3
studies:
  search:
    set: { task.evaluate_on: validation, root_seed: 1 }
    seeds: 2
    draw: { latin_hypercube: 3 }
    tune:
      MeZO: { learning_rate.base: { log_uniform: [1e-4, 1e-2] }, local_steps: [1, 2] }
      FedAvg: { learning_rate.base: { log_uniform: [1e-5, 1e-3] } }
    choose: loss
  test:
    with: search
    algorithms: [MeZO, FedAvg]
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.put("tiny.sweep.yaml", SWEEP);
    desk
}

/// The tables of a sweep: all that does not say when and where it was run.
fn tables(desk: &Desk, out: &str) -> Vec<(String, Vec<u8>)> {
    let kept = ["trials.csv", "chosen.yaml", "rounds.csv", "summary.json", "details.json"];
    let mut files = contents(&desk.path(out));
    files.retain(|(name, _)| kept.iter().any(|file| name.ends_with(file)));
    assert_eq!(files.len(), 6, "{:?}", files.iter().map(|(name, _)| name).collect::<Vec<_>>());
    files
}

fn run(desk: &Desk, out: &str, more: &[&str]) -> String {
    desk.succeeds(&[&["sweep", "tiny.sweep.yaml", "--out", out], more].concat()).stderr
}

#[test]
fn what_is_finished_is_kept_and_what_is_lost_is_run_again_to_the_same_bytes() {
    let desk = desk();
    let said = run(&desk, "x", &["--threads", "1"]);
    assert!(said.contains("search: 12 cells, 0 of them finished before"), "{said}");
    assert!(said.contains("test: 4 cells, 0 of them finished before"), "{said}");
    let tables_at_first = tables(&desk, "x");

    let said = run(&desk, "x", &[]);
    assert!(said.contains("search: 12 cells, 12 of them"), "{said}");
    assert!(said.contains("test: 4 cells, 4 of them"), "{said}");
    assert_eq!(tables(&desk, "x"), tables_at_first);

    let cells = contents(&desk.path("x/cells"));
    assert_eq!(cells.len(), 16);
    for (place, (name, bytes)) in cells.iter().enumerate() {
        let path = desk.path("x/cells").join(name);
        match place % 4 {
            0 => fs::remove_file(path).unwrap(),
            1 => fs::write(path, &bytes[..bytes.len() - 9]).unwrap(),
            _ => (),
        }
    }
    let said = run(&desk, "x", &["--threads", "2"]);
    let again = |line: &str| line.split_whitespace().nth(3)?.parse::<u32>().ok();
    let found: u32 = said.lines().filter(|l| l.contains("of them")).filter_map(again).sum();
    assert_eq!(found, 8, "{said}");
    assert_eq!(tables(&desk, "x"), tables_at_first);
    assert_eq!(contents(&desk.path("x/cells")), cells);
}

#[test]
fn a_sweep_that_is_killed_goes_on_to_the_same_bytes() {
    let desk = desk();
    run(&desk, "whole", &["--quiet"]);
    let mut command =
        desk.command(&["sweep", "tiny.sweep.yaml", "--out", "killed", "--threads", "1"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let folder = desk.path("killed/cells");
    while !fs::read_dir(&folder).is_ok_and(|entries| entries.count() > 2) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    run(&desk, "killed", &["--quiet"]);
    assert_eq!(tables(&desk, "killed"), tables(&desk, "whole"));
}

/// A study that takes up another's choice waits for all of its cells: the shards are run twice. One is interrupted, and
/// one repeated.
#[test]
fn shards_make_together_what_one_process_makes() {
    let desk = desk();
    run(&desk, "whole", &["--quiet"]);
    let shard = |which: &str| {
        let arguments = ["sweep", "tiny.sweep.yaml", "--out", "x", "--quiet", "--shard", which];
        desk.succeeds(&arguments).stdout
    };
    let cells = || fs::read_dir(desk.path("x/cells")).unwrap().count();
    let said = shard("1/2");
    assert!(said.contains("search: 6 cells of other shards are missing"), "{said}");
    assert!(said.contains("test: waits for what search chooses"), "{said}");
    assert_eq!(cells(), 6);
    shard("1/2");
    assert_eq!(cells(), 6, "a shard does not do the work of the others");
    let said = shard("2/2");
    assert!(said.contains("search: all cells are there"), "{said}");
    assert!(said.contains("test: 2 cells of other shards are missing"), "{said}");
    assert_eq!(cells(), 14);
    assert!(!desk.path("x/search").exists(), "tables are written once all is there");
    let said = shard("1/2");
    assert!(said.contains("test: all cells are there"), "{said}");
    assert_eq!(cells(), 16);
    let said = run(&desk, "x", &[]);
    assert!(said.contains("test: 4 cells, 4 of them"), "{said}");
    assert_eq!(tables(&desk, "x"), tables(&desk, "whole"));
}

#[test]
fn a_shard_that_does_not_exist_is_refused() {
    let desk = desk();
    for wrong in ["0/2", "3/2", "2", "1/0", "a/b"] {
        let arguments = ["sweep", "tiny.sweep.yaml", "--out", "x", "--shard", wrong];
        desk.fails(&arguments, 2, &["NUMBER/COUNT"]);
    }
}

#[test]
fn the_choice_is_the_least_mean_loss_and_is_what_the_next_study_runs() {
    let desk = desk();
    run(&desk, "x", &["--quiet"]);
    let text = desk.read("x/search/trials.csv");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name: &str| head.iter().position(|h| *h == name).unwrap();
    let (rate, loss) = (column("learning_rate.base"), column("final_loss"));
    let mut sums: BTreeMap<(&str, &str), (f64, &str)> = BTreeMap::new();
    for line in lines {
        let entry = sums.entry((line[0], line[1])).or_insert((0.0, line[rate]));
        entry.0 += line[loss].parse::<f64>().unwrap();
    }
    for (label, kind) in [("MeZO", "mezo"), ("FedAvg", "fedavg")] {
        let mine = sums.iter().filter(|((algorithm, _), _)| *algorithm == label);
        let (_, (_, best)) = mine.min_by(|a, b| a.1.0.total_cmp(&b.1.0)).unwrap();
        let line = format!("algorithms.{label}.{kind}.learning_rate.base: {best}");
        assert!(desk.read("x/search/chosen.yaml").contains(&line), "{line}");
        let base = format!("base: {:?}", best.parse::<f64>().unwrap());
        assert!(desk.read("x/test/scenario.resolved.yaml").contains(&base), "{base}");
    }
    // The test study is what `run` makes of its resolved scenario.
    let chosen = desk.read("x/search/chosen.yaml");
    let settings: Vec<String> = chosen.lines().map(|line| line.replacen(": ", "=", 1)).collect();
    let mut arguments = vec!["run", "tiny.yaml", "--out", "y", "--quiet"];
    settings.iter().for_each(|setting| arguments.extend(["--set", setting.as_str()]));
    desk.succeeds(&arguments);
    let rows = |path: &str| -> Vec<String> {
        let wanted = |line: &&str| line.starts_with("MeZO") || line.starts_with("FedAvg");
        desk.read(path).lines().filter(wanted).map(str::to_owned).collect()
    };
    assert_eq!(rows("x/test/rounds.csv"), rows("y/rounds.csv"));
}

#[test]
fn more_seeds_and_more_values_add_cells_and_change_none() {
    let desk = Desk::new();
    let sweep = |seeds: u32, values: &str| {
        format!(
            "name: grid\nscenario: tiny.yaml\nstudies:\n  grid:\n    seeds: {seeds}\n    \
             tune: {{ MeZO: {{ local_steps: {values} }} }}\n"
        )
    };
    desk.put("tiny.sweep.yaml", &sweep(1, "[1]"));
    run(&desk, "x", &[]);
    let before = desk.read("x/grid/trials.csv");
    desk.put("tiny.sweep.yaml", &sweep(2, "[1, 2]"));
    let said = run(&desk, "x", &[]);
    assert!(said.contains("grid: 4 cells, 1 of them"), "{said}");
    let after = desk.read("x/grid/trials.csv");
    assert!(before.lines().all(|line| after.contains(line)), "{before}\n{after}");
}

#[test]
fn mistakes_are_told_with_their_place_before_anything_is_run() {
    let desk = desk();
    for (from, to, place, words) in [
        ("MeZO: {", "MeZZO: {", "10:7", "MeZO"),
        ("[1e-4, 1e-2]", "[1e-2, 1e-4]", "10:35", "the lower first"),
        ("local_steps: [1, 2]", "local_stebs: [1, 2]", "10:7", "local_steps"),
        ("local_steps: [1, 2]", "local_steps: [1, 0]", "10:7", "trial"),
        ("with: search", "with: test", "14:11", "no earlier study that chooses"),
        ("draw: { latin_hypercube: 3 }", "draw: grid", "10:35", "a grid needs lists"),
        ("scenario: tiny.yaml", "scenario: huge.yaml", "2:11", "cannot read"),
        ("choose: loss", "choose: taste", "12:13", "loss"),
        ("seeds: 2", "seeds: 0", "7:12", "1"),
        ("studies:", "studios:", "4:1", "studies"),
    ] {
        assert!(SWEEP.contains(from), "{from}");
        desk.put("tiny.sweep.yaml", &SWEEP.replacen(from, to, 1));
        let place = format!("tiny.sweep.yaml:{place}");
        desk.fails(&["sweep", "tiny.sweep.yaml", "--out", "x"], 2, &[&place, words]);
        assert!(!desk.path("x").exists());
    }
}

#[test]
fn a_choice_between_unequal_efforts_is_refused() {
    let desk = Desk::new();
    desk.put(
        "tiny.sweep.yaml",
        "name: unfair\nscenario: tiny.yaml\nstudies:\n  search:\n    choose: loss\n    tune:\n      \
         MeZO: { local_steps: [1, 2] }\n      FedAvg: { local_steps: [1, 2, 3] }\n",
    );
    desk.fails(&["sweep", "tiny.sweep.yaml"], 2, &["8:7", "3 trials", "not be fair"]);
}

#[test]
fn a_directory_of_something_else_is_left_alone() {
    let desk = desk();
    fs::create_dir(desk.path("mine")).unwrap();
    desk.put("mine/letter.txt", "dear");
    desk.fails(&["sweep", "tiny.sweep.yaml", "--out", "mine"], 2, &["mine", "--out"]);
    assert_eq!(contents(&desk.path("mine")), [("letter.txt".to_owned(), b"dear".to_vec())]);
}
