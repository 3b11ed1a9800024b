use std::{
    num::NonZeroU64,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fleetune_devices::Workload;
use fleetune_models::evaluate::Evaluation;
use fleetune_units::Flops;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    file::{Checkpoint, CheckpointError, Folder},
    journal::{Journal, Misfit, Question},
};

/// Where a federation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Here {
    /// Events that have happened.
    pub events: u64,
    /// Rounds that are over.
    pub rounds: u64,
    /// Simulated time, in nanoseconds.
    pub nanos: u64,
}

/// How often a checkpoint is written: at the end of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Every {
    /// At the end of every round, unless that takes more than a twentieth of the host's time.
    #[default]
    Affordable,
    /// At the end of every so many rounds, whatever it takes.
    Rounds(NonZeroU64),
}

/// What a federation is to do between two events.
#[derive(Debug)]
pub enum Turn {
    /// Go on.
    GoOn,
    /// Write down its servers, give them to [`Recorder::keep`], and go on.
    Save,
    /// Write down its servers, give them to [`Recorder::keep`], and stop.
    SaveAndStop,
    /// Stop: nothing new has been learnt since the last checkpoint.
    Stop,
    /// Let the servers take up this, and tell [`Recorder::go_live`].
    TakeOver(Vec<u8>),
    /// Give up: the journal is not that of this federation.
    Astray,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The servers, and it is written down.
    Live,
    /// The journal.
    Replay,
    /// The servers, and nothing is written down: jobs are assigned once more.
    Again,
}

/// Hears what the servers of a cell say, and says it again to a cell that goes on.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    mode: Mode,
    journal: Journal,
    /// What is replayed does not fit.
    astray: bool,
    /// The checkpoint that is gone on from: where, and the servers.
    goal: Here,
    snapshot: Vec<u8>,
    folder: Folder,
    every: Every,
    stop: Arc<AtomicBool>,
    /// The latest checkpoint.
    kept: Option<Kept>,
}

#[derive(Debug, Clone, Copy)]
struct Kept {
    rounds: u64,
    /// In the host's time.
    at: Instant,
    took: Duration,
}

/// The host may spend one part in so many on checkpoints.
const SHARE: u32 = 20;

/// Why the state is not poisoned.
const SOUND: &str = "noting an answer does not panic";

impl Recorder {
    /// Of a cell whose checkpoints are in `folder`, from its start or from one of them.
    pub(crate) fn new(
        folder: Folder,
        every: Every,
        stop: Arc<AtomicBool>,
        from: Option<Checkpoint>,
    ) -> Self {
        let mode = if from.is_some() { Mode::Replay } else { Mode::Live };
        let from = from.unwrap_or(Checkpoint {
            here: Here::default(),
            journal: Vec::new(),
            snapshot: Vec::new(),
        });
        Self(Arc::new(Mutex::new(State {
            mode,
            journal: Journal::written(from.journal),
            astray: false,
            goal: from.here,
            snapshot: from.snapshot,
            folder,
            every,
            stop,
            kept: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect(SOUND)
    }

    /// Whether the journal answers, and servers are not to be troubled.
    pub(super) fn replays(&self) -> bool {
        self.state().mode == Mode::Replay
    }

    /// The journal's answer, if it is the journal's turn; if it has none, whatever: the federation is told that it is astray
    /// after the event.
    pub(super) fn recall<T: DeserializeOwned>(
        &self,
        question: Question,
        or: impl FnOnce() -> T,
    ) -> Option<T> {
        self.state().recall(|journal| journal.recall(question), or)
    }

    /// Writes an answer of the servers down.
    pub(super) fn note<T: Serialize>(&self, question: Question, answer: &T) {
        let mut state = self.state();
        if state.mode == Mode::Live {
            state.journal.note(question, answer);
        }
    }

    /// The journal's answer, or what `ask` gives.
    pub(super) fn told<T: Serialize + DeserializeOwned + Default>(
        &self,
        question: Question,
        ask: impl FnOnce() -> T,
    ) -> T {
        self.recall(question, T::default).unwrap_or_else(|| {
            let answer = ask();
            self.note(question, &answer);
            answer
        })
    }

    pub(super) fn work(&self, ask: impl FnOnce() -> Flops) -> Flops {
        Flops::new(self.told(Question::ServerWork, || ask().get()))
    }

    pub(super) fn workload(&self, ask: impl FnOnce() -> Workload) -> Workload {
        let recalled = self.state().recall(Journal::recall_workload, Workload::default);
        recalled.unwrap_or_else(|| {
            let workload = ask();
            let mut state = self.state();
            if state.mode == Mode::Live {
                state.journal.note_workload(&workload);
            }
            workload
        })
    }

    /// What the model is worth: as it was found, or as `evaluate` finds it.
    pub(crate) fn evaluation(&self, evaluate: impl FnOnce() -> Evaluation) -> Evaluation {
        let (accuracy, loss) = self.told(Question::Evaluation, || {
            let Evaluation { accuracy, loss } = evaluate();
            (accuracy, loss)
        });
        Evaluation { accuracy, loss }
    }

    /// The examples behind updates, whose jobs are not done again.
    pub(crate) fn examples(&self, found: impl FnOnce() -> Vec<u64>) -> Vec<u64> {
        self.told(Question::Examples, found)
    }

    /// What to do now that another event is over.
    pub(crate) fn turn(&self, here: Here) -> Turn {
        self.state().turn(here)
    }

    /// Keeps a checkpoint.
    pub(crate) fn keep(&self, here: Here, snapshot: &[u8]) -> Result<(), CheckpointError> {
        self.state().keep(here, snapshot)
    }

    /// From here on servers answer, and what they say is written down.
    pub(crate) fn go_live(&self) {
        self.state().mode = Mode::Live;
    }
}

impl State {
    fn recall<T>(
        &mut self,
        read: impl FnOnce(&mut Journal) -> Result<T, Misfit>,
        or: impl FnOnce() -> T,
    ) -> Option<T> {
        if self.mode != Mode::Replay {
            return None;
        }
        if self.astray {
            return Some(or());
        }
        Some(read(&mut self.journal).unwrap_or_else(|Misfit| {
            self.astray = true;
            or()
        }))
    }

    fn turn(&mut self, here: Here) -> Turn {
        let stop = self.stop.load(Ordering::Relaxed);
        if self.mode == Mode::Replay {
            let there = here.events >= self.goal.events;
            if self.astray || there && (here != self.goal || !self.journal.is_read()) {
                return Turn::Astray;
            }
            if stop {
                return Turn::Stop;
            }
            if !there {
                return Turn::GoOn;
            }
            self.mode = Mode::Again;
            self.remember(here.rounds, Duration::ZERO);
            return Turn::TakeOver(std::mem::take(&mut self.snapshot));
        }
        match (stop, self.is_due(here)) {
            (true, _) => Turn::SaveAndStop,
            (false, true) => Turn::Save,
            (false, false) => Turn::GoOn,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "when to save changes nothing of what is computed"
    )]
    fn is_due(&self, here: Here) -> bool {
        let Some(kept) = self.kept else { return here.rounds > 0 };
        match self.every {
            Every::Rounds(rounds) => here.rounds - kept.rounds >= rounds.get(),
            Every::Affordable => {
                here.rounds > kept.rounds
                    && Instant::now().duration_since(kept.at) >= kept.took * SHARE
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "when to save changes nothing of what is computed"
    )]
    fn keep(&mut self, here: Here, snapshot: &[u8]) -> Result<(), CheckpointError> {
        let started = Instant::now();
        self.folder.keep(here, self.journal.bytes(), snapshot)?;
        self.remember(here.rounds, started.elapsed());
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "when to save changes nothing of what is computed"
    )]
    fn remember(&mut self, rounds: u64, took: Duration) {
        self.kept = Some(Kept { rounds, at: Instant::now(), took });
    }
}
