//! Kept cells are keyed by a hash over the engine's sources: what a cell imports is among them.

mod imports;
#[path = "../../engine.rs"]
mod list;

use std::{collections::BTreeSet, path::Path};

use imports::Workspace;

/// Why a file that a cell imports need not be hashed.
const COVERED_OTHERWISE: [(&str, &str); 3] = [
    (
        "scenarios/",
        "the key holds the scenario as it was resolved, and what it read; what it computes later is in pace.rs",
    ),
    ("reports/error.rs", "what reading and writing tables fails with, which no cell does"),
    ("sim/lib.rs", "it holds nothing but the names of modules"),
];

#[test]
fn what_a_cell_imports_is_in_its_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let name = |path: &Path| path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    let mut hashed = BTreeSet::new();
    for part in list::ENGINE {
        let files = list::files(root, part);
        assert!(!files.is_empty(), "{part} is not there");
        hashed.extend(files.iter().map(|file| name(file)));
    }
    let imported: BTreeSet<String> = Workspace::new(root)
        .imported_by(&root.join("sim/cell.rs"))
        .iter()
        .map(|file| name(file))
        .collect();
    // The search finds what is known to be imported, by each of the ways to import, and not everything.
    for known in [
        "sim/cell.rs",
        "sim/clocks.rs",
        "sim/federation/tiers.rs",
        "kernel/calendar.rs",
        "algorithms/mixing/mixer.rs",
        "algorithms/zeroth_order/probe.rs",
        "devices/network/transfers/hub.rs",
        "devices/shipped.in",
        "models/assets/encoder/config.json",
        "reports/records/staleness.rs",
        "scenarios/pace.rs",
        "units/decimal.rs",
    ] {
        assert!(imported.contains(known), "{known} is not found: {imported:#?}");
    }
    for unknown in
        ["sim/results.rs", "sim/cli/run.rs", "reports/charts/mod.rs", "reports/html/mod.rs"]
    {
        assert!(!imported.contains(unknown), "{unknown} is no part of a cell");
    }
    let otherwise = |file: &str| COVERED_OTHERWISE.iter().any(|(start, _)| file.starts_with(start));
    let exempt = |file: &str| otherwise(file) && file != "scenarios/pace.rs";
    let missing: Vec<&String> =
        imported.iter().filter(|file| !hashed.contains(*file) && !exempt(file)).collect();
    assert!(
        missing.is_empty(),
        "not in ENGINE of sim/engine.rs, though cells import them: {missing:#?}"
    );
}
