use fleetune_scenarios::Scenario;

use super::{Table, at_costs_of, grouped};
use crate::plan::{AlgorithmPlan, ProfilePlan, Spread};

/// Beyond this a line is broken.
const WIDTH: usize = 100;

/// What was planned, and of what.
pub(super) fn head(scenario: &Scenario) -> String {
    let (of, length) = (at_costs_of(scenario), scenario.model.max_length);
    let frozen = match scenario.model.frozen.is_plain() {
        true => String::new(),
        false => format!(", frozen weights in {}", scenario.model.frozen.name()),
    };
    format!(
        "One local step of one client{of}{frozen}, on texts of {length} tokens.\n\
         Nothing was trained. Where exchanges differ (≤), the dearest.\n\n"
    )
}

/// An algorithm a line.
pub(super) fn table(plans: &[AlgorithmPlan]) -> Table<8> {
    let mut table = Table::new(&[
        "algorithm",
        "parameters",
        "trained",
        "memory",
        "FLOPs",
        "down",
        "up",
        "fits",
    ]);
    for plan in plans {
        let largest = plan.explained.iter().max_by_key(|explained| explained.figures[0].value());
        let fitting = plan.profiles.iter().filter(|profile| profile.fits).count();
        table.row([
            plan.label.clone(),
            largest.map_or_else(String::new, |one| grouped(one.figures[0].value())),
            largest.map_or_else(String::new, |one| grouped(one.trainable.into())),
            most(plan.memory, |x| x.human().to_string()),
            most(plan.flops, |x| x.human().to_string()),
            most(plan.download, |x| x.human().to_string()),
            most(plan.upload, |x| x.human().to_string()),
            format!("{fitting} of {}", plan.profiles.len()),
        ]);
    }
    table
}

/// Which profiles have the memory, and how much the others lack.
pub(super) fn profiles(plan: &AlgorithmPlan) -> String {
    let fits = |profile: &ProfilePlan| profile.profile.clone();
    let short = |profile: &ProfilePlan| format!("{} by {}", profile.profile, profile.short.human());
    let named = |fit: bool, name: &dyn Fn(&ProfilePlan) -> String| {
        let those = plan.profiles.iter().filter(|profile| profile.fits == fit);
        those.map(name).collect::<Vec<_>>()
    };
    let (fitting, lacking) = (named(true, &fits), named(false, &short));
    let stored = plan.explained.iter().map(|one| one.stored).max().unwrap_or(0);
    let stored = fleetune_units::Bytes::new(stored).human();
    let mut text = format!("\n{}: the model is {stored} on the device\n", plan.label);
    text.push_str(&listed("fits", &fitting));
    text.push_str(&listed("short", &lacking));
    text
}

/// Names after a word, over as many lines as it takes; nothing for none.
fn listed(word: &str, names: &[String]) -> String {
    let (mut text, mut line) = (String::new(), format!("  {word:<6}"));
    for (i, name) in names.iter().enumerate() {
        let name = if i + 1 < names.len() { format!("{name},") } else { name.clone() };
        if line.chars().count() + 1 + name.chars().count() > WIDTH {
            text.push_str(&format!("{}\n", line.trim_end()));
            line = " ".repeat(8);
        }
        line.push_str(&format!(" {name}"));
    }
    if names.is_empty() { text } else { format!("{text}{line}\n") }
}

/// The most, marked if not all are alike.
fn most<T: PartialOrd + Copy>(spread: Spread<T>, human: impl Fn(T) -> String) -> String {
    let mark = if spread.is_exact() { "" } else { "≤ " };
    format!("{mark}{}", human(spread.most))
}
