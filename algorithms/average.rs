//! Joining what a cohort sent: means of parameter vectors, and the global model that follows from them.

use std::{borrow::Cow, sync::Arc};

use fleetune_models::parameters::Weights;

use crate::protocol::{ClientId, ProtocolError, Update};

/// A weighted mean of vectors, accumulated in f64 in the order of arrival.
#[derive(Debug)]
pub(crate) struct Average {
    sum: Vec<f64>,
    weight: f64,
}

impl Average {
    pub(crate) fn new(len: usize) -> Self {
        Self { sum: vec![0.0; len], weight: 0.0 }
    }

    pub(crate) fn add(&mut self, values: &[f32], weight: u64) {
        let weight = weight as f64;
        for (sum, &value) in self.sum.iter_mut().zip(values) {
            *sum += weight * f64::from(value);
        }
        self.weight += weight;
    }

    /// The mean; nothing if nothing was added.
    pub(crate) fn mean(mut self) -> Option<Vec<f64>> {
        if self.weight == 0.0 {
            return None;
        }
        self.sum.iter_mut().for_each(|sum| *sum /= self.weight);
        Some(self.sum)
    }
}

/// The mean, weighted by the examples behind each update, of the vectors that `vector` finds in the updates; nothing
/// if there are none.
pub(crate) fn mean_by_examples<'u>(
    len: usize,
    updates: &'u [(ClientId, Update)],
    mut vector: impl FnMut(ClientId, &'u Update) -> Result<Cow<'u, [f32]>, ProtocolError>,
) -> Result<Option<Vec<f64>>, ProtocolError> {
    let mut average = Average::new(len);
    for (client, update) in updates {
        average.add(&vector(*client, update)?, update.examples);
    }
    Ok(average.mean())
}

/// `after - before`, in 64 bits.
pub(crate) fn difference(after: &[f32], before: &[f32]) -> Vec<f64> {
    after.iter().zip(before).map(|(&after, &before)| f64::from(after) - f64::from(before)).collect()
}

/// `values + movement`, in 64 bits.
pub(crate) fn moved(values: &[f32], movement: &[f64]) -> Vec<f64> {
    values.iter().zip(movement).map(|(&value, by)| f64::from(value) + by).collect()
}

/// Replaces the values of the global model, unless one of them is not finite as a 32-bit float.
pub(crate) fn advance(
    global: &mut Arc<Weights>,
    values: &[f64],
    round: u64,
) -> Result<(), ProtocolError> {
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    if !values.iter().all(|v| v.is_finite()) {
        return Err(ProtocolError::Diverged { round });
    }
    *global = Arc::new(Weights { layout: Arc::clone(&global.layout), values });
    Ok(())
}

#[cfg(test)]
mod tests {
    use fleetune_models::{batch::Padding, parameters::Trainable};

    use super::*;
    use crate::{setup::Workshop, world::setup};

    #[test]
    fn an_average_weighs_what_was_added() {
        let mut average = Average::new(2);
        average.add(&[1.0, 5.0], 1);
        average.add(&[4.0, -1.0], 3);
        assert_eq!(average.mean(), Some(vec![3.25, 0.5]));
        assert_eq!(Average::new(2).mean(), None);
    }

    #[test]
    fn a_model_that_is_not_finite_is_refused_and_the_last_one_stays() {
        let (_, start) = Workshop::open(setup(1, Padding::Fixed, 1), Trainable::Head, 4);
        let mut global = Arc::new(start.clone());
        let mut values = vec![0.5; start.values.len()];
        advance(&mut global, &values, 0).expect("finite");
        assert!(global.values.iter().all(|&v| v == 0.5));
        // The last is finite as a 64-bit float alone.
        for wrong in [f64::NAN, f64::INFINITY, 1e39] {
            values[3] = wrong;
            let error = advance(&mut global, &values, 7);
            assert!(matches!(error, Err(ProtocolError::Diverged { round: 7 })), "{wrong}");
            assert_eq!(global.values[3], 0.5);
        }
    }
}
