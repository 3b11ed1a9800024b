//! What a policy of selection sees of the federation, and what it is told.

use fleetune_algorithms::protocol::{ClientId, Estimate, Exchange};
use fleetune_devices::{Workload, network::Alone};
use fleetune_units::{Joules, Seconds};

use super::{
    client::moment,
    clock::Undisturbed,
    error::FederationError,
    outcome::RoundOutcome,
    selection::{Call, Candidates},
    server::Federation,
};

/// The devices of a group, as its server knows them at the opening of a round.
struct Members<'f, 'a> {
    federation: &'f Federation<'a>,
    group: usize,
    exchange: Exchange,
    /// How many were not asked for want of memory.
    excluded: u32,
}

impl Members<'_, '_> {
    fn workload(&self, device: u32) -> Workload {
        self.federation.workload(self.group, self.exchange, device)
    }
}

impl Candidates for Members<'_, '_> {
    fn devices(&self) -> u32 {
        self.federation.devices.len() as u32
    }

    fn is_member(&self, device: u32) -> bool {
        self.federation.members.of(device) == Some(self.group)
    }

    fn is_there(&self, device: u32) -> bool {
        self.is_member(device) && self.federation.presence.is_online(device)
    }

    fn is_able(&self, device: u32) -> bool {
        self.federation.capable[device as usize] && self.is_there(device)
    }

    fn estimate(&self, device: u32) -> Seconds {
        let federation = self.federation;
        let alone = Alone { device: federation.device(device), wiring: &federation.wiring };
        Undisturbed { alone, clock: &federation.clock }.duration(&self.workload(device))
    }

    fn memory_taken(&self, device: u32) -> f64 {
        self.workload(device).peak_memory / self.federation.device(device).memory_budget()
    }

    fn battery(&self, device: u32) -> Option<(f64, Joules)> {
        let battery = self.federation.supplies.battery(device)?;
        let config = self.federation.device(device).profile().battery?;
        Some((battery.level(moment(self.federation.now())).get(), config.capacity))
    }

    fn admit(&mut self, device: u32) -> bool {
        let admitted = self.federation.capable[device as usize]
            && self.federation.device(device).can_run(&self.workload(device));
        self.excluded += u32::from(!admitted);
        admitted
    }
}

/// Clients by place, in order.
type Asked = Vec<(u32, ClientId)>;

impl Federation<'_> {
    /// The devices to ask by place, in order; and how many were passed over because this round's
    /// assignment exceeds their memory though the first one did not.
    pub(super) fn select(
        &self,
        group: usize,
        exchange: Exchange,
    ) -> Result<(Asked, u32), FederationError> {
        let call = Call {
            group: group as u32,
            seeds: &self.seeds,
            round: exchange.round,
            now: self.now(),
            wanted: self.rules.asked,
            deadline: self.rules.deadline.map(|span| Seconds::from_raw(span.as_seconds())),
        };
        let mut members = Members { federation: self, group, exchange, excluded: 0 };
        let asked = (0..).zip(self.selection.select(&call, &mut members));
        let placed = asked.map(|(index, device)| Ok((self.place(group, index)?, device)));
        Ok((placed.collect::<Result<_, FederationError>>()?, members.excluded))
    }

    /// The run begins: the policy sees who is there.
    pub(super) fn tell_who_is_there(&mut self) {
        let now = self.now();
        for device in (0..).take(self.devices.len()) {
            if let Some(group) = self.members.of(device).filter(|_| self.presence.is_online(device))
            {
                self.selection.moved(group as u32, device, true, now);
            }
        }
    }

    /// A group's round has ended: the policy learns what became of it.
    pub(super) fn tell_selection(&mut self, group: usize, outcome: &RoundOutcome) {
        let reports = self.server.take_reports(group);
        self.selection.observe(outcome, &reports);
    }
}
