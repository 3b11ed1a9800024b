//! Transfers under way, with their next event in the calendar.

use fleetune_devices::{
    energy::Moment,
    network::{
        Wiring,
        topology::LinkId,
        transfers::{FlowId, Transfer, TransferError, Transfers},
    },
};
use fleetune_units::Bytes;

use super::event::FederationEvent;
use crate::kernel::{Calendar, Handle, KernelError, SimTime};

/// Who sends or receives: has one flow at a time. Of flows that end at one instant those of clients
/// come first, in the order of their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mover {
    /// The client at this place.
    Client(u32),
    /// An edge, over its backhaul.
    Edge(u32),
}

impl Mover {
    /// Flows of edges have the numbers from here on.
    const EDGES: u64 = 1 << 32;

    fn flow(self) -> FlowId {
        FlowId(match self {
            Self::Client(place) => u64::from(place),
            Self::Edge(edge) => Self::EDGES + u64::from(edge),
        })
    }

    fn of(FlowId(number): FlowId) -> Self {
        match number.checked_sub(Self::EDGES) {
            Some(edge) => Self::Edge(edge as u32),
            None => Self::Client(number as u32),
        }
    }
}

/// The flows of a federation.
#[derive(Debug)]
pub(super) struct Links {
    transfers: Transfers,
    armed: Option<(SimTime, Handle)>,
}

impl Links {
    pub(super) fn new(wiring: &Wiring) -> Self {
        Self { transfers: wiring.transfers(Moment(0)), armed: None }
    }

    /// Starts a transfer of `mover`.
    pub(super) fn start(
        &mut self,
        mover: Mover,
        now: SimTime,
        transfer: Transfer,
    ) -> Result<(), TransferError> {
        self.transfers.start(mover.flow(), moment(now), transfer)
    }

    /// Whose transfers are complete at `now`.
    pub(super) fn settle(&mut self, now: SimTime) -> Result<Vec<Mover>, TransferError> {
        self.armed = None;
        let completed = self.transfers.settle(moment(now))?;
        Ok(completed.into_iter().map(|flow| Mover::of(flow.id)).collect())
    }

    /// Breaks the transfer of `mover` off; gives the whole bytes moved, if there was one.
    pub(super) fn abort(
        &mut self,
        mover: Mover,
        now: SimTime,
    ) -> Result<Option<Bytes>, TransferError> {
        self.transfers.abort(mover.flow(), moment(now))
    }

    /// A link goes down or comes back. Whoever moves over it waits.
    pub(super) fn turn(
        &mut self,
        link: LinkId,
        up: bool,
        now: SimTime,
    ) -> Result<(), TransferError> {
        match up {
            true => self.transfers.restore(link, moment(now)),
            false => self.transfers.kill(link, moment(now)),
        }
    }

    /// Whether anything is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.transfers.is_empty()
    }

    /// Puts the network's next event into the calendar, in place of an outdated one.
    pub(super) fn arm(
        &mut self,
        calendar: &mut Calendar<FederationEvent>,
    ) -> Result<(), KernelError> {
        let next = self.transfers.next().map(|at| SimTime::from_nanos(at.0));
        if self.armed.map(|(at, _)| at) == next {
            return Ok(());
        }
        if let Some((_, outdated)) = self.armed.take() {
            calendar.cancel(outdated);
        }
        if let Some(at) = next {
            let event = FederationEvent::FlowTurns;
            self.armed = Some((at, calendar.schedule(at, event.class(), event)?));
        }
        Ok(())
    }
}

fn moment(time: SimTime) -> Moment {
    Moment(time.as_nanos())
}
