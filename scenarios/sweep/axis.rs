use serde::{Deserialize, Serialize};
use serde_yaml::Value;

/// The values that a field takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a list of values, { uniform: [from, to] } or { log_uniform: [from, to] }"
)]
pub enum Axis {
    /// One of these.
    List(Vec<Value>),
    /// A number between two others, rounded to two significant digits.
    Range(Range),
}

/// A range of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// All numbers are equally likely.
    Uniform([f64; 2]),
    /// All orders of magnitude are equally likely.
    LogUniform([f64; 2]),
}

impl Axis {
    /// The number of alternatives, if it is a list.
    pub fn alternatives(&self) -> Option<usize> {
        match self {
            Self::List(values) => Some(values.len()),
            Self::Range(_) => None,
        }
    }

    /// What is wrong with it in itself.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::List(values) if values.is_empty() => {
                Some("expected at least one value".to_owned())
            }
            Self::List(_) => None,
            Self::Range(Range::Uniform([from, to])) => (!(from < to
                && from.is_finite()
                && to.is_finite()))
            .then(|| format!("expected two numbers, the lower first; found {from} and {to}")),
            Self::Range(Range::LogUniform([from, to])) => {
                (!(0.0 < *from && from < to && to.is_finite())).then(|| {
                    format!("expected two numbers above 0, the lower first; found {from} and {to}")
                })
            }
        }
    }

    /// The value at `quantile` in [0, 1) of the axis, as YAML text.
    pub(super) fn at(&self, quantile: f64) -> String {
        match self {
            Self::List(values) => {
                let place = (quantile * values.len() as f64) as usize;
                text(&values[place.min(values.len() - 1)])
            }
            Self::Range(Range::Uniform([from, to])) => rounded(from + quantile * (to - from)),
            Self::Range(Range::LogUniform([from, to])) => rounded(libm::exp(
                libm::log(*from) + quantile * (libm::log(*to) - libm::log(*from)),
            )),
        }
    }

    /// The value number `index` of a list, as YAML text.
    pub(super) fn alternative(&self, index: usize) -> Option<String> {
        match self {
            Self::List(values) => values.get(index).map(text),
            Self::Range(_) => None,
        }
    }
}

/// A value on one line, as JSON, which is YAML.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => "~".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{text:?}"),
        Value::Sequence(list) => {
            format!("[{}]", list.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        Value::Mapping(map) => {
            let entry = |(key, value): (&Value, &Value)| format!("{}: {}", text(key), text(value));
            format!("{{{}}}", map.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        Value::Tagged(tagged) => text(&tagged.value),
    }
}

/// Two significant digits: what a person would write down, and what can be typed again.
fn rounded(value: f64) -> String {
    format!("{value:.1e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(text: &str) -> Axis {
        serde_yaml::from_str(text).expect("the test's own text is an axis")
    }

    #[test]
    fn quantiles_of_a_range_are_its_closed_form() {
        assert_eq!(axis("{ uniform: [1.0, 3.0] }").at(0.25), "1.5e0");
        assert_eq!(axis("{ log_uniform: [1e-4, 1e-2] }").at(0.5), "1.0e-3");
        assert_eq!(axis("{ log_uniform: [1e-4, 1e-2] }").at(0.0), "1.0e-4");
    }

    #[test]
    fn quantiles_of_a_list_are_its_entries_in_equal_shares() {
        let axis = axis("[a, 2, { b: [c, ~] }]");
        let at = |quantile| axis.at(quantile);
        assert_eq!(
            [at(0.0), at(0.33), at(0.34), at(0.999)],
            ["\"a\"", "\"a\"", "2", "{\"b\": [\"c\", ~]}"]
        );
    }

    #[test]
    fn ranges_that_are_none_are_refused() {
        for wrong in
            ["[]", "{ uniform: [2, 1] }", "{ log_uniform: [0, 1] }", "{ uniform: [.nan, 1] }"]
        {
            assert!(axis(wrong).problem().is_some(), "{wrong}");
        }
        assert_eq!(axis("{ log_uniform: [1e-3, 1] }").problem(), None);
    }
}
