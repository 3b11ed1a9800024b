//! What the server remembers of past rounds, and sends to clients that fell behind.

use serde::{Deserialize, Serialize};

use crate::{
    protocol::{ClientId, Moment, Progress},
    wire::{HEADER, Header, Kind},
};

/// What moved the global model in one round: enough to replay it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundRecord {
    /// When: learning rates and directions follow from it.
    pub when: Moment,
    /// Whose scalars were joined, in this order.
    pub entries: Vec<Entry>,
}

/// One client's part in a round, or with shared directions the mean of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose directions they are.
    pub client: ClientId,
    /// Examples behind them.
    pub examples: u32,
    /// Projected gradients, step by step.
    pub scalars: Vec<f32>,
}

/// An entry with its share of the round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contribution<'a> {
    pub(crate) client: ClientId,
    /// Of the examples.
    pub(crate) share: f64,
    pub(crate) scalars: &'a [f32],
}

/// Round (8), progress (4), number of entries (4), scalars per entry (4).
const RECORD: usize = 20;
/// Client (4), examples (4).
const ENTRY: usize = 8;

impl RoundRecord {
    /// Every entry with its share of the examples.
    pub(crate) fn contributions(&self) -> impl Iterator<Item = Contribution<'_>> {
        let total: f64 = self.entries.iter().map(|e| f64::from(e.examples)).sum();
        self.entries.iter().map(move |e| Contribution {
            client: e.client,
            share: f64::from(e.examples) / total,
            scalars: &e.scalars,
        })
    }

    /// Bytes of the record in a message.
    pub fn size(&self) -> u64 {
        let scalars: usize = self.entries.iter().map(|e| e.scalars.len()).sum();
        size(self.entries.len(), scalars)
    }

    fn write(&self, body: &mut Vec<u8>) {
        let each = self.entries.first().map_or(0, |e| e.scalars.len());
        body.extend(self.when.round.to_le_bytes());
        body.extend(self.when.progress.millionths().to_le_bytes());
        body.extend((self.entries.len() as u32).to_le_bytes());
        body.extend((each as u32).to_le_bytes());
        for entry in &self.entries {
            body.extend(entry.client.to_le_bytes());
            body.extend(entry.examples.to_le_bytes());
            body.extend(entry.scalars.iter().flat_map(|g| g.to_le_bytes()));
        }
    }

    /// Reads one record; `None` if it is damaged.
    fn read(body: &mut &[u8]) -> Option<Self> {
        let round = u64::from_le_bytes(take(body)?);
        let progress = Progress::from_millionths(u32::from_le_bytes(take(body)?))?;
        let count = u32::from_le_bytes(take(body)?) as usize;
        let each = u32::from_le_bytes(take(body)?) as usize;
        // No more is reserved than the message can hold.
        if count.checked_mul(ENTRY + 4 * each)? > body.len() {
            return None;
        }
        let entry = |body: &mut &[u8]| {
            let client = u32::from_le_bytes(take(body)?);
            let examples = u32::from_le_bytes(take(body)?);
            let scalars = (0..each).map(|_| take(body).map(f32::from_le_bytes));
            Some(Entry { client, examples, scalars: scalars.collect::<Option<_>>()? })
        };
        let entries = (0..count).map(|_| entry(body)).collect::<Option<_>>()?;
        Some(Self { when: Moment { round, progress }, entries })
    }
}

/// Bytes of a record of so many entries with so many scalars in all.
fn size(entries: usize, scalars: usize) -> u64 {
    (RECORD + ENTRY * entries + 4 * scalars) as u64
}

fn take<const N: usize>(body: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = body.split_first_chunk()?;
    *body = rest;
    Some(*head)
}

/// The rounds since the start, and what replaying the last of them would take.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct History {
    /// Empty if rounds were [passed over](Self::pass_over).
    records: Vec<RoundRecord>,
    /// Bytes and entries of the first i records.
    sums: Vec<(u64, u64)>,
}

/// What a client that holds an old version of the model must get to replay its way to the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Bytes of the message.
    pub bytes: u64,
    /// Entries to replay.
    pub entries: u64,
}

impl History {
    /// Versions that the model has had after its first: one for every record.
    pub fn version(&self) -> usize {
        self.sums.len()
    }

    /// Appends what made a new version.
    pub fn push(&mut self, record: RoundRecord) {
        self.lengthen(record.size(), record.entries.len());
        self.records.push(record);
    }

    /// Goes on to a new version as [`Self::push`] does, as if by a record of so many entries with so many scalars each,
    /// of which nothing but its length is kept: [`Self::gap`] is the same. Not to be mixed with what is pushed.
    pub(crate) fn pass_over(&mut self, entries: usize, scalars: usize) {
        self.lengthen(size(entries, entries * scalars), entries);
    }

    fn lengthen(&mut self, more: u64, entries: usize) {
        let (bytes, before) = self.sum(self.version());
        self.sums.push((bytes + more, before + entries as u64));
    }

    fn sum(&self, version: usize) -> (u64, u64) {
        version.checked_sub(1).map_or((0, 0), |last| self.sums[last])
    }

    /// The records after `version`.
    pub fn since(&self, version: usize) -> &[RoundRecord] {
        &self.records[version..]
    }

    /// What a client that holds `version` lacks.
    pub fn gap(&self, version: usize) -> Gap {
        let ((had, replayed), (bytes, entries)) = (self.sum(version), self.sum(self.version()));
        Gap { bytes: HEADER as u64 + bytes - had, entries: entries - replayed }
    }

    /// The smallest message of this many entries: all in one record.
    pub fn smallest(entries: u64, scalars: usize) -> Gap {
        let record = if entries == 0 { 0 } else { RECORD };
        let bytes = (HEADER + record) as u64 + entries * (ENTRY + 4 * scalars) as u64;
        Gap { bytes, entries }
    }

    /// The message to a client that holds `version`, as sent in `round`.
    pub fn encode(&self, version: usize, round: u64) -> Vec<u8> {
        let mut body = Vec::new();
        self.since(version).iter().for_each(|record| record.write(&mut body));
        let count = self.since(version).len() as u32;
        Header { kind: Kind::History, coding: [0; 2], count, round }.seal(&body)
    }

    /// Reads such a message back; `None` if it is damaged.
    pub fn decode(message: &[u8]) -> Option<Vec<RoundRecord>> {
        let (header, mut body) = Header::open(message).ok()?;
        if (header.kind, header.coding) != (Kind::History, [0; 2]) {
            return None;
        }
        let count = header.count as usize;
        if count.checked_mul(RECORD)? > body.len() {
            return None;
        }
        let records = (0..count).map(|_| RoundRecord::read(&mut body)).collect::<Option<_>>()?;
        body.is_empty().then_some(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        let mut history = History::default();
        for round in 0..4_u64 {
            let entry = |client| Entry {
                client,
                examples: 32,
                scalars: vec![client as f32, -1.5, f32::MIN_POSITIVE],
            };
            history.push(RoundRecord {
                when: Moment { round: 2 * round, progress: Progress::of(0.1 * round as f64) },
                entries: (0..round as u32).map(entry).collect(),
            });
        }
        history
    }

    #[test]
    fn what_is_charged_is_what_is_sent() {
        let history = history();
        for version in 0..=4 {
            let message = history.encode(version, 9);
            assert_eq!(history.gap(version).bytes, message.len() as u64);
            let records = History::decode(&message).expect("undamaged");
            assert_eq!(records, history.since(version));
            let entries: usize = records.iter().map(|r| r.entries.len()).sum();
            assert_eq!(history.gap(version).entries, entries as u64);
        }
    }

    #[test]
    fn damaged_messages_are_refused() {
        let message = history().encode(0, 9);
        for cut in 0..message.len() {
            assert_eq!(History::decode(&message[..cut]), None);
        }
        for at in 0..message.len() {
            let mut damaged = message.clone();
            damaged[at] ^= 0x40;
            assert_eq!(History::decode(&damaged), None, "byte {at}");
        }
    }
}
