//! A larger model's costs, through the program.

use super::harness::{ALGORITHMS, Desk, scenario};

fn desk(costs_of: &str) -> Desk {
    let desk = Desk::new();
    let model = format!("max_length: 16, costs_of: {costs_of} }}");
    let fleet = "{ profile: laptop, count: 6 }";
    let text = scenario(ALGORITHMS)
        .replace("max_length: 16 }", &model)
        .replace("    - { profile: phone-high, count: 4 }\n", "")
        .replace("{ profile: raspberry-pi-4, count: 2 }", fleet);
    desk.put("larger.yaml", &text);
    desk
}

const SMALL: &str = "{ custom: { name: Twelve, dtype: f16, architecture: { vocab_size: 30000, hidden_size: 256, \
                     num_hidden_layers: 12, num_attention_heads: 8, num_key_value_heads: 2, intermediate_size: 700, \
                     positions: rotary, feed_forward: swiglu, norm: rms, placement: pre, biases: true } } }";

#[test]
fn a_plan_names_the_model_at_every_table() {
    let desk = desk("{ opt-1.3b: { dtype: bf16 } }");
    let plan = desk.succeeds(&["plan", "larger.yaml"]).stdout;
    for label in ["FedSPZO", "MeZO", "FwdLLM", "FedAvg"] {
        assert!(plan.contains(&format!("{label} at the costs of OPT-1.3B in bf16: ")), "{plan}");
    }
    // FedAvg with AdamW, in 2 bytes: all parameters; of the layers' gradient and two moments; then activations.
    let line = plan.lines().find(|line| line.starts_with("FedAvg")).unwrap();
    let memory = line.split(", ").last().unwrap().strip_suffix(" of memory").unwrap();
    let memory = memory.parse::<fleetune_units::Bytes>().unwrap().get();
    let held = 2 * (1_315_758_080 + 3 * 1_208_598_528_u64);
    assert!((held..held + 300_000_000).contains(&memory), "{memory} {held}");
    // No laptop has that, and all have what inference takes but a budget of 2 GiB.
    assert!(plan.lines().filter(|line| line.contains(" no ")).count() >= 4, "{plan}");
}

#[test]
fn a_run_names_it_in_the_summary_the_table_and_the_report_and_learns_the_same() {
    let desk = desk(SMALL);
    let end = desk.succeeds(&["run", "larger.yaml", "--out", "run", "--quiet", "--seeds", "1"]);
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat(&end.stdout).contains("as Twelve in f16 would incur them"), "{}", end.stdout);
    assert!(end.stdout.starts_with("At the costs of Twelve in f16: "));
    assert!(desk.read("run/summary.json").contains("\"costs_of\": \"Twelve in f16\""));
    let report = desk.read("run/report.html");
    assert!(report.contains("Twelve in f16: 12 layers, 256 wide, in place of the trained model"));
    assert!(report.contains("those of Twelve in f16, from its shapes"));
    // What the run says of itself runs again, to the same bytes.
    desk.succeeds(&["run", "run/scenario.resolved.yaml", "--out", "again", "--quiet"]);
    assert_eq!(desk.read("run/rounds.csv"), desk.read("again/rounds.csv"));
    assert_eq!(desk.read("run/summary.json"), desk.read("again/summary.json"));
}

#[test]
fn a_probe_names_it_at_every_forecast() {
    let desk = desk(SMALL);
    let probe = ["probe", "larger.yaml", "--precision", "10", "--samples", "2"];
    let text = desk.succeeds(&probe).stdout;
    assert_eq!(text.matches(", at the costs of Twelve in f16\n").count(), 2, "{text}");
}
