//! One algorithm along two of its settings, with what theory predicts.

use std::cmp::Ordering;

use super::markdown::{Table, plain};
use crate::statistics::{Estimate, LEVEL, told_apart};

/// A grid over two settings of one algorithm.
#[derive(Debug, Clone, PartialEq)]
pub struct Ablation {
    /// The algorithm.
    pub algorithm: String,
    /// The setting of the rows.
    pub rows: String,
    /// The setting of the columns.
    pub columns: String,
    /// The settings that were chosen in every cell for itself, such as the learning rate.
    pub tuned: Vec<String>,
    /// The grid's cells.
    pub cells: Vec<AblationCell>,
}

/// One combination of the two settings.
#[derive(Debug, Clone, PartialEq)]
pub struct AblationCell {
    /// The row's value.
    pub row: String,
    /// The column's value.
    pub column: String,
    /// How far the loss fell within the budget, by seed, with the best of the alternatives.
    pub decreases: Vec<f64>,
    /// How far theory says that it falls within the budget.
    pub predicted: Option<f64>,
}

/// How often theory and measurement agree on which of two cells is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Agreement {
    /// Pairs that the measurement tells apart.
    separate: usize,
    /// Those of them that theory orders the same way.
    agree: usize,
    /// All pairs with a prediction.
    all: usize,
}

pub(super) fn section(ablation: &Ablation) -> String {
    let tuned = match ablation.tuned.is_empty() {
        true => String::new(),
        false => format!(
            "; every cell with its own best of the searched values of {}",
            ablation.tuned.join(", ")
        ),
    };
    let mut text = format!(
        "\n## {} taken apart\n\nHow far the validation loss fell within the budget, mean over seeds with 95% interval{}. \
         Rows: {}; columns: {}.\n\n{}",
        plain(&ablation.algorithm),
        plain(&tuned),
        plain(&ablation.rows),
        plain(&ablation.columns),
        grid(ablation, &|cell| measured(cell))
    );
    if ablation.cells.iter().any(|cell| cell.predicted.is_some()) {
        text.push_str(&theory(ablation));
    }
    text
}

fn measured(cell: &AblationCell) -> String {
    Estimate::new(&cell.decreases, LEVEL).map_or("-".to_owned(), |e| {
        let half = e.half_width.map_or(String::new(), |w| format!(" ± {w:.4}"));
        format!("{:.4}{half}", e.mean)
    })
}

fn theory(ablation: &Ablation) -> String {
    let forecast = |cell: &AblationCell| {
        cell.predicted.map_or("-".to_owned(), |predicted| format!("{predicted:.4}"))
    };
    let Agreement { separate, agree, all } = agreement(&ablation.cells);
    format!(
        "\nWhat theory predicts from gradients and curvature measured at the start (`fleetune probe`), within the same budget, \
         each cell at its recommended pair of rates.\n\n{}\nOf {all} pairs of cells the measurement \
         tells {separate} apart (differences paired by seed, all pairs together at 95% by Holm's procedure); theory orders {agree} of these the same \
         way.\n",
        grid(ablation, &forecast)
    )
}

fn grid(ablation: &Ablation, content: &dyn Fn(&AblationCell) -> String) -> String {
    let mut columns: Vec<&str> = Vec::new();
    let mut rows: Vec<&str> = Vec::new();
    for cell in &ablation.cells {
        if !columns.contains(&cell.column.as_str()) {
            columns.push(&cell.column);
        }
        if !rows.contains(&cell.row.as_str()) {
            rows.push(&cell.row);
        }
    }
    let mut head = vec![String::new()];
    head.extend(columns.iter().map(|column| plain(&format!("{} = {column}", ablation.columns))));
    let mut table = Table::new(&head);
    for row in rows {
        let mut line = vec![plain(&format!("{} = {row}", ablation.rows))];
        line.extend(columns.iter().map(|column| {
            let cell = ablation.cells.iter().find(|c| c.row == row && c.column == *column);
            cell.map_or("-".to_owned(), content)
        }));
        table.row(&line);
    }
    table.text()
}

fn agreement(cells: &[AblationCell]) -> Agreement {
    let predicted: Vec<(&[f64], f64)> = cells
        .iter()
        .filter_map(|cell| Some((cell.decreases.as_slice(), cell.predicted?)))
        .collect();
    let measured: Vec<&[f64]> = predicted.iter().map(|(decreases, _)| *decreases).collect();
    let apart = told_apart(&measured, LEVEL);
    let agrees = |&&(i, j, order): &&(usize, usize, Ordering)| {
        predicted[i].1.partial_cmp(&predicted[j].1) == Some(order)
    };
    let all = predicted.len() * predicted.len().saturating_sub(1) / 2;
    Agreement { separate: apart.len(), agree: apart.iter().filter(agrees).count(), all }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(decreases: [f64; 3], predicted: f64) -> AblationCell {
        let (row, column) = ("1".to_owned(), "2".to_owned());
        AblationCell { row, column, decreases: decreases.to_vec(), predicted: Some(predicted) }
    }

    #[test]
    fn only_pairs_that_the_seeds_tell_apart_count() {
        let (worst, middle, best) =
            (cell([1.0, 1.1, 0.9], 1.0), cell([2.0, 2.1, 1.9], 2.0), cell([2.0, 2.3, 1.8], 3.0));
        // Paired by seed: the first two differ by exactly 1; the last two are within each other's noise.
        let expected = Agreement { separate: 2, agree: 2, all: 3 };
        assert_eq!(agreement(&[worst.clone(), middle.clone(), best.clone()]), expected);
        let wrong = AblationCell { predicted: Some(9.0), ..worst };
        assert_eq!(agreement(&[wrong, middle, best]), Agreement { agree: 0, ..expected });
    }
}
