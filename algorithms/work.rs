//! Building workloads: what an algorithm asks of a device, phase by phase.

use std::ops::Range;

use fleetune_devices::{Phase, PhaseKind, Workload};
use fleetune_models::{
    architecture::Dtype,
    cost::{Pass, PassCost, Stored},
    ledger::{Cost, ELEMENT, Ledger},
};
use fleetune_units::{Bytes, Flops};

use crate::{
    account::{Account, Holding, Note, Noted, Scribe},
    meter::precision,
    noise::Distribution,
    protocol::{Counted, Losses},
};

/// Running totals of a client's work. The same type serves the prediction (filled from closed forms) and the job
/// (filled from what was run), so both are summed alike.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) forward: Cost,
    pub(crate) backward: Cost,
    pub(crate) perturbation: Cost,
    pub(crate) optimizer: Cost,
    /// Peak elements of activations alive in a forward that keeps nothing.
    pub(crate) activations: u64,
    /// Elements of activations kept for a backward, at most.
    pub(crate) kept: u64,
    /// What all elements are.
    pub(crate) dtype: Dtype,
    /// The losses that a job saw; a prediction sees none.
    pub(crate) seen: Seen,
    /// Whom what is added is noted for; nobody in a run.
    scribe: Option<Scribe>,
    notes: Vec<Note>,
    /// The passes whose activations are the most, and the most that are kept.
    most: [Option<Pass>; 2],
}

/// What a device holds all the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resident {
    /// Parameters, of these stages.
    stored: Stored,
    stages: Range<usize>,
    /// What else, in elements.
    beside: Vec<(&'static str, u64)>,
}

impl Resident {
    /// The parameters of these stages.
    pub(crate) fn new(stored: Stored, stages: Range<usize>) -> Self {
        Self { stored, stages, beside: Vec::new() }
    }

    /// And so many elements of something else.
    #[must_use]
    pub(crate) fn and(mut self, what: &'static str, elements: u64) -> Self {
        if elements > 0 {
            self.beside.push((what, elements));
        }
        self
    }

    fn elements(&self) -> u64 {
        self.stored.elements + self.beside.iter().map(|(_, elements)| elements).sum::<u64>()
    }
}

/// Losses as they are seen, one for each text of each forward.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    count: u64,
    squares: f64,
}

impl Seen {
    /// Adds those of a forward, and gives their mean.
    pub(crate) fn see(&mut self, losses: &[f64]) -> f64 {
        self.count += losses.len() as u64;
        self.squares += losses.iter().map(|loss| loss * loss).sum::<f64>();
        losses.iter().sum::<f64>() / losses.len() as f64
    }

    /// What a client saw that trained on so many different texts.
    pub(crate) fn losses(&self, texts: u64) -> Losses {
        match self.count {
            0 => Losses::default(),
            count => Losses { texts, mean_square: self.squares / count as f64 },
        }
    }
}

impl Tally {
    /// Nothing done yet, in these numbers.
    pub(crate) fn new(dtype: Dtype, scribe: Option<Scribe>) -> Self {
        Self { dtype, scribe, ..Self::default() }
    }

    /// Adds a forward and its backward, from shapes.
    pub(crate) fn training_passes(&mut self, pass: PassCost) {
        self.passes(pass, 1);
        self.backward += pass.backward;
        if pass.kept > self.kept {
            self.most[1] = Some(pass.of);
        }
        self.kept = self.kept.max(pass.kept);
        let flops = pass.backward.flops().get();
        self.note(PhaseKind::Backward, 1, Noted::Pass { of: pass.of, flops });
    }

    /// Adds what a pass costs that is not followed by a backward, `times`, from shapes.
    pub(crate) fn passes(&mut self, pass: PassCost, times: u64) {
        self.forward += pass.forward * times;
        if pass.peak > self.activations {
            self.most[0] = Some(pass.of);
        }
        self.activations = self.activations.max(pass.peak);
        let flops = pass.forward.flops().get();
        self.note(PhaseKind::Forward, times, Noted::Pass { of: pass.of, flops });
    }

    /// Adds a step of an optimiser, or what else is done to parameters after a gradient.
    pub(crate) fn optimize(&mut self, what: &'static str, cost: Cost, times: u64) {
        self.optimizer += cost * times;
        self.note(PhaseKind::Optimizer, times, Noted::Other { what, flops: cost.flops().get() });
    }

    /// This work without one of its phases.
    #[must_use]
    pub(crate) fn without(mut self, phase: PhaseKind) -> Self {
        match phase {
            PhaseKind::Forward => self.forward = Cost::default(),
            PhaseKind::Backward => self.backward = Cost::default(),
            PhaseKind::Perturbation => self.perturbation = Cost::default(),
            PhaseKind::Optimizer | PhaseKind::Encoding => self.optimizer = Cost::default(),
        }
        self.notes.retain(|note| note.phase != phase);
        self
    }

    fn note(&mut self, phase: PhaseKind, times: u64, noted: Noted) {
        if self.scribe.is_some() {
            self.notes.push(Note { phase, times, noted });
        }
    }

    fn note_each(
        &mut self,
        phase: PhaseKind,
        times: u64,
        (what, operations): (&'static str, u64),
        elements: usize,
    ) {
        let elements = elements as u64;
        self.note(phase, times, Noted::Elementwise { what, operations, elements });
    }

    /// Adds a forward that is not followed by a backward.
    pub(crate) fn inference(&mut self, ledger: &Ledger) {
        self.forward += ledger.forward;
        self.activations = self.activations.max(ledger.peak());
    }

    /// Adds a forward and its backward.
    pub(crate) fn training(&mut self, ledger: &Ledger) {
        self.inference(ledger);
        self.backward += ledger.backward;
        self.kept = self.kept.max(ledger.kept());
    }

    /// Adds what `directions` over `elements` parameters cost before their first use.
    pub(crate) fn prepare(&mut self, law: Distribution, elements: usize, directions: u64) {
        let operations = elements as u128 * u128::from(law.preparation());
        self.perturbation.elementwise += operations * u128::from(directions);
        let each = ("length of a direction", law.preparation());
        self.note_each(PhaseKind::Perturbation, directions, each, elements);
    }

    /// Adds `passes` of "generate the direction, add a multiple of it to the parameters" over `elements` parameters.
    pub(crate) fn perturb(&mut self, law: Distribution, elements: usize, passes: u64) {
        self.perturbation += noise_pass(law, elements) * passes;
        let each = ("noise made and added to a parameter", noise_operations(law));
        self.note_each(PhaseKind::Perturbation, passes, each, elements);
    }

    /// Adds `passes` of the same kind that update rather than perturb.
    pub(crate) fn update_with_noise(&mut self, law: Distribution, elements: usize, passes: u64) {
        self.optimizer += noise_pass(law, elements) * passes;
        let each = ("noise made again for the update", noise_operations(law));
        self.note_each(PhaseKind::Optimizer, passes, each, elements);
    }

    /// Adds ranking `candidates` over `elements` parameters by their cosine with a reference: each makes its element, and
    /// adds to its inner product with the reference, which is read, and to its own square.
    pub(crate) fn rank(&mut self, law: Distribution, elements: usize, candidates: u64) {
        let n = elements as u64;
        let elementwise = u128::from(n) * u128::from(law.operations() + 4);
        self.perturbation += Cost { elementwise, elements: n, ..Cost::default() } * candidates;
        let each = ("a candidate ranked by its cosine", law.operations() + 4);
        self.note_each(PhaseKind::Perturbation, candidates, each, elements);
    }

    /// Adds copying `elements` parameters.
    pub(crate) fn copy(&mut self, elements: usize) {
        self.optimizer.elements += 2 * elements as u64;
    }

    /// Adds subtracting one vector of `elements` from another, in place.
    pub(crate) fn subtract(&mut self, elements: usize) {
        self.optimizer += Cost {
            elementwise: elements as u128,
            elements: 3 * elements as u64,
            ..Cost::default()
        };
        self.note_each(PhaseKind::Optimizer, 1, ("difference from the start", 1), elements);
    }

    /// Adds scaling `elements` parameters.
    pub(crate) fn scale(&mut self, elements: usize) {
        self.optimizer += Cost {
            elementwise: elements as u128,
            elements: 2 * elements as u64,
            ..Cost::default()
        };
        self.note_each(PhaseKind::Optimizer, 1, ("weight decay", 1), elements);
    }

    /// The phases, in the order in which a device runs a step's kinds of work.
    pub(crate) fn phases(&self) -> Vec<Phase> {
        [
            (PhaseKind::Perturbation, self.perturbation),
            (PhaseKind::Forward, self.forward),
            (PhaseKind::Backward, self.backward),
            (PhaseKind::Optimizer, self.optimizer),
        ]
        .into_iter()
        .filter(|(_, cost)| *cost != Cost::default())
        .map(|(kind, cost)| Phase {
            kind,
            precision: precision(self.dtype),
            flops: cost.flops(),
            traffic: cost.traffic_of(self.dtype.bytes()),
        })
        .collect()
    }

    /// The workload of this work with what is resident (parameters, boundary activations, optimiser state).
    pub(crate) fn workload(&self, resident: Resident, download: Bytes, upload: Bytes) -> Workload {
        let (phases, peak_memory) = (self.phases(), self.memory(&resident));
        let workload = Workload { phases, peak_memory, download, upload };
        if let Some(scribe) = &self.scribe {
            scribe.accounts.put(Account {
                workload: workload.clone(),
                items: scribe.items(&self.notes),
                memory: self.holdings(scribe, &resident),
                tensors: scribe.tensors(resident.stages),
            });
        }
        workload
    }

    fn holdings(&self, scribe: &Scribe, resident: &Resident) -> Vec<Holding> {
        let width = self.dtype.bytes();
        let plain = |what, elements| Holding { what, width, elements, breakdown: Vec::new() };
        let Stored { elements, packed } = resident.stored;
        let mut all = vec![
            plain("parameters", elements),
            Holding { width: 1, ..plain("parameters in codes", packed) },
        ];
        all.extend(resident.beside.iter().map(|&(what, elements)| plain(what, elements)));
        let of = |pass: Option<Pass>| pass.map(|of| scribe.cost.breakdown(of)).unwrap_or_default();
        let [peak, kept] = self.most.map(of);
        all.push(Holding { breakdown: peak.peak, ..plain("activations alive", self.activations) });
        all.push(Holding { breakdown: kept.kept, ..plain("kept for the backward", self.kept) });
        all.retain(|holding| holding.elements > 0);
        all
    }

    /// What a job that did this work reports.
    pub(crate) fn counted(&self, resident: Resident, upload: Bytes) -> Counted {
        let phases = self.phases();
        Counted {
            flops: phases.iter().map(|p| p.flops).sum::<Flops>(),
            traffic: phases.iter().map(|p| p.traffic).sum::<Bytes>(),
            upload,
            peak_memory: self.memory(&resident),
        }
    }

    fn memory(&self, resident: &Resident) -> Bytes {
        let elements = resident.elements() + self.activations + self.kept;
        Bytes::new(self.dtype.bytes() * elements + resident.stored.packed)
    }
}

/// One pass over `elements` parameters: make the direction's element, multiply, add; read and write the parameter.
fn noise_pass(law: Distribution, elements: usize) -> Cost {
    let n = elements as u64;
    Cost {
        elementwise: u128::from(n) * u128::from(noise_operations(law)),
        elements: 2 * n,
        ..Cost::default()
    }
}

/// Operations of a [`noise_pass`] for each parameter.
fn noise_operations(law: Distribution) -> u64 {
    law.operations() + 2
}

/// Bytes of `elements` 32-bit floats.
pub(crate) fn bytes(elements: u64) -> u64 {
    elements * ELEMENT
}
