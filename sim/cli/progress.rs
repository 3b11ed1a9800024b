use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use fleetune_scenarios::{Scenario, schema::CostsOf};
use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::cell::Progress;

/// The least time between lines where stderr is no terminal; the first comes at once.
const INTERVAL: Duration = Duration::from_secs(5);

/// Tells on stderr how far the cells are: bars on a terminal, a line every few seconds elsewhere.
#[derive(Debug)]
pub(super) struct Reporter {
    state: Mutex<State>,
    quiet: bool,
    seeds: u32,
    rounds: u64,
    /// Whose costs the time is of, if they are another model's.
    costs_of: Option<String>,
}

#[derive(Debug)]
struct State {
    bars: Option<IndexMap<String, ProgressBar>>,
    /// Rounds done, by algorithm and seed.
    done: IndexMap<(String, u64), u64>,
    /// When the latest line was printed.
    spoken: Option<Instant>,
}

impl Reporter {
    pub(super) fn new(scenario: &Scenario, quiet: bool) -> Self {
        let rounds = scenario.federation.stop.rounds;
        let group = MultiProgress::new();
        let bars = (!quiet && !group.is_hidden()).then(|| {
            let width = scenario.algorithms.keys().map(|l| l.as_str().chars().count()).max();
            scenario
                .algorithms
                .keys()
                .map(|label| {
                    let bar = ProgressBar::new(rounds * u64::from(scenario.seeds));
                    let name = format!("{:<width$}", label.as_str(), width = width.unwrap_or(0));
                    let bar = group.add(bar.with_style(style()).with_prefix(name));
                    (label.to_string(), bar)
                })
                .collect()
        });
        let costs_of = scenario.model.costs_of.as_ref().map(CostsOf::title);
        let state = State { bars, done: IndexMap::new(), spoken: None };
        Self { state: Mutex::new(state), quiet, seeds: scenario.seeds, rounds, costs_of }
    }

    /// A cell has been evaluated.
    #[expect(clippy::disallowed_methods, reason = "progress is for people, in their time")]
    pub(super) fn hear(&self, progress: Progress<'_>) {
        if self.quiet {
            return;
        }
        let Ok(mut state) = self.state.lock() else { return };
        state.done.insert((progress.label.to_owned(), progress.seed), progress.rounds);
        let mine = state.done.iter().filter(|((label, _), _)| label == progress.label);
        let done: u64 = mine.map(|(_, rounds)| rounds).sum();
        let of = self.costs_of.as_ref().map_or_else(String::new, |of| format!(" as {of}"));
        let news = format!(
            "seed {}: {}{}{of}",
            progress.seed,
            progress
                .accuracy
                .map_or(String::new(), |found| format!("{:.1} % after ", 100.0 * found)),
            progress.time.human()
        );
        if let Some(bar) = state.bars.as_ref().and_then(|bars| bars.get(progress.label)) {
            bar.set_position(done);
            bar.set_message(news);
        } else if state.spoken.is_none_or(|spoken| spoken.elapsed() >= INTERVAL) {
            state.spoken = Some(Instant::now());
            let all = self.rounds * u64::from(self.seeds);
            eprintln!("{}: {done} of {all} rounds; {news}", progress.label);
        }
    }

    /// All cells are done.
    pub(super) fn finish(&self) {
        let Ok(state) = self.state.lock() else { return };
        state.bars.iter().flat_map(IndexMap::values).for_each(ProgressBar::finish);
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix}  {bar:30} {pos:>4}/{len} rounds  {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
