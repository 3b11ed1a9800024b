//! Transfers under way, with their next event in the calendar.

use fleetune_devices::{
    energy::Moment,
    network::{
        Wiring,
        transfers::{FlowId, Transfer, TransferError, Transfers},
    },
};
use fleetune_units::Bytes;

use super::event::FederationEvent;
use crate::kernel::{Calendar, Handle, KernelError, SimTime};

/// The flows of the clients, each named by its client's place: a client has one at a time. Among
/// flows that end at one instant the order of places decides.
#[derive(Debug)]
pub(super) struct Links {
    transfers: Transfers,
    armed: Option<(SimTime, Handle)>,
}

impl Links {
    pub(super) fn new(wiring: &Wiring) -> Self {
        Self { transfers: wiring.transfers(Moment(0)), armed: None }
    }

    /// Starts the transfer of the client at `place`.
    pub(super) fn start(
        &mut self,
        place: u32,
        now: SimTime,
        transfer: Transfer,
    ) -> Result<(), TransferError> {
        self.transfers.start(flow(place), moment(now), transfer)
    }

    /// Places of the transfers that are complete at `now`.
    pub(super) fn settle(&mut self, now: SimTime) -> Result<Vec<u32>, TransferError> {
        self.armed = None;
        let completed = self.transfers.settle(moment(now))?;
        Ok(completed.into_iter().map(|flow| flow.id.0 as u32).collect())
    }

    /// Breaks the transfer of `place` off; gives the whole bytes moved, if there was one.
    pub(super) fn abort(
        &mut self,
        place: u32,
        now: SimTime,
    ) -> Result<Option<Bytes>, TransferError> {
        self.transfers.abort(flow(place), moment(now))
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

fn flow(place: u32) -> FlowId {
    FlowId(u64::from(place))
}

fn moment(time: SimTime) -> Moment {
    Moment(time.as_nanos())
}
