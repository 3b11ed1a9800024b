//! `validate`: what it prints, what it writes, how it ends.

use super::harness::Desk;

#[test]
fn a_page_is_the_same_to_the_byte_whatever_the_threads() {
    let desk = Desk::new();
    let chosen = ["validate", "--only", "n6,E5", "--only", "C1"];
    let with = |threads: &str, page: &str| {
        let more = ["--threads", threads, "--out", page];
        desk.succeeds(&[&chosen[..], &more].concat())
    };
    let [one, three] = [with("1", "one/page.md"), with("3", "three/page.md")];
    assert_eq!(one.stdout, three.stdout);
    assert!(one.stdout.starts_with("N6 The parameter server's star: 22 of 22 accepted\n"));
    assert!(one.stdout.ends_with("\n3 experiments, 52 checks: all accepted\n"), "{}", one.stdout);
    assert!(one.stdout.lines().all(|line| line == line.trim_end()));
    let page = desk.read("one/page.md");
    assert_eq!(page.replace("one/", "three/"), desk.read("three/page.md"));
    for (number, id) in ["N6", "C1", "E5"].iter().enumerate() {
        let place = page.find(&format!("## {id}: ")).unwrap();
        let others = ["N6", "C1", "E5"][..number].iter();
        assert!(others.map(|id| page.find(&format!("## {id}: ")).unwrap()).all(|p| p < place));
    }
    for picture in ["star-knee.png", "radio-tail.png"] {
        assert!(page.contains(&format!("](page/{picture})")), "{picture}");
        let [a, b] = ["one", "three"]
            .map(|folder| std::fs::read(desk.path(&format!("{folder}/page/{picture}"))).unwrap());
        assert!(a == b && a.starts_with(b"\x89PNG"), "{picture}");
    }
}

#[test]
fn records_can_be_read_by_programs() {
    let end = Desk::new().succeeds(&["validate", "--only", "N3", "--json"]);
    let records: Vec<fleetune_validation::Record> = serde_json::from_str(&end.stdout).unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].id.as_str(), records[0].findings.len()), ("N3", 3));
}

#[test]
fn names_that_stand_for_nothing_are_mistakes() {
    let desk = Desk::new();
    desk.fails(&["validate", "--only", "N12"], 2, &["--only", "such as N6", "found `N12`"]);
    desk.fails(&["validate", "--threads", "0"], 2, &["--threads"]);
}
