//! Tails of radios that outlast the round of their transfer.
//!
//! What such a tail draws belongs to the round that caused it: it is useful or wasted as the
//! client's last exchange was. But that round has been told already, so the energy is told with
//! the round that closes next, as far as it has been drawn by then.

use std::collections::BTreeMap;

use fleetune_algorithms::protocol::ClientId;
use fleetune_units::{Joules, Seconds};

use super::{
    draw::Tail,
    ledger::{Ledger, Resources},
};
use crate::kernel::{SimDuration, SimTime};

/// Tails that are not over, and what earlier ones have drawn that was not told yet.
#[derive(Debug, Default)]
pub(super) struct Tails {
    open: BTreeMap<ClientId, Open>,
    drawn: BTreeMap<ClientId, Ledger>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    tail: Tail,
    /// Booked up to here.
    since: SimTime,
    useful: bool,
}

impl Tails {
    /// The round of `client` closes at `now`, before its tail is over.
    pub(super) fn keep(&mut self, client: ClientId, tail: Tail, now: SimTime, useful: bool) {
        if tail.ends > now {
            self.open.insert(client, Open { tail, since: now, useful });
        }
    }

    /// `client` is asked again at `now`, or its device dies: what is left of its tail is no longer
    /// the earlier round's.
    pub(super) fn take(&mut self, client: ClientId, now: SimTime) -> Option<Tail> {
        let mut open = self.open.remove(&client)?;
        let energy = open.draw(now);
        self.book(client, energy, open.useful);
        (open.tail.ends > now).then_some(open.tail)
    }

    /// What all of them have drawn by `now` that was not told yet, in the order of clients.
    pub(super) fn tell(&mut self, now: SimTime) -> Vec<(ClientId, Ledger)> {
        let mut drawn = Vec::new();
        for (&client, open) in &mut self.open {
            drawn.push((client, open.draw(now), open.useful));
        }
        self.open.retain(|_, open| open.tail.ends > now);
        for (client, energy, useful) in drawn {
            self.book(client, energy, useful);
        }
        std::mem::take(&mut self.drawn).into_iter().collect()
    }

    fn book(&mut self, client: ClientId, energy: Joules, useful: bool) {
        if energy.is_zero() {
            return;
        }
        let spent = Resources { energy, ..Resources::default() };
        let ledger = self.drawn.entry(client).or_default();
        if useful {
            ledger.useful += spent;
        } else {
            ledger.wasted += spent;
        }
    }
}

impl Open {
    /// What it draws from where it was booked up to until `now`, or until it is over.
    fn draw(&mut self, now: SimTime) -> Joules {
        let until = now.min(self.tail.ends);
        let time = until.since(self.since).unwrap_or(SimDuration::ZERO);
        self.since = self.since.max(until);
        self.tail.power * Seconds::from_raw(time.as_seconds())
    }
}
