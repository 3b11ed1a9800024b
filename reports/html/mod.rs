//! The report: one HTML file that needs nothing else, for screens light and dark, telephones and
//! paper.

use minijinja::{AutoEscape, Environment, Value, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;

pub(crate) mod participation;
pub(crate) mod tables;

use crate::{
    answer::Answer,
    charged, charts,
    error::ReportError,
    format::Quantity,
    reader::Run,
    records::Manifest,
    statistics::{Comparison, Outcome},
    text::shown,
};

/// A chart, twice: one that is readable on a screen or a page, one for a telephone.
#[derive(Serialize)]
pub(crate) struct Figure {
    name: String,
    title: String,
    caption: String,
    wide: Value,
    narrow: Value,
}

/// The style, which is no text of a scenario.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Styled(Value);

impl Styled {
    pub(crate) fn new() -> Self {
        Self(Value::from_safe_string(include_str!("style.css").to_owned()))
    }
}

#[derive(Serialize)]
pub(crate) struct Pair {
    pub(crate) key: String,
    pub(crate) value: String,
}

#[derive(Serialize)]
struct Page {
    style: Styled,
    name: String,
    description: String,
    facts: Vec<Pair>,
    headline: String,
    points: Vec<String>,
    notices: Vec<String>,
    target: String,
    charged: Option<String>,
    summary: Vec<tables::SummaryRow>,
    any_censored: bool,
    several_seeds: bool,
    figures: Vec<Figure>,
    participation: Option<participation::Table>,
    groups: Option<participation::Table>,
    reality: Vec<tables::RealityRow>,
    backend: String,
    manifest: Vec<Pair>,
}

/// The report as HTML. All texts of the scenario are escaped.
///
/// # Errors
/// A chart or the template is at fault.
pub fn page(run: &Run, comparison: &Comparison) -> Result<String, ReportError> {
    let answer = Answer::new(run, comparison);
    let scenario = &run.details.scenario;
    let pair = |(key, value): &(String, String)| Pair { key: shown(key), value: shown(value) };
    let page = Page {
        style: Styled::new(),
        name: shown(&scenario.name),
        description: shown(&scenario.description),
        facts: scenario.facts.iter().map(pair).collect(),
        headline: answer.headline,
        points: answer.points,
        notices: run.details.notices.iter().map(|n| shown(n)).collect(),
        target: crate::format::percent_short(comparison.target),
        charged: charged::note(run),
        summary: tables::summary(run, comparison),
        any_censored: comparison.outcomes.iter().any(Outcome::is_censored),
        several_seeds: comparison.outcomes.iter().any(|o| o.seeds > 1),
        figures: figures(
            charts::all(run, comparison, charts::WIDE),
            charts::all(run, comparison, charts::NARROW),
        )?,
        participation: participation::by_class(&run.details.algorithms),
        groups: participation::by_group(&run.details.algorithms),
        reality: tables::reality(&run.details.reality),
        backend: shown(&run.manifest.backend),
        manifest: manifest(&run.manifest),
    };
    fill(include_str!("report.html"), &page).map_err(|e| ReportError::Template(format!("{e:#}")))
}

/// Fills the template of a run without training.
pub(crate) fn fill_timed(page: &impl Serialize) -> Result<String, minijinja::Error> {
    fill(include_str!("../timing/page.html"), page)
}

/// Fills the template of a comparison of runs.
pub(crate) fn fill_compared(page: &impl Serialize) -> Result<String, minijinja::Error> {
    fill(include_str!("../compare/page.html"), page)
}

/// Fills a template that extends `base.html`.
fn fill(template: &'static str, page: &impl Serialize) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    // Whatever the template's name, everything is escaped that is not an SVG or the style.
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.add_template("base.html", include_str!("base.html"))?;
    environment.add_template("participation.html", include_str!("participation.html"))?;
    environment.add_template("page.html", template)?;
    environment.get_template("page.html")?.render(Serde(page))
}

/// The same charts for both widths.
pub(crate) fn figures(
    wide: Vec<charts::Chart>,
    narrow: Vec<charts::Chart>,
) -> Result<Vec<Figure>, ReportError> {
    let figure = |(wide, narrow): (charts::Chart, charts::Chart)| {
        Ok(Figure {
            wide: Value::from_safe_string(wide.inline_svg()?),
            narrow: Value::from_safe_string(narrow.inline_svg()?),
            name: wide.name,
            title: wide.title,
            caption: wide.caption,
        })
    };
    wide.into_iter().zip(narrow).map(figure).collect()
}

pub(crate) fn manifest(m: &Manifest) -> Vec<Pair> {
    let commit = m.git_commit.as_deref().unwrap_or("not built from a repository");
    let mut pairs = vec![
        ("fleetune".to_owned(), m.version.clone()),
        ("commit".to_owned(), commit.to_owned()),
        ("engine".to_owned(), m.engine.clone().unwrap_or_else(|| "not written".to_owned())),
        ("compiler".to_owned(), format!("{} for {}", m.rustc, m.target)),
        ("backend".to_owned(), m.backend.clone()),
        ("processor".to_owned(), format!("{}, {} threads", m.cpu, m.threads)),
        ("time on it".to_owned(), Quantity::Time.human(m.host_wall_time.get())),
        ("root seed".to_owned(), m.root_seed.to_string()),
        ("scenario SHA-256".to_owned(), m.scenario_sha256.clone()),
    ];
    let data = m.data_sha256.iter().map(|(name, hash)| (format!("{name} SHA-256"), hash.clone()));
    pairs.extend(data);
    pairs.into_iter().map(|(k, v)| Pair { key: shown(&k), value: shown(&v) }).collect()
}
