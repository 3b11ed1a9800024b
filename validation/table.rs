//! Records as a page of Markdown.

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
        row(page, finding)?;
    }
    writeln!(page)
}

fn row(page: &mut String, finding: &Finding) -> std::fmt::Result {
    let unit = if finding.unit.is_empty() { String::new() } else { format!(" {}", finding.unit) };
    let (expected, measured) = (number(finding.expected), number(finding.measured));
    let allowed = match finding.basis {
        Basis::Exact => "equal".into(),
        Basis::Mean { half_width, .. } => format!("± {}", number(half_width)),
        Basis::Variance { low, high, .. } => format!("{} to {}", number(low), number(high)),
        Basis::Distance { critical, .. } => format!("≤ {}", number(critical)),
    };
    let verdict = match finding.verdict {
        Verdict::Accepted => "accepted",
        Verdict::Powerless => "proves nothing",
        Verdict::Rejected => "REJECTED",
    };
    let what = &finding.what;
    writeln!(page, "| {what} | {expected}{unit} | {measured}{unit} | {allowed} | {verdict} |")
}

/// Five significant digits; whole numbers in full.
fn number(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e15 {
        return format!("{x}");
    }
    let magnitude = libm::floor(libm::log10(x.abs())) as i32;
    let digits = usize::try_from((4 - magnitude).clamp(0, 12)).unwrap_or(0);
    format!("{x:.digits$}")
}
