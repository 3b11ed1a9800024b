//! Principal directions of the teacher's space.

use nalgebra::{DMatrix, SymmetricEigen};

/// The leading eigenvectors of the vectors' second moment.
///
/// Second moment, not covariance: cosines are what the student learns, so the mean direction stays.
#[derive(Clone, Debug)]
pub struct Basis {
    directions: DMatrix<f64>,
    width: usize,
    /// The share of the vectors' squared length that the projection keeps.
    pub kept: f64,
}

impl Basis {
    /// The `narrow` leading directions of `vectors` (`[n, wide]` in row order).
    pub fn of(vectors: &[f32], wide: usize, narrow: usize) -> Self {
        let mut moment = DMatrix::<f64>::zeros(wide, wide);
        for row in vectors.chunks_exact(wide) {
            for (i, &a) in row.iter().enumerate() {
                for (j, &b) in row[..=i].iter().enumerate() {
                    moment[(i, j)] += f64::from(a) * f64::from(b);
                }
            }
        }
        moment.fill_upper_triangle_with_lower_triangle();
        let eigen = SymmetricEigen::new(moment);
        let mut order: Vec<usize> = (0..wide).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        order.truncate(narrow);
        let kept =
            order.iter().map(|&i| eigen.eigenvalues[i]).sum::<f64>() / eigen.eigenvalues.sum();
        let columns: Vec<_> = order
            .iter()
            .map(|&i| {
                let column = eigen.eigenvectors.column(i).into_owned();
                // An eigenvector's sign is arbitrary: the largest entry is made positive.
                let largest =
                    column.iter().fold(0.0_f64, |m, &v| if v.abs() > m.abs() { v } else { m });
                column * largest.signum()
            })
            .collect();
        Self { directions: DMatrix::from_columns(&columns), width: wide, kept }
    }

    /// The projections of `vectors`, each brought to length one: `[n, narrow]` in row order.
    pub fn project(&self, vectors: &[f32]) -> Vec<f32> {
        let mut projected = self.coordinates(vectors);
        for row in projected.chunks_exact_mut(self.directions.ncols()) {
            let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.iter_mut().for_each(|v| *v /= norm.max(1e-6));
        }
        projected
    }

    /// The coordinates of `vectors` along the directions, lengths kept.
    pub fn coordinates(&self, vectors: &[f32]) -> Vec<f32> {
        let narrow = self.directions.ncols();
        let mut out = Vec::with_capacity(vectors.len() / self.width * narrow);
        for row in vectors.chunks_exact(self.width) {
            for column in self.directions.column_iter() {
                out.push(
                    row.iter().zip(column.iter()).map(|(&v, d)| f64::from(v) * d).sum::<f64>()
                        as f32,
                );
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_in_a_plane_lose_nothing_in_two_directions() {
        let vectors: Vec<f32> = (0..40)
            .flat_map(|i| {
                let (a, b) = ((i as f32 * 0.7) % 1.3, (i as f32 * 0.31) % 0.9);
                [a, b, a + b, 2.0 * a - b]
            })
            .collect();
        let basis = Basis::of(&vectors, 4, 2);
        assert!((basis.kept - 1.0).abs() < 1e-9, "{}", basis.kept);
        let narrow = basis.coordinates(&vectors);
        for (wide, narrow) in vectors.chunks_exact(4).zip(narrow.chunks_exact(2)) {
            let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>();
            assert!((length(wide) - length(narrow)).abs() < 1e-4);
        }
    }
}
