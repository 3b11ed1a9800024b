//! The seed tree: one random stream for each purpose and entity.
//!
//! stream = ChaCha8 keyed with SHA-256("fleetune stream v1" ‖ root ‖ |purpose| ‖ purpose ‖ entity),
//! integers as 64-bit little-endian. Both primitives are portable and value-stable, so a stream is
//! the same on every machine, and changing how many numbers one entity draws disturbs no other
//! (common random numbers).

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const DOMAIN: &[u8] = b"fleetune stream v1";

/// The root of all randomness of one replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeedTree(u64);

impl SeedTree {
    /// The tree grown from `root`.
    pub const fn new(root: u64) -> Self {
        Self(root)
    }

    /// The root it was grown from.
    pub const fn root(self) -> u64 {
        self.0
    }

    /// The generator that `entity` uses for `purpose`. Each call starts it afresh.
    pub fn stream(&self, purpose: &str, entity: u64) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.digest(purpose, entity))
    }

    /// A 64-bit seed for whoever brings a generator of its own.
    pub fn seed(&self, purpose: &str, entity: u64) -> u64 {
        let digest = self.digest(purpose, entity);
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_le_bytes(first)
    }

    /// A tree for one branch of the work, such as one replication; independent of its siblings.
    pub fn subtree(&self, purpose: &str, entity: u64) -> Self {
        Self(self.seed(purpose, entity))
    }

    fn digest(&self, purpose: &str, entity: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        hash.update(self.0.to_le_bytes());
        // The length keeps ("ab", ..) and ("a", "b"..) apart.
        hash.update((purpose.len() as u64).to_le_bytes());
        hash.update(purpose.as_bytes());
        hash.update(entity.to_le_bytes());
        hash.finalize().into()
    }
}

/// A uniform number in the open interval (0, 1), from the top 53 bits of one draw: the midpoints
/// of 2^53 equal cells, so that inverting a distribution never meets 0 or 1.
pub fn open_unit(rng: &mut impl rand::Rng) -> f64 {
    const CELL: f64 = 1.0 / (1_u64 << 53) as f64;
    // Half a cell is below the resolution of numbers near one; the largest cell is one bit less.
    (((rng.next_u64() >> 11) as f64 + 0.5) * CELL).min(1.0 - CELL)
}
