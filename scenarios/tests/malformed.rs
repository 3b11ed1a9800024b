//! Every file in `malformed/` begins with what it is refused for: one line `# expect: LINE:COLUMN MESSAGE` per error,
//! in the order of the file, MESSAGE being a part of what is printed; `-` stands for no position.

use fleetune_scenarios::{Overrides, ScenarioError, check};

use crate::{files, printed};

fn expected(bytes: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map_while(|line| line.strip_prefix("# expect: "));
    let pair = |line: &str| line.split_once(' ').map(|(at, part)| (at.to_owned(), part.to_owned()));
    lines.map(|line| pair(line).expect("a place and a part of the message")).collect()
}

fn place(error: &ScenarioError) -> String {
    match (error.line(), error.column()) {
        (Some(line), Some(column)) => format!("{line}:{column}"),
        _ => "-".to_owned(),
    }
}

#[test]
fn every_malformed_scenario_is_refused_at_its_place_and_says_why() {
    let mut wrong = String::new();
    let mut count = 0;
    let mut paths: Vec<_> = std::fs::read_dir(files().join("malformed"))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path())
        .collect();
    paths.sort();
    for path in paths {
        let expected = expected(&std::fs::read(&path).expect("the file can be read"));
        let found = match check(&path, &Overrides::none()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors,
        };
        let agrees = expected.len() == found.len()
            && expected
                .iter()
                .zip(&found)
                .all(|((at, part), error)| *at == place(error) && error.to_string().contains(part));
        if !agrees || expected.is_empty() {
            wrong += &format!("== {}: expected {expected:?}, found\n", path.display());
            wrong += &printed(&found);
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 40, "only {count} malformed scenarios: is the folder complete?");
}

#[test]
fn a_file_of_nothing_and_a_file_that_is_not_there_are_refused() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("empty.yaml");
    std::fs::write(&path, "").expect("the folder can be written");
    let errors = check(&path, &Overrides::none()).expect_err("nothing is no scenario");
    assert!(errors[0].message().contains("the file is empty"), "{}", printed(&errors));
    for path in [folder.path().join("nowhere.yaml"), folder.path().to_path_buf()] {
        let errors = check(&path, &Overrides::none()).expect_err("there is nothing to read");
        assert!(errors[0].message().contains("cannot read"), "{}", printed(&errors));
        assert_eq!(errors[0].line(), None);
    }
}

#[test]
fn a_giant_file_is_refused_unread() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("giant.yaml");
    std::fs::write(&path, vec![b'['; 3 << 20]).expect("the folder can be written");
    let errors = check(&path, &Overrides::none()).expect_err("no scenario is so long");
    assert!(errors[0].message().contains("at most 1048576"), "{}", printed(&errors));
}

#[test]
fn an_error_is_printed_with_its_source_and_a_caret() {
    let errors = crate::checked(&crate::small().replace("cohort: 4", "cohrt: 4"), &[])
        .expect_err("there is a typo in it");
    let wanted = "\
error: unknown key `cohrt`: did you mean `cohort`?
  --> small.yaml:18:3
   |
18 |   cohrt: 4
   |   ^^^^^ in federation.cohrt
   = help: accepted keys: cohort, over_commitment, policy, selection, batch, deadline, stop, evaluate_every";
    assert_eq!(errors[0].to_string(), wanted);
}

#[test]
fn windows_line_ends_and_letters_beyond_ascii_do_not_shift_places() {
    let text =
        crate::small().replace("accuracy: 0.7", "'accuracy': 7").replace("small", "small # äöü");
    let places = |text: &str| -> Vec<String> {
        crate::checked(text, &[]).expect_err("7 is no accuracy").iter().map(place).collect()
    };
    assert_eq!(places(&text), ["3:23"]);
    assert_eq!(places(&text.replace('\n', "\r\n")), ["3:23"]);
    let umlauts = text.replace("{ 'accuracy': 7 }", "{ \"äöü\": 1, accuracy: 7 }");
    assert_eq!(places(&umlauts), ["3:11", "3:31"]);
}
