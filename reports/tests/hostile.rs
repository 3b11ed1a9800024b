//! Whatever a scenario calls itself and its algorithms, it stays text.

use std::{fs, path::Path};

use fleetune_reports::{
    Run, RunDir,
    compare::{Compared, Entry},
    statistics::{Comparison, Resource},
    summary_table, write_run,
};

use crate::synthetic::Recipe;

const NAMES: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "</svg><svg onload='alert(3)'>",
    "</style></title><b>x",
    "{{ 7 * 7 }}{% include 'x' %}",
    "=HYPERLINK(\"http://x\",\"y\"),\n@SUM(1)",
    "\u{0}\u{1b}[31mred\u{7}\u{202e}txt.exe",
    "'quoted, \"twice\"\r\n",
];

fn hostile() -> Recipe {
    let mut recipe = Recipe::usual();
    recipe.name = NAMES.join(" ");
    recipe.evaluations = 8;
    let shapes = NAMES.iter().zip(recipe.shapes.iter().cycle());
    recipe.shapes = shapes
        .map(|(name, shape)| crate::synthetic::Shape { label: (*name).to_owned(), ..shape.clone() })
        .collect();
    for (profile, name) in recipe.profiles.iter_mut().zip(NAMES) {
        profile.0 = name.to_owned();
    }
    recipe
}

#[test]
fn markup_in_names_is_escaped_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let mut results = hostile().results();
    results.details.notices = NAMES.map(str::to_owned).to_vec();
    results.details.scenario.description = NAMES.join("");
    results.details.scenario.facts = vec![(NAMES[0].to_owned(), NAMES[1].to_owned())];
    results.details.reality[0].subject = NAMES[2].to_owned();
    results.details.reality[0].how = NAMES[3].to_owned();
    results.manifest.cpu = NAMES[0].to_owned();
    results.manifest.backend = NAMES[1].to_owned();
    let paths = write_run(dir.path(), &results).unwrap();
    let html = fs::read_to_string(&paths.report).unwrap();
    for forbidden in ["<script", "<img", "onload='", "<b>x", "http://x\""] {
        assert!(!html.contains(forbidden), "the report contains {forbidden}");
    }
    assert!(html.contains("{{ 7 * 7 }}"), "template marks are text");
    assert_eq!(html.matches("</style>").count(), 1);
    assert_eq!(html.matches("<svg").count(), 12);
    let invisible =
        |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!html.contains(invisible), "the report contains invisible characters");
    for (svg, _) in &paths.charts {
        let svg = fs::read_to_string(svg).unwrap();
        assert!(!svg.contains("<script") && !svg.contains("<img") && !svg.contains(invisible));
        assert_eq!(svg.matches("<svg").count(), 1);
        assert_eq!(svg.matches("</svg>").count(), 1);
    }
}

/// Side by side with another run, on the page, in its charts, in JSON and on the terminal.
#[test]
fn names_are_texts_in_comparisons_too() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_run(dir.path(), &hostile().results()).unwrap();
    let entry = |name: &str| Entry {
        name: name.to_owned(),
        run: Run::load(dir.path()).unwrap(),
        report: None,
    };
    let remarks = NAMES.map(str::to_owned).to_vec();
    let names = [NAMES[0], "../../escape"];
    let compared = Compared::new(NAMES.join(""), names.map(entry).into(), vec![0, 1], remarks);
    compared.write(out.path()).unwrap();
    let html = fs::read_to_string(out.path().join("report.html")).unwrap();
    for forbidden in ["<script", "<img", "onload='", "<b>x", "href="] {
        assert!(!html.contains(forbidden), "the page contains {forbidden}");
    }
    assert_eq!(html.matches("</style>").count(), 1);
    let invisible =
        |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!html.contains(invisible), "the page contains invisible characters");
    let text = compared.terminal(Resource::Time);
    assert!(!text.contains(invisible), "{text:?}");
    // JSON keeps names as they are, escaped, so that programs find them again.
    let json = String::from_utf8(compared.json().unwrap()).unwrap();
    assert!(!json.contains(|c: char| c.is_control() && c != '\n'));
    let read: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(read["runs"][0]["algorithms"][6]["algorithm"], NAMES[6]);
    let mut written: Vec<_> =
        fs::read_dir(out.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    written.sort();
    assert_eq!(written, ["charts", "comparison.json", "report.html"]);
}

#[test]
fn the_report_loads_nothing_from_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let paths = write_run(dir.path(), &Recipe::usual().results()).unwrap();
    let html = fs::read_to_string(paths.report).unwrap();
    for outside in ["src=", "href=", "url(", "@import", "<link", "<script"] {
        assert!(!html.contains(outside), "the report contains {outside}");
    }
    let addresses = html.matches("http").count();
    assert_eq!(addresses, html.matches("http://www.w3.org/2000/svg").count());
}

#[test]
fn names_survive_csv_and_never_become_formulas() {
    let dir = tempfile::tempdir().unwrap();
    let results = hostile().results();
    let paths = write_run(dir.path(), &results).unwrap();
    assert_eq!(Run::load(dir.path()).unwrap().rounds, results.rounds);
    let mut reader = csv::Reader::from_path(paths.rounds).unwrap();
    for row in reader.records() {
        let row = row.unwrap();
        assert!(!row[0].starts_with(['=', '+', '-', '@', '\t', '\r']), "{:?}", &row[0]);
    }
}

#[test]
fn the_terminal_gets_no_commands() {
    let dir = tempfile::tempdir().unwrap();
    write_run(dir.path(), &hostile().results()).unwrap();
    let run = Run::load(dir.path()).unwrap();
    let comparison = Comparison::new(&run);
    let text = summary_table(&run, &comparison, Path::new("report.html"));
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}

#[test]
fn no_name_escapes_the_root() {
    let root = tempfile::tempdir().unwrap();
    let runs = root.path().join("runs");
    let long = "n".repeat(5000);
    let devices = ["CON", "nul.txt", "a\0b", "..\\..\\x", " ", "\u{2044}etc", long.as_str()];
    let more = ["../../escape", "/etc/x", "..", ".", "a/b\\c", "C:\\x", "~", "-rf"];
    for name in NAMES.into_iter().chain(more).chain(devices) {
        let run = RunDir::create(&runs, name, "../../ab").unwrap();
        fs::write(run.path().join("x"), "").unwrap();
        let path = run.finish().unwrap();
        assert_eq!(path.canonicalize().unwrap().parent(), Some(&*runs.canonicalize().unwrap()));
        let file = path.file_name().unwrap().to_str().unwrap();
        assert!(!file.starts_with(['-', '.']) && file.len() < 100, "{file}");
        assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{file}");
    }
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}
