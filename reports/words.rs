//! What contrasts are called, in tables for people.

use crate::{
    format::{ratio, ratio_interval, significant},
    statistics::{Contrast, Design, Incomparable, Outcome, Resource},
};

/// How tables of pairs are to be read.
pub(crate) const HOW_COMPARED: &str = "≥: some seeds did not reach the target, and are in the mean with what they had spent when they were given up. Ratios \
     are those of geometric means, up to where all seeds of both were watched; 95% intervals are Student's t on logarithms, \
     paired by seed where runs have the same worlds (Welch's where not: \"unpaired\"). p (Holm) is the same test, adjusted over the \
     pairs of its table; exact p flips signs and assumes no law. Seeds needed: to tell this ratio from 1 four times in \
     five, if it is the true one and seeds vary as these did.";

/// The mean cost, or what it exceeds: "3.82 s", "≥ 12.1 s".
pub(crate) fn seen(outcome: &Outcome, resource: Resource) -> Option<String> {
    let amount = resource.quantity().human(outcome.seen(resource)?.mean);
    Some(if outcome.is_censored() { format!("≥ {amount}") } else { amount })
}

/// A contrast, cell by cell.
pub(crate) struct Figures {
    pub(crate) ratio: String,
    pub(crate) interval: String,
    pub(crate) p: String,
    pub(crate) exact: String,
    pub(crate) seeds: String,
    pub(crate) needed: String,
}

pub(crate) fn figures(contrast: &Contrast, adjusted: f64) -> Figures {
    let dash = || "-".to_owned();
    let interval = contrast.interval.map_or_else(dash, |ends| {
        ratio_interval(contrast.ratio, ends).unwrap_or_else(|| "the same in every seed".to_owned())
    });
    let (a, b) = contrast.seeds;
    Figures {
        ratio: bounded_ratio(contrast),
        p: if contrast.interval.is_some() { p_value(adjusted) } else { dash() },
        exact: contrast.exact.map_or_else(dash, p_value),
        seeds: match contrast.design {
            Design::Paired => a.to_string(),
            Design::Independent => format!("{a} and {b}, unpaired"),
        },
        needed: contrast.seeds_needed().map_or_else(dash, |n| n.to_string()),
        interval,
    }
}

/// "2.40×", or "≥ 2.40×" where the dearer one was given up in some seeds.
pub(crate) fn bounded_ratio(contrast: &Contrast) -> String {
    let text = ratio(contrast.ratio);
    match (contrast.is_at_least(), contrast.ratio > 1.0) {
        (true, true) => format!("≥ {text}"),
        (true, false) => format!("≤ {text}"),
        (false, _) => text,
    }
}

/// Two significant digits are all that a p-value has to say.
pub(crate) fn p_value(p: f64) -> String {
    match p {
        p if p < 0.001 => "<0.001".to_owned(),
        p if p < 0.0995 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

/// Why there is no ratio.
pub(crate) fn incomparable(why: Incomparable, resource: Resource) -> String {
    match why {
        Incomparable::NoSeed => "no seed to compare".to_owned(),
        Incomparable::NothingWithin(end) if end > 0.0 => {
            format!("neither within {}", resource.quantity().human(end))
        }
        Incomparable::NothingWithin(_) => "never evaluated".to_owned(),
    }
}

/// A standardised difference: "-1.93".
pub(crate) fn effect(contrast: &Contrast) -> String {
    contrast.effect.map_or("-".to_owned(), |g| {
        let sign = if g < 0.0 { "−" } else { "" };
        format!("{sign}{}", significant(g.abs()))
    })
}

#[cfg(test)]
mod tests {
    use super::p_value;

    #[test]
    fn p_values_have_two_digits_or_a_bound() {
        let shown = [0.0, 0.0009, 0.0123, 0.0994, 0.0996, 0.25, 1.0].map(p_value);
        assert_eq!(shown, ["<0.001", "<0.001", "0.012", "0.099", "0.10", "0.25", "1.00"]);
    }
}
