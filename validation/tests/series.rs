//! The whole series.

use fleetune_validation::{Experiment, Record, Verdict, experiments, markdown, run};

#[test]
fn every_closed_form_holds() {
    let records = run(experiments()).expect("every experiment can be carried out");
    // Shown when it fails, and with `--nocapture`.
    print!("{}", markdown(&records));
    for record in &records {
        for finding in &record.findings {
            assert_eq!(finding.verdict, Verdict::Accepted, "{}: {finding:?}", record.id);
        }
        assert_eq!(record.verdict(), Verdict::Accepted);
    }
    // Those of the catalogue that are here, in their order.
    let ids: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
    let series = |name: &'static str, last: u32| (1..=last).map(move |n| format!("{name}{n}"));
    let all = series("Q", 11).chain(series("N", 11)).chain(series("A", 5));
    let all: Vec<_> = all.chain(["C3".into()]).chain(series("E", 5)).collect();
    assert_eq!(ids, all);
}

/// The quickest of the stochastic experiments, and all deterministic ones.
fn some() -> Vec<Experiment> {
    let ids = ["Q7", "Q8", "Q10", "Q11", "N8", "N10", "A5", "C3", "E4", "E5"];
    experiments().into_iter().filter(|experiment| ids.contains(&experiment.id)).collect()
}

#[test]
fn records_do_not_depend_on_threads_and_survive_json() {
    let with = |threads: usize| -> Vec<Record> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.expect("threads can be had");
        pool.install(|| run(some())).expect("they can be carried out")
    };
    let one = with(1);
    let text = serde_json::to_string(&one).expect("records are plain data");
    for threads in [2, 8] {
        let other = serde_json::to_string(&with(threads)).expect("records are plain data");
        assert_eq!(text, other, "{threads} threads");
    }
    assert_eq!(serde_json::from_str::<Vec<Record>>(&text).expect("what was written"), one);
}
