//! A model whose costs were charged in the trained one's place is named wherever a cost is shown.

use fleetune_reports::{
    Answer, Run, RunResults,
    charts::{self, NARROW, WIDE},
    page,
    statistics::Comparison,
    study::{StudyPage, Thresholds},
    summary_table, write_tables,
};

use crate::synthetic::Recipe;

const NAME: &str = "OPT-1.3B in f16";

fn results(costs_of: Option<&str>) -> RunResults {
    RunResults { costs_of: costs_of.map(str::to_owned), ..Recipe::usual().results() }
}

fn load(results: &RunResults) -> (Run, Comparison, String) {
    let dir = tempfile::tempdir().unwrap();
    write_tables(dir.path(), results).unwrap();
    let run = Run::load(dir.path()).unwrap();
    let comparison = Comparison::new(&run);
    (run, comparison, std::fs::read_to_string(dir.path().join("summary.json")).unwrap())
}

#[test]
fn every_chart_says_so_in_the_picture_and_below_it() {
    for results in [
        results(Some(NAME)),
        RunResults { costs_of: Some(NAME.to_owned()), ..Recipe::crowded().results() },
    ] {
        let (run, comparison, _) = load(&results);
        let plain = Run { summary: run.summary.clone().charged_as(None), ..run.clone() };
        for width in [WIDE, NARROW] {
            let charts = charts::all(&run, &comparison, width);
            for (chart, before) in charts.iter().zip(charts::all(&plain, &comparison, width)) {
                let words = |chart: &charts::Chart| {
                    let texts = chart.texts();
                    texts.iter().map(|t| t.text.as_str()).collect::<Vec<_>>().join(" ")
                };
                assert!(words(chart).contains(NAME), "{} at {width}", chart.name);
                assert!(chart.caption.contains(NAME), "{}", chart.name);
                assert!(!words(&before).contains(NAME) && !before.caption.contains(NAME));
                // The note has room of its own, on the paper and below everything else.
                let (_, height) = chart.size();
                assert!(height > before.size().1, "{}", chart.name);
                let lowest = before.texts().iter().map(|t| t.bottom).fold(0.0, f64::max);
                let note = chart.texts().into_iter().skip(before.texts().len());
                assert!(note.into_iter().all(|t| t.top >= lowest - 1.0 && t.bottom <= height));
                assert!(chart.svg().unwrap().contains("OPT-1.3B"));
            }
        }
    }
}

#[test]
fn every_sentence_table_and_file_says_so() {
    let (run, comparison, summary) = load(&results(Some(NAME)));
    assert_eq!(run.summary.costs_of.as_deref(), Some(NAME));
    assert!(summary.contains("\"costs_of\": \"OPT-1.3B in f16\""));
    let answer = Answer::new(&run, &comparison);
    let start = format!("At the costs of {NAME}: ");
    assert!(answer.headline.starts_with(&start), "{}", answer.headline);
    assert!(!answer.points.is_empty());
    assert!(answer.points.iter().all(|point| point.starts_with(&start)), "{:?}", answer.points);
    let table = summary_table(&run, &comparison, std::path::Path::new("report.html"));
    let note = "charged as OPT-1.3B in f16 would incur them";
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(&table).contains(note), "{table}");
    let html = page(&run, &comparison).unwrap();
    assert_eq!(html.matches("<p class=\"note charged\">").count(), 2, "both tables of costs");
    let captions = html.split("<figcaption>").skip(1).map(|c| c.split_once('<').unwrap().0);
    assert_eq!(captions.filter(|caption| caption.contains(note)).count(), 6);
}

#[test]
fn a_page_about_a_sweep_says_so_under_every_section_of_costs() {
    let study = |costs_of| {
        let (run, ..) = load(&results(costs_of));
        let page = StudyPage {
            title: "t".to_owned(),
            introduction: "i".to_owned(),
            commands: Vec::new(),
            run,
            charts: "c".to_owned(),
            reference: "FedSPZO".to_owned(),
            thresholds: Thresholds { accuracies: vec![0.7], losses: vec![0.4] },
            controls: Vec::new(),
            claims: Vec::new(),
            efforts: Vec::new(),
            forecasts: Vec::new(),
            unforeseen: Vec::new(),
            ablation: None,
            discussion: "d".to_owned(),
        };
        page.markdown()
    };
    let page = study(Some(NAME));
    let all = page.replace("\n### ", "\n## ");
    let sections = all.split("\n## ").skip(1).filter(|s| !s.starts_with("What it means"));
    let note = "would incur them";
    let mut count = 0;
    for section in sections {
        assert_eq!(section.matches(note).count(), 1, "{section}");
        count += 1;
    }
    assert_eq!(count, 4, "{page}");
    assert!(!study(None).contains(note));
}

#[test]
fn a_model_charged_for_itself_is_not_mentioned() {
    let (run, comparison, summary) = load(&results(None));
    assert!(!summary.contains("costs_of"));
    assert!(!page(&run, &comparison).unwrap().contains("would incur"));
    assert!(!Answer::new(&run, &comparison).headline.contains("At the costs"));
}

/// A name is text of the scenario's, and no markup.
#[test]
fn a_hostile_name_is_escaped() {
    let (run, comparison, _) = load(&results(Some("<script>alert(1)</script> in f32")));
    assert!(!page(&run, &comparison).unwrap().contains("<script>alert"));
}
