//! What a policy of selection sees of the federation, and what it is told.

use fleetune_algorithms::protocol::{Estimate, Exchange};
use fleetune_devices::network::Alone;
use fleetune_units::{Joules, Seconds};

use super::{
    client::moment,
    clock::Undisturbed,
    outcome::RoundOutcome,
    selection::{Call, Group},
    server::Federation,
};

/// All devices, as the server knows them at the opening of a round.
struct Everyone<'f, 'a> {
    federation: &'f Federation<'a>,
    exchange: Exchange,
    /// How many were not asked for want of memory.
    excluded: u32,
}

impl Group for Everyone<'_, '_> {
    fn devices(&self) -> u32 {
        self.federation.capable.len() as u32
    }

    fn is_there(&self, device: u32) -> bool {
        self.federation.presence.is_online(device)
    }

    fn is_able(&self, device: u32) -> bool {
        self.federation.capable[device as usize] && self.is_there(device)
    }

    fn estimate(&self, device: u32) -> Seconds {
        let Self { federation, exchange, .. } = self;
        let workload = federation.assignment(*exchange, device).workload;
        let alone = Alone { device: federation.device(device), wiring: &federation.wiring };
        Undisturbed { alone, clock: &federation.clock }.duration(&workload)
    }

    fn memory_taken(&self, device: u32) -> f64 {
        let workload = self.federation.assignment(self.exchange, device).workload;
        workload.peak_memory / self.federation.device(device).memory_budget()
    }

    fn battery(&self, device: u32) -> Option<(f64, Joules)> {
        let now = moment(self.federation.now());
        let battery = self.federation.supplies.battery(device)?;
        let config = self.federation.device(device).profile().battery?;
        Some((battery.level(now).get(), config.capacity))
    }

    fn admit(&mut self, device: u32) -> bool {
        let Self { federation, exchange, .. } = self;
        let admitted = federation.capable[device as usize]
            && federation
                .device(device)
                .can_run(&federation.assignment(*exchange, device).workload);
        self.excluded += u32::from(!admitted);
        admitted
    }
}

impl Federation<'_> {
    /// The devices to ask, in order; and how many were passed over because this round's assignment
    /// exceeds their memory though the first one did not.
    pub(super) fn select(&self, exchange: Exchange) -> (Vec<u32>, u32) {
        let call = Call {
            seeds: &self.seeds,
            round: exchange.round,
            now: self.now(),
            wanted: self.rules.asked,
            deadline: self.rules.deadline.map(|span| Seconds::from_raw(span.as_seconds())),
        };
        let mut everyone = Everyone { federation: self, exchange, excluded: 0 };
        let asked = self.selection.select(&call, &mut everyone);
        (asked, everyone.excluded)
    }

    /// The run begins: the policy sees who is there.
    pub(super) fn tell_who_is_there(&mut self) {
        let now = self.now();
        for device in (0..).take(self.devices.len()) {
            if self.presence.is_online(device) {
                self.selection.moved(device, true, now);
            }
        }
    }

    /// A round has ended: the policy learns what became of it.
    pub(super) fn tell_selection(&mut self, outcome: &RoundOutcome) {
        let reports = self.server.take_reports();
        self.selection.observe(outcome, &reports);
    }
}
