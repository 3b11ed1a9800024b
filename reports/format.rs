//! Numbers for people: three significant digits, the unit one would say.

/// A kind of amount, with the units it is written in. Amounts are plain numbers of the base unit
/// here, since charts and statistics compute with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Seconds: ms, s, min, h, days.
    Time,
    /// Floating-point operations.
    Flops,
    /// Bytes, with decimal prefixes.
    Bytes,
    /// Joules.
    Energy,
}

/// A unit and its size in base units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Unit {
    pub(crate) size: f64,
    pub(crate) symbol: &'static str,
}

const fn units<const N: usize>(list: [(f64, &'static str); N]) -> [Unit; N] {
    let mut units = [Unit { size: 1.0, symbol: "" }; N];
    let mut i = 0;
    while i < N {
        units[i] = Unit { size: list[i].0, symbol: list[i].1 };
        i += 1;
    }
    units
}

const TIME: [Unit; 5] =
    units([(1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "days")]);
const FLOPS: [Unit; 8] = units([
    (1.0, "FLOP"),
    (1e3, "kFLOP"),
    (1e6, "MFLOP"),
    (1e9, "GFLOP"),
    (1e12, "TFLOP"),
    (1e15, "PFLOP"),
    (1e18, "EFLOP"),
    (1e21, "ZFLOP"),
]);
const BYTES: [Unit; 7] = units([
    (1.0, "B"),
    (1e3, "kB"),
    (1e6, "MB"),
    (1e9, "GB"),
    (1e12, "TB"),
    (1e15, "PB"),
    (1e18, "EB"),
]);
const ENERGY: [Unit; 6] =
    units([(1.0, "J"), (1e3, "kJ"), (1e6, "MJ"), (1e9, "GJ"), (1e12, "TJ"), (1e15, "PJ")]);

impl Quantity {
    fn units(self) -> &'static [Unit] {
        match self {
            Self::Time => &TIME,
            Self::Flops => &FLOPS,
            Self::Bytes => &BYTES,
            Self::Energy => &ENERGY,
        }
    }

    /// The largest unit of which `value` is at least `least`, compared as it would be printed.
    fn unit(self, value: f64, least: f64) -> Unit {
        let all = self.units();
        let fits = |u: &&Unit| round3(value / u.size) >= least;
        *all.iter().rev().find(fits).unwrap_or(match (self, value == 0.0) {
            (Self::Time, true) => &all[1],
            _ => &all[0],
        })
    }

    /// The unit for an axis that ends at `high`.
    pub(crate) fn axis_unit(self, high: f64) -> Unit {
        // 90 minutes in sixths of an hour are hard to read, and so are 30 hours in days.
        self.unit(high, if self == Self::Time { 2.0 } else { 1.0 })
    }

    /// `value` with its unit.
    pub(crate) fn human(self, value: f64) -> String {
        let unit = self.unit(value, 1.0);
        format!("{} {}", self.number(value, unit), self.symbol(value, unit))
    }

    /// `value` with its unit, then the interval in the same unit. No interval if the seeds agree
    /// so well that its ends are written like the value.
    pub(crate) fn human_interval(
        self,
        value: f64,
        interval: (f64, f64),
    ) -> (String, Option<String>) {
        let unit = self.unit(value, 1.0);
        // No cost is negative, whatever a symmetric interval says.
        let ends = (interval.0.max(0.0), interval.1);
        let [mean, low, high] = [value, ends.0, ends.1].map(|x| self.number(x, unit));
        let range = (low != high || low != mean).then(|| format!("{low}–{high}"));
        (format!("{mean} {}", self.symbol(value, unit)), range)
    }

    fn number(self, value: f64, unit: Unit) -> String {
        // There is no third of a byte.
        let whole = unit.size == 1.0 && self != Self::Time && self != Self::Energy;
        if whole { format!("{value:.0}") } else { significant(value / unit.size) }
    }

    fn symbol(self, value: f64, unit: Unit) -> &'static str {
        if unit.symbol == "days" && significant(value / unit.size) == "1.00" {
            "day"
        } else {
            unit.symbol
        }
    }
}

fn round3(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Three significant digits, never an exponent: 0.0123, 1.23, 12.3, 1230.
pub(crate) fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let scientific = format!("{value:.2e}");
    let exponent: i32 = scientific.rsplit('e').next().and_then(|e| e.parse().ok()).unwrap_or(0);
    let decimals = usize::try_from(2 - exponent).unwrap_or(0).min(12);
    format!("{:.decimals$}", round3(value))
}

/// Ratios below this are easier to read as fractions.
const SMALL_RATIO: f64 = 0.1;

/// A ratio: `1.05×`, `130×`, `1/2500×`.
pub(crate) fn ratio(value: f64) -> String {
    if value < SMALL_RATIO {
        format!("1/{}×", significant(1.0 / value))
    } else {
        format!("{}×", significant(value))
    }
}

/// The interval of a ratio, written like the ratio `value` but without the sign: `1.02–3.40`.
/// Nothing if the seeds agree so well that both ends are written like the ratio itself.
pub(crate) fn ratio_interval(value: f64, (low, high): (f64, f64)) -> Option<String> {
    let fraction = value < SMALL_RATIO;
    let number = |x: f64| significant(if fraction { 1.0 / x } else { x });
    let (low, high) = (number(low), number(high));
    let sign = if fraction { "1/" } else { "" };
    (low != high || low != number(value)).then(|| format!("{sign}{low}–{sign}{high}"))
}

/// A fraction as a percentage with one decimal: `74.3%`.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.1}%", 100.0 * fraction)
}

/// A fraction as a percentage with as few decimals as it takes, one at most: `74%`, `74.5%`.
pub(crate) fn percent_short(fraction: f64) -> String {
    let text = format!("{:.1}", 100.0 * fraction);
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

/// A share as a whole percentage, which is neither nothing nor all unless it is: `43%`, `<1%`, `>99%`.
pub(crate) fn percent_whole(fraction: f64) -> String {
    match 100.0 * fraction {
        p if p > 0.0 && p < 1.0 => "<1%".to_owned(),
        p if p > 99.0 && p < 100.0 => ">99%".to_owned(),
        p => format!("{p:.0}%"),
    }
}

/// 12345 as `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 device`, `2 devices`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listing<S: AsRef<str>>(items: &[S]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [head @ .., last] => {
            let head = head.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
            format!("{head} and {}", last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_get_the_unit_one_would_say() {
        assert_eq!(Quantity::Time.human(11_160.0), "3.10 h");
        assert_eq!(Quantity::Time.human(3_599.0), "1.00 h");
        assert_eq!(Quantity::Time.human(0.0), "0 s");
        assert_eq!(Quantity::Time.human(0.25), "250 ms");
        assert_eq!(Quantity::Time.human(86_400.0), "1.00 day");
        assert_eq!(Quantity::Bytes.human(999.0), "999 B");
        assert_eq!(Quantity::Bytes.human(12.0), "12 B");
        assert_eq!(Quantity::Bytes.human(999_700.0), "1.00 MB");
        assert_eq!(Quantity::Flops.human(3.42e15), "3.42 PFLOP");
        assert_eq!(Quantity::Energy.human(5e19), "50000 PJ");
    }

    #[test]
    fn three_digits_without_exponents() {
        let shown = [0.01234, 1.0, 9.999, 12.34, 123.4, 1234.0, 99_999.0].map(significant);
        assert_eq!(shown, ["0.0123", "1.00", "10.0", "12.3", "123", "1230", "100000"]);
    }

    #[test]
    fn intervals_share_the_unit_and_never_go_below_zero() {
        let (value, range) = Quantity::Time.human_interval(7200.0, (-10.0, 14_000.0));
        assert_eq!((value.as_str(), range.as_deref()), ("2.00 h", Some("0–3.89")));
        assert_eq!(Quantity::Bytes.human_interval(2e6, (2e6, 2e6)).1, None);
    }

    #[test]
    fn small_ratios_are_fractions() {
        assert_eq!(ratio(2.5), "2.50×");
        assert_eq!(ratio(4e-4), "1/2500×");
        assert_eq!(ratio_interval(2.5, (2.0, 3.0)).as_deref(), Some("2.00–3.00"));
        assert_eq!(ratio_interval(4e-4, (2e-4, 5e-4)).as_deref(), Some("1/5000–1/2000"));
        assert_eq!(ratio_interval(2.5, (2.5, 2.5)), None);
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(listing::<&str>(&[]), "");
        assert_eq!(listing(&["a", "b", "c"]), "a, b and c");
    }
}
