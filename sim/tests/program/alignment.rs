//! Label words, through the program, on the golden checkpoints of all families.

use std::path::Path;

use super::harness::Desk;

/// Of docs/task-alignment.md, which shows it: a scenario that zeroth-order algorithms run on.
fn example() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/task-alignment.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.into_iter().find(|block| block.contains("algorithms:")).unwrap().to_owned()
}

/// The texts that the golden tokenizers know, over and over, one class about animals and one about the rest.
fn texts() -> String {
    let fish =
        ["a red fish", "two birds and one fish", "the old dog", "one fish swam", "the dog slept"];
    let rest = ["the sea today", "no home", "ran to the sea", "to the old home today", "no"];
    let line = |n: usize| match n % 2 {
        0 => format!("{} {},animals\n", fish[n / 2 % 5], ["and", "to", "the", "a"][n / 10 % 4]),
        _ => format!("{} {},places\n", rest[n / 2 % 5], ["and", "to", "the", "a"][n / 10 % 4]),
    };
    "text,label\n".to_owned() + &(0..40).map(line).collect::<String>()
}

fn desk(family: &str, change: impl Fn(String) -> String) -> Desk {
    let desk = Desk::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/golden").join(family);
    let directory = format!("directory: {}", golden.display());
    let text = example().replace("directory: my-roberta", &directory);
    assert!(text.contains(&directory), "{text}");
    desk.put("texts.csv", &texts());
    desk.put("words.yaml", &change(text));
    desk
}

/// As the page says it is written for causal models, with options of one token and of several.
fn causal(words: &str) -> impl Fn(String) -> String {
    let words = words.to_owned();
    move |text| {
        let template = "template: \"{text} and a {mask} today\"";
        let old = "words: { animals: fish, places: sea }";
        assert!(text.contains(template) && text.contains(old), "{text}");
        text.replace(template, "template: \"{text} and a {mask}\"").replace(old, words.as_str())
    }
}

#[track_caller]
fn runs(desk: &Desk) {
    desk.succeeds(&["check", "words.yaml"]);
    desk.succeeds(&["plan", "words.yaml"]);
    desk.succeeds(&["run", "words.yaml", "--out", "run", "--quiet"]);
    let rounds = desk.read("run/rounds.csv");
    // Columns are algorithm, seed, round, time, accuracy, loss: the start and two rounds, of which each moved the model.
    for algorithm in ["MeZO", "FedSPZO"] {
        let mine = rounds.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let mine: Vec<_> = mine.filter(|columns| columns[0] == algorithm).collect();
        assert_eq!(mine.iter().map(|columns| columns[2]).collect::<Vec<_>>(), ["0", "1", "2"]);
        let losses: Vec<f64> = mine.iter().map(|columns| columns[5].parse().unwrap()).collect();
        assert!(losses.iter().all(|loss| loss.is_finite()), "{losses:?}");
        assert!(losses.windows(2).all(|pair| pair[0] != pair[1]), "{losses:?}");
    }
    desk.succeeds(&["run", "run/scenario.resolved.yaml", "--out", "again", "--quiet"]);
    assert_eq!(rounds, desk.read("again/rounds.csv"));
}

#[test]
fn masked_families_learn_by_label_words() {
    for family in ["bert", "roberta"] {
        runs(&desk(family, |text| text));
    }
}

#[test]
fn causal_families_learn_by_label_words_and_by_options() {
    for family in ["opt", "llama"] {
        for words in [
            "words: { animals: fish, places: sea }",
            "words: { animals: old dog, places: the old sea }",
        ] {
            runs(&desk(family, causal(words)));
        }
    }
}

/// A device that scores two options has twice as many sequences to run, all else being as it was.
#[test]
fn options_are_charged_one_by_one() {
    let flops = |words: &str| {
        let desk = desk("opt", causal(words));
        let plan = desk.succeeds(&["plan", "words.yaml"]).stdout;
        let line = plan.lines().find_map(|line| line.strip_prefix("MeZO: ")).unwrap();
        let (_, work) = line.split_once("parameters train, ").unwrap();
        let least = work.split(" to ").next().unwrap().split(" of work").next().unwrap();
        least.parse::<fleetune_units::Flops>().unwrap().get() as f64
    };
    let words = flops("words: { animals: fish, places: sea }");
    let options = flops("words: { animals: old fish, places: the sea }");
    assert!((1.5..2.5).contains(&(options / words)), "{words} {options}");
}

#[test]
fn mistakes_are_told_with_their_place() {
    let cases: &[(&str, &str, &str, &str)] = &[
        ("bert", "{text} and a {mask} today", "{txt} and a {mask}", "unknown placeholder `{txt}`"),
        ("bert", "{text} and a {mask} today", "{text} and a dog", "`{mask}` stands 0 times"),
        ("opt", "unchanged", "unchanged", "`today` stands behind `{mask}`"),
        ("bert", "animals: fish", "animals: whale", "`whale` is not in the model's vocabulary"),
        ("roberta", "animals: fish", "animals: old fish", "a masked model predicts one"),
        ("bert", "animals: fish", "animal: fish", "the task has no class `animal`"),
        ("bert", "animals: fish, ", "", "class `animals` has no word"),
        ("bert", "animals: fish", "animals: sea", "is the word of class `"),
        (
            "bert",
            "max_length: 14",
            "max_length: 6",
            "leaves no room for a text: expected at least 7",
        ),
    ];
    for (family, from, to, word) in cases {
        let desk = desk(family, |text| {
            assert!(*from == "unchanged" || text.contains(from), "{from}: {text}");
            text.replace(from, to)
        });
        desk.fails(&["check", "words.yaml"], 2, &["words.yaml:", word]);
    }
    // The embedded encoder was never taught to predict a word.
    let desk = Desk::new();
    desk.put("texts.csv", &texts());
    let directory = "{ directory: my-roberta }";
    desk.put("words.yaml", &example().replace(directory, "embedded"));
    let words = ["words.yaml:", "cls.predictions", "is missing", "language-model head"];
    desk.fails(&["check", "words.yaml"], 2, &words);
}
