use clap::Args;
use fleetune_algorithms::probe::{Effort, Landscape, Measured, Moments};
use fleetune_models::backend::Backend;
use serde::Serialize;

use super::{Failure, ScenarioArguments, run::failure, say, table::Table};
use crate::{
    prepare::Prepared,
    probe::{
        Agreement, AlgorithmForecast, Configuration, ProbeReport, TwoRates, Verification, probe,
        verify,
    },
};

/// Arguments of `probe`.
#[derive(Debug, Args)]
pub(super) struct Probe {
    #[command(flatten)]
    scenario: ScenarioArguments,
    /// Stop measuring at this relative standard error of |g|², tr H and E g·Hg.
    #[arg(long, value_name = "SHARE", default_value_t = Effort::default().precision)]
    precision: f64,
    /// Compute at most about this many gradients for each landscape.
    #[arg(long, value_name = "N", default_value_t = Effort::default().gradients)]
    samples: u64,
    /// Also run every algorithm at a grid of learning rates, and FedSPZO with other splits and P2, on validation texts,
    /// and print what happens beside what was predicted. Takes as long as some 15 runs of each.
    #[arg(long)]
    verify: bool,
    /// Threads to use; results do not depend on it. The default is one per processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Output<'a> {
    probe: &'a ProbeReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<&'a [Verification]>,
}

impl Probe {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let more: &[String] = if self.verify { &held_out() } else { &[] };
        let scenario = self.scenario.check(more)?;
        if !scenario.training.is_real() {
            let message = "error: nothing is trained in this scenario (`training: none`): there is no loss to probe";
            return Err(Failure::Usage(message.to_owned()));
        }
        if self.precision.is_nan() || self.precision <= 0.0 {
            let given = self.precision;
            let message = format!("error: --precision: expected a share above 0, found {given}");
            return Err(Failure::Usage(message));
        }
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(format!("error: {error}"));
        let prepared = Prepared::new(scenario, Backend::default()).map_err(|e| usage(&e))?;
        let effort = Effort { precision: self.precision, gradients: self.samples };
        let threads = self.threads.map_or(0, usize::from);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| Failure::Io(format!("error: cannot start threads: {e}")))?;
        let report = pool.install(|| probe(&prepared, effort)).map_err(|e| usage(&e))?;
        if !self.json {
            say(&describe(&report))?;
        }
        let mut verification = None;
        if self.verify {
            let found = pool.install(|| verify(&prepared, &report)).map_err(failure)?;
            if !self.json {
                found.iter().try_for_each(|v| say(&describe_verification(v)))?;
            }
            verification = Some(found);
        }
        if self.json {
            let output = Output { probe: &report, verification: verification.as_deref() };
            let text = serde_json::to_string_pretty(&output).expect("plain data has no bad keys");
            say(&format!("{text}\n"))?;
        }
        Ok(())
    }
}

/// Rates are judged on validation texts, and only where runs end.
fn held_out() -> [String; 2] {
    ["task.evaluate_on=validation", "federation.evaluate_every=1000000000"].map(str::to_owned)
}

fn describe(report: &ProbeReport) -> String {
    let mut text = format!(
        "What the first step of {} clients would bring, and what it takes to know; ± are standard errors.\n",
        report.cohort
    );
    for (index, surveyed) in report.landscapes.iter().enumerate() {
        text.push_str(&format!(
            "\nTraining {}, {} texts a mini-batch, ε {} ({} gradients computed):\n{}",
            surveyed.train,
            surveyed.batch_size,
            surveyed.epsilon,
            surveyed.landscape.gradients,
            landscape(&surveyed.landscape)
        ));
        let mine = report.algorithms.iter().filter(|a| a.landscape == index);
        let of = report.costs_of.as_deref();
        mine.for_each(|a| text.push_str(&algorithm(a, &surveyed.landscape, of)));
    }
    for other in &report.uncovered {
        text.push_str(&format!("\n{}: no forecast: {}\n", other.label, other.reason));
    }
    text
}

fn landscape(of: &Landscape) -> String {
    let mut table = Table::new(&["block", "elements", "|g|²", "E |g_B|²", "tr H", "gᵀHg"]);
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let mut row = |name: &str,
                   elements: usize,
                   pick: &dyn Fn(&[f64]) -> f64,
                   bend: &dyn Fn(&Moments) -> f64| {
        table.row([
            name.to_owned(),
            elements.to_string(),
            measured(of.derive(|m| pick(&m.gradient))),
            measured(of.derive(|m| pick(&m.batch))),
            measured(of.derive(|m| pick(&m.trace))),
            measured(of.derive(bend)),
        ]);
    };
    for (b, block) in of.blocks.iter().enumerate() {
        row(&block.name, block.elements, &|values| values[b], &|m| m.bend[b][b]);
    }
    let elements = of.blocks.iter().map(|b| b.elements).sum();
    row("all", elements, &sum, &|m| m.bend.iter().flatten().sum());
    table.to_string()
}

fn algorithm(of: &AlgorithmForecast, landscape: &Landscape, costs_of: Option<&str>) -> String {
    let Configuration { costs, step, run, .. } = &of.configured;
    let charged = costs_of.map_or_else(String::new, |of| format!(", at the costs of {of}"));
    let mut text = format!("\n{}, {}{charged}\n", of.label, name(&of.configured));
    let by_block = landscape.blocks.iter().zip(&run.by_block.rates);
    let by_block: Vec<String> =
        by_block.map(|(b, rate)| format!("{} {}", b.name, short(rate.value))).collect();
    let rate = |rates: &[Measured]| rates.first().copied().map_or(String::new(), measured);
    text.push_str(&format!(
        "  best for one step: {} for all, loss {}; a rate each: loss {}; as configured: loss {}\n",
        rate(&step.common.rates),
        measured(step.common.change),
        measured(step.by_block.change),
        measured(step.configured),
    ));
    text.push_str(&format!(
        "  recommended peak for {} rounds: {} for all, loss {}; {}; as configured: loss {}\n    each block: {}, loss {}\n",
        run.rounds,
        rate(&run.common.rates),
        measured(run.common.change),
        pair(&run.two),
        measured(run.configured),
        by_block.join(", "),
        measured(run.by_block.change),
    ));
    text.push_str(&format!(
        "  a step lowers the loss by {} per TFLOP and {} per MB; a cohort of one profile, per second:\n",
        measured(scaled(step.decrease_per_flop, 1e12)),
        measured(scaled(step.decrease_per_byte, 1e6)),
    ));
    let mut table = Table::new(&["profile", "fits", "exchange", "decrease/s"]);
    for profile in &costs.seconds {
        table.row([
            format!("  {}", profile.profile),
            if profile.fits { "yes" } else { "no" }.to_owned(),
            format!("{} s", short(profile.seconds)),
            measured(profile.decrease_per_second),
        ]);
    }
    text.push_str(&table.to_string());
    if !of.alternatives.is_empty() {
        text.push_str("  other perturbations on the same device FLOPs, the best first:\n");
        text.push_str(&alternatives(of));
    }
    text
}

/// Rows of alternatives that are shown; JSON has them all.
const SHOWN: usize = 8;

fn alternatives(of: &AlgorithmForecast) -> String {
    let mut table =
        Table::new(&["perturbations", "rounds", "loss", "rates", "decrease/TFLOP of a step"]);
    for c in of.alternatives.iter().take(SHOWN) {
        table.row([
            format!("  {}", name(c)),
            c.run.rounds.to_string(),
            measured(c.run.by_block.change),
            pair(&c.run.two),
            measured(scaled(c.step.decrease_per_flop, 1e12)),
        ]);
    }
    table.to_string()
}

fn name(of: &Configuration) -> String {
    let Configuration { split, lower, upper, variant, .. } = of;
    match split {
        0 => format!("P {upper}"),
        _ => format!("k {split}, P1 {lower}, P2 {upper}, {variant}"),
    }
}

fn pair(two: &TwoRates) -> String {
    let (base, upper) = (short(two.base.value), short(two.upper.value));
    format!("{base}, {upper} from layer {}", two.from_layer)
}

fn describe_verification(of: &Verification) -> String {
    let mut table = Table::new(&["rate", "predicted", "measured", "seeds"]);
    for point in &of.grid {
        let mean = point.measured.iter().sum::<f64>() / point.measured.len() as f64;
        let each: Vec<String> = point.measured.iter().map(|m| short(*m)).collect();
        table.row([short(point.rate), short(point.predicted), short(mean), each.join(" ")]);
    }
    let mut text = format!(
        "\n{}: change of the held-out loss by a run. Recommended {}, best of the grid {}: a factor {:.2}\n{table}",
        of.label,
        short(of.recommended),
        short(of.best),
        (of.recommended / of.best).max(of.best / of.recommended),
    );
    if !of.ranking.is_empty() {
        let mut table = Table::new(&["perturbations", "predicted", "measured", "seeds"]);
        for r in &of.ranking {
            let mean = r.measured.iter().sum::<f64>() / r.measured.len() as f64;
            let each: Vec<String> = r.measured.iter().map(|m| short(*m)).collect();
            let name = format!("k {}, P1 {}, P2 {}", r.split, r.lower, r.upper);
            table.row([name, measured(r.predicted), short(mean), each.join(" ")]);
        }
        let pairs = of.ranking.len() * (of.ranking.len() - 1) / 2;
        let Agreement { separated, agreeing, clear, clear_agreeing } = of.agreement;
        text.push_str(&format!(
            "  At equal device FLOPs. The seeds tell {separated} of {pairs} pairs apart (all together at 95 %, by Holm's \
             procedure); {agreeing} of these are in the predicted order. The predictions of {clear} of them differ by more \
             than their errors; {clear_agreeing} of these are in the predicted order:\n{table}"
        ));
    }
    text
}

fn scaled(of: Measured, by: f64) -> Measured {
    Measured { value: of.value * by, error: of.error * by }
}

fn measured(of: Measured) -> String {
    format!("{} ±{}", short(of.value), short_error(of))
}

/// The error as a share of the value.
fn short_error(of: Measured) -> String {
    format!("{:.0}%", 100.0 * of.relative())
}

/// Three digits.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e4).contains(&size) => format!("{value:.2e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.1 => format!("{value:.3}"),
        size if size >= 0.01 => format!("{value:.4}"),
        _ => format!("{value:.5}"),
    }
}
