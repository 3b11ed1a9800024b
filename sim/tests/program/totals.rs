//! The same totals in kernel, run directory and report.

use std::{path::Path, sync::atomic::AtomicBool};

use fleetune::{campaign::run_campaign, cell::CellResult, prepare::Prepared};
use fleetune_models::backend::Backend;
use fleetune_scenarios::{Overrides, check_text};
use fleetune_units::{Bytes, Flops, Joules, Seconds};
use serde_json::Value;

use super::harness::{Desk, scenario};

const ALGORITHMS: [&str; 2] = [
    "  FedAvg: { fedavg: { local_steps: 2, batch_size: 8, learning_rate: { base: 1e-3 } } }\n",
    "  Signs: { signspsa: { train: bitfit, local_steps: 8, batch_size: 8, learning_rate: { base: 4e-3 } } }\n",
];

/// Over-commitment wastes work, which is in every total; judged before the first and after the last round.
const SET: [&str; 5] = [
    "seeds=1",
    "task.test_examples=200",
    "federation.over_commitment=1.3",
    "federation.stop.rounds=4",
    "federation.evaluate_every=4",
];

fn cells() -> Vec<CellResult> {
    let overrides = Overrides::parse(SET).unwrap();
    let text = scenario(ALGORITHMS);
    let checked = check_text("tiny.yaml", text.as_bytes(), Path::new(""), &overrides).unwrap();
    let prepared = Prepared::new(checked, Backend::default()).unwrap();
    run_campaign(&prepared, 1, &AtomicBool::new(false), &|_| ()).unwrap()
}

/// Time, FLOPs, bytes up and down, joules.
fn totals(cell: &CellResult) -> [f64; 5] {
    let spent = cell.standing.ledger.total();
    [
        cell.standing.time.as_seconds(),
        spent.device_flops.get() as f64,
        spent.uplink.get() as f64,
        spent.downlink.get() as f64,
        spent.energy.get(),
    ]
}

/// What the report's table says in the row of an algorithm, in the units that it is printed in.
fn printed(report: &str, label: &str) -> [f64; 5] {
    let row = report.split("<tr>").find(|row| row.contains(&format!(">{label}<small>"))).unwrap();
    let cell = |heading: &str| {
        let cell = row.split(&format!("data-heading=\"{heading}\"")).nth(1).unwrap();
        let value = cell.split_once("<span>").unwrap().1.split(['<', '\n']).next().unwrap();
        value.trim().to_owned()
    };
    [
        cell("Time").parse::<Seconds>().unwrap().get(),
        cell("Compute").parse::<Flops>().unwrap().get() as f64,
        cell("Uplink").parse::<Bytes>().unwrap().get() as f64,
        cell("Downlink").parse::<Bytes>().unwrap().get() as f64,
        cell("Energy").parse::<Joules>().unwrap().get(),
    ]
}

#[test]
fn kernel_run_directory_and_report_have_the_same_totals() {
    let cells = cells();
    let last = |cell: &CellResult| cell.rounds.last().unwrap().accuracy;
    let target = cells.iter().map(last).reduce(f64::min).unwrap();
    assert!(cells.iter().all(|cell| cell.start.accuracy < target), "both reach it, at the end");

    let desk = Desk::new();
    desk.put("two.yaml", &scenario(ALGORITHMS));
    let target = format!("target.accuracy={target}");
    let set = SET.iter().copied().chain([&target[..]]).flat_map(|set| ["--set", set]);
    let run = ["run", "two.yaml", "--out", "x", "--quiet"];
    desk.succeeds(&run.into_iter().chain(set).collect::<Vec<_>>());
    let table = desk.read("x/rounds.csv");
    let summary: Value = serde_json::from_str(&desk.read("x/summary.json")).unwrap();
    let details: Value = serde_json::from_str(&desk.read("x/details.json")).unwrap();
    let report = desk.read("x/report.html");
    for (index, cell) in cells.iter().enumerate() {
        let (label, kernel) = (&cell.label, totals(cell));
        assert!(!cell.standing.ledger.wasted.device_flops.is_zero(), "{label}: some in vain");

        let row = table.lines().find(|row| row.starts_with(&format!("{label},0,4,"))).unwrap();
        let columns: Vec<&str> = row.split(',').collect();
        let number = |column: usize| columns[column].parse::<f64>().unwrap();
        assert_eq!([3, 6, 7, 8, 9].map(number), kernel, "{label}: rounds.csv");

        let costs = ["time_to", "flops_to", "uplink_bytes_to", "downlink_bytes_to", "energy_to"];
        let units = ["_s", "", "", "", "_j"];
        let cost = |i: usize| {
            summary["cells"][index][format!("{}_target{}", costs[i], units[i])].as_f64().unwrap()
        };
        assert_eq!(summary["cells"][index]["algorithm"], **label);
        assert_eq!(std::array::from_fn::<_, 5, _>(cost), kernel, "{label}: summary.json");

        let profiles = details["algorithms"][index]["participation"].as_array().unwrap();
        let flops: u64 = profiles.iter().map(|p| p["device_flops"].as_u64().unwrap()).sum();
        assert_eq!(flops as f64, kernel[1], "{label}: details.json");

        for (printed, exact) in printed(&report, label).into_iter().zip(kernel) {
            // Three digits.
            assert!((printed - exact).abs() <= 0.005 * exact, "{label}: {printed}, {exact}");
        }
    }
}
