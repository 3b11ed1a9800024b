//! How stale updates were.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How often each whole number occurred: exact, whatever the range.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Histogram(BTreeMap<u64, u64>);

impl Histogram {
    /// Counts `value` once.
    pub fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    /// Counts all that `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        other.counts().for_each(|(value, count)| self.add_many(value, count));
    }

    fn add_many(&mut self, value: u64, count: u64) {
        let entry = self.0.entry(value).or_default();
        *entry = entry.saturating_add(count);
    }

    /// Values with how often each occurred, the least first.
    pub fn counts(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().map(|(&value, &count)| (value, count))
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// The largest value that was counted.
    pub fn largest(&self) -> Option<u64> {
        self.counts().filter(|(_, count)| *count > 0).last().map(|(value, _)| value)
    }

    /// The mean; nothing of nothing.
    pub fn mean(&self) -> Option<f64> {
        let sum = self.counts().map(|(value, count)| u128::from(value) * u128::from(count));
        let sum = sum.fold(0, u128::saturating_add);
        (!self.is_empty()).then(|| sum as f64 / self.total() as f64)
    }

    /// The least value that at least `percent` of a hundred do not exceed (the nearest rank);
    /// nothing of nothing.
    pub fn percentile(&self, percent: u32) -> Option<u64> {
        let wanted = u128::from(self.total()) * u128::from(percent.min(100));
        let mut below = 0_u128;
        let mut reached = self.counts().filter(|(_, count)| *count > 0);
        reached.find_map(|(value, count)| {
            below += u128::from(count);
            (100 * below >= wanted).then_some(value)
        })
    }
}

impl FromIterator<u64> for Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut histogram = Self::default();
        values.into_iter().for_each(|value| histogram.add(value));
        histogram
    }
}

/// How stale the updates were that arrived at a server without common rounds: for each, the versions
/// that the model went through between the asking of its device and its joining.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Staleness {
    /// Of those that moved the model.
    pub joined: Histogram,
    /// Of those that were too stale and were discarded.
    pub discarded: Histogram,
}

impl Staleness {
    /// Whether no update arrived, or all arrived in rounds, where none is stale.
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty() && self.discarded.is_empty()
    }

    /// Counts all that `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        self.joined.merge(&other.joined);
        self.discarded.merge(&other.discarded);
    }

    /// How many arrived.
    pub fn arrived(&self) -> u64 {
        self.joined.total().saturating_add(self.discarded.total())
    }

    /// The share of those that arrived which was discarded; 0 if none arrived.
    pub fn discarded_share(&self) -> f64 {
        if self.is_empty() { 0.0 } else { self.discarded.total() as f64 / self.arrived() as f64 }
    }
}

/// The staleness of one cell, with what one wants to know of it first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StalenessSummary {
    /// Mean staleness of joined updates; null if none was joined.
    pub mean: Option<f64>,
    /// The staleness that 95 % of the joined updates do not exceed; null if none was joined.
    pub percentile_95: Option<u64>,
    /// The share of the updates that arrived which was discarded as too stale, 0 to 1.
    pub discarded_share: f64,
    /// How often each staleness occurred.
    pub counts: Staleness,
}

impl StalenessSummary {
    /// Of what was counted; nothing of nothing.
    pub fn new(counts: &Staleness) -> Option<Self> {
        (!counts.is_empty()).then(|| Self {
            mean: counts.joined.mean(),
            percentile_95: counts.joined.percentile(95),
            discarded_share: counts.discarded_share(),
            counts: counts.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Histogram, Staleness};

    #[test]
    fn a_histogram_knows_what_the_list_knows() {
        // 20 values: 19 of them, 95 %, are at most 7, and 18 at most 3.
        let list: Vec<u64> = [vec![0; 9], vec![1; 5], vec![3; 4], vec![7, 40]].concat();
        let histogram: Histogram = list.iter().copied().collect();
        assert_eq!(histogram.total(), 20);
        assert_eq!(histogram.mean(), Some(64.0 / 20.0));
        assert_eq!(histogram.percentile(95), Some(7));
        assert_eq!(histogram.percentile(96), Some(40));
        assert_eq!(histogram.percentile(90), Some(3));
        assert_eq!((histogram.percentile(0), histogram.percentile(100)), (Some(0), Some(40)));
        assert_eq!(histogram.largest(), Some(40));
        let mut twice = histogram.clone();
        twice.merge(&histogram);
        assert_eq!((twice.total(), twice.mean()), (40, histogram.mean()));
    }

    #[test]
    fn nothing_has_no_mean() {
        let nothing = Histogram::default();
        assert_eq!((nothing.mean(), nothing.percentile(95), nothing.largest()), (None, None, None));
        assert_eq!(Staleness::default().discarded_share(), 0.0);
    }

    #[test]
    fn it_is_written_as_counts_by_value() {
        let histogram: Histogram = [2, 2, 10].into_iter().collect();
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(text, r#"{"2":2,"10":1}"#);
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), histogram);
    }
}
