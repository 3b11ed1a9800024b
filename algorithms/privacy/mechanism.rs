use std::num::NonZeroU32;

use fleetune_devices::streams::SeedTree;
use fleetune_models::ledger::Cost;

use super::{NoiseSite, PrivacyConfig};
use crate::{
    noise::{OPERATIONS_PER_NORMAL, fill_normal, tensor_key},
    protocol::{ClientId, Exchange},
    settings::Positive,
};

/// Operations to clip a value: its square and the sum of squares, the product with the factor.
const CLIP_OPERATIONS: u64 = 3;

/// The seed of a client's noise in an exchange.
pub fn client_seed(streams: SeedTree, client: ClientId, exchange: Exchange) -> u64 {
    seed(streams.subtree("privacy noise of client", u64::from(client)), exchange)
}

/// The seed of the server's noise in an exchange.
pub fn server_seed(streams: SeedTree, exchange: Exchange) -> u64 {
    seed(streams.subtree("privacy noise of server", 0), exchange)
}

fn seed(streams: SeedTree, exchange: Exchange) -> u64 {
    streams.subtree("round", exchange.round).seed("exchange", exchange.index.into())
}

/// Shortens an update to `bound` if it is longer, u min(1, C / |u|₂), and returns the factor.
///
/// The norm of the result, summed in 64-bit floats, never exceeds the bound. An update that is not finite becomes 0,
/// and so does its factor: no multiple of it has a bounded norm.
pub fn clip(update: &mut [f32], bound: Positive) -> f64 {
    let bound = bound.get();
    let length = norm(update);
    if !length.is_finite() {
        update.fill(0.0);
        return 0.0;
    }
    if length <= bound {
        return 1.0;
    }
    let factor = bound / length;
    update.iter_mut().for_each(|v| *v = (f64::from(*v) * factor) as f32);
    // Rounding each value may leave the whole a little too long: then each loses one unit in the last place, which
    // unlike another product also shortens the smallest floats.
    while norm(update) > bound {
        update.iter_mut().filter(|v| **v != 0.0).for_each(|v| *v = f32::from_bits(v.to_bits() - 1));
    }
    factor
}

/// The L2 norm.
pub(super) fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt()
}

impl PrivacyConfig {
    /// A client's part, on its update: clips it and, if clients make the noise, adds its share for a sum over
    /// `cohort` clients. `seed` is [`client_seed`].
    pub fn privatise_update(&self, update: &mut [f32], cohort: NonZeroU32, seed: u64) {
        clip(update, self.clip);
        if self.noise == NoiseSite::Clients {
            add_noise(update, self.deviation() / f64::from(cohort.get()).sqrt(), seed);
        }
    }

    /// The server's part, on the sum of a cohort's clipped updates, before it divides by the planned cohort: adds the
    /// noise, unless clients made it. `seed` is [`server_seed`].
    pub fn privatise_sum(&self, sum: &mut [f32], seed: u64) {
        if self.noise == NoiseSite::Server {
            add_noise(sum, self.deviation(), seed);
        }
    }

    /// The noise multiplier that a sum over `summed` updates really has, where shares were made for `cohort`: noise
    /// of clients that did not report is missing, σ √(summed / cohort). The accountant needs this one. None without
    /// any update: then nothing was revealed.
    pub fn realised_multiplier(&self, summed: u32, cohort: NonZeroU32) -> Option<Positive> {
        let sigma = match self.noise {
            NoiseSite::Server => self.noise_multiplier.get(),
            NoiseSite::Clients => {
                let share = f64::from(summed) / f64::from(cohort.get());
                self.noise_multiplier.get() * share.sqrt()
            }
        };
        match summed {
            0 => None,
            _ => Positive::new(sigma).ok(),
        }
    }

    /// What [`Self::privatise_update`] costs a client with `values` values: two readings and a writing to clip; to add
    /// noise, a normal, its scaling and its sum, read and written.
    pub fn client_cost(&self, values: usize) -> Cost {
        let (operations, touched) = match self.noise {
            NoiseSite::Clients => (CLIP_OPERATIONS + OPERATIONS_PER_NORMAL + 2, 3 + 2),
            NoiseSite::Server => (CLIP_OPERATIONS, 3),
        };
        let n = values as u64;
        Cost {
            elementwise: u128::from(n) * u128::from(operations),
            elements: n * touched,
            ..Cost::default()
        }
    }

    /// Standard deviation of the noise on a coordinate of the sum: σ C.
    fn deviation(&self) -> f64 {
        self.noise_multiplier.get() * self.clip.get()
    }
}

/// Adds independent normals of this standard deviation.
fn add_noise(values: &mut [f32], deviation: f64, seed: u64) {
    let mut noise = vec![0.0; values.len()];
    fill_normal(seed, tensor_key("privacy noise"), &mut noise);
    for (value, normal) in values.iter_mut().zip(noise) {
        *value += (deviation * f64::from(normal)) as f32;
    }
}
