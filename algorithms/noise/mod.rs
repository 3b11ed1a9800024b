//! Counter-based directions: any element of any direction, alone, in any order, with the same bits.
//!
//! A direction is keyed by its seed; the counter is (block, tensor). Words come from Philox-4x32-10 ([`philox`]'s
//! blocks); [`gaussian`] and [`rademacher`] turn them into elements.

mod gaussian;
mod philox;
mod rademacher;

use serde::{Deserialize, Serialize};

pub use self::{
    gaussian::{OPERATIONS_PER_NORMAL, fill_normal, fill_normal_from, normal},
    rademacher::{OPERATIONS_PER_SIGN, fill_signs, fill_signs_from, sign},
};

/// The key of a tensor: FNV-1a of its path, so that noise follows the name and not the order of tensors.
pub fn tensor_key(path: &str) -> u64 {
    path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The law of a direction. All have mean zero and the identity as covariance, so that the projected gradient times the
/// direction is an unbiased estimate of the gradient, but for terms of the order ε².
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Standard normal elements, as MeZO has them.
    #[default]
    Gaussian,
    /// Independent signs (Spall 1992, SPSA): the least variance of all, and the cheapest to make.
    Rademacher,
    /// Uniform on the sphere of radius √d: a Gaussian vector, scaled to that length.
    Sphere,
}

impl Distribution {
    /// Writes the direction's elements `0..out.len()` of one tensor; of [`Self::Sphere`] the Gaussian before its
    /// scaling, which needs all tensors.
    pub fn fill(self, seed: u64, tensor: u64, out: &mut [f32]) {
        self.fill_from(seed, tensor, 0, out);
    }

    /// Writes the elements `first..first + out.len()` of what [`Self::fill`] writes: the same bits.
    pub fn fill_from(self, seed: u64, tensor: u64, first: u64, out: &mut [f32]) {
        match self {
            Self::Gaussian | Self::Sphere => fill_normal_from(seed, tensor, first, out),
            Self::Rademacher => fill_signs_from(seed, tensor, first, out),
        }
    }

    /// Whether a direction's elements are done when [`Self::fill`] has made them, whatever the others are: not on a
    /// sphere.
    pub fn is_elementwise(self) -> bool {
        match self {
            Self::Gaussian | Self::Rademacher => true,
            Self::Sphere => false,
        }
    }

    /// Arithmetic operations to make one element on a device whenever a pass needs it.
    pub fn operations(self) -> u64 {
        match self {
            Self::Gaussian => OPERATIONS_PER_NORMAL,
            // And its factor.
            Self::Sphere => OPERATIONS_PER_NORMAL + 1,
            Self::Rademacher => OPERATIONS_PER_SIGN,
        }
    }

    /// Arithmetic operations per element that are due once for every direction, before its first use: the length of
    /// the Gaussian vector is found by generating it once, squaring and adding.
    pub fn preparation(self) -> u64 {
        match self {
            Self::Gaussian | Self::Rademacher => 0,
            Self::Sphere => OPERATIONS_PER_NORMAL + 2,
        }
    }
}

/// Scales a Gaussian vector to the length √d. A vector of zeros, which has probability zero, stays.
pub fn to_sphere(values: &mut [f32]) {
    let squares: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    if squares > 0.0 {
        let factor = (values.len() as f64 / squares).sqrt() as f32;
        values.iter_mut().for_each(|v| *v *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wherever it begins and ends: within groups, at their borders, over several.
    #[test]
    fn a_range_has_the_bits_that_it_has_in_the_whole() {
        const ALL: usize = 10_000;
        let starts = [0, 1, 16, 63, 64, 65, 128, 1000, 2047, 2048, 2049, 4100];
        let lengths = [0, 1, 16, 63, 64, 65, 128, 200, 2047, 2048, 2049, 5000];
        for law in [Distribution::Gaussian, Distribution::Rademacher] {
            let mut all = vec![0.0; ALL];
            law.fill(42, tensor_key("encoder.embeddings.word"), &mut all);
            for (first, length) in starts.into_iter().flat_map(|s| lengths.map(|l| (s, l))) {
                let mut range = vec![0.0; length];
                let key = tensor_key("encoder.embeddings.word");
                law.fill_from(42, key, first as u64, &mut range);
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                let same = bits(&range) == bits(&all[first..][..length]);
                assert!(same, "{law:?}, {length} elements from {first}");
            }
        }
    }
}
