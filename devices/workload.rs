//! What an algorithm asks of a device for one exchange.

use fleetune_units::{Bytes, Flops};
use serde::{Deserialize, Serialize};

/// The number format a phase computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// IEEE binary32.
    F32,
    /// IEEE binary16.
    F16,
    /// bfloat16.
    #[serde(rename = "bf16")]
    BF16,
    /// 8-bit integers, accumulated in 32 bits.
    I8,
}

/// What a phase does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseKind {
    /// Evaluating the model.
    Forward,
    /// Backpropagating through it.
    Backward,
    /// Generating and applying noise to parameters.
    Perturbation,
    /// Updating parameters and optimiser state.
    Optimizer,
    /// Making an update private and encoding it.
    Encoding,
}

/// A stretch of work of one kind in one precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What it does.
    pub kind: PhaseKind,
    /// The number format it computes in.
    pub precision: Precision,
    /// Arithmetic operations; a multiply-add counts as two.
    pub flops: Flops,
    /// Bytes moved through the device's main memory, both directions together.
    pub traffic: Bytes,
}

/// What one client does in one exchange: phases one after the other, the memory they need at
/// their worst moment, and what goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The compute phases, in order.
    pub phases: Vec<Phase>,
    /// The most bytes resident at once.
    pub peak_memory: Bytes,
    /// Bytes from the server to the device.
    pub download: Bytes,
    /// Bytes from the device to the server.
    pub upload: Bytes,
}

impl Workload {
    /// All arithmetic of all phases.
    pub fn flops(&self) -> Flops {
        self.phases.iter().map(|phase| phase.flops).sum()
    }

    /// The arithmetic of the phases of one kind.
    pub fn flops_of(&self, kind: PhaseKind) -> Flops {
        self.phases.iter().filter(|phase| phase.kind == kind).map(|phase| phase.flops).sum()
    }

    /// All bytes moved through main memory.
    pub fn traffic(&self) -> Bytes {
        self.phases.iter().map(|phase| phase.traffic).sum()
    }

    /// This work and then `next`: phases follow each other, bytes add up, memory is the larger.
    #[must_use]
    pub fn then(mut self, next: Workload) -> Self {
        self.phases.extend(next.phases);
        self.peak_memory = self.peak_memory.max(next.peak_memory);
        self.download += next.download;
        self.upload += next.upload;
        self
    }

    /// Phases of equal kind and precision made one, in the order in which the pairs first occur.
    ///
    /// Totals are unchanged. Merged phases overlap arithmetic and traffic over the whole stretch
    /// and pay the per-phase overhead once, so merge only what a device would run as one kernel.
    #[must_use]
    pub fn merged(mut self) -> Self {
        let mut merged: Vec<Phase> = Vec::new();
        for phase in self.phases {
            let same = |m: &&mut Phase| (m.kind, m.precision) == (phase.kind, phase.precision);
            match merged.iter_mut().find(same) {
                Some(sum) => {
                    sum.flops += phase.flops;
                    sum.traffic += phase.traffic;
                }
                None => merged.push(phase),
            }
        }
        self.phases = merged;
        self
    }
}
