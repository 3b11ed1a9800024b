//! Charts can be drawn from anything a run can produce, and their texts can be read.

use fleetune_reports::{
    Run,
    charts::{self, Chart, NARROW, Plot, PlotTrace, TextBox, WIDE, curves},
    statistics::Comparison,
    write_tables,
};
use fleetune_units::{Bytes, Seconds};

use crate::synthetic::{Recipe, in_groups, shape, without_rounds};

fn load(results: &fleetune_reports::RunResults) -> (Run, Comparison) {
    let dir = tempfile::tempdir().unwrap();
    write_tables(dir.path(), results).unwrap();
    let run = Run::load(dir.path()).unwrap();
    let comparison = Comparison::new(&run);
    (run, comparison)
}

fn overlap(a: &TextBox, b: &TextBox) -> bool {
    a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom && b.top < a.bottom
}

/// Every text stands on the page, and none on another.
fn assert_legible(chart: &Chart, case: &str) {
    let (width, height) = chart.size();
    let texts = chart.texts();
    assert!(!texts.is_empty());
    for text in &texts {
        let inside = text.left >= -1.0 && text.right <= width + 1.0 && text.bottom <= height;
        assert!(inside, "{case}, {} at {width}: {text:?} leaves the page", chart.name);
    }
    for (i, a) in texts.iter().enumerate() {
        for b in &texts[i + 1..] {
            assert!(!overlap(a, b), "{case}, {} at {width}: {a:?} on {b:?}", chart.name);
        }
    }
}

fn assert_drawable(case: &str, results: &fleetune_reports::RunResults) {
    assert_drawable_alone(case, results, "");
}

/// As [`assert_drawable`], looking at the chart of that name alone; at all, if it is empty.
fn assert_drawable_alone(case: &str, results: &fleetune_reports::RunResults, name: &str) {
    let (run, comparison) = load(results);
    for width in [WIDE, NARROW] {
        let charts = charts::all(&run, &comparison, width);
        let details = &run.details.algorithms;
        let stale = details.iter().any(|a| !a.staleness().is_empty());
        let grouped = details.iter().any(|a| a.groups.len() > 1);
        assert_eq!(charts.len(), 6 + usize::from(stale) + usize::from(grouped), "{case}");
        for chart in charts.into_iter().filter(|chart| name.is_empty() || chart.name == name) {
            assert_legible(&chart, case);
            let svg = chart.svg().unwrap();
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{case}, {}", chart.name);
            assert_eq!(chart.png().unwrap()[..8], *b"\x89PNG\r\n\x1a\n");
        }
    }
}

#[test]
fn usual_results() {
    assert_drawable("usual", &Recipe::usual().results());
}

#[test]
fn one_seed() {
    assert_drawable("one seed", &Recipe { seeds: 1, ..Recipe::usual() }.results());
}

#[test]
fn many_seeds() {
    assert_drawable("many seeds", &Recipe { seeds: 30, ..Recipe::usual() }.results());
}

#[test]
fn nothing_reached() {
    assert_drawable("nothing reached", &Recipe { target: 1.0, ..Recipe::usual() }.results());
}

#[test]
fn target_below_the_start() {
    assert_drawable("target 0", &Recipe { target: 0.0, ..Recipe::usual() }.results());
}

#[test]
fn one_point() {
    assert_drawable("one point", &Recipe { evaluations: 1, ..Recipe::usual() }.results());
}

#[test]
fn no_point_at_all() {
    let mut results = Recipe { evaluations: 0, ..Recipe::usual() }.results();
    assert_drawable("no point", &results);
    results.details.starts.clear();
    assert_drawable("no start", &results);
}

#[test]
fn no_algorithm() {
    let recipe = Recipe { shapes: vec![], ..Recipe::usual() };
    assert_drawable("no algorithm", &recipe.results());
}

#[test]
fn twelve_algorithms_with_long_names() {
    assert_drawable("crowded", &Recipe::crowded().results());
}

#[test]
fn names_without_spaces_and_in_other_scripts() {
    let mut recipe = Recipe::usual();
    let names = ["x".repeat(300), "学習".repeat(40), String::new(), "Ω ж é".to_owned()];
    for (shape, name) in recipe.shapes.iter_mut().zip(names) {
        shape.label = name;
    }
    assert_drawable("names", &recipe.results());
}

#[test]
fn amounts_from_nothing_to_the_immense() {
    let mut recipe = Recipe::usual();
    recipe.shapes = vec![
        shape("nothing", 0.8, 20.0, 0.0, 0.0, 0.0, 0),
        shape("tiny", 0.8, 20.0, 1e-6, 1.0, 1.0, 1),
        shape("immense", 0.8, 20.0, 1e9, 1e33, 1e15, u64::MAX),
    ];
    recipe.profiles.push(("no-budget".to_owned(), 1, 0));
    assert_drawable("amounts", &recipe.results());
}

#[test]
fn flat_accuracies() {
    let mut results = Recipe { target: 0.652, ..Recipe::usual() }.results();
    results.rounds.iter_mut().for_each(|r| r.accuracy = 0.652);
    assert_drawable("flat", &results);
}

#[test]
fn half_of_the_seeds_reach_the_target() {
    let mut results = Recipe { seeds: 4, ..Recipe::usual() }.results();
    results.rounds.iter_mut().filter(|r| r.seed % 2 == 1).for_each(|r| r.accuracy *= 0.8);
    assert_drawable("censored", &results);
}

#[test]
fn anatomies_of_nobody_and_of_nothing() {
    let mut results = Recipe::usual().results();
    results.details.algorithms[0].anatomy = None;
    if let Some(anatomy) = &mut results.details.algorithms[1].anatomy {
        (anatomy.download, anatomy.compute) = (Seconds::ZERO, Seconds::ZERO);
        (anatomy.upload, anatomy.wait) = (Seconds::ZERO, Seconds::ZERO);
    }
    if let Some(anatomy) = &mut results.details.algorithms[2].anatomy {
        anatomy.compute = Seconds::from_raw(1e7);
    }
    results.details.algorithms[3].fit.clear();
    results.details.algorithms[0].fit[0].needed = Bytes::new(u64::MAX);
    assert_drawable("anatomy", &results);
}

#[test]
fn staleness_of_any_extent() {
    for (mean, bound) in
        [(0.001, 0), (0.1, 0), (1.0, 3), (4.0, u64::MAX), (300.0, 900), (1e12, 1 << 40)]
    {
        for recipe in [Recipe::usual(), Recipe::crowded()] {
            let mut results = recipe.results();
            without_rounds(&mut results, mean, bound);
            assert_drawable_alone(&format!("stale by {mean}"), &results, "staleness");
        }
    }
}

/// One algorithm's updates may all be discarded, another's none, a third's all be fresh, and a fourth have none.
#[test]
fn staleness_of_nobody_and_of_all() {
    let mut results = Recipe::usual().results();
    without_rounds(&mut results, 2.0, 9);
    let of = |results: &mut fleetune_reports::RunResults, n: usize, joined: u64, discarded: u64| {
        let mut all = fleetune_reports::records::Staleness::default();
        for profile in &mut results.details.algorithms[n].participation {
            profile.staleness = Default::default();
            (0..joined).for_each(|_| profile.staleness.joined.add(0));
            (0..discarded).for_each(|i| profile.staleness.discarded.add(10 + i));
            (profile.completed, profile.stale) = (joined, discarded);
            profile.started = profile.fates().started();
            all.merge(&profile.staleness);
        }
        let label = results.details.algorithms[n].label.clone();
        let mine = results.totals.iter_mut().filter(|cell| cell.algorithm == label);
        mine.enumerate().for_each(|(i, cell)| {
            cell.staleness = if i == 0 { all.clone() } else { Default::default() };
        });
    };
    of(&mut results, 0, 0, 5);
    of(&mut results, 1, 5, 0);
    of(&mut results, 2, 0, 0);
    assert_drawable_alone("some stale", &results, "staleness");
    of(&mut results, 3, 0, 0);
    of(&mut results, 0, 1, 0);
    assert_drawable_alone("all fresh", &results, "staleness");
}

#[test]
fn groups_of_any_number() {
    let names: Vec<String> =
        (0..11).map(|i| format!("an edge whose name is not short {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for count in [1, 2, 3, 11] {
        for stale in [false, true] {
            for recipe in [Recipe::usual(), Recipe::crowded()] {
                let mut results = recipe.results();
                in_groups(&mut results, &names[..count], stale);
                assert_drawable_alone(&format!("{count} groups"), &results, "groups");
            }
        }
    }
    let mut results = Recipe::usual().results();
    in_groups(&mut results, &["", "x"], true);
    results.details.algorithms[1].groups.clear();
    results.details.algorithms[2].groups.truncate(1);
    assert_drawable_alone("few groups", &results, "groups");
}

/// Whatever is plotted can be read, also where there is nothing, or only dots.
#[test]
fn curves_of_anything() {
    let line: Vec<_> = (1..=50).map(|i| (f64::from(i), 1e5 / f64::from(i))).collect();
    let dots = vec![(1.0, 9e4, 2e4), (20.0, 5e3, 10.0)];
    let trace = |name: &str, line, dots| PlotTrace { name: name.into(), line, dots };
    let plot = |log_x, traces| Plot {
        name: "some-curve".into(),
        title: "Something against something else, in so many words that they have to be broken"
            .into(),
        caption:
            "How to read it, which takes more than one line on a telephone, as is only natural."
                .into(),
        x: "something, s".into(),
        y: "something else, kB".into(),
        log_x,
        traces,
    };
    let long = "a name that is rather long for a legend";
    for log_x in [false, true] {
        for traces in [
            vec![trace("both", line.clone(), dots.clone()), trace(long, line.clone(), Vec::new())],
            vec![trace("dots", Vec::new(), dots.clone())],
        ] {
            for width in [WIDE, NARROW] {
                let chart = curves(&plot(log_x, traces.clone()), width);
                assert_legible(&chart, "curves");
                let svg = chart.svg().unwrap();
                assert!(!svg.contains("NaN") && !svg.contains("inf"));
                assert_eq!(chart.png().unwrap()[..8], *b"\x89PNG\r\n\x1a\n");
            }
        }
    }
}
