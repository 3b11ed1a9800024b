//! The weighted mean that servers form.

use crate::protocol::ProtocolError;

/// A weighted mean of parameter vectors, accumulated in f64 in the order of arrival.
#[derive(Debug)]
pub(crate) struct Average {
    sum: Vec<f64>,
    weight: f64,
}

impl Average {
    pub(crate) fn new(len: usize) -> Self {
        Self { sum: vec![0.0; len], weight: 0.0 }
    }

    pub(crate) fn add(&mut self, values: &[f32], examples: u64) {
        let weight = examples as f64;
        for (sum, &value) in self.sum.iter_mut().zip(values) {
            *sum += weight * f64::from(value);
        }
        self.weight += weight;
    }

    /// The mean; nothing if nothing was added.
    pub(crate) fn finish(self, round: u64) -> Result<Option<Vec<f32>>, ProtocolError> {
        if self.weight == 0.0 {
            return Ok(None);
        }
        let mean: Vec<f32> = self.sum.iter().map(|s| (s / self.weight) as f32).collect();
        match mean.iter().all(|v| v.is_finite()) {
            true => Ok(Some(mean)),
            false => Err(ProtocolError::Diverged { round }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_weighs_by_examples_and_refuses_what_is_not_finite() {
        let mut average = Average::new(2);
        average.add(&[1.0, 5.0], 1);
        average.add(&[4.0, -1.0], 3);
        assert_eq!(average.finish(0).expect("finite"), Some(vec![3.25, 0.5]));
        assert_eq!(Average::new(2).finish(0).expect("nothing is fine"), None);
        let mut average = Average::new(1);
        average.add(&[f32::NAN], 1);
        assert!(matches!(average.finish(7), Err(ProtocolError::Diverged { round: 7 })));
    }
}
