//! What a run has come to: versions of the model, what was spent for them, limits.

use std::ops::ControlFlow;

use fleetune_algorithms::protocol::Progress;
use fleetune_units::Flops;

use super::{
    error::FederationError,
    mode::Mode,
    outcome::{End, RoundOutcome},
    server::Federation,
};

impl Federation<'_> {
    /// How much of the run is over: of rounds, time and FLOPs, what is nearest to its limit.
    pub(super) fn progress(&self) -> Progress {
        let rules = &self.rules;
        let rounds = self.standing.rounds as f64 / rules.rounds as f64;
        let time = rules.time_limit.map(|limit| self.now().as_seconds() / limit.as_seconds());
        let spent = self.standing.ledger.total().device_flops;
        let flops = rules.flops_limit.map(|limit| spent / limit);
        Progress::of([Some(rounds), time, flops].into_iter().flatten().fold(0.0, f64::max))
    }

    /// Counts what a round has spent, and whom it had.
    fn count(&mut self, outcome: &RoundOutcome) {
        self.standing.ledger += outcome.spent();
        self.standing.participants += u64::from(outcome.participants());
        self.standing.dropped += u64::from(outcome.dropped());
    }

    /// The global model has moved on by these rounds, or would have, had anything arrived: books them,
    /// evaluates if that is due, and finds out whether the run ends.
    pub(super) fn moved_on(&mut self, outcomes: Vec<RoundOutcome>) -> Result<(), FederationError> {
        self.standing.rounds += 1;
        self.standing.void_rounds += u64::from(outcomes.iter().all(RoundOutcome::is_void));
        let mut go_on = self.tell(&outcomes)?;
        if self.standing.rounds.is_multiple_of(self.rules.evaluate_every)
            && self.evaluate()?.is_break()
        {
            go_on = ControlFlow::Break(());
        }
        self.end = self.reached_limit().or(go_on.is_break().then_some(End::Asked));
        Ok(())
    }

    /// The end of the run has broken these rounds off. They count as one: their earlier exchanges may have changed the
    /// model, and what they spent is spent. So the run's last evaluation is of the model and at the cost at its end.
    pub(super) fn broken_off(&mut self, outcomes: &[RoundOutcome]) -> Result<(), FederationError> {
        if !outcomes.is_empty() {
            self.standing.rounds += 1;
            let _ = self.tell(outcomes)?;
        }
        Ok(())
    }

    fn tell(&mut self, outcomes: &[RoundOutcome]) -> Result<ControlFlow<()>, FederationError> {
        let mut go_on = ControlFlow::Continue(());
        for outcome in outcomes {
            self.count(outcome);
            let told = self.observer.round(&self.standing, outcome);
            if told.map_err(FederationError::Observer)?.is_break() {
                go_on = ControlFlow::Break(());
            }
        }
        Ok(go_on)
    }

    /// The run ends: breaks off all that is open.
    pub(super) fn break_off(&mut self) -> Result<(), FederationError> {
        match self.mode {
            Mode::Asynchronous(_) => self.abandon(),
            Mode::Hierarchy(_) => self.abandon_edges(),
            Mode::Rounds | Mode::Tiers(_) => {
                let mut outcomes = Vec::new();
                for group in 0..self.groups.len() {
                    outcomes.extend(self.interrupt(group)?);
                }
                self.broken_off(&outcomes)
            }
        }
    }

    /// Whether the run ends between two versions of the model: an algorithm may ask for more exchanges
    /// of a round than anyone wants to wait for.
    pub(super) fn ends_early(&mut self) -> Option<End> {
        let open = self.open_rounds().flat_map(|round| round.clients.values());
        let open = open.map(|client| client.outcome().spent.total().device_flops);
        let held = self.mode.held().iter().map(|round| round.spent().total().device_flops);
        let spent: Flops = open.chain(held).sum();
        let flops = self.standing.ledger.total().device_flops + spent;
        if self.rules.flops_limit.is_some_and(|limit| flops >= limit) {
            return Some(End::DeviceFlops);
        }
        self.observer.wants_to_stop().then_some(End::Asked)
    }

    fn reached_limit(&self) -> Option<End> {
        let flops = self.standing.ledger.total().device_flops;
        if self.standing.rounds >= self.rules.rounds {
            Some(End::Rounds)
        } else if self.rules.time_limit.is_some_and(|limit| self.now() >= limit) {
            Some(End::SimulatedTime)
        } else if self.rules.flops_limit.is_some_and(|limit| flops >= limit) {
            Some(End::DeviceFlops)
        } else {
            None
        }
    }
}
