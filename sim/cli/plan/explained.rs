use super::grouped;
use crate::plan::{AlgorithmPlan, Figure};

/// Every figure of a plan, with what it is made of.
pub(super) fn of(plan: &AlgorithmPlan) -> String {
    let mut text = format!("\n{}, explained:\n", plan.label);
    let count = plan.explained.len();
    for (i, explained) in plan.explained.iter().enumerate() {
        if count > 1 {
            text.push_str(&format!("  kind of exchange {} of {count}\n", i + 1));
        }
        explained.figures.iter().for_each(|figure| write(&mut text, figure, 1));
    }
    text
}

/// A line: what it is, the formula, the numbers in it, the value.
fn write(text: &mut String, figure: &Figure, depth: usize) {
    let Figure { what, symbols, factors, parts } = figure;
    let mut factors: Vec<String> = factors.iter().map(u128::to_string).collect();
    let sum = parts.iter().map(Figure::value).sum::<u128>();
    if !parts.is_empty() {
        factors.retain(|factor| factor != "1");
        factors.push(sum.to_string());
    }
    let numbers =
        if factors.len() > 1 { format!(" = {}", factors.join("·")) } else { String::new() };
    let symbols = if symbols.is_empty() { String::new() } else { format!(": {symbols}") };
    let indent = "  ".repeat(depth);
    text.push_str(&format!("{indent}{what}{symbols}{numbers} = {}\n", grouped(figure.value())));
    parts.iter().for_each(|part| write(text, part, depth + 1));
}
