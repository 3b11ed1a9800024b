use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    FlowId, RestoreError, Transfers, Turn,
    flow::{Flow, Progress, State},
    hub::Hub,
    link::Link,
};
use crate::{energy::Moment, network::number::moment};

/// [`Transfers`] without what follows from the rest: the calendar, who is on which link, and the
/// order of flows in a hub.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    #[serde(with = "moment")]
    now: Moment,
    links: Vec<Link>,
    flows: Vec<(FlowId, Flow)>,
    hubs: Vec<Hub>,
    changed_links: BTreeSet<usize>,
    begun: BTreeSet<FlowId>,
}

impl From<Transfers> for Saved {
    fn from(transfers: Transfers) -> Self {
        let Transfers { now, links, flows, hubs, changed_links, begun, .. } = transfers;
        let (flows, hubs) = (flows.into_iter().collect(), hubs.into_values().collect());
        Self { now, links, flows, hubs, changed_links, begun }
    }
}

impl TryFrom<Saved> for Transfers {
    type Error = RestoreError;

    fn try_from(saved: Saved) -> Result<Self, RestoreError> {
        let mut transfers = Self::with_profiles(saved.now, []);
        transfers.links = saved.links;
        transfers.hubs = saved.hubs.into_iter().map(|hub| (hub.link(), hub)).collect();
        (transfers.changed_links, transfers.begun) = (saved.changed_links, saved.begun);
        let calendar = &mut transfers.calendar;
        for (link, index) in transfers.links.iter().zip(0..) {
            calendar.extend(link.step.map(|at| (at, Turn::Step(index))));
        }
        for hub in transfers.hubs.values() {
            calendar.extend(hub.armed().map(|at| (at, Turn::Hub(hub.link()))));
        }
        for (id, flow) in saved.flows {
            match flow.state {
                State::Latency { until } => {
                    calendar.insert((until, Turn::Begin(id)));
                }
                State::Moving(Progress { end: Some(end), .. }) => {
                    calendar.insert((end, Turn::End(id)));
                }
                State::Moving(_) | State::Rising { .. } => {}
            }
            for hop in &flow.route {
                let link = transfers.links.get_mut(hop.link).ok_or(RestoreError::NoSuchLink(id))?;
                if !matches!(flow.state, State::Latency { .. }) {
                    link.members.insert(id);
                }
            }
            if let Some(seat) = flow.seat {
                let hub = transfers.hubs.get_mut(&seat.hub);
                hub.ok_or(RestoreError::NoSuchHub(id))?.restore(id, &flow);
            }
            transfers.flows.insert(id, flow);
        }
        Ok(transfers)
    }
}
