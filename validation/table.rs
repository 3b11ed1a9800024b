//! Records as text: a page of Markdown, and the cells of any other table.

use std::fmt::Write;

use crate::{Basis, Finding, Record, Verdict};

/// A section for each record: what is claimed, and a table of what was found.
pub fn markdown(records: &[Record]) -> String {
    let mut page = String::new();
    for record in records {
        section(&mut page, record).expect("writing to a string cannot fail");
    }
    page
}

fn section(page: &mut String, record: &Record) -> std::fmt::Result {
    writeln!(page, "## {}: {}\n", record.id, record.title)?;
    writeln!(page, "{}\n\nClosed form: {}\n", record.statement, record.closed_form)?;
    writeln!(page, "| quantity | expected | measured | allowed | verdict |")?;
    writeln!(page, "| --- | ---: | ---: | ---: | --- |")?;
    for finding in &record.findings {
        // A bar would end the cell.
        writeln!(page, "| {} |", cells(finding).map(|cell| cell.replace('|', "\\|")).join(" | "))?;
    }
    writeln!(page)
}

/// What, expected, measured, allowed and verdict, as text with units.
pub fn cells(finding: &Finding) -> [String; 5] {
    let unit = if finding.unit.is_empty() { String::new() } else { format!(" {}", finding.unit) };
    let whole = finding.basis == Basis::Exact;
    let value = |x: f64| if whole { grouped(x) } else { number(x) };
    let allowed = match finding.basis {
        Basis::Exact => "equal".into(),
        Basis::Within { tolerance } => format!("± {}", small(tolerance)),
        Basis::Mean { half_width, .. } => format!("± {}", number(half_width)),
        Basis::Variance { low, high, .. } => format!("{} to {}", number(low), number(high)),
        Basis::Distance { critical, .. } => format!("≤ {}", number(critical)),
    };
    let verdict = match finding.verdict {
        Verdict::Accepted => "accepted",
        Verdict::Powerless => "PROVES NOTHING",
        Verdict::Rejected => "REJECTED",
    };
    [
        finding.what.clone(),
        format!("{}{unit}", value(finding.expected)),
        format!("{}{unit}", value(finding.measured)),
        allowed,
        verdict.to_owned(),
    ]
}

/// Five significant digits; whole numbers in full; what is tiny in powers of ten.
fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        return grouped(x);
    }
    if x.abs() < 1e-3 || !x.is_finite() {
        return format!("{x:.1e}");
    }
    let magnitude = libm::floor(libm::log10(x.abs())) as i32;
    let digits = usize::try_from((4 - magnitude).clamp(0, 12)).unwrap_or(0);
    format!("{x:.digits$}")
}

/// A tolerance, as it was written down.
fn small(x: f64) -> String {
    if x == 0.0 || (1e-3..1e6).contains(&x.abs()) {
        return format!("{x}");
    }
    format!("{x:.1e}").replacen(".0e", "e", 1)
}

/// A whole number with its thousands apart: `1 610 000 000`.
fn grouped(x: f64) -> String {
    let text = format!("{x}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    if digits.len() < 5 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return text;
    }
    let mut grouped = String::from(sign);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let shown = [0.0, 0.5, 1.61, 2.9290, 1e-9, 12_345.678, 1_610_000_000.0, -1234.0, 12_345.0];
        assert_eq!(
            shown.map(number),
            [
                "0",
                "0.50000",
                "1.6100",
                "2.9290",
                "1.0e-9",
                "12346",
                "1 610 000 000",
                "-1234",
                "12 345"
            ]
        );
        assert_eq!([1.0, 0.01, 1e-9, 1e-12, 0.0].map(small), ["1", "0.01", "1e-9", "1e-12", "0"]);
    }

    #[test]
    fn a_bar_in_a_name_does_not_end_its_cell() {
        let finding = Finding::exact("|g|", "", 1, 1);
        let record = Record {
            id: "X1".into(),
            title: String::new(),
            statement: String::new(),
            closed_form: String::new(),
            findings: vec![finding],
            figures: Vec::new(),
        };
        assert!(markdown(&[record]).contains("| \\|g\\| | 1 | 1 | equal | accepted |"));
    }
}
