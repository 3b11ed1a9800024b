//! What batteries and radios' tails do to a run: devices die, come back, and draw after their round.

use super::{error::FederationError, ledger::Ledger, server::Federation};

impl Federation<'_> {
    /// All batteries as they are at time zero.
    pub(super) fn start_batteries(&mut self) -> Result<(), FederationError> {
        for device in self.supplies.devices() {
            self.supplies.turn(device, &mut self.calendar)?;
            let barred = !self.supplies.admit(device, self.now());
            self.presence.bar(device, barred);
        }
        Ok(())
    }

    /// Something changes about a battery: the device may come, leave or die.
    pub(super) fn battery_turns(&mut self, device: u32) -> Result<(), FederationError> {
        self.supplies.turn(device, &mut self.calendar)?;
        let now = self.now();
        let barred = !self.supplies.admit(device, now);
        let change = self.presence.bar(device, barred);
        self.changed(device, change)?;
        if self.supplies.is_dead(device, now) { self.silence(device) } else { Ok(()) }
    }

    /// A dead device's radio is off, whichever round its last transfer was in.
    fn silence(&mut self, device: u32) -> Result<(), FederationError> {
        let now = self.now();
        self.tails.take(device, now);
        let group = self.members.of(device);
        let round = group.and_then(|group| self.groups[group].round.as_mut());
        let client = round.and_then(|round| {
            let place = round.places.get(&device)?;
            round.clients.get_mut(place)
        });
        if let Some(client) = client {
            client.silence(now)?;
        }
        Ok(())
    }

    /// Whether no device will ever come or go any more.
    pub(super) fn is_settled(&self) -> bool {
        self.presence.is_settled() && self.supplies.is_settled()
    }

    /// The run is over: what tails have drawn since the last round closed is spent, too.
    pub(super) fn tell_tails(&mut self) {
        let tails = self.tails.tell(self.now());
        self.standing.ledger += tails.into_iter().map(|(_, spent)| spent).sum::<Ledger>();
    }

    /// The run is over: tells the observer how it leaves the batteries.
    pub(super) fn tell_batteries(&mut self) {
        let now = self.now();
        for (device, battery) in self.supplies.iter() {
            self.observer.battery(device, battery, now);
        }
    }
}
