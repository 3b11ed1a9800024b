use fleetune_models::ledger::Cost;

use super::encoding::{Encoding, cost};

/// A message, and what it left unsaid.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// The bytes to send.
    pub message: Vec<u8>,
    /// What the receiver does not learn from them; to be given to the next call.
    pub residual: Vec<f32>,
}

impl Encoding {
    /// Encodes a vector together with what earlier messages left unsaid, and says what this one leaves (Seide et al.
    /// 2014; Karimireddy et al. 2019, "Error feedback fixes SignSGD"): with e the residual,
    ///
    /// ```text
    /// p = x + e,   x' = decode(encode(p)),   e_next = p - x'.
    /// ```
    ///
    /// Over any number of messages the sum of what was decoded and the last residual is the sum of the vectors, to
    /// rounding. If p is not finite, the receiver refuses the message, and the residual starts again from 0.
    ///
    /// The sum p has no bounded norm even if x has: a receiver that relies on a norm clips what it decodes.
    ///
    /// # Panics
    /// If vector and residual differ in length, or hold 2^32 values or more.
    pub fn encode_with_feedback(
        &self,
        vector: &[f32],
        residual: &[f32],
        round: u64,
        seed: u64,
    ) -> Feedback {
        assert_eq!(vector.len(), residual.len(), "a residual belongs to each value");
        let due: Vec<f32> = vector.iter().zip(residual).map(|(x, e)| x + e).collect();
        let message = self.encode(&due, round, seed);
        let residual = match self.decode(&message, due.len()) {
            Ok((_, seen)) => due.iter().zip(seen).map(|(p, x)| p - x).collect(),
            Err(_) => vec![0.0; due.len()],
        };
        Feedback { message, residual }
    }

    /// What [`Self::encode_with_feedback`] costs: encoding, decoding, a sum and a difference per value, each of two
    /// operands and written back.
    pub fn feedback_cost(&self, values: usize) -> Cost {
        self.encode_cost(values) + self.decode_cost(values) + cost(values as u64, 2, 6)
    }
}
