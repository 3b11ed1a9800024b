//! Seeded damage to the files of a checkpoint.

use rand_chacha::{ChaCha8Rng, rand_core::Rng};
use serde_json::{Value, json};

/// The files, in the order in which [`Files`] has them.
pub(crate) const NAMES: [&str; 6] = [
    "config.json",
    "tokenizer.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-1-of-2.safetensors",
    "model-2-of-2.safetensors",
];

/// A checkpoint's files; those that are not there are `None`.
pub(crate) type Files = [Option<Vec<u8>>; 6];

pub(crate) struct Mutator {
    pub(crate) draw: ChaCha8Rng,
}

impl Mutator {
    fn below(&mut self, n: usize) -> usize {
        (self.draw.next_u64() % n.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// `files` damaged in one to three ways; `others` are whole checkpoints of other families.
    pub(crate) fn damage(&mut self, files: &mut Files, others: &[Files]) {
        for _ in 0..=self.below(3) {
            let there: Vec<usize> = (0..files.len()).filter(|&i| files[i].is_some()).collect();
            let at = *self.pick(&there);
            let bytes = files[at].take().expect("it is there");
            files[at] = match self.below(12) {
                0 => self.elsewhere(at, files, others),
                1 => None,
                2 => Some(self.cut(bytes)),
                3 => Some([bytes.clone(), bytes].concat()),
                4 | 5 => Some(self.flipped(bytes)),
                _ if NAMES[at].ends_with(".json") => Some(self.restated(bytes)),
                6 => Some(self.header_length(bytes)),
                _ => Some(self.header(bytes)),
            };
        }
    }

    /// The same file of another family, or another file of this one.
    fn elsewhere(&mut self, at: usize, files: &Files, others: &[Files]) -> Option<Vec<u8>> {
        match self.below(2) {
            0 => self.pick(others)[at].clone(),
            _ => self.pick(files).clone(),
        }
    }

    fn cut(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        bytes.truncate(self.below(bytes.len()));
        bytes
    }

    /// A few bits, half of the time in the first kilobytes, where headers are.
    fn flipped(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.is_empty() {
            return bytes;
        }
        for _ in 0..=self.below(6) {
            let within = if self.below(2) == 0 { bytes.len() } else { bytes.len().min(4096) };
            let (byte, bit) = (self.below(within), self.below(8));
            bytes[byte] ^= 1 << bit;
        }
        bytes
    }

    /// Another number for the header's length.
    fn header_length(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        if bytes.len() < 8 {
            return bytes;
        }
        let length = bytes.len() as u64;
        let wild = self.draw.next_u64();
        let to = *self.pick(&[0, 1, 7, length - 8, length, length + 1, 1 << 40, u64::MAX, wild]);
        bytes[..8].copy_from_slice(&to.to_le_bytes());
        bytes
    }

    /// A header that is well formed, with something else in it.
    fn header(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(first) = bytes.first_chunk::<8>() else { return bytes };
        let end = 8_usize.saturating_add(u64::from_le_bytes(*first) as usize);
        let Some(Ok(mut header)) = bytes.get(8..end).map(serde_json::from_slice::<Value>) else {
            return self.flipped(bytes);
        };
        let Some(tensors) = header.as_object_mut().filter(|tensors| !tensors.is_empty()) else {
            return self.flipped(bytes);
        };
        let names: Vec<String> = tensors.keys().cloned().collect();
        let (name, other) = (self.pick(&names).clone(), self.pick(&names).clone());
        match self.below(8) {
            0 => drop(tensors.remove(&name)),
            1 => {
                let tensor = tensors.remove(&name).expect("it is there");
                tensors.insert(format!("{name}.{}", self.below(9)), tensor);
            }
            2 => {
                let dtypes = ["F32", "F16", "BF16", "F64", "U8", "I64", "BOOL", "F8_E4M3", "Q9"];
                tensors[&name]["dtype"] = json!(self.pick(&dtypes));
            }
            3 => tensors[&name]["shape"] = self.shape(),
            4 => tensors[&name]["data_offsets"] = tensors[&other]["data_offsets"].clone(),
            5 => tensors[&name]["data_offsets"] = json!([self.number(), self.number()]),
            6 => tensors[&name] = tensors[&other].clone(),
            _ => {
                let (a, b) = (tensors[&name].clone(), tensors[&other].clone());
                tensors[&name] = b;
                tensors[&other] = a;
            }
        }
        let header = header.to_string().into_bytes();
        [&(header.len() as u64).to_le_bytes()[..], &header, &bytes[end..]].concat()
    }

    fn shape(&mut self) -> Value {
        let dimensions: Vec<Value> = (0..self.below(5)).map(|_| self.number()).collect();
        Value::Array(dimensions)
    }

    fn number(&mut self) -> Value {
        let wild = self.draw.next_u64();
        json!(self.pick(&[0, 1, 2, 24, 40, 1 << 20, 1 << 32, 1 << 62, u64::MAX, wild]))
    }

    /// A document that is well formed, with another value somewhere.
    fn restated(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Ok(mut document) = serde_json::from_slice::<Value>(&bytes) else {
            return self.flipped(bytes);
        };
        self.restate(&mut document);
        document.to_string().into_bytes()
    }

    /// Another value for a leaf below `at`, or now and then for all that is there.
    fn restate(&mut self, at: &mut Value) {
        let parts = match at {
            Value::Object(map) => map.len(),
            Value::Array(list) => list.len(),
            _ => 0,
        };
        if parts == 0 || self.below(20) == 0 {
            *at = self.leaf();
            return;
        }
        let index = self.below(parts);
        match at {
            Value::Object(map) => {
                map.values_mut().nth(index).into_iter().for_each(|v| self.restate(v))
            }
            Value::Array(list) => self.restate(&mut list[index]),
            _ => unreachable!("it has no parts"),
        }
    }

    fn leaf(&mut self) -> Value {
        match self.below(8) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => json!(self.pick(&[
                "",
                "gelu",
                "[MASK]",
                "model-2-of-2.safetensors",
                "../x",
                "\u{0}"
            ])),
            3 => json!(self.pick(&[-1.0, 0.5, 1e300, 1e-300])),
            4 => json!([]),
            5 => json!({}),
            _ => self.number(),
        }
    }
}
