//! Decimal numbers as text: digits and a power of ten, so that shifting the point is exact.

/// `digits` x 10^(`exponent` - number of digits + 1): the point follows the first digit.
///
/// `digits` has neither leading nor trailing zeros; zero is the empty string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) digits: String,
    pub(crate) exponent: i64,
}

impl Decimal {
    /// The shortest decimal that reads back as `value`, which must be finite and not negative.
    pub(crate) fn of_real(value: f64) -> Self {
        // `{:e}` prints the shortest digits that round-trip.
        Self::parse(&format!("{value:e}")).unwrap_or(Self { digits: String::new(), exponent: 0 })
    }

    /// `value`, exactly.
    pub(crate) fn of_count(value: u128) -> Self {
        Self::parse(&value.to_string()).unwrap_or(Self { digits: String::new(), exponent: 0 })
    }

    /// Reads `digits[.digits][e[+-]digits]`; anything else is `None`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let digits_only = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let kept = all.trim_start_matches('0');
        let leading = (all.len() - kept.len()) as i64;
        let exponent = exponent + whole.len() as i64 - 1 - leading;
        let digits = kept.trim_end_matches('0').to_owned();
        let exponent = if digits.is_empty() { 0 } else { exponent };
        Some(Self { digits, exponent })
    }

    /// The nearest `f64` to this decimal times 10^`shift`; infinite when it is out of range.
    pub(crate) fn to_real(&self, shift: i32) -> f64 {
        let Self { digits, exponent } = self;
        if digits.is_empty() {
            return 0.0;
        }
        // The standard parser rounds correctly, whatever the exponent.
        let scaled = exponent.saturating_add(i64::from(shift)) - (digits.len() as i64 - 1);
        format!("{digits}e{scaled}").parse().unwrap_or(f64::INFINITY)
    }

    /// This decimal times 10^`shift` x `numerator` / `denominator`, rounded to the nearest whole
    /// number (half up), and whether that was exact. `None` when it does not fit.
    pub(crate) fn to_count(
        &self,
        shift: i32,
        numerator: u128,
        denominator: u128,
    ) -> Option<(u128, bool)> {
        if self.digits.is_empty() {
            return Some((0, true));
        }
        let power = self.exponent + i64::from(shift) - (self.digits.len() as i64 - 1);
        if power < -38 {
            // Below the reach of exact arithmetic; so far below one that only zero is near,
            // unless the digits themselves run past what any count can hold.
            return (self.exponent + i64::from(shift) < 0).then_some((0, false));
        }
        let ten = |n: i64| u32::try_from(n).ok().and_then(|n| 10_u128.checked_pow(n));
        let mut top = self.digits.parse::<u128>().ok()?.checked_mul(numerator)?;
        let mut bottom = denominator;
        if power >= 0 {
            top = top.checked_mul(ten(power)?)?;
        } else {
            bottom = bottom.checked_mul(ten(-power)?)?;
        }
        let (whole, rest) = (top / bottom, top % bottom);
        Some((whole + u128::from(rest >= bottom - rest && rest > 0), rest == 0))
    }

    /// The digits with the point put so that the value is this decimal divided by 10^`shift`.
    pub(crate) fn place(&self, shift: i32) -> String {
        let digits = &self.digits;
        if digits.is_empty() {
            return "0".to_owned();
        }
        let exponent = self.exponent - i64::from(shift);
        match exponent {
            0..=20 => {
                let whole = exponent as usize + 1;
                if digits.len() <= whole {
                    format!("{digits}{}", "0".repeat(whole - digits.len()))
                } else {
                    format!("{}.{}", &digits[..whole], &digits[whole..])
                }
            }
            -6..=-1 => format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize)),
            _ if digits.len() == 1 => format!("{digits}e{exponent}"),
            _ => format!("{}.{}e{exponent}", &digits[..1], &digits[1..]),
        }
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Far beyond any representable value, and far from overflowing what is added to it later.
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000_000);
    Some(if text.starts_with('-') { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn only_plain_decimals_are_read() {
        for bad in
            ["", ".", "1.", ".5", "1e", "1e+", "+1", "-1", "0x1", "1_0", "nan", "inf", "1e1.0"]
        {
            assert_eq!(Decimal::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn zeros_do_not_count_as_digits() {
        for same in ["1200", "1.2e3", "0001200.00", "0.0012e6"] {
            let d = Decimal::parse(same).unwrap();
            assert_eq!((d.digits.as_str(), d.exponent), ("12", 3), "{same}");
        }
    }

    #[test]
    fn counts_round_half_up_and_say_so() {
        let count = |text: &str| Decimal::parse(text).unwrap().to_count(0, 1, 1);
        assert_eq!(count("2.5"), Some((3, false)));
        assert_eq!(count("2.49"), Some((2, false)));
        assert_eq!(count("1e-60"), Some((0, false)));
        assert_eq!(count("1e39"), None);
        assert_eq!(count("1e999999999999999999999"), None);
        assert_eq!(count(&u128::MAX.to_string()), Some((u128::MAX, true)));
    }
}
