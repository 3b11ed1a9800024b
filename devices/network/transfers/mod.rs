//! Transfers in time: flows that wait out a latency and then share links, max-min fairly.
//!
//! The engine has no clock. Whoever keeps one tells it each moment and asks when to come again:
//!
//! ```
//! use fleetune_devices::{energy::Moment, network::{
//!     fair_share::{Capacity, Flow, Sharing}, transfers::{FlowId, Transfer, Transfers},
//! }};
//! use fleetune_units::{Bytes, Seconds};
//!
//! let link = Capacity { capacity: "1 Mbit/s".parse()?, sharing: Sharing::Shared };
//! let mut transfers = Transfers::new(Moment(0), &[link]);
//! for (id, size) in [(1, 100_000), (2, 200_000)] {
//!     let latency: Seconds = "10 ms".parse()?;
//!     let transfer = Transfer { flow: Flow::over([0]), size: Bytes::new(size), latency };
//!     transfers.start(FlowId(id), Moment(0), transfer)?;
//! }
//! let mut ends = Vec::new();
//! while let Some(now) = transfers.next() {
//!     ends.extend(transfers.settle(now)?.into_iter().map(|done| done.at.0));
//! }
//! assert_eq!(ends, [1_610_000_000, 2_410_000_000]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Guarantees
//!
//! 1. At any settled moment the rates are the weighted max-min fair ones of
//!    [`fair_share::solve`].
//! 2. All changes of one moment are solved at once, in [`Transfers::settle`], and only for the
//!    flows that share links, directly or through others, with a flow or link that changed.
//! 3. A flow whose rate stays the same keeps its end to the bit. An end is rounded up to a whole
//!    nanosecond once, when it is predicted; nothing ends early.
//! 4. At one moment capacities change first, then flows end, then latencies pass, then the rest
//!    is shared. A flow that ends at the moment its link dies has ended.
//! 5. What happens depends on the moments of starts, aborts and changes alone, not on how often
//!    or how late `settle` is called, nor on saving and restoring in between.

mod component;
mod error;
mod flow;
mod hub;
mod link;
mod saved;
mod sharing;

use std::{collections::BTreeSet, fmt};

use fleetune_units::{Bytes, BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};

pub use self::error::{RestoreError, TransferError};
use self::{
    flow::{Progress, State},
    hub::{Flows, Hub},
    link::Link,
    saved::Saved,
};
use super::{
    capacity::CapacityProfile,
    fair_share::{self, Capacity, FairShareError, Flow, Sharing},
    number::after,
    topology::LinkId,
};
use crate::energy::Moment;

/// The caller's name for a flow. Flows that end at one moment end in the order of their ids.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct FlowId(pub u64);

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flow {}", self.0)
    }
}

/// What is to be moved, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Its route, weight and cap.
    pub flow: Flow,
    /// How much.
    pub size: Bytes,
    /// Before the first byte moves.
    pub latency: Seconds,
}

/// A flow that has moved all its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Completed {
    /// When.
    pub at: Moment,
    /// Which.
    pub id: FlowId,
    /// How much it has moved.
    pub size: Bytes,
}

/// What is due at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Step(usize),
    End(FlowId),
    Hub(usize),
    Begin(FlowId),
}

type Calendar = BTreeSet<(Moment, Turn)>;

/// All transfers over a set of links. Serialises to what is needed to go on exactly as before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "Saved", try_from = "Saved")]
pub struct Transfers {
    /// The latest moment told.
    now: Moment,
    links: Vec<Link>,
    flows: Flows,
    /// Stars by their link.
    hubs: std::collections::BTreeMap<usize, Hub>,
    calendar: Calendar,
    /// Links that gained or lost flows or whose capacity changed, since they were last shared.
    changed_links: BTreeSet<usize>,
    /// Flows that have begun to move since then.
    begun: BTreeSet<FlowId>,
}

impl Transfers {
    /// No transfers yet, over links of constant capacity, by index as in a [`Flow`]'s route.
    pub fn new(start: Moment, links: &[Capacity]) -> Self {
        let profile = |link: &Capacity| (CapacityProfile::constant(link.capacity), link.sharing);
        Self::with_profiles(start, links.iter().map(profile))
    }

    /// As [`Transfers::new`], over links whose capacities change.
    pub fn with_profiles(
        start: Moment,
        links: impl IntoIterator<Item = (CapacityProfile, Sharing)>,
    ) -> Self {
        let link = |(profile, sharing)| Link::new(profile, sharing, start);
        let links: Vec<Link> = links.into_iter().map(link).collect();
        let steps = links.iter().zip(0..);
        let calendar =
            steps.filter_map(|(link, index)| Some((link.step?, Turn::Step(index)))).collect();
        Self {
            now: start,
            links,
            flows: Flows::new(),
            hubs: std::collections::BTreeMap::new(),
            calendar,
            changed_links: BTreeSet::new(),
            begun: BTreeSet::new(),
        }
    }

    /// Starts a transfer; its first byte moves when its latency, rounded up, has passed.
    ///
    /// # Errors
    /// The id is in use, the route crosses a link twice or one that is not there, a weight, usage
    /// or cap is no good, nothing bounds the rate, or the moment is wrong. Nothing has changed.
    pub fn start(
        &mut self,
        id: FlowId,
        now: Moment,
        transfer: Transfer,
    ) -> Result<(), TransferError> {
        self.may_be(now)?;
        let Transfer { flow: Flow { route, weight, cap }, size, latency } = transfer;
        if self.flows.contains_key(&id) {
            return Err(TransferError::AlreadyUnderWay(id));
        }
        if let Some(cap) = cap.filter(|cap| !cap.get().is_finite()) {
            return Err(TransferError::BadCap(cap));
        }
        for (place, hop) in route.iter().enumerate() {
            if hop.link >= self.links.len() {
                let links = self.links.len();
                let error = FairShareError::NoSuchLink { flow: 0, link: hop.link, links };
                return Err(TransferError::NoRate(error));
            }
            // Routes are short.
            if route[..place].iter().any(|before| before.link == hop.link) {
                return Err(TransferError::CrossedTwice { flow: id, link: hop.link });
            }
        }
        let own = Flow { route, weight, cap };
        fair_share::check_numbers(0, &own)?;
        if own.route.is_empty() && cap.is_none() {
            return Err(TransferError::NoRate(FairShareError::Unbounded { flow: 0 }));
        }
        let until = after(now, latency.get()).ok_or(TransferError::TooLong(latency))?;
        let cap = cap.map_or(f64::INFINITY, BytesPerSecond::get);
        let flow = flow::Flow {
            size,
            route: own.route,
            weight,
            own_cap: cap,
            cap,
            crossing: false,
            seat: None,
            state: State::Latency { until },
        };
        self.now = now;
        self.flows.insert(id, flow);
        self.calendar.insert((until, Turn::Begin(id)));
        Ok(())
    }

    /// When [`Transfers::settle`] has something to do next; the present moment after a change
    /// that is not shared yet; `None` if nothing will happen by itself.
    pub fn next(&self) -> Option<Moment> {
        if self.changed_links.is_empty() && self.begun.is_empty() {
            self.calendar.first().map(|(at, _)| *at)
        } else {
            Some(self.now)
        }
    }

    /// Lets everything due by `now` happen, moment after moment. Returns the flows that ended, by
    /// moment, then by id.
    ///
    /// # Errors
    /// `now` is before a moment that was already told.
    pub fn settle(&mut self, now: Moment) -> Result<Vec<Completed>, TransferError> {
        self.not_before(now)?;
        let mut completed = Vec::new();
        while let Some(due) = self.next().filter(|due| *due <= now) {
            self.now = due;
            self.happen(&mut completed);
        }
        self.now = now;
        completed.sort_unstable();
        Ok(completed)
    }

    /// Breaks a transfer off; returns the whole bytes it had moved (a byte under way is not
    /// counted), or `None` if there is no such flow. One that is due to end now has moved all.
    ///
    /// # Errors
    /// The moment is wrong. Nothing has changed.
    pub fn abort(&mut self, id: FlowId, now: Moment) -> Result<Option<Bytes>, TransferError> {
        self.may_be(now)?;
        self.now = now;
        let moved = self.moved(id);
        self.remove(id);
        Ok(moved)
    }

    /// From `now` on a link has the capacity that `profile` says, unless it is killed.
    ///
    /// # Errors
    /// There is no such link or the moment is wrong. Nothing has changed.
    pub fn set_profile(
        &mut self,
        link: LinkId,
        now: Moment,
        profile: CapacityProfile,
    ) -> Result<(), TransferError> {
        self.change(link, now, |link| link.profile = profile)
    }

    /// From `now` on a link carries nothing: flows over it wait, latencies pass all the same.
    ///
    /// # Errors
    /// There is no such link or the moment is wrong. Nothing has changed.
    pub fn kill(&mut self, link: LinkId, now: Moment) -> Result<(), TransferError> {
        self.change(link, now, |link| link.dead = true)
    }

    /// From `now` on a killed link has its capacity again.
    ///
    /// # Errors
    /// There is no such link or the moment is wrong. Nothing has changed.
    pub fn restore(&mut self, link: LinkId, now: Moment) -> Result<(), TransferError> {
        self.change(link, now, |link| link.dead = false)
    }

    fn change(
        &mut self,
        id: LinkId,
        now: Moment,
        change: impl FnOnce(&mut Link),
    ) -> Result<(), TransferError> {
        self.may_be(now)?;
        let index = id.index();
        let link = self.links.get_mut(index).ok_or(TransferError::NoSuchLink(id))?;
        change(link);
        self.now = now;
        self.revalue(index);
        Ok(())
    }

    /// Whole bytes a flow has moved by the latest moment told; `None` if there is no such flow.
    pub fn moved(&self, id: FlowId) -> Option<Bytes> {
        let flow = self.flows.get(&id)?;
        let (left, end) = match flow.state {
            State::Latency { .. } => return Some(Bytes::ZERO),
            State::Moving(progress) => (progress.left_at(self.now), progress.end),
            State::Rising { finish } => {
                let hub = self.hubs.get(&flow.seat?.hub)?;
                (hub.left_at(flow.weight, finish, self.now), hub.end_of(finish))
            }
        };
        if end.is_some_and(|end| end <= self.now) {
            return Some(flow.size);
        }
        let moved = (flow.size.as_f64() - left).max(0.0).floor();
        Some(Bytes::new((moved as u64).min(flow.size.get())))
    }

    /// A flow's rate as last shared, zero while its latency lasts; `None` if there is no such flow.
    pub fn rate(&self, id: FlowId) -> Option<BytesPerSecond> {
        let flow = self.flows.get(&id)?;
        let rate = match flow.state {
            State::Latency { .. } => 0.0,
            State::Moving(Progress { rate, .. }) => rate,
            State::Rising { .. } => flow.weight * self.hubs.get(&flow.seat?.hub)?.level(),
        };
        Some(BytesPerSecond::from_raw(rate))
    }

    /// When a flow begins to move or ends, if nothing changes; `None` if never, or no such flow.
    pub fn turns(&self, id: FlowId) -> Option<Moment> {
        let flow = self.flows.get(&id)?;
        match flow.state {
            State::Latency { until } => Some(until),
            State::Moving(progress) => progress.end,
            State::Rising { finish } => self.hubs.get(&flow.seat?.hub)?.end_of(finish),
        }
    }

    /// A link's capacity at the latest moment told; zero if it is killed or not there.
    pub fn capacity(&self, link: LinkId) -> BytesPerSecond {
        let capacity = self.links.get(link.index()).map_or(0.0, |link| link.capacity);
        BytesPerSecond::from_raw(capacity)
    }

    /// The flows that move over a link, by id: those that an application would see fail with it.
    pub fn flows_over(&self, link: LinkId) -> impl Iterator<Item = FlowId> + '_ {
        self.links.get(link.index()).into_iter().flat_map(|link| link.members.iter().copied())
    }

    /// How many transfers are under way.
    pub fn len(&self) -> usize {
        self.flows.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    fn not_before(&self, now: Moment) -> Result<(), TransferError> {
        if now < self.now {
            return Err(TransferError::TimeWentBack { stands: self.now, asked: now });
        }
        Ok(())
    }

    /// Whether a change may happen at `now`: nothing may be left to happen before it.
    fn may_be(&self, now: Moment) -> Result<(), TransferError> {
        self.not_before(now)?;
        match self.next() {
            Some(due) if due < now => Err(TransferError::Unsettled { due, asked: now }),
            _ => Ok(()),
        }
    }
}
