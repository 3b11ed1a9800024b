use std::{num::NonZeroU32, sync::Arc};

use fleetune_devices::{Phase, PhaseKind, Precision, Workload};
use fleetune_models::ledger::Cost;
use fleetune_units::Bytes;

use super::Content;
use crate::{
    first_order::elementwise,
    privacy::PrivacyConfig,
    protocol::{Counted, Payload, Update},
    wire::{Encoding, Kind},
    work::bytes,
};

/// What a device does with its update before it uploads it.
#[derive(Clone, Debug)]
pub(super) struct Channel {
    pub(super) content: Content,
    /// Values that the algorithm uploads.
    pub(super) values: usize,
    pub(super) encoding: Option<Encoding>,
    /// And the cohort that is planned for.
    pub(super) privacy: Option<(PrivacyConfig, NonZeroU32)>,
}

/// What one device brings along in one exchange.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) round: u64,
    /// The global model that it trained from.
    pub(super) start: Arc<Vec<f32>>,
    /// What its messages have left unsaid, with error feedback; nothing yet: zeros.
    pub(super) residual: Option<Arc<Vec<f32>>>,
    pub(super) noise_seed: u64,
    pub(super) rounding_seed: u64,
}

impl Channel {
    /// Values of each vector that is encoded by itself.
    pub(super) fn part(&self) -> usize {
        self.values / self.content.parts()
    }

    /// The kind of message.
    pub(super) fn kind(&self) -> Kind {
        if self.content.is_dense() { Kind::Dense } else { Kind::Scalars }
    }

    fn upload(&self) -> Bytes {
        match &self.encoding {
            None => Payload::size(self.values),
            Some(encoding) => {
                Bytes::new(encoding.size(self.part()).get() * self.content.parts() as u64)
            }
        }
    }

    /// Memory beyond the algorithm's own: the global model, if the difference from it is to be taken; the residual; and
    /// the message, while it is made beside the vector. An upper bound: some algorithms hold the global model anyway,
    /// and activations are free by the time that the message is made.
    fn memory(&self, message: Bytes) -> Bytes {
        let start = if self.content == Content::Weights { self.values } else { 0 };
        let feedback = self.encoding.is_some_and(|encoding| encoding.error_feedback);
        let residual = if feedback { self.values } else { 0 };
        let message = if self.encoding.is_some() { message.get() } else { 0 };
        Bytes::new(bytes((start + residual) as u64) + message)
    }

    /// Taking the difference from the global model, in place: reads both, writes one.
    fn difference_cost(&self) -> Cost {
        match self.content {
            Content::Weights => elementwise(self.values, 1, 3),
            _ => Cost::default(),
        }
    }

    fn privacy_cost(&self) -> Cost {
        self.privacy.map_or(Cost::default(), |(privacy, _)| privacy.client_cost(self.values))
    }

    /// Of all parts. A state that the client keeps is decoded again, to go on with what the server knows of it.
    fn encoding_cost(&self) -> Cost {
        let Some(encoding) = &self.encoding else { return Cost::default() };
        let part = self.part();
        if encoding.error_feedback {
            return encoding.feedback_cost(part) * self.content.parts() as u64;
        }
        let kept = match self.content {
            Content::ChangeAndState => encoding.decode_cost(part),
            _ => Cost::default(),
        };
        encoding.encode_cost(part) * self.content.parts() as u64 + kept
    }

    /// The algorithm's workload with what is done here.
    pub(super) fn workload(&self, mut inner: Workload) -> Workload {
        let cost = self.cost();
        if cost != Cost::default() {
            inner.phases.push(Phase {
                kind: PhaseKind::Encoding,
                precision: Precision::F32,
                flops: cost.flops(),
                traffic: cost.traffic(),
            });
        }
        inner.upload = self.upload();
        inner.peak_memory += self.memory(inner.upload);
        inner
    }

    /// What is uploaded instead of the algorithm's own update, for real.
    ///
    /// An update that is not what the algorithm's content says goes as it is: the server refuses it.
    pub(super) fn send(&self, update: Update, sender: &Sender) -> Update {
        let (Payload::Dense(mut values) | Payload::Scalars(mut values)) = update.payload else {
            return update;
        };
        let mut cost = Cost::default();
        if self.content == Content::Weights {
            values.iter_mut().zip(sender.start.iter()).for_each(|(v, start)| *v -= start);
            cost += self.difference_cost();
        }
        if let Some((privacy, cohort)) = &self.privacy {
            privacy.privatise_update(&mut values, *cohort, sender.noise_seed);
            cost += self.privacy_cost();
        }
        let payload = match &self.encoding {
            None if self.content.is_dense() => Payload::Dense(values),
            None => Payload::Scalars(values),
            Some(encoding) => {
                cost += self.encoding_cost();
                self.encode(encoding, &values, sender)
            }
        };
        let upload = Bytes::new(payload.encode(sender.round).len() as u64);
        let counted = self.beside(update.counted, cost, upload);
        Update { payload, counted, ..update }
    }

    /// A count, with what is done here.
    fn beside(&self, inner: Counted, cost: Cost, upload: Bytes) -> Counted {
        Counted {
            flops: inner.flops + cost.flops(),
            traffic: inner.traffic + cost.traffic(),
            upload,
            peak_memory: inner.peak_memory + self.memory(upload),
        }
    }

    /// What a job that counted `inner` is to count with what is done here.
    pub(super) fn due(&self, inner: Counted) -> Counted {
        self.beside(inner, self.cost(), self.upload())
    }

    fn cost(&self) -> Cost {
        self.difference_cost() + self.privacy_cost() + self.encoding_cost()
    }

    /// A message for each part, one after the other, each rounded by a seed of its own.
    fn encode(&self, encoding: &Encoding, values: &[f32], sender: &Sender) -> Payload {
        let (mut message, mut left) = (Vec::new(), Vec::new());
        for (i, part) in values.chunks(self.part().max(1)).enumerate() {
            let seed = sender.rounding_seed.wrapping_add(i as u64);
            if !encoding.error_feedback {
                message.extend(encoding.encode_as(self.kind(), part, sender.round, seed));
                continue;
            }
            let zeros = || vec![0.0; part.len()];
            let range = i * part.len()..(i + 1) * part.len();
            let residual = sender.residual.as_ref().map_or_else(zeros, |r| r[range].to_vec());
            let sent = encoding.encode_with_feedback(part, &residual, sender.round, seed);
            message.extend(sent.message);
            left.extend(sent.residual);
        }
        Payload::Encoded { message, residual: encoding.error_feedback.then_some(left) }
    }
}
