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
    // Q1 to Q11, in their order.
    let ids: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
    assert_eq!(ids, (1..=11).map(|n| format!("Q{n}")).collect::<Vec<_>>());
}

/// The quickest of the stochastic experiments, and all deterministic ones.
fn some() -> Vec<Experiment> {
    let ids = ["Q7", "Q8", "Q10", "Q11"];
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
