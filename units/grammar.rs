//! The units each kind of quantity may be written in.

use crate::{decimal::Decimal, error::QuantityError};

/// Decimal prefixes above one, as (symbol, power of ten).
pub(crate) const LARGE: &[(&str, i32)] =
    &[("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18), ("Z", 21), ("Y", 24)];
/// Decimal prefixes below one; micro has three common spellings, the first is printed.
pub(crate) const SMALL: &[(&str, i32)] =
    &[("m", -3), ("µ", -6), ("μ", -6), ("u", -6), ("n", -9), ("p", -12)];
/// Binary prefixes (IEC 80000-13), as (symbol, power of two).
pub(crate) const BINARY: &[(&str, u32)] =
    &[("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];

/// One spelling of a unit: its symbol, the prefixes it takes and its size in base units as a
/// fraction.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) symbol: &'static str,
    pub(crate) large: bool,
    pub(crate) small: bool,
    pub(crate) binary: bool,
    pub(crate) numerator: u128,
    pub(crate) denominator: u128,
}

impl Unit {
    /// A unit without prefixes, of `numerator` base units.
    pub(crate) const fn plain(symbol: &'static str, numerator: u128) -> Self {
        Self { symbol, large: false, small: false, binary: false, numerator, denominator: 1 }
    }

    /// This unit with the prefixes k, M, G ...
    pub(crate) const fn large(self) -> Self {
        Self { large: true, ..self }
    }

    /// This unit with the prefixes m, µ, n ...
    pub(crate) const fn small(self) -> Self {
        Self { small: true, ..self }
    }

    /// This unit with the prefixes Ki, Mi, Gi ...
    pub(crate) const fn binary(self) -> Self {
        Self { binary: true, ..self }
    }

    /// This unit as one `denominator`th of the base unit.
    pub(crate) const fn over(self, denominator: u128) -> Self {
        Self { denominator, ..self }
    }

    /// What a unit text means if it is this unit with a prefix it takes.
    fn resolve(&self, text: &str) -> Option<Scale> {
        let prefix = text.strip_suffix(self.symbol)?;
        let scale = Scale { shift: 0, numerator: self.numerator, denominator: self.denominator };
        if prefix.is_empty() {
            return Some(scale);
        }
        let decimal = [(self.large, LARGE), (self.small, SMALL)]
            .into_iter()
            .filter(|(takes, _)| *takes)
            .flat_map(|(_, table)| table)
            .find(|(symbol, _)| *symbol == prefix);
        if let Some(&(_, shift)) = decimal {
            return Some(Scale { shift, ..scale });
        }
        let binary = BINARY.iter().find(|(symbol, _)| self.binary && *symbol == prefix)?;
        Some(Scale { numerator: scale.numerator << binary.1, ..scale })
    }
}

/// base units = number x 10^`shift` x `numerator` / `denominator`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) shift: i32,
    pub(crate) numerator: u128,
    pub(crate) denominator: u128,
}

/// A kind of quantity: how it is called and written.
#[derive(Debug)]
pub(crate) struct Kind {
    /// With its article, for messages: "a time".
    pub(crate) what: &'static str,
    /// A well-formed quantity.
    pub(crate) example: &'static str,
    /// The base unit's plural, for messages.
    pub(crate) base: &'static str,
    /// Every spelling it may have.
    pub(crate) units: &'static [Unit],
}

const KINDS: [&Kind; 7] = [
    &crate::time::KIND,
    &crate::bytes::SIZE,
    &crate::bytes::RATE,
    &crate::flops::WORK,
    &crate::flops::SPEED,
    &crate::energy::ENERGY,
    &crate::energy::POWER,
];

impl Kind {
    fn resolve(&self, unit: &str) -> Option<Scale> {
        self.units.iter().find_map(|candidate| candidate.resolve(unit))
    }

    /// Splits `text` into its number and what its unit means.
    pub(crate) fn read(&self, text: &str) -> Result<(Decimal, Scale), QuantityError> {
        let (what, example) = (self.what, self.example);
        let trimmed = text.trim();
        let missing = |found: &str| QuantityError::MissingUnit { found: found.to_owned(), example };
        if trimmed.is_empty() {
            return Err(missing("nothing"));
        }
        let found = || trimmed.to_owned();
        let (negative, unsigned) = match trimmed.strip_prefix('-') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, trimmed),
        };
        let lower = unsigned.trim_start_matches('.').to_ascii_lowercase();
        if lower.starts_with("nan") || lower.starts_with("inf") {
            return Err(QuantityError::NotFinite { found: found(), what });
        }
        let (number, unit) = unsigned.split_at(number_length(unsigned));
        let Some(number) = Decimal::parse(number) else {
            return Err(QuantityError::NotANumber { found: found(), what, example });
        };
        if negative {
            return Err(QuantityError::Negative { found: found(), what });
        }
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(missing(trimmed));
        }
        match self.resolve(unit) {
            Some(scale) => Ok((number, scale)),
            None => Err(QuantityError::UnknownUnit {
                unit: unit.to_owned(),
                what,
                hint: self.hint(unit),
                example,
            }),
        }
    }

    /// What the author of an unknown unit may have meant, as the tail of a sentence.
    fn hint(&self, unit: &str) -> String {
        let bits = unit.trim_end_matches("/s").trim_end_matches("ps");
        if matches!(bits, "b" | "kb" | "Mb" | "Gb" | "Tb") && unit != "ps" {
            let per_second = &unit[bits.len()..];
            let (prefix, tail) =
                (&bits[..bits.len() - 1], if per_second.is_empty() { "" } else { "/s" });
            return format!(" (bits or bytes? write {prefix}bit{tail} or {prefix}B{tail})");
        }
        if let Some(other) = KINDS.iter().find(|kind| kind.resolve(unit).is_some()) {
            return format!(" ({unit} measures {}, not {})", other.what, self.what);
        }
        let spelled = |unit: &Unit| {
            let decimal = [(unit.large, LARGE), (unit.small, SMALL)];
            let decimal = decimal.into_iter().filter(|(takes, _)| *takes).flat_map(|(_, t)| t);
            let binary = BINARY.iter().filter(|_| unit.binary);
            std::iter::once("")
                .chain(decimal.map(|(prefix, _)| *prefix))
                .chain(binary.map(|(prefix, _)| *prefix))
                .map(|prefix| format!("{prefix}{}", unit.symbol))
                .collect::<Vec<_>>()
        };
        self.units
            .iter()
            .flat_map(spelled)
            .find(|candidate| candidate.eq_ignore_ascii_case(unit))
            .map(|candidate| format!(" (did you mean \"{candidate}\"?)"))
            .unwrap_or_default()
    }
}

/// How many bytes of `text` belong to its leading number. An `e` belongs to it only when an
/// exponent follows, so that "3 EB" and "3EB" are exabytes.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let run = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = run(0);
    if bytes.get(end) == Some(&b'.') {
        end += 1 + run(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let digits = run((end + 1 + sign).min(bytes.len()));
        if digits > 0 {
            end += 1 + sign + digits;
        }
    }
    end
}
