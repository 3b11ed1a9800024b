//! Which pairs are compared, and what came of it.

use super::{Arm, Compared};
use crate::{
    statistics::{Contrast, Incomparable, Resource, holm},
    text::shown,
};

/// Pairs that are judged together: Holm's procedure holds over those of one block and one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Block<'a> {
    /// What they have in common.
    pub title: String,
    /// The pairs.
    pub pairs: Vec<Pair<'a>>,
}

/// Two algorithms, and what the first costs in multiples of the second.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair<'a> {
    /// The one.
    pub a: Arm<'a>,
    /// The other.
    pub b: Arm<'a>,
    /// By resource, in the order of [`Resource::ALL`].
    pub contrasts: [Result<Contrast, Incomparable>; 5],
    /// Their p-values, adjusted over the block; 1 where there is no ratio.
    pub adjusted: [f64; 5],
}

impl Compared {
    /// All that is compared: the algorithms of every run, then each algorithm over the runs.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let arms = self.arms();
        let of = |entry: usize| arms.iter().filter(move |arm| arm.entry == entry).copied();
        let mut blocks = Vec::new();
        for (place, entry) in self.entries.iter().enumerate() {
            let title = format!("In {}", shown(&entry.name));
            blocks.push(self.block(title, all_pairs(&of(place).collect::<Vec<_>>())));
        }
        let labels = self.labels();
        for label in &labels {
            let mine = arms.iter().filter(|arm| arm.outcome.algorithm == *label).copied();
            let title = format!("{} over the runs", shown(label));
            blocks.push(self.block(title, all_pairs(&mine.collect::<Vec<_>>())));
        }
        for (i, one) in self.entries.iter().enumerate() {
            for (j, other) in self.entries.iter().enumerate().skip(i + 1) {
                let (mine, theirs) = (of(i).collect::<Vec<_>>(), of(j).collect::<Vec<_>>());
                let label = |arm: &Arm<'_>| arm.outcome.algorithm.clone();
                if mine.iter().any(|a| theirs.iter().any(|b| label(a) == label(b))) {
                    continue;
                }
                let pairs = mine.iter().flat_map(|a| theirs.iter().map(|b| (*a, *b)));
                let title = format!("{} against {}", shown(&one.name), shown(&other.name));
                blocks.push(self.block(title, pairs.collect()));
            }
        }
        blocks.retain(|block| !block.pairs.is_empty());
        blocks
    }

    fn block<'a>(&self, title: String, pairs: Vec<(Arm<'a>, Arm<'a>)>) -> Block<'a> {
        let contrasts =
            |&(a, b): &(Arm<'a>, Arm<'a>)| Resource::ALL.map(|r| self.contrast(a, b, r));
        let contrasts: Vec<_> = pairs.iter().map(contrasts).collect();
        let adjusted = Resource::ALL.map(|resource| {
            let p = |all: &[Result<Contrast, Incomparable>; 5]| {
                all[resource.index()].as_ref().map_or(1.0, |contrast| contrast.p)
            };
            holm(&contrasts.iter().map(p).collect::<Vec<_>>())
        });
        let pairs = pairs.into_iter().zip(contrasts).enumerate();
        let pair = |(place, ((a, b), contrasts)): (usize, ((Arm<'a>, Arm<'a>), _))| {
            let adjusted: [f64; 5] = std::array::from_fn(|resource| adjusted[resource][place]);
            Pair { a, b, contrasts, adjusted }
        };
        Block { title, pairs: pairs.map(pair).collect() }
    }

    fn contrast(&self, a: Arm<'_>, b: Arm<'_>, by: Resource) -> Result<Contrast, Incomparable> {
        match self.worlds[a.entry] == self.worlds[b.entry] {
            true => a.outcome.contrast(b.outcome, by),
            false => Contrast::independent(a.outcome.costs(by), b.outcome.costs(by)),
        }
    }
}

fn all_pairs<'a>(arms: &[Arm<'a>]) -> Vec<(Arm<'a>, Arm<'a>)> {
    let later = |(place, a): (usize, &Arm<'a>)| {
        let a = *a;
        arms[place + 1..].iter().map(move |b| (a, *b)).collect::<Vec<_>>()
    };
    arms.iter().enumerate().flat_map(later).collect()
}
