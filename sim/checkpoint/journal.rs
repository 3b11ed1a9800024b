use std::collections::BTreeMap;

use fleetune_devices::{Phase, PhaseKind, Precision, Workload};
use fleetune_units::{Bytes, Flops};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Question {
    /// What an exchange costs a client.
    Workload,
    /// What joining costs the server, or has cost it.
    ServerWork,
    /// Whether the same cohort is asked again.
    Verdict,
    /// The losses that clients reported.
    Reports,
    /// The examples behind updates.
    Examples,
    /// When a client has which layers.
    Milestones,
    /// Accuracy and loss.
    Evaluation,
}

/// A workload in numbers: units read text alone.
type Numbers = (Vec<(PhaseKind, Precision, u128, u64)>, u64, u64, u64);

/// A workload: one of those that were written down before, by number, or a new one.
#[derive(Debug, Serialize, Deserialize)]
enum Cost {
    Known(u32),
    New(Numbers),
}

/// The answers that a federation got, in order, and how far they have been read again.
#[derive(Debug, Default)]
pub(super) struct Journal {
    bytes: Vec<u8>,
    read: usize,
    workloads: Vec<Workload>,
    /// The number of each workload by its bytes.
    numbers: BTreeMap<Vec<u8>, u32>,
}

/// The answer that is next is to another question, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misfit;

impl Journal {
    /// One to be read from its start.
    pub(super) fn written(bytes: Vec<u8>) -> Self {
        Self { bytes, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn is_read(&self) -> bool {
        self.read == self.bytes.len()
    }

    /// Writes an answer behind the others.
    pub(super) fn note<T: Serialize>(&mut self, question: Question, answer: &T) {
        let bytes = std::mem::take(&mut self.bytes);
        let written = postcard::to_extend(&(question, answer), bytes);
        self.bytes = written.expect("answers are plain data");
        self.read = self.bytes.len();
    }

    /// The next answer, which must be one to this question.
    pub(super) fn recall<T: DeserializeOwned>(&mut self, question: Question) -> Result<T, Misfit> {
        let rest = &self.bytes[self.read..];
        let (found, rest) = postcard::take_from_bytes::<Question>(rest).map_err(|_| Misfit)?;
        if found != question {
            return Err(Misfit);
        }
        let (answer, rest) = postcard::take_from_bytes(rest).map_err(|_| Misfit)?;
        self.read = self.bytes.len() - rest.len();
        Ok(answer)
    }

    pub(super) fn note_workload(&mut self, workload: &Workload) {
        let numbers = numbers(workload);
        let bytes = postcard::to_stdvec(&numbers).expect("numbers are plain data");
        match self.numbers.get(&bytes) {
            Some(&known) => self.note(Question::Workload, &Cost::Known(known)),
            None => {
                self.learn(bytes, workload.clone());
                self.note(Question::Workload, &Cost::New(numbers));
            }
        }
    }

    pub(super) fn recall_workload(&mut self) -> Result<Workload, Misfit> {
        match self.recall(Question::Workload)? {
            Cost::Known(number) => self.workloads.get(number as usize).cloned().ok_or(Misfit),
            Cost::New(numbers) => {
                let bytes = postcard::to_stdvec(&numbers).map_err(|_| Misfit)?;
                let workload = workload(numbers);
                self.learn(bytes, workload.clone());
                Ok(workload)
            }
        }
    }

    fn learn(&mut self, bytes: Vec<u8>, workload: Workload) {
        self.numbers.insert(bytes, self.workloads.len() as u32);
        self.workloads.push(workload);
    }
}

fn numbers(workload: &Workload) -> Numbers {
    let phase =
        |phase: &Phase| (phase.kind, phase.precision, phase.flops.get(), phase.traffic.get());
    let phases = workload.phases.iter().map(phase).collect();
    (phases, workload.peak_memory.get(), workload.download.get(), workload.upload.get())
}

fn workload((phases, peak_memory, download, upload): Numbers) -> Workload {
    let phase = |(kind, precision, flops, traffic)| Phase {
        kind,
        precision,
        flops: Flops::new(flops),
        traffic: Bytes::new(traffic),
    };
    Workload {
        phases: phases.into_iter().map(phase).collect(),
        peak_memory: Bytes::new(peak_memory),
        download: Bytes::new(download),
        upload: Bytes::new(upload),
    }
}
