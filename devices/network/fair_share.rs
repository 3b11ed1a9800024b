//! Weighted max-min fair rates by progressive filling.
//!
//! All flows start at rate zero and rise together, flow j at w_j θ for its weight w_j and the
//! common level θ. A flow stops at its cap or when a shared link it crosses is full; the others
//! go on. The result is the only allocation in which every flow is at its cap or has a
//! **bottleneck**: a full link on which no flow has a higher level x_j / w_j (D. Bertsekas,
//! R. Gallager, *Data Networks*, 2nd ed., section 6.5.2).
//!
//! A flow may use a link more or less than its rate: with usage a_jl a shared link of capacity C
//! holds sum_j a_jl x_j <= C. Usage 0.05 on the way back models acknowledgements; usage 1/r_j on a
//! link of capacity 1 models the air time of a Wi-Fi cell.
//!
//! Sums are kept in two floats, so that the order of flows shows in a rate's last bit at most.

use fleetune_units::BytesPerSecond;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::filling::{Filled, fill};

/// How a link's capacity is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sharing {
    /// All flows together have the capacity.
    #[default]
    Shared,
    /// Each flow has the capacity to itself: it caps a flow and is never exhausted.
    FatPipe,
}

/// A constraint: a capacity and how it is shared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// The most that usage x rate may sum to (or reach, for a fat pipe).
    pub capacity: BytesPerSecond,
    /// Whether flows add up.
    pub sharing: Sharing,
}

/// A link that a flow crosses, by its index, and how much of the flow's rate it carries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Hop {
    /// Index into the links.
    pub link: usize,
    /// What a unit of the flow's rate uses of the link; usually 1.
    pub usage: f64,
}

impl Hop {
    /// A hop that carries the whole flow.
    pub const fn whole(link: usize) -> Self {
        Self { link, usage: 1.0 }
    }
}

/// A transfer that wants as much rate as is fair.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The links it crosses, each at most once.
    pub route: Vec<Hop>,
    /// Its share relative to others; above zero.
    pub weight: f64,
    /// The most it can use, if anything but links limits it.
    pub cap: Option<BytesPerSecond>,
}

impl Flow {
    /// A flow of weight 1 without a cap over `links`.
    pub fn over(links: impl IntoIterator<Item = usize>) -> Self {
        Self { route: links.into_iter().map(Hop::whole).collect(), weight: 1.0, cap: None }
    }
}

/// Why there are no rates. A broken invariant of the caller.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum FairShareError {
    /// A route names a link that is not there.
    #[error("flow {flow} crosses link {link}, but there are {links} links")]
    NoSuchLink {
        /// The flow's index.
        flow: usize,
        /// The index in its route.
        link: usize,
        /// How many there are.
        links: usize,
    },
    /// A weight or usage is not a positive number.
    #[error("flow {flow} has weight or usage {value}; expected a finite number above 0")]
    NotPositive {
        /// The flow's index.
        flow: usize,
        /// The number.
        value: f64,
    },
    /// Nothing limits a flow.
    #[error("flow {flow} crosses no link of finite capacity and has no cap: its rate has no bound")]
    Unbounded {
        /// The flow's index.
        flow: usize,
    },
}

/// The weighted max-min fair rate of every flow.
///
/// Takes O(h log h) for h hops in all.
///
/// # Errors
/// See [`FairShareError`].
pub fn solve(links: &[Capacity], flows: &[Flow]) -> Result<Vec<BytesPerSecond>, FairShareError> {
    let mut hops = Vec::new();
    let mut filled = Vec::with_capacity(flows.len());
    for (index, flow) in flows.iter().enumerate() {
        check(index, flow, links)?;
        let (shared, pipes) = flow
            .route
            .iter()
            .partition::<Vec<Hop>, _>(|hop| links[hop.link].sharing == Sharing::Shared);
        let own = flow.cap.map_or(f64::INFINITY, BytesPerSecond::get);
        let limit = |hop: &Hop| links[hop.link].capacity.get() / hop.usage;
        let cap = pipes.iter().map(limit).fold(own, f64::min);
        let first = hops.len();
        hops.extend(shared);
        filled.push(Filled { hops: first..hops.len(), weight: flow.weight, cap });
    }
    let capacities: Vec<f64> = links.iter().map(|link| link.capacity.get()).collect();
    let rates = fill(&capacities, &hops, &filled);
    Ok(rates.into_iter().map(BytesPerSecond::from_raw).collect())
}

/// Refuses what has no rate. `index` is for the error.
fn check(index: usize, flow: &Flow, links: &[Capacity]) -> Result<(), FairShareError> {
    check_numbers(index, flow)?;
    let mut bounded = flow.cap.is_some_and(|cap| cap.get().is_finite());
    for hop in &flow.route {
        let Some(link) = links.get(hop.link) else {
            let (link, links) = (hop.link, links.len());
            return Err(FairShareError::NoSuchLink { flow: index, link, links });
        };
        bounded |= link.capacity.get().is_finite();
    }
    if bounded { Ok(()) } else { Err(FairShareError::Unbounded { flow: index }) }
}

/// Refuses weights and usages that are not positive numbers. `index` is for the error.
pub(super) fn check_numbers(index: usize, flow: &Flow) -> Result<(), FairShareError> {
    let positive = |value: f64| value > 0.0 && value.is_finite();
    let mut numbers = flow.route.iter().map(|hop| hop.usage).chain(std::iter::once(flow.weight));
    match numbers.find(|value| !positive(*value)) {
        Some(value) => Err(FairShareError::NotPositive { flow: index, value }),
        None => Ok(()),
    }
}
