//! Where the figures of a workload come from: for `plan --explain`.
//!
//! A [`Tally`](crate::work) that adds up a client's work by its shapes notes what it adds. When it is made a
//! [`Workload`], the notes go to whoever asked for [`Accounts`]; nobody does in a run.

use std::sync::{Arc, Mutex, PoisonError};

use fleetune_devices::{PhaseKind, Workload};
use fleetune_models::cost::{Breakdown, CostModel, Pass, Tensors};

/// Collects the accounts of all workloads that are made by the shapes that devices are charged by.
#[derive(Clone, Debug, Default)]
pub struct Accounts(Arc<Mutex<Vec<Account>>>);

impl Accounts {
    /// What was collected since the last call, in the order in which it was made.
    pub fn take(&self) -> Vec<Account> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put(&self, account: Account) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(account);
    }
}

/// The work of one client in an exchange, or in a part of one, item by item.
#[derive(Clone, Debug)]
pub struct Account {
    /// What is accounted for.
    pub workload: Workload,
    /// The items of its FLOPs.
    pub items: Vec<Item>,
    /// The items of its peak memory.
    pub memory: Vec<Holding>,
    /// The tensors that the device holds, by stage, with the number of stages that are alike.
    pub tensors: Vec<(&'static str, u64, Vec<Tensors>)>,
}

/// Some FLOPs, so many times.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The phase that they are a part of.
    pub phase: PhaseKind,
    /// How often.
    pub times: u64,
    /// What is done.
    pub what: Done,
}

/// What is done once or more often.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// The forward of a pass, or its backward.
    Pass {
        /// From this stage on: 0 the embeddings, 1..=L the layers, L + 1 the head.
        first: usize,
        /// To before this one.
        end: usize,
        /// FLOPs.
        flops: u128,
        /// Operation by operation; empty for a backward that was stopped before its end.
        breakdown: Breakdown,
    },
    /// Arithmetic over parameters.
    Elementwise {
        /// What is done to each.
        what: &'static str,
        /// Operations for each.
        operations: u64,
        /// How many there are.
        elements: u64,
    },
    /// FLOPs that are no multiple of a number of elements.
    Other {
        /// What they do.
        what: &'static str,
        /// How many there are.
        flops: u128,
    },
}

impl Item {
    /// FLOPs of doing it so many times.
    pub fn flops(&self) -> u128 {
        let once = match &self.what {
            Done::Pass { flops, .. } | Done::Other { flops, .. } => *flops,
            Done::Elementwise { operations, elements, .. } => {
                u128::from(*operations) * u128::from(*elements)
            }
        };
        once * u128::from(self.times)
    }
}

/// Something that takes memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// What it is.
    pub what: &'static str,
    /// Bytes of one element.
    pub width: u64,
    /// Elements.
    pub elements: u64,
    /// Of which activations these are: by the moment of the pass at which they are most.
    pub breakdown: Vec<fleetune_models::cost::Alive>,
}

impl Holding {
    /// Its bytes.
    pub fn bytes(&self) -> u64 {
        self.width * self.elements
    }
}

/// What a tally notes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Note {
    pub(crate) phase: PhaseKind,
    pub(crate) times: u64,
    pub(crate) noted: Noted,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Noted {
    Pass { of: Pass, flops: u128 },
    Elementwise { what: &'static str, operations: u64, elements: u64 },
    Other { what: &'static str, flops: u128 },
}

/// Takes notes for [`Accounts`], by the model that they are of.
#[derive(Clone, Debug)]
pub(crate) struct Scribe {
    pub(crate) cost: Arc<CostModel>,
    pub(crate) accounts: Accounts,
}

impl Scribe {
    /// The items that were noted; notes of the same are one.
    pub(crate) fn items(&self, notes: &[Note]) -> Vec<Item> {
        let mut once: Vec<Note> = Vec::new();
        for note in notes {
            let same = |other: &&mut Note| (other.phase, &other.noted) == (note.phase, &note.noted);
            match once.iter_mut().find(same) {
                Some(other) => other.times += note.times,
                None => once.push(note.clone()),
            }
        }
        once.into_iter().map(|note| self.item(note)).filter(|item| item.flops() > 0).collect()
    }

    fn item(&self, Note { phase, times, noted }: Note) -> Item {
        let what = match noted {
            Noted::Elementwise { what, operations, elements } => {
                Done::Elementwise { what, operations, elements }
            }
            Noted::Other { what, flops } => Done::Other { what, flops },
            Noted::Pass { of, flops } => {
                let breakdown = self.cost.breakdown(of);
                let count = |term: &fleetune_models::cost::Term| match phase {
                    PhaseKind::Backward => term.backward,
                    _ => term.forward,
                };
                let terms = breakdown.terms.iter();
                let sum: u128 = terms.map(|t| t.flops.value() as u128 * u128::from(count(t))).sum();
                let breakdown = if sum == flops { breakdown } else { Breakdown::default() };
                Done::Pass { first: of.first, end: of.end, flops, breakdown }
            }
        };
        Item { phase, times, what }
    }

    /// The tensors of `stages`, the layers as one.
    pub(crate) fn tensors(
        &self,
        stages: std::ops::Range<usize>,
    ) -> Vec<(&'static str, u64, Vec<Tensors>)> {
        let layers = self.cost.layers();
        let held = stages.start.max(1)..stages.end.min(layers + 1);
        let parts = [
            ("embeddings", 0, u64::from(stages.contains(&0))),
            ("layer", 1, held.len() as u64),
            ("head", layers + 1, u64::from(stages.contains(&(layers + 1)))),
        ];
        let held = parts.into_iter().filter(|(.., count)| *count > 0);
        held.map(|(part, stage, count)| (part, count, self.cost.tensors(stage).collect())).collect()
    }
}
