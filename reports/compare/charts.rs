//! What of the runs is drawn side by side.

use super::{Arm, Compared};
use crate::{
    charts::{Chart, Dot, DotPlot, Panel, Scale, dots},
    format::{percent, percent_short},
    statistics::Resource,
    text::shown,
    words,
};

const PANELS: [Resource; 4] = [Resource::Time, Resource::Flops, Resource::Uplink, Resource::Energy];

/// Costs to the target.
pub(super) fn costs(compared: &Compared, width: f64) -> Chart {
    let panel = |resource: Resource| Panel {
        title: resource.title().to_owned(),
        scale: Scale::Amount(resource.quantity()),
        groups: groups(compared, |arm| {
            let seen = arm.outcome.seen(resource)?;
            let text = words::seen(arm.outcome, resource)?;
            let (open, interval) = (arm.outcome.is_censored(), seen.interval());
            Some((seen.mean, interval, open, text))
        }),
    };
    let target = compared.comparisons.first().map_or(0.0, |c| c.target);
    plot(
        compared,
        ("compared-costs", format!("What it costs to reach {}, run by run", percent_short(target))),
        "Further left is cheaper. A dot is the mean over seeds, with its 95% interval. A hollow dot with an arrow is a lower \
         bound: some seeds did not reach the target, and are in it with what they had spent when they were given up.",
        PANELS.map(panel).into(),
        width,
    )
}

/// Accuracy at the end.
pub(super) fn accuracies(compared: &Compared, width: f64) -> Chart {
    let panel = Panel {
        title: "Test accuracy of the last evaluated round".to_owned(),
        scale: Scale::Percentage,
        groups: groups(compared, |arm| {
            let last = arm.outcome.final_accuracy?;
            let half = last.half_width.map_or(String::new(), |w| format!(" ± {:.1}", 100.0 * w));
            Some((last.mean, last.interval(), false, format!("{}{half}", percent(last.mean))))
        }),
    };
    plot(
        compared,
        ("compared-accuracy", "Where the budget ends, run by run".to_owned()),
        "Further right is better. A dot is the mean over seeds, with its 95% interval.",
        vec![panel],
        width,
    )
}

type Drawn = (f64, Option<(f64, f64)>, bool, String);

fn groups(
    compared: &Compared,
    drawn: impl Fn(Arm<'_>) -> Option<Drawn>,
) -> Vec<(String, Vec<Dot>)> {
    let labels = compared.labels();
    let dot = |arm: Arm<'_>| {
        let (value, interval, open, text) = drawn(arm)?;
        let series = labels.iter().position(|label| *label == arm.outcome.algorithm)?;
        Some(Dot { series, value, interval, open, text })
    };
    let group = |(place, entry): (usize, &super::Entry)| {
        let mine = compared.arms().into_iter().filter(|arm| arm.entry == place);
        (shown(&entry.name), mine.filter_map(dot).collect())
    };
    compared.entries.iter().enumerate().map(group).collect()
}

fn plot(
    compared: &Compared,
    (name, title): (&str, String),
    caption: &str,
    panels: Vec<Panel>,
    width: f64,
) -> Chart {
    let series = compared.labels().into_iter().map(shown).collect();
    let plot =
        DotPlot { name: name.to_owned(), title, caption: caption.to_owned(), series, panels };
    dots(&plot, width)
}
