//! The page about a validation: a table of all experiments, and each with its figures.

use std::fmt::Write;

use fleetune_reports::{
    ReportError,
    charts::{Plot, PlotTrace, WIDE, curves},
};
use fleetune_validation::{Figure, Record, Verdict, markdown};

/// The page's text and its pictures, by file name.
#[derive(Debug)]
pub struct ValidationPage {
    /// Markdown.
    pub text: String,
    /// PNG files, in the order in which the page shows them.
    pub pictures: Vec<(String, Vec<u8>)>,
}

/// Writes the page about `records`. `folder` is where its pictures are, seen from the page;
/// `command` is what made it.
///
/// # Errors
/// [`ReportError::Chart`] if a figure cannot be painted.
pub fn page(
    records: &[Record],
    folder: &str,
    command: &str,
) -> Result<ValidationPage, ReportError> {
    let mut page = ValidationPage { text: introduction(records, command), pictures: Vec::new() };
    for record in records {
        page.text.push_str(markdown(std::slice::from_ref(record)).trim_end());
        page.text.push_str("\n\n");
        for figure in &record.figures {
            let picture = format!("{}.png", figure.name);
            page.text.push_str(&format!("![{}]({folder}/{picture})\n\n", figure.title));
            page.pictures.push((picture, curves(&plot(figure), WIDE).png()?));
        }
    }
    page.text.truncate(page.text.trim_end().len());
    page.text.push('\n');
    Ok(page)
}

fn plot(figure: &Figure) -> Plot {
    let trace = |trace: &fleetune_validation::Trace| PlotTrace {
        name: trace.name.clone(),
        line: trace.line.clone(),
        dots: trace.dots.iter().map(|dot| (dot.x, dot.y, dot.half_width)).collect(),
    };
    Plot {
        name: figure.name.clone(),
        title: figure.title.clone(),
        caption: figure.caption.clone(),
        x: figure.x.clone(),
        y: figure.y.clone(),
        log_x: figure.log_x,
        traces: figure.traces.iter().map(trace).collect(),
    }
}

fn introduction(records: &[Record], command: &str) -> String {
    let mut text = format!(
        "# Held to closed forms

The simulator against what textbooks say: queues, the network, rounds, availability, computation and energy. What is
measured is the program itself, on its own calendar, transfers, federation, models, meters and batteries. This page was
written by

    {command}

which ends with code 4 if anything below does not hold. Seeds are fixed, so every run and every number of threads gives
this page, to the byte.

**How a number is judged.** Deterministic ones have to be equal, to the nanosecond, byte and FLOP, or within the stated
rounding. Means of R ≥ 30 independent replications must have the closed form in their confidence interval at level
1 - 10⁻⁴ each, and the interval must be at most 2 % of the closed form wide to either side: otherwise the check could not
have failed, and counts as failed. Laws are held by the tests of Kolmogorov and Smirnov or chi-squared, which must tell
distances of 0.02.

**Why to believe the checks.** Mistakes were planted in the code, one after the other, and every experiment was seen to
fail: [`validation/mutations.md`](../validation/mutations.md), [`sim/validate/mutations.md`](../sim/validate/mutations.md).

**What is not here.** The staleness of asynchronous rounds, and learning; that is held to its laws in tests
([laws.md](laws.md)).

| | experiment | checks | verdict |
| --- | --- | ---: | --- |
"
    );
    for record in records {
        let (id, title, checks) = (&record.id, &record.title, record.findings.len());
        let verdict = match record.verdict() {
            Verdict::Accepted => "accepted",
            Verdict::Powerless => "PROVES NOTHING",
            Verdict::Rejected => "REJECTED",
        };
        writeln!(text, "| {id} | {title} | {checks} | {verdict} |")
            .expect("writing to a string cannot fail");
    }
    text.push('\n');
    text
}
