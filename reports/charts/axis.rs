//! Axes: which numbers to write where.

use crate::format::{Quantity, significant};

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// A map from values to pixels, with marks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    from: f64,
    to: f64,
    pub(crate) ticks: Vec<Tick>,
}

/// Ranges that differ by more than this between algorithms are shown on a logarithmic axis.
pub(crate) const WIDE: f64 = 30.0;

impl Axis {
    /// From zero to `high` of `quantity`, over the pixels `from..to`, with at most `most` steps.
    /// Also gives the unit of the labels.
    pub(crate) fn amounts(
        quantity: Quantity,
        high: f64,
        (from, to): (f64, f64),
        most: usize,
    ) -> (Self, &'static str) {
        let high = if high > 0.0 { high } else { 1.0 };
        let unit = quantity.axis_unit(high);
        let steps: &[f64] = match unit.symbol {
            "min" => &[1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0],
            "h" => &[1.0, 2.0, 3.0, 6.0, 12.0, 24.0],
            _ => &[],
        };
        let step = nice_step(high / unit.size, most, steps);
        let ticks = linear_ticks(0.0, high / unit.size, step)
            .map(|v| Tick { value: v * unit.size, label: plain(v, step) })
            .collect();
        (Self { low: 0.0, high, log: false, from, to, ticks }, unit.symbol)
    }

    /// Powers of ten from `low` to `high`, both positive, labelled with units.
    pub(crate) fn decades(
        quantity: Quantity,
        low: f64,
        high: f64,
        (from, to): (f64, f64),
        most: usize,
    ) -> Self {
        let (low, high) = (low / 1.15, high * 1.15);
        let first = libm::floor(libm::log10(low)) as i32;
        let last = libm::ceil(libm::log10(high)) as i32;
        let marks = |every: usize, factors: &[f64]| {
            let powers = (first..=last).step_by(every).map(|e| libm::exp10(f64::from(e)));
            let marks = powers.flat_map(|power| factors.iter().map(move |f| f * power));
            marks.filter(|v| (low..=high).contains(v)).collect::<Vec<_>>()
        };
        // The finest marks that leave room for their labels.
        let candidates = [marks(1, &[1.0, 2.0, 5.0]), marks(1, &[1.0, 3.0])];
        let sparser = (1..=40).map(|every| marks(every, &[1.0]));
        let chosen = candidates.into_iter().chain(sparser).find(|m| m.len() <= most.max(1));
        let ticks = chosen
            .unwrap_or_default()
            .into_iter()
            .map(|value| Tick { value, label: short(&quantity.human(value)) })
            .collect();
        Self { low, high, log: true, from, to, ticks }
    }

    /// Plain numbers over `low..=high`, with at most `most` steps.
    pub(crate) fn numbers(low: f64, high: f64, (from, to): (f64, f64), most: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let step = nice_step(high - low, most, &[]);
        let ticks = linear_ticks(low, high, step)
            .map(|value| Tick { value, label: plain(value, step) })
            .collect();
        Self { low, high, log: false, from, to, ticks }
    }

    /// Powers of ten, and as many numbers between them as there is room for, over `low..=high`,
    /// both positive.
    pub(crate) fn powers(low: f64, high: f64, (from, to): (f64, f64), most: usize) -> Self {
        let (low, high) = (low / 1.1, high * 1.1);
        let exponents = libm::floor(libm::log10(low)) as i32..=libm::ceil(libm::log10(high)) as i32;
        let marks = |factors: &[f64]| {
            let powers = exponents.clone().map(|e| libm::exp10(f64::from(e)));
            let marks = powers.flat_map(|power| factors.iter().map(move |f| f * power));
            marks.filter(|v| (low..=high).contains(v)).collect::<Vec<_>>()
        };
        let fine = marks(&[1.0, 2.0, 5.0]);
        let chosen = if fine.len() <= most { fine } else { marks(&[1.0]) };
        let label = |value: f64| format!("{}", libm::round(value * 1e9) / 1e9);
        let ticks = chosen.into_iter().map(|value| Tick { value, label: label(value) }).collect();
        Self { low, high, log: true, from, to, ticks }
    }

    /// Percentages around the fractions `low..high`.
    pub(crate) fn percentages(low: f64, high: f64, (from, to): (f64, f64), most: usize) -> Self {
        let (low, high) = (100.0 * low, 100.0 * high);
        let (low, high) = if high - low < 2.0 {
            let middle = (low + high) / 2.0;
            (middle - 1.0, middle + 1.0)
        } else {
            (low, high)
        };
        let step = nice_step(high - low, most, &[]);
        let (bottom, top) = (low.max(0.0), high.min(100.0));
        let ticks = linear_ticks(bottom, top, step)
            .map(|v| Tick { value: v / 100.0, label: plain(v, step) })
            .collect();
        Self { low: bottom / 100.0, high: top / 100.0, log: false, from, to, ticks }
    }

    /// The pixel of `value`; values outside are put at the nearer end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = if self.log {
            let span = libm::log(self.high / self.low);
            libm::log(value.max(self.low) / self.low) / span
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + (self.to - self.from) * share.clamp(0.0, 1.0)
    }

    /// The value at a share (0 to 1) of the axis.
    pub(crate) fn value(&self, share: f64) -> f64 {
        if self.log {
            self.low * libm::exp(share * libm::log(self.high / self.low))
        } else {
            self.low + (self.high - self.low) * share
        }
    }
}

/// The smallest of `preferred`, or else of 1, 2, 5 times a power of ten, that divides `span` into
/// at most `most` steps.
fn nice_step(span: f64, most: usize, preferred: &[f64]) -> f64 {
    let least = span / most.max(1) as f64;
    if least > 0.5
        && let Some(&step) = preferred.iter().find(|&&s| s >= least)
    {
        return step;
    }
    let power = libm::exp10(libm::floor(libm::log10(least)));
    let fits = |factor: &f64| factor * power >= least * (1.0 - 1e-9);
    power * [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0)
}

/// The multiples of `step` in `low..=high`.
fn linear_ticks(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = libm::ceil(low / step - 1e-9);
    let count = (libm::floor(high / step + 1e-9) - first).max(0.0) as usize;
    (0..=count).map(move |i| (first + i as f64) * step)
}

/// A number with as many decimals as its step has.
fn plain(value: f64, step: f64) -> String {
    let decimals = (-libm::floor(libm::log10(step) + 1e-9)).clamp(0.0, 12.0) as usize;
    format!("{value:.decimals$}")
}

/// "1.00 MB" as "1 MB".
fn short(human: &str) -> String {
    match human.split_once(' ') {
        Some((number, unit)) => {
            let number = number.parse().map_or(number.to_owned(), |n: f64| {
                let text = significant(n);
                if text.contains('.') {
                    text.trim_end_matches('0').trim_end_matches('.').to_owned()
                } else {
                    text
                }
            });
            format!("{number} {unit}")
        }
        None => human.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn amounts_are_marked_in_round_steps_of_their_unit() {
        let (axis, unit) = Axis::amounts(Quantity::Time, 5.2 * 3600.0, (0.0, 520.0), 6);
        assert_eq!((unit, labels(&axis)), ("h", vec!["0", "1", "2", "3", "4", "5"]));
        assert!((axis.at(3600.0) - 100.0).abs() < 1e-9);
        let (axis, unit) = Axis::amounts(Quantity::Time, 5400.0, (0.0, 1.0), 6);
        assert_eq!((unit, labels(&axis)), ("min", vec!["0", "15", "30", "45", "60", "75", "90"]));
        let (axis, unit) = Axis::amounts(Quantity::Bytes, 1.4e9, (0.0, 1.0), 8);
        assert_eq!(unit, "GB");
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2", "1.4"]);
        let (axis, _) = Axis::amounts(Quantity::Flops, 0.0, (0.0, 1.0), 5);
        assert!(!axis.ticks.is_empty());
    }

    #[test]
    fn decades_carry_their_units_and_are_thinned_out() {
        let axis = Axis::decades(Quantity::Bytes, 2e3, 3e9, (0.0, 100.0), 8);
        assert_eq!(labels(&axis), ["10 kB", "100 kB", "1 MB", "10 MB", "100 MB", "1 GB"]);
        let axis = Axis::decades(Quantity::Bytes, 1.0, 1e12, (0.0, 100.0), 4);
        assert!(axis.ticks.len() <= 5, "{:?}", axis.ticks);
        assert!(axis.at(0.0) >= 0.0);
    }

    #[test]
    fn plain_numbers_are_marked_in_round_steps() {
        let axis = Axis::numbers(0.0, 0.85, (0.0, 85.0), 6);
        assert_eq!(labels(&axis), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert!((axis.at(0.4) - 40.0).abs() < 1e-9);
        let axis = Axis::powers(1.25, 80.0, (0.0, 1.0), 9);
        assert_eq!(labels(&axis), ["2", "5", "10", "20", "50"]);
        assert!(Axis::powers(0.1, 1e6, (0.0, 1.0), 9).ticks.len() <= 9);
    }

    #[test]
    fn percentages_enclose_the_data() {
        let axis = Axis::percentages(0.643, 0.791, (100.0, 0.0), 5);
        assert_eq!(labels(&axis), ["65", "70", "75"]);
        assert!((axis.at(0.717) - 50.0).abs() < 1e-9);
        let flat = Axis::percentages(0.5, 0.5, (100.0, 0.0), 5);
        assert!(flat.ticks.len() >= 2);
        let ends = Axis::percentages(0.0, 1.0, (100.0, 0.0), 5);
        assert_eq!(labels(&ends), ["0", "20", "40", "60", "80", "100"]);
    }
}
