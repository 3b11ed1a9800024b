//! What the probe predicted, beside what happened.

use super::{
    StudyPage,
    markdown::{Table, plain},
};
use crate::{
    format::significant,
    statistics::{Estimate, LEVEL},
};

/// What the probe says of an algorithm's run, from gradients and curvature at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The algorithm.
    pub algorithm: String,
    /// How far the loss falls with the settings that were run.
    pub decrease: f64,
    /// Its standard error.
    pub error: f64,
    /// How far it falls with the best two rates.
    pub best: f64,
    /// The best rates: below and from a layer on.
    pub rates: [f64; 2],
    /// That layer.
    pub from_layer: usize,
}

pub(super) fn section(page: &StudyPage) -> String {
    if page.forecasts.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        "",
        "predicted fall of the loss",
        "measured",
        "measured / predicted",
        "recommended rates",
        "predicted with these",
    ]);
    for forecast in &page.forecasts {
        let falls = falls(page, &forecast.algorithm);
        let measured = Estimate::new(&falls, LEVEL);
        let half = |e: &Estimate| e.half_width.map_or(String::new(), |w| format!(" ± {w:.3}"));
        let [base, upper] = forecast.rates.map(significant);
        table.row(&[
            plain(&forecast.algorithm),
            format!("{:.3} ± {:.3}", forecast.decrease, forecast.error),
            measured.map_or("-".to_owned(), |e| format!("{:.3}{}", e.mean, half(&e))),
            measured.map_or("-".to_owned(), |e| format!("{:.2}", e.mean / forecast.decrease)),
            format!("{base}, {upper} from layer {}", forecast.from_layer),
            format!("{:.3}", forecast.best),
        ]);
    }
    let mut text = format!(
        "\n## What the probe predicted\n\n`fleetune probe` measures gradients and curvature at the start and follows the \
         second-order model of the loss over the whole run. Predicted with its standard error; measured on the held-out \
         texts with a 95% interval.\n\n{}",
        table.text()
    );
    for (algorithm, reason) in &page.unforeseen {
        text.push_str(&format!("\n{}: no prediction: {}.\n", plain(algorithm), plain(reason)));
    }
    text
}

/// How far the loss fell, by seed.
fn falls(page: &StudyPage, algorithm: &str) -> Vec<f64> {
    let starts = page.run.details.starts.iter();
    starts
        .filter_map(|start| {
            let mine =
                |r: &&crate::records::RoundRecord| r.algorithm == algorithm && r.seed == start.seed;
            let last = page.run.rounds.iter().rfind(mine)?;
            Some(start.loss - last.loss)
        })
        .collect()
}
