use serde::{Deserialize, Serialize};

/// A number with its standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
}

impl Measured {
    /// The standard error as a share of the value; infinite at zero.
    pub fn relative(self) -> f64 {
        if self.value == 0.0 { f64::INFINITY } else { (self.error / self.value).abs() }
    }
}

/// A block of the model: a stage with trainable parameters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// 0 the embeddings, 1..=L the layers, L + 1 the head.
    pub stage: usize,
    /// What people call it.
    pub name: String,
    /// Trainable elements, d_b.
    pub elements: usize,
}

/// What the second-order model of a step needs: moments of the gradient g and of a mini-batch's gradient g_B, and their
/// products with the Hessian H, by block. Matrices are `[block][block]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// |g_b|²: not inflated by the mini-batches' noise.
    pub gradient: Vec<f64>,
    /// E |g_B,b|².
    pub batch: Vec<f64>,
    /// tr H_bb.
    pub trace: Vec<f64>,
    /// E Σ_i g_B,i² H_ii over the block's elements.
    pub diagonal: Vec<f64>,
    /// g_bᵀ H_bc g_c.
    pub bend: Vec<Vec<f64>>,
    /// E g_B,bᵀ H_bc g_B,c.
    pub batch_bend: Vec<Vec<f64>>,
    /// tr (H²)_bb.
    pub squares: Vec<f64>,
}

/// Moments at a point, with replicates from which every function of them gets its standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Landscape {
    /// The blocks, in order.
    pub blocks: Vec<Block>,
    /// The best estimate.
    pub moments: Moments,
    /// Estimates that leave out one of the groups of draws each.
    pub replicates: Vec<Moments>,
    /// Gradients that were computed for it.
    pub gradients: u64,
}

impl Landscape {
    /// A function of the moments, with its standard error by the delete-one-group jackknife (Tukey 1958):
    /// `error² = (K - 1) / K Σ_k (f_k - mean f)²`, which holds for smooth functions, correlations included.
    pub fn derive(&self, f: impl Fn(&Moments) -> f64) -> Measured {
        let values: Vec<f64> = self.replicates.iter().map(&f).collect();
        Measured { value: f(&self.moments), error: jackknife(&values) }
    }

    /// As [`Self::derive`], for several numbers at once; nothing if the function gives nothing at the best estimate.
    /// Where it gives nothing at a replicate, errors are not numbers.
    pub fn derive_all(&self, f: impl Fn(&Moments) -> Option<Vec<f64>>) -> Option<Vec<Measured>> {
        let values = f(&self.moments)?;
        let unknown = || vec![f64::NAN; values.len()];
        let replicates: Vec<Vec<f64>> =
            self.replicates.iter().map(|m| f(m).unwrap_or_else(unknown)).collect();
        let measured = |(i, &value): (usize, &f64)| {
            let column: Vec<f64> = replicates.iter().map(|row| row[i]).collect();
            Measured { value, error: jackknife(&column) }
        };
        Some(values.iter().enumerate().map(measured).collect())
    }

    /// The number of blocks.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether nothing trains.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// The standard error from delete-one-group values.
pub(super) fn jackknife(values: &[f64]) -> f64 {
    let k = values.len() as f64;
    let mean = values.iter().sum::<f64>() / k;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    ((k - 1.0) / k * squares).sqrt()
}
