//! An observer that writes everything down.

use std::{collections::BTreeMap, ops::ControlFlow};

use fleetune::federation::{GroupInfo, Observer, ObserverError, RoundOutcome, Standing};
use fleetune::kernel::SimTime;
use fleetune_algorithms::protocol::{ClientId, Server};
use fleetune_devices::{Battery, energy::Moment};

/// Writes everything down.
#[derive(Debug, Default)]
pub(super) struct Diary {
    pub(super) groups: Vec<GroupInfo>,
    pub(super) rounds: Vec<RoundOutcome>,
    pub(super) standings: Vec<Standing>,
    pub(super) evaluated: Vec<u64>,
    /// Asks for the end after so many rounds.
    pub(super) patience: Option<u64>,
    /// Asks for the end after so many exchanges that were followed by another of their round.
    pub(super) exchanges: Option<u64>,
    /// How the run left the batteries.
    pub(super) batteries: BTreeMap<ClientId, (Battery, Moment)>,
}

impl Observer for Diary {
    fn evaluate(
        &mut self,
        standing: &Standing,
        _: &dyn Server,
    ) -> Result<ControlFlow<()>, ObserverError> {
        self.evaluated.push(standing.rounds);
        Ok(ControlFlow::Continue(()))
    }

    fn groups(&mut self, groups: &[GroupInfo]) {
        self.groups = groups.to_vec();
    }

    fn round(
        &mut self,
        standing: &Standing,
        outcome: &RoundOutcome,
    ) -> Result<ControlFlow<()>, ObserverError> {
        self.rounds.push(outcome.clone());
        self.standings.push(*standing);
        let enough = self.patience.is_some_and(|patience| standing.rounds >= patience);
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn battery(&mut self, device: ClientId, battery: &Battery, at: SimTime) {
        self.batteries.insert(device, (battery.clone(), Moment(at.as_nanos())));
    }

    fn wants_to_stop(&mut self) -> bool {
        let Some(left) = &mut self.exchanges else {
            return false;
        };
        *left -= 1;
        *left == 0
    }
}
