//! Counting where it happens: what a stretch of computation cost the device that ran it.
//!
//! Every operation of the encoder charges the ledger as it runs. Conventions, stated once:
//!
//! * a multiply-add is 2 FLOPs, so a product of `m x k` and `k x n` is `2 m k n`;
//! * elementwise work counts its arithmetic operations per element (an `exp`, a division or a square root is one):
//!   the constants of [`ops`];
//! * memory traffic is what each operation reads and writes, in 4-byte elements; operations are not fused, except
//!   that a bias is added, and a quantised weight's scale applied, where their product is written; packed codes are
//!   read at the width in which they are stored;
//! * peak memory is by liveness, for a runtime that works in place where it can (the residual sum, GELU, softmax and
//!   the norms overwrite their input).
//!
//! Backward products are counted from what really trains: the gradient of a product's input if anything below it
//! trains, the gradient of its weight if that weight trains. Elementwise work costs twice its forward count in
//! backward (by convention; it is a few per cent of the total).

use fleetune_units::{Bytes, Flops};

/// Arithmetic operations per element of the elementwise kernels.
pub mod ops {
    /// Adding a bias or a residual.
    pub const ADD: u64 = 1;
    /// Layer norm: mean (1), variance (3), centre and scale (2), gain and shift (2).
    pub const LAYER_NORM: u64 = 8;
    /// Softmax: maximum, subtraction, exponential, sum, division.
    pub const SOFTMAX: u64 = 5;
    /// Scaling by 1/sqrt(head width) and adding the mask.
    pub const SCALE_MASK: u64 = 2;
    /// GELU through the rational erf: scale and clamp (3), numerator (13), denominator (9), division (1), final product (3).
    pub const GELU: u64 = 29;
    /// GELU through the hyperbolic tangent: cube and inner sum (5), tanh by an exponential (4), outer product (3).
    pub const GELU_TANH: u64 = 12;
    /// RMS norm: mean of squares (2), scale (1), gain (1).
    pub const RMS_NORM: u64 = 4;
    /// ReLU: a maximum.
    pub const RELU: u64 = 1;
    /// SwiGLU: the sigmoid of the gate (negate, exponential, add, divide), times the gate, times the other half.
    pub const SWIGLU: u64 = 6;
    /// Rotary positions: two products and a sum; the sines and cosines are small tables.
    pub const ROTARY: u64 = 3;
    /// Scaling what was made of quantised weights.
    pub const SCALE: u64 = 1;
    /// LoRA: scaling the low-rank output and adding it.
    pub const LORA_ADD: u64 = 2;
    /// Mean pooling: weighting and summing.
    pub const POOL: u64 = 2;
    /// L2 normalisation: square, sum, divide.
    pub const NORMALISE: u64 = 3;
    /// Cross-entropy per logit: maximum, subtraction, exponential, sum.
    pub const CROSS_ENTROPY: u64 = 4;
}

/// Bytes of one element: devices compute in 32-bit floats.
pub const ELEMENT: u64 = 4;

/// FLOPs and memory traffic of a stretch of work. Counts saturate: a plan may look further ahead than 64 bits reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// FLOPs in matrix products.
    pub products: u128,
    /// FLOPs in elementwise work.
    pub elementwise: u128,
    /// Elements (of [`ELEMENT`] bytes) read from or written to memory.
    pub elements: u64,
    /// Bytes of packed codes read from memory beside them: quantised weights.
    pub packed: u64,
}

impl Cost {
    /// Bytes moved through memory by elements of so many bytes.
    pub fn traffic_of(&self, element: u64) -> Bytes {
        Bytes::new(self.elements.saturating_mul(element).saturating_add(self.packed))
    }

    /// All FLOPs.
    pub fn flops(&self) -> Flops {
        Flops::new(self.products + self.elementwise)
    }

    /// Bytes moved through memory.
    pub fn traffic(&self) -> Bytes {
        self.traffic_of(ELEMENT)
    }
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.products = self.products.saturating_add(other.products);
        self.elementwise = self.elementwise.saturating_add(other.elementwise);
        self.elements = self.elements.saturating_add(other.elements);
        self.packed = self.packed.saturating_add(other.packed);
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl std::ops::Mul<u64> for Cost {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self {
            products: self.products.saturating_mul(times.into()),
            elementwise: self.elementwise.saturating_mul(times.into()),
            elements: self.elements.saturating_mul(times),
            packed: self.packed.saturating_mul(times),
        }
    }
}

/// Which gradients a product owes in backward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gradients {
    /// Of its left operand (the activations).
    pub left: bool,
    /// Of its right operand (a weight, or the other activations).
    pub right: bool,
}

/// The running count. Create one per forward (or share one over several); read it when done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// What the forward cost.
    pub forward: Cost,
    /// What the backward will cost, if one follows.
    pub backward: Cost,
    /// Whether the activations that flow now carry gradients: something below them trains.
    flowing: bool,
    kept: u64,
    peak: u64,
}

impl Ledger {
    /// An empty ledger.
    pub fn new() -> Self {
        Self::default()
    }

    /// Charges `batch` products of `m x k` by `k x n`, with the gradients they owe.
    pub fn product(&mut self, batch: usize, [m, k, n]: [usize; 3], gradients: Gradients) {
        let [b, m, k, n] = [batch, m, k, n].map(|x| x as u64);
        let one = Cost {
            products: 2 * u128::from(b) * u128::from(m) * u128::from(k) * u128::from(n),
            elements: b * (m * k + k * n + m * n),
            ..Cost::default()
        };
        self.forward += one;
        self.backward += one * (u64::from(gradients.left) + u64::from(gradients.right));
    }

    /// Charges a product of `m x k` activations and a `k x n` weight of frozen codes that are packed into so many bytes:
    /// they are read as they are, in forward, and in backward for the gradient of the activations, if that is owed.
    pub fn product_with_codes(&mut self, [m, k, n]: [usize; 3], packed: usize, owed: bool) {
        let [m, k, n] = [m, k, n].map(|x| x as u64);
        let one = Cost {
            products: 2 * u128::from(m) * u128::from(k) * u128::from(n),
            elements: m * k + m * n,
            packed: packed as u64,
            ..Cost::default()
        };
        self.forward += one;
        self.backward += one * u64::from(owed);
    }

    /// Charges elementwise work that reads and writes `touched` elements for every one of `elements`.
    pub fn elementwise(&mut self, elements: usize, operations: u64, touched: u64, trains: bool) {
        let n = elements as u64;
        let one = Cost {
            elementwise: u128::from(n) * u128::from(operations),
            elements: n * touched,
            ..Cost::default()
        };
        self.forward += one;
        if trains || self.flowing {
            self.backward += one * 2;
        }
    }

    /// States how many elements are alive at this moment of the forward, besides parameters and what is kept.
    pub fn live(&mut self, elements: usize) {
        self.peak = self.peak.max(elements as u64);
    }

    /// Keeps `elements` for the backward, if one is owed.
    pub fn keep(&mut self, elements: usize, needed: bool) {
        if needed {
            self.kept += elements as u64;
        }
    }

    /// Whether the activations carry gradients at this point.
    pub fn flowing(&self) -> bool {
        self.flowing
    }

    /// From here on the activations carry gradients if `trains`.
    pub fn flow(&mut self, trains: bool) {
        self.flowing |= trains;
    }

    /// Sets whether the activations carry gradients, where the computation branches or joins.
    pub fn restart_flow(&mut self, flowing: bool) {
        self.flowing = flowing;
    }

    /// Peak elements of activations in a forward that keeps nothing.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Elements of activations kept for the backward.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// [`Self::peak`] in bytes.
    pub fn peak_activations(&self) -> Bytes {
        Bytes::new(self.peak * ELEMENT)
    }

    /// [`Self::kept`] in bytes.
    pub fn kept_activations(&self) -> Bytes {
        Bytes::new(self.kept * ELEMENT)
    }
}
