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
//! The sums depend on the order of flows in their last bits, as floating-point sums do.

use fleetune_units::BytesPerSecond;
use serde::{Deserialize, Serialize};
use thiserror::Error;

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
#[derive(Debug, Clone, Copy, PartialEq)]
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
/// Takes O((flows + links) x distinct levels).
///
/// # Errors
/// See [`FairShareError`].
pub fn solve(links: &[Capacity], flows: &[Flow]) -> Result<Vec<BytesPerSecond>, FairShareError> {
    let mut filling = Filling::new(links, flows)?;
    while let Some(level) = filling.next_level() {
        filling.stop_at(level);
    }
    Ok(filling.rates.into_iter().map(BytesPerSecond::from_raw).collect())
}

/// The state of progressive filling.
struct Filling<'a> {
    flows: &'a [Flow],
    /// Level at which each flow meets its cap or a fat pipe; infinite without either.
    cap_level: Vec<f64>,
    rates: Vec<f64>,
    rising: Vec<bool>,
    links: Vec<Usage>,
    level: f64,
}

/// What a shared link still has and how fast the rising flows take it. A fat pipe has none.
#[derive(Clone, Copy)]
struct Usage {
    left: f64,
    /// Sum of usage x weight over rising flows.
    slope: f64,
    /// How many rising flows cross it; the slope's rounding cannot tell that it is none.
    rising: usize,
    shared: bool,
}

impl Usage {
    /// The level at which the link is full.
    fn full_at(&self) -> f64 {
        if self.shared && self.rising > 0 { self.left / self.slope } else { f64::INFINITY }
    }
}

impl<'a> Filling<'a> {
    fn new(capacities: &[Capacity], flows: &'a [Flow]) -> Result<Self, FairShareError> {
        let usage = |link: &Capacity| Usage {
            left: link.capacity.get(),
            slope: 0.0,
            rising: 0,
            shared: link.sharing == Sharing::Shared,
        };
        let mut links: Vec<Usage> = capacities.iter().map(usage).collect();
        let mut cap_level = Vec::with_capacity(flows.len());
        for (index, flow) in flows.iter().enumerate() {
            let positive = |value: f64| value > 0.0 && value.is_finite();
            let mut numbers =
                flow.route.iter().map(|hop| hop.usage).chain(std::iter::once(flow.weight));
            if let Some(value) = numbers.find(|value| !positive(*value)) {
                return Err(FairShareError::NotPositive { flow: index, value });
            }
            let mut cap = flow.cap.map_or(f64::INFINITY, BytesPerSecond::get);
            let mut bounded = cap.is_finite();
            for hop in &flow.route {
                let Some(link) = links.get_mut(hop.link) else {
                    let (link, links) = (hop.link, capacities.len());
                    return Err(FairShareError::NoSuchLink { flow: index, link, links });
                };
                bounded |= link.left.is_finite();
                if link.shared {
                    link.slope += hop.usage * flow.weight;
                    link.rising += 1;
                } else {
                    cap = cap.min(link.left / hop.usage);
                }
            }
            if !bounded {
                return Err(FairShareError::Unbounded { flow: index });
            }
            cap_level.push(cap / flow.weight);
        }
        let (rates, rising) = (vec![0.0; flows.len()], vec![true; flows.len()]);
        Ok(Self { flows, cap_level, rates, rising, links, level: 0.0 })
    }

    /// The level at which the next flows stop, or `None` when none rises any more.
    fn next_level(&self) -> Option<f64> {
        let caps = self.cap_level.iter().zip(&self.rising).filter(|(_, r)| **r).map(|(l, _)| *l);
        let links = self.links.iter().map(Usage::full_at);
        let level = caps.chain(links).fold(f64::INFINITY, f64::min);
        // Rounding may put a link that became full a moment ago a hair below the present level.
        self.rising.contains(&true).then_some(level.max(self.level))
    }

    /// Stops every flow whose cap or a link of whose route is met at `level`.
    fn stop_at(&mut self, level: f64) {
        self.level = level;
        let full: Vec<bool> = self.links.iter().map(|link| link.full_at() <= level).collect();
        for (index, flow) in self.flows.iter().enumerate() {
            let stops = self.cap_level[index] <= level || flow.route.iter().any(|h| full[h.link]);
            if !self.rising[index] || !stops {
                continue;
            }
            self.rising[index] = false;
            self.rates[index] = flow.weight * level.min(self.cap_level[index]);
            for hop in &flow.route {
                let link = &mut self.links[hop.link];
                link.left = (link.left - hop.usage * self.rates[index]).max(0.0);
                link.slope = (link.slope - hop.usage * flow.weight).max(0.0);
                link.rising -= 1;
            }
        }
        self.refresh_slopes();
    }

    /// Sums the slopes anew, so that what is left of a difference is never taken for a flow.
    fn refresh_slopes(&mut self) {
        for link in &mut self.links {
            link.slope = 0.0;
        }
        for (flow, _) in self.flows.iter().zip(&self.rising).filter(|(_, rising)| **rising) {
            for hop in &flow.route {
                self.links[hop.link].slope += hop.usage * flow.weight;
            }
        }
    }
}
