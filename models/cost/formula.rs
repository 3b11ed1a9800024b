//! Numbers that remember what they were multiplied from, so that a formula and its figure are one thing.

use std::{fmt, ops::Mul};

/// A dimension: its symbol, and how long it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dim {
    symbol: &'static str,
    value: usize,
}

impl Dim {
    /// Called `symbol` in formulas.
    pub(crate) const fn new(symbol: &'static str, value: usize) -> Self {
        Self { symbol, value }
    }

    /// A plain number.
    pub(crate) const fn number(value: usize) -> Self {
        Self::new("", value)
    }
}

/// No product here has more factors.
const MOST: usize = 6;

/// A product of dimensions; of none it is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    factors: [Dim; MOST],
    count: usize,
}

impl Size {
    /// The product.
    pub fn value(&self) -> usize {
        self.factors().iter().map(|dim| dim.value).product()
    }

    fn followed_by(mut self, dim: Dim) -> Self {
        self.factors[self.count] = dim;
        self.count += 1;
        self
    }

    fn factors(&self) -> &[Dim] {
        &self.factors[..self.count]
    }

    /// What is multiplied.
    pub fn values(&self) -> impl Iterator<Item = usize> {
        self.factors().iter().map(|dim| dim.value)
    }

    /// With the symbols of the dimensions: `rows·d`.
    pub fn symbols(&self) -> impl fmt::Display {
        self.joined(|dim| match dim.symbol {
            "" => dim.value.to_string(),
            symbol => symbol.to_owned(),
        })
    }

    /// With their lengths: `512·2048`.
    pub fn numbers(&self) -> impl fmt::Display {
        self.joined(|dim| dim.value.to_string())
    }

    fn joined(&self, written: impl Fn(&Dim) -> String) -> String {
        match self.factors() {
            [] => "1".to_owned(),
            factors => factors.iter().map(written).collect::<Vec<_>>().join("·"),
        }
    }
}

impl From<Dim> for Size {
    fn from(dim: Dim) -> Self {
        Self::default() * dim
    }
}

impl Mul<Dim> for Size {
    type Output = Self;

    fn mul(self, dim: Dim) -> Self {
        self.followed_by(dim)
    }
}

impl Mul for Size {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        other.factors().iter().fold(self, |size, &dim| size * dim)
    }
}

impl Mul for Dim {
    type Output = Size;

    fn mul(self, other: Self) -> Size {
        Size::from(self) * other
    }
}

impl Mul<Size> for Dim {
    type Output = Size;

    fn mul(self, other: Size) -> Size {
        Size::from(self) * other
    }
}

/// One kind of operation of a pass, and what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Where: `embeddings`, `layer` or `head`.
    pub part: &'static str,
    /// What is computed there, as in `query` or `softmax`.
    pub what: &'static str,
    /// FLOPs of doing it once.
    pub flops: Size,
    /// How often a forward does it: in so many layers.
    pub forward: u64,
    /// How often a backward does as much again: once for each gradient that a product owes, and twice for elementwise
    /// work.
    pub backward: u64,
}

/// What is alive, or kept, at a moment of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive {
    /// Where: `embeddings`, `layer` or `head`.
    pub part: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Elements of one of it.
    pub elements: Size,
    /// How many there are.
    pub times: u64,
}

/// Where every figure of a pass comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    /// Whose sums are the FLOPs of forward and backward.
    pub terms: Vec<Term>,
    /// Whose sum is the peak of activations in a forward that keeps nothing: what is alive at its worst moment.
    pub peak: Vec<Alive>,
    /// Whose sum is what is kept for the backward.
    pub kept: Vec<Alive>,
}

impl Breakdown {
    /// Adds an operation to the others of its kind.
    pub(super) fn add(&mut self, term: Term) {
        let same = |other: &&mut Term| {
            (other.part, other.what, other.flops) == (term.part, term.what, term.flops)
        };
        match self.terms.iter_mut().find(same) {
            Some(other) => {
                other.forward += term.forward;
                other.backward += term.backward;
            }
            None => self.terms.push(term),
        }
    }

    /// Keeps one more.
    pub(super) fn keep(&mut self, alive: Alive) {
        let same = |other: &&mut Alive| {
            (other.part, other.what, other.elements) == (alive.part, alive.what, alive.elements)
        };
        match self.kept.iter_mut().find(same) {
            Some(other) => other.times += alive.times,
            None => self.kept.push(alive),
        }
    }
}
