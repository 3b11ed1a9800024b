//! The closed forms that need the federation or a model. The others are held in `validation/`.

use fleetune::validate::choose;
use fleetune_validation::{Verdict, run};

const HELD: [&str; 10] = ["R1", "R2", "R3", "R4", "R5", "R6", "C1", "C2", "C4", "E6"];

#[test]
fn closed_forms_of_rounds_costs_and_waste_hold() {
    let records = run(choose(&HELD.map(str::to_owned)).unwrap()).unwrap();
    assert_eq!(records.len(), HELD.len());
    for record in records {
        for finding in &record.findings {
            assert_eq!(finding.verdict, Verdict::Accepted, "{}: {finding:?}", record.id);
        }
    }
}
