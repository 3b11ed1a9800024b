//! A page about a sweep: what was searched, what the comparison gave, how it stands to what was claimed, and what takes
//! the method apart. Markdown, made from results alone: the same results give the same bytes.

mod ablation;
mod forecast;
mod markdown;
mod ratios;
mod search;
mod thresholds;

use self::markdown::plain;
use crate::{charged, reader::Run, statistics::Comparison};

pub use self::{
    ablation::{Ablation, AblationCell},
    forecast::Forecast,
    ratios::Claim,
    search::Effort,
    thresholds::Thresholds,
};

/// What parts of a section begin with.
const HEADING: &str = "\n### ";

/// All that a page is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyPage {
    /// The heading.
    pub title: String,
    /// What was asked and how; Markdown of whoever wrote the sweep.
    pub introduction: String,
    /// The commands that make the page, one a line.
    pub commands: Vec<String>,
    /// The comparison.
    pub run: Run,
    /// Where the comparison's charts are, seen from the page.
    pub charts: String,
    /// The algorithm that the others are compared with.
    pub reference: String,
    /// Other targets at which computation is compared.
    pub thresholds: Thresholds,
    /// Those of the others that the claims are not about.
    pub controls: Vec<String>,
    /// What has been claimed of it.
    pub claims: Vec<Claim>,
    /// The effort spent on every algorithm.
    pub efforts: Vec<Effort>,
    /// What the probe predicted of the comparison.
    pub forecasts: Vec<Forecast>,
    /// Algorithms that it has no model of, and why.
    pub unforeseen: Vec<(String, String)>,
    /// What takes the reference apart.
    pub ablation: Option<Ablation>,
    /// What the results mean; Markdown of whoever wrote the sweep.
    pub discussion: String,
}

impl StudyPage {
    /// The page.
    pub fn markdown(&self) -> String {
        let comparison = Comparison::new(&self.run);
        let mut page = format!("# {}\n\n{}\n", self.title, self.introduction.trim());
        page.push_str(&self.made_by());
        page.push_str(&search::section(&self.efforts));
        page.push_str(&self.qualified(ratios::section(self, &comparison)));
        page.push_str(&self.qualified(thresholds::section(self, &comparison)));
        page.push_str(&self.qualified(ratios::claims(self, &comparison)));
        page.push_str(&forecast::section(self));
        if let Some(ablation) = &self.ablation {
            page.push_str(&self.qualified(ablation::section(ablation)));
        }
        page.push_str(&format!("\n## What it means\n\n{}\n", self.discussion.trim()));
        page
    }

    /// A section that speaks of costs with whose they are, under each heading that says anything.
    fn qualified(&self, section: String) -> String {
        let Some(note) = charged::note(&self.run) else { return section };
        let with_note = |part: &str| match part.trim().is_empty() {
            true => part.to_owned(),
            false => format!("{}\n\n*{}*\n", part.trim_end(), plain(&note)),
        };
        section.split(HEADING).map(with_note).collect::<Vec<_>>().join(HEADING)
    }

    fn made_by(&self) -> String {
        let commands: String = self.commands.iter().map(|c| format!("    {c}\n")).collect();
        format!(
            "\nEvery table and chart below was written by the second of these commands from what the first one left \
             behind; the first runs only what has not been run before. What it means, at the end, people wrote.\n\n{commands}"
        )
    }
}
