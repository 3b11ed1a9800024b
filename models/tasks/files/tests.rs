//! Good files, and every kind of bad one.

use std::fmt::Write as _;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::tasks::{DatasetConfig, config::Percent};

/// Loads a file of this name and content.
fn load_as(name: &str, content: &[u8], config: &str) -> Result<Task, TaskError> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join(name), content).unwrap();
    let mut config: FileConfig = serde_json::from_str(config).unwrap();
    config.path = name.into();
    DatasetConfig::File(config).load(folder.path())
}

/// Two classes, enough texts for every split.
fn good_csv() -> String {
    (0..200).fold("id,text,label\n".to_owned(), |mut csv, k| {
        let label = if k % 4 == 0 { "spam" } else { "ham" };
        writeln!(csv, "{k},\"text, number {k} with \"\"quotes\"\"\",{label}").unwrap();
        csv
    })
}

const PLAIN: &str = r#"{"path": ""}"#;

#[test]
fn csv_tsv_and_json_lines_give_the_same_task() {
    let csv = load_as("own.csv", good_csv().as_bytes(), PLAIN).unwrap();
    assert_eq!(csv.name, "own");
    assert_eq!(csv.classes, [ClassInfo::new("ham", "ham"), ClassInfo::new("spam", "spam")]);
    assert_eq!(csv.train.len() + csv.validation.len() + csv.test.len(), 200);
    let mut all = Split::ALL.into_iter().flat_map(|split| csv.examples(split));
    assert!(all.any(|e| e.text == "text, number 7 with \"quotes\"" && e.label == 0));

    let (mut tsv, mut json) = ("label\ttext\r\n".to_owned(), String::new());
    for (label, k) in (0..200).map(|k| (if k % 4 == 0 { "spam" } else { "ham" }, k)) {
        let text = format!("text, number {k} with \"quotes\"");
        write!(tsv, "{label}\t{text}\r\n").unwrap();
        writeln!(json, "{}", serde_json::json!({"label": label, "text": text})).unwrap();
    }
    assert_eq!(load_as("own.TSV", tsv.as_bytes(), PLAIN).unwrap(), csv);
    assert_eq!(load_as("own.jsonl", json.as_bytes(), PLAIN).unwrap(), csv);
}

#[test]
fn columns_prompts_and_shares_are_the_scenarios() {
    let content = good_csv().replace("text,label", "body,topic");
    let config = r#"{"path": "", "text": "body", "label": "topic", "test": {"percent": 50},
        "validation": 1, "prompts": {"spam": "buy now"}}"#;
    let task = load_as("own.csv", content.as_bytes(), config).unwrap();
    assert_eq!(task.classes[1], ClassInfo::new("spam", "buy now"));
    assert_eq!(task.classes[0], ClassInfo::new("ham", "ham"));
    // Binomial(200, 1/2) within 5 sd: false alarm 6e-7, once, as the hash is fixed.
    assert!((65..=135).contains(&task.test.len()), "{}", task.test.len());
}

#[test]
fn split_does_not_depend_on_the_other_rows() {
    let all = load_as("own.csv", good_csv().as_bytes(), PLAIN).unwrap();
    let half: String = good_csv().lines().take(101).map(|line| format!("{line}\n")).collect();
    let half = load_as("own.csv", half.as_bytes(), PLAIN).unwrap();
    assert!(half.test.iter().all(|example| all.test.contains(example)));
    assert!(half.train.iter().all(|example| all.train.contains(example)));
}

#[test]
fn byte_order_mark_blank_lines_and_integer_labels_are_fine() {
    let mut json = "\u{feff}\n".to_owned();
    for k in 0..60 {
        writeln!(json, "{{\"text\": \" text\\n{k}\", \"label\": {}}}\n", k % 3).unwrap();
    }
    let task = load_as("own.ndjson", json.as_bytes(), PLAIN).unwrap();
    assert_eq!(task.classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["0", "1", "2"]);
    assert!(task.train.iter().all(|example| example.text.starts_with("text ")));
}

#[test]
fn separate_test_file_is_kept_out_of_training() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("train.csv"), good_csv()).unwrap();
    let test = "text,label\n\"TEXT, number 3 with quotes!\",ham\nsomething new,spam\n";
    std::fs::write(folder.path().join("test.csv"), test).unwrap();
    let mut config: FileConfig = serde_json::from_str(r#"{"path": "train.csv"}"#).unwrap();
    config.test = TestSource::File("test.csv".into());
    config.validation = Percent::new(20).unwrap();
    let task = load(&config, folder.path()).unwrap();
    assert_eq!((task.test.len(), task.dropped), (2, 1));
    assert_eq!(task.train.len() + task.validation.len(), 199);

    std::fs::write(folder.path().join("test.csv"), "text,label\nx,eggs\n").unwrap();
    let error = load(&config, folder.path()).unwrap_err().to_string();
    assert!(error.contains("test.csv:2: label `eggs` does not occur"), "{error}");
    assert!(error.contains("`ham`, `spam`"), "{error}");
}

/// File name, content, configuration, and what the message must say.
type Mistake = (&'static str, &'static [u8], &'static str, &'static str);

const MISTAKES: &[Mistake] = &[
    ("a.xlsx", b"", PLAIN, "expected a name ending in .csv"),
    ("a", b"", PLAIN, "expected a name ending in .csv"),
    ("a.csv", b"", PLAIN, "a.csv: no examples"),
    ("a.csv", b"\n\n", PLAIN, "a.csv: no examples"),
    ("a.csv", b"text,label\n", PLAIN, "a.csv: no examples"),
    ("a.jsonl", b"\n \n", PLAIN, "a.jsonl: no examples"),
    ("a.csv", b"txt,label\nx,y\n", PLAIN, "a.csv:1: no column `text`; found `txt`, `label`"),
    ("a.csv", b"text,text,label\n", PLAIN, "a.csv:1: the header names the column `text` twice"),
    ("a.csv", b"text,label\nx,a\ny\n", PLAIN, "a.csv:3: 1 fields where the header has 2"),
    ("a.csv", b"text,label\nx,y,a\n", PLAIN, "a.csv:2: 3 fields where the header has 2"),
    ("a.csv", b"text,label\nx,a\n  ,b\n", PLAIN, "a.csv:3: empty text in `text`"),
    ("a.csv", b"text,label\nx,a\ny,\n", PLAIN, "a.csv:3: empty label in `label`"),
    ("a.csv", b"text,label\nx,a\n\"y,b\nz,c\n", PLAIN, "a.csv:3: a quoted field opens here"),
    ("a.csv", b"text,label\n\"a\"\"b\n\"\"c,b\nz,c\n", PLAIN, "a.csv:2: a quoted field opens"),
    ("a.csv", b"text,label\n\"say \"hi\"\",b\n", PLAIN, "a.csv:2: `h` follows the closing quote"),
    ("a.csv", b"text,label\nx,a\ncaf\xe9,b\n", PLAIN, "a.csv:3: not UTF-8 at byte 4 of the line;"),
    ("a.csv", b"\xff\xfet\0e\0", PLAIN, "not UTF-8 at byte 1 of the line, but UTF-16"),
    ("a.csv", b"\x1f\x8b\x08\0", PLAIN, "but packed by gzip"),
    ("a.csv", b"text,label\nx,a\ny,a\n", PLAIN, "every example has the label `a`"),
    (
        "a.csv",
        b"text,label\nx,a\ny,b\n",
        r#"{"path": "", "prompts": {"c": "p"}}"#,
        "names the class `c`",
    ),
    (
        "a.jsonl",
        b"{\"text\": \"x\", \"label\": \"a\"}\n{]\n",
        PLAIN,
        "a.jsonl:2: key must be a string",
    ),
    ("a.jsonl", b"[1]\n", PLAIN, "expected one JSON object on a line"),
    ("a.jsonl", b"{\"text\": \"x\"}\n", PLAIN, "a.jsonl:1: no key `label`; found `text`"),
    ("a.jsonl", b"{}\n", PLAIN, "a.jsonl:1: no key `text`; found nothing"),
    ("a.jsonl", b"{\"text\": 1, \"label\": 1}\n", PLAIN, "`text` is a number; expected a string"),
    (
        "a.jsonl",
        b"{\"text\": \"x\", \"label\": 1.5}\n",
        PLAIN,
        "`label` is a number; expected a string",
    ),
    ("a.jsonl", b"{\"text\": \"x\", \"label\": null}\n", PLAIN, "`label` is null"),
];

#[test]
fn mistakes_are_told_with_their_place() {
    for &(name, content, config, expected) in MISTAKES {
        let error = load_as(name, content, config).unwrap_err().to_string();
        assert!(error.contains(expected), "expected …{expected}…, got: {error}");
    }
}

#[test]
fn missing_files_folders_and_deep_nesting_are_errors() {
    let folder = TempDir::new().unwrap();
    let mut config: FileConfig = serde_json::from_str(r#"{"path": "none.csv"}"#).unwrap();
    let error = load(&config, folder.path()).unwrap_err();
    assert!(matches!(error, TaskError::Io { .. }), "{error}");
    assert!(error.to_string().contains("none.csv"), "{error}");

    std::fs::create_dir(folder.path().join("folder.csv")).unwrap();
    config.path = "folder.csv".into();
    assert!(matches!(load(&config, folder.path()), Err(TaskError::Io { .. })));

    let nested = "[".repeat(100_000);
    let error = load_as("a.jsonl", nested.as_bytes(), PLAIN).unwrap_err().to_string();
    assert!(error.contains("a.jsonl:1"), "{error}");
}

#[test]
fn too_large_a_file_is_refused_unread() {
    let folder = TempDir::new().unwrap();
    let file = std::fs::File::create(folder.path().join("a.csv")).unwrap();
    // Sparse: takes no space on disk.
    file.set_len((MAX_MIB << 20) + 1).unwrap();
    let config: FileConfig = serde_json::from_str(r#"{"path": "a.csv"}"#).unwrap();
    let error = load(&config, folder.path()).unwrap_err();
    assert!(matches!(error, TaskError::TooLarge { limit: MAX_MIB, .. }), "{error}");
}

#[test]
fn a_column_of_identifiers_is_no_label() {
    let csv = (0..=MAX_CLASSES).fold("text,label\n".to_owned(), |mut csv, k| {
        writeln!(csv, "text {k},{k}").unwrap();
        csv
    });
    let error = load_as("a.csv", csv.as_bytes(), PLAIN).unwrap_err().to_string();
    assert!(error.contains("column `label` has more than 1000 different values"), "{error}");
}

#[test]
fn a_class_only_tested_is_refused() {
    // The rare class's only text, chosen to fall to the test split.
    let text = (0..).map(|k| format!("rare {k}")).find(|t| split_of(t, 10, 15) == Split::Test);
    let csv = format!("{}201,{},rare\n", good_csv(), text.unwrap());
    let error = load_as("a.csv", csv.as_bytes(), PLAIN).unwrap_err().to_string();
    assert!(error.contains("no train example of class `rare`: 1 in all"), "{error}");
}

#[test]
fn a_file_without_test_examples_is_refused() {
    let texts = (0..).map(|k| format!("text {k}"));
    let mut kept = texts.filter(|t| split_of(t, 10, 15) == Split::Train);
    let csv = format!("text,label\n{},a\n{},b\n", kept.next().unwrap(), kept.next().unwrap());
    let error = load_as("a.csv", csv.as_bytes(), PLAIN).unwrap_err().to_string();
    assert!(error.contains("no test example among 2"), "{error}");
}

proptest! {
    /// Whatever the bytes, the reader returns.
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for name in ["a.csv", "a.tsv", "a.jsonl"] {
            let _ = load_as(name, &bytes, PLAIN);
            let _ = load_as(name, &[b"text,label\n", bytes.as_slice()].concat(), PLAIN);
        }
    }

    /// What a CSV writer writes is read back unchanged, quotes, separators and line ends included.
    #[test]
    fn written_fields_are_read_back(texts in proptest::collection::vec("[a\", \n\r\té;]{0,12}", 1..20)) {
        // A word and a number before each, so that none is blank or repeated; and enough for every split.
        let filled = texts.iter().map(String::as_str).chain([""; 100]).enumerate();
        let rows: Vec<_> = filled.map(|(k, text)| (["a", "b"][k % 2], format!("word {k} {text}"))).collect();
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["label", "text"]).unwrap();
        for (label, text) in &rows {
            writer.write_record([*label, text.as_str()]).unwrap();
        }
        let task = load_as("a.csv", &writer.into_inner().unwrap(), PLAIN).unwrap();
        let examples = Split::ALL.into_iter().flat_map(|split| task.examples(split));
        let loaded: BTreeSet<_> = examples.map(|e| (e.label, e.text.clone())).collect();
        let expected = rows.iter().map(|(label, text)| (usize::from(*label == "b"), collapse(text)));
        prop_assert_eq!(loaded, expected.collect::<BTreeSet<_>>());
    }
}
