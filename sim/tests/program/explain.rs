//! `plan` of models that are known by their `config.json` alone: what it says, and that its formulas come to it.

use super::harness::Desk;

const MODELS: [&str; 2] = ["opt-1.3b", "llama-3.2-3b"];

fn config(name: &str) -> String {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/models");
    format!("{models}/{name}.json")
}

fn planned(model: &str, more: &[&str]) -> String {
    let config = config(model);
    let arguments = [&["plan", "--model", config.as_str()], more].concat();
    Desk::new().succeeds(&arguments).stdout
}

/// A line of an explanation: its depth, the factors of its product as printed, and the value.
struct Line {
    depth: usize,
    factors: Vec<u128>,
    value: u128,
    text: String,
}

fn line(text: &str) -> Line {
    let depth = text.chars().take_while(|c| *c == ' ').count() / 2;
    let (before, value) = text.rsplit_once(" = ").unwrap_or_else(|| panic!("no value: {text}"));
    let value = value.replace(',', "").parse().unwrap_or_else(|_| panic!("no number: {text}"));
    let numbers = before.rsplit_once(" = ").map(|(_, numbers)| numbers);
    let factors = numbers.into_iter().flat_map(|numbers| numbers.split('·'));
    let factors = factors.map(|n| n.parse().unwrap_or_else(|_| panic!("no product: {text}")));
    Line { depth, factors: factors.collect(), value, text: text.to_owned() }
}

/// Checks a tree of lines, and returns how many figures were sums.
fn check(lines: &[Line]) -> usize {
    let mut sums = 0;
    for (i, line) in lines.iter().enumerate() {
        let below = lines[i + 1..].iter().take_while(|other| other.depth > line.depth);
        let parts: Vec<&Line> = below.filter(|other| other.depth == line.depth + 1).collect();
        if !line.factors.is_empty() {
            assert_eq!(line.factors.iter().product::<u128>(), line.value, "{}", line.text);
        }
        if !parts.is_empty() {
            let sum: u128 = parts.iter().map(|part| part.value).sum();
            assert_eq!(line.factors.last().copied().unwrap_or(line.value), sum, "{}", line.text);
            sums += 1;
        }
    }
    sums
}

/// The text is taken at its word: every product is multiplied out, every sum added up, and what the summary prints is
/// what the explanation comes to.
#[test]
fn explained_figures_come_to_the_printed_ones() {
    for model in MODELS {
        for more in [
            &["--dtype", "bf16"][..],
            &["--dtype", "f16", "--frozen", "int8"],
            &["--frozen", "ternary"],
        ] {
            let text = planned(model, &[more, &["--explain"]].concat());
            let sections: Vec<&str> = text.split(", explained:\n").collect();
            assert!(sections.len() > 16, "{model}: {}", sections.len());
            for (i, section) in sections.iter().enumerate().skip(1) {
                let label = sections[i - 1].lines().last().unwrap();
                let body = section.lines().take_while(|line| line.starts_with("  "));
                let lines: Vec<Line> =
                    body.filter(|line| !line.contains("kind of exchange")).map(line).collect();
                assert!(check(&lines) >= 10, "{label}");
                let row = text.lines().find(|line| line.trim_start().starts_with(label)).unwrap();
                for what in ["parameters", "peak memory", "FLOPs", "bytes down", "bytes up"] {
                    let figures = lines
                        .iter()
                        .filter(|line| line.depth == 1 && line.text.trim_start().starts_with(what));
                    let most = figures.map(|line| line.value).max().expect(what);
                    let shown = match what {
                        "parameters" => most
                            .to_string()
                            .as_bytes()
                            .rchunks(3)
                            .rev()
                            .map(|group| std::str::from_utf8(group).unwrap())
                            .collect::<Vec<_>>()
                            .join(","),
                        "FLOPs" => fleetune_units::Flops::new(most).human().to_string(),
                        _ => fleetune_units::Bytes::new(most as u64).human().to_string(),
                    };
                    // An exchange of split training is two stretches of work: each is explained by itself.
                    let split = label.starts_with("FedsLLM") && what == "FLOPs";
                    assert!(split || row.contains(&shown), "{label}, {what}: {shown} in {row}");
                }
            }
        }
    }
}

#[test]
fn a_model_is_planned_by_its_configuration_for_every_kind_of_algorithm_and_profile() {
    let [opt, llama] = MODELS.map(|model| planned(model, &["--dtype", "f16"]));
    // The published number of parameters, and a head of two classes.
    assert!(opt.contains("1,315,762,176") && llama.contains("3,212,755,968"), "{opt}{llama}");
    for text in [&opt, &llama] {
        for kind in [
            "MeZO", "FedSPZO", "DeComFL", "FedKSeed", "SignSPSA", "FwdLLM", "FedAvg", "FedProx",
            "FedAdam", "SCAFFOLD", "FedsLLM",
        ] {
            assert!(text.contains(kind), "{kind}");
        }
        for profile in ["laptop", "jetson-nano", "phone-high", "raspberry-pi-zero-2-w", "watch by "]
        {
            assert!(text.contains(profile), "{profile}");
        }
        assert!(text.lines().skip(2).all(|line| line.chars().count() <= 120), "{text}");
    }
    // Two bytes a parameter at the least; quantised, less; and ternary less than that.
    let model = |text: &str| {
        let line = text.lines().find(|line| line.starts_with("MeZO, LoRA 8: the model is"));
        let size = line.unwrap().split("is ").nth(1).unwrap().split(" on").next().unwrap();
        size.parse::<fleetune_units::Bytes>().unwrap().get()
    };
    let sizes = ["plain", "int8", "ternary"]
        .map(|frozen| model(&planned("llama-3.2-3b", &["--dtype", "f16", "--frozen", frozen])));
    assert!((6_420_000_000..6_440_000_000).contains(&sizes[0]), "{sizes:?}");
    // 28 layers of 100,663,296 weights in a byte each instead of two, or in a quarter.
    let saved = |per_weight: f64| 28.0 * 100_663_296.0 * per_weight;
    assert!((sizes[0] as f64 - sizes[1] as f64 - saved(1.0)).abs() < 2e7, "{sizes:?}");
    assert!((sizes[0] as f64 - sizes[2] as f64 - saved(1.75)).abs() < 2e7, "{sizes:?}");
}

#[test]
fn what_cannot_be_planned_is_refused_with_a_reason() {
    let desk = Desk::new();
    desk.put("odd.json", r#"{ "model_type": "mamba" }"#);
    desk.put("half.json", r#"{ "model_type": "opt", "hidden_size": 64 }"#);
    let opt = config("opt-1.3b");
    for (arguments, reason) in [
        (&["plan"][..], "SCENARIO"),
        (&["plan", "--model", "odd.json"], "mamba"),
        (&["plan", "--model", "half.json"], "missing field"),
        (&["plan", "--model", "nowhere.json"], "cannot read"),
        (&["plan", "--model", &opt, "--dtype", "f64"], "f64"),
        (&["plan", "--model", &opt, "--frozen", "int4"], "int4"),
        (&["plan", "tiny.yaml", "--dtype", "f16"], "--model"),
        (&["plan", "tiny.yaml", "--frozen", "int8"], "it trains the weights of the layers"),
        (&["plan", "--model", &opt, "--set", "model.max_length=4096"], "2048"),
    ] {
        desk.fails(arguments, 2, &[reason]);
    }
}
