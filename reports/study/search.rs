//! What was spent on choosing settings.

use super::markdown::{Table, plain};

/// The search for one algorithm's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Effort {
    /// The algorithm.
    pub algorithm: String,
    /// The mean held-out loss of every trial after its last round, by number; infinite where it diverged.
    pub losses: Vec<f64>,
    /// Replications of every trial.
    pub seeds: usize,
    /// The settings that were chosen, as fields of the algorithm's own settings with their values.
    pub chosen: Vec<(String, String)>,
}

pub(super) fn section(efforts: &[Effort]) -> String {
    if efforts.is_empty() {
        return String::new();
    }
    let mut table =
        Table::new(&["", "trials", "seeds each", "diverged", "best loss", "median loss", "chosen"]);
    for effort in efforts {
        let mut sorted = effort.losses.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).map_or("-".to_owned(), |l| loss(*l));
        let settings = effort.chosen.iter().map(|(field, value)| format!("{field} = {value}"));
        table.row(&[
            plain(&effort.algorithm),
            effort.losses.len().to_string(),
            effort.seeds.to_string(),
            effort.losses.iter().filter(|l| !l.is_finite()).count().to_string(),
            at(0),
            at(sorted.len().saturating_sub(1) / 2),
            plain(&settings.collect::<Vec<_>>().join(", ")),
        ]);
    }
    format!(
        "\n## The search\n\nThe same number of trials for every algorithm, drawn before anything was run; the least mean \
         loss on validation texts chose. Fleet, data split and noise of the search are others than those of the \
         comparison.\n\n{}",
        table.text()
    )
}

fn loss(value: f64) -> String {
    if value.is_finite() { format!("{value:.4}") } else { "diverged".to_owned() }
}
