//! Building workloads: what an algorithm asks of a device, phase by phase.

use fleetune_devices::{Phase, PhaseKind, Workload};
use fleetune_models::{
    architecture::Dtype,
    cost::PassCost,
    ledger::{Cost, ELEMENT, Ledger},
};
use fleetune_units::{Bytes, Flops};

use crate::{
    meter::precision,
    noise::Distribution,
    protocol::{Counted, Losses},
};

/// Running totals of a client's work. The same type serves the prediction (filled from closed forms) and the job
/// (filled from what was run), so both are summed alike.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    /// Adds a forward and its backward, from shapes.
    pub(crate) fn training_passes(&mut self, pass: PassCost) {
        self.passes(pass, 1);
        self.backward += pass.backward;
        self.kept = self.kept.max(pass.kept);
    }

    /// Adds what a pass costs that is not followed by a backward, `times`, from shapes.
    pub(crate) fn passes(&mut self, pass: PassCost, times: u64) {
        self.forward += pass.forward * times;
        self.activations = self.activations.max(pass.peak);
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
    }

    /// Adds `passes` of "generate the direction, add a multiple of it to the parameters" over `elements` parameters.
    pub(crate) fn perturb(&mut self, law: Distribution, elements: usize, passes: u64) {
        self.perturbation += noise_pass(law, elements) * passes;
    }

    /// Adds `passes` of the same kind that update rather than perturb.
    pub(crate) fn update_with_noise(&mut self, law: Distribution, elements: usize, passes: u64) {
        self.optimizer += noise_pass(law, elements) * passes;
    }

    /// Adds ranking `candidates` over `elements` parameters by their cosine with a reference: each makes its element, and
    /// adds to its inner product with the reference, which is read, and to its own square.
    pub(crate) fn rank(&mut self, law: Distribution, elements: usize, candidates: u64) {
        let n = elements as u64;
        let elementwise = u128::from(n) * u128::from(law.operations() + 4);
        self.perturbation += Cost { elementwise, elements: n, ..Cost::default() } * candidates;
    }

    /// Adds copying `elements` parameters.
    pub(crate) fn copy(&mut self, elements: usize) {
        self.optimizer.elements += 2 * elements as u64;
    }

    /// Adds subtracting one vector of `elements` from another, in place.
    pub(crate) fn subtract(&mut self, elements: usize) {
        self.optimizer +=
            Cost { elementwise: elements as u128, elements: 3 * elements as u64, ..Cost::default() };
    }

    /// Adds scaling `elements` parameters.
    pub(crate) fn scale(&mut self, elements: usize) {
        self.optimizer +=
            Cost { elementwise: elements as u128, elements: 2 * elements as u64, ..Cost::default() };
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

    /// The workload of this work with so many resident elements (parameters, boundary activations, optimiser state).
    pub(crate) fn workload(&self, resident: u64, download: Bytes, upload: Bytes) -> Workload {
        Workload { phases: self.phases(), peak_memory: self.memory(resident), download, upload }
    }

    /// What a job that did this work reports.
    pub(crate) fn counted(&self, resident: u64, upload: Bytes) -> Counted {
        let phases = self.phases();
        Counted {
            flops: phases.iter().map(|p| p.flops).sum::<Flops>(),
            traffic: phases.iter().map(|p| p.traffic).sum::<Bytes>(),
            upload,
            peak_memory: self.memory(resident),
        }
    }

    fn memory(&self, resident: u64) -> Bytes {
        Bytes::new(self.dtype.bytes() * (resident + self.activations + self.kept))
    }
}

/// One pass over `elements` parameters: make the direction's element, multiply, add; read and write the parameter.
fn noise_pass(law: Distribution, elements: usize) -> Cost {
    let n = elements as u64;
    Cost {
        elementwise: u128::from(n) * u128::from(law.operations() + 2),
        elements: 2 * n,
..Cost::default()
}
}

/// Bytes of `elements` 32-bit floats.
pub(crate) fn bytes(elements: u64) -> u64 {
    elements * ELEMENT
}
