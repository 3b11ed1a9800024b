//! Clients that report their training losses with their updates.
//!
//! Some rules of whom to ask next need to know how badly the model does on a client's texts; Oort (Lai et al., "Oort:
//! efficient federated learning via guided participant selection", OSDI 2021) is one. A client's losses fall out of the
//! forwards that it makes anyway, but the server does not know them: so the client sends them, as one 32-bit float
//! behind its update, and those four bytes are sent and charged like all others. Squaring and adding up the losses is
//! not charged, as computing them from the logits is not.
//!
//! Of backpropagation the losses are those of the steps' mini-batches, each at the model of that step. Perturbation
//! methods see the loss at both sides of each step, at `θ ± ε z`; the mean of their squares is that at θ but for terms
//! in ε².

use std::{collections::BTreeMap, fmt};

use fleetune_devices::Workload;
use fleetune_models::{parameters::Weights, transformer::Classifier};
use fleetune_units::Flops;

use crate::{
    privacy::Revealed,
    protocol::{
        Assignment, ClientId, Counted, Estimate, Exchange, Horizon, Movable, Payload,
        ProtocolError, Restoring, Server, Snapshot, SnapshotError, Update, Verdict,
    },
    wire::Report,
};

/// `server`, whose clients report their losses from now on. It is for rounds: nobody is joined one by one.
pub fn reporting(server: Box<dyn Server>) -> Box<dyn Server> {
    Box::new(Reporting { server, reports: BTreeMap::new() })
}

struct Reporting {
    server: Box<dyn Server>,
    /// The last report of each client since they were asked for.
    reports: BTreeMap<ClientId, f32>,
}

fn longer(workload: Workload) -> Workload {
    Workload { upload: workload.upload + Report::SIZE, ..workload }
}

/// The update with its report behind it.
fn reported(update: Update) -> Update {
    let report = Report::of(update.losses.utility());
    let counted = Counted { upload: update.counted.upload + Report::SIZE, ..update.counted };
    let payload = Payload::Reported { update: Box::new(update.payload), report };
    Update { payload, counted, ..update }
}

impl Server for Reporting {
    fn convene(&mut self, exchange: Exchange, cohort: &[ClientId]) {
        self.server.convene(exchange, cohort);
    }

    fn assign(&self, exchange: Exchange, client: ClientId, device: &dyn Estimate) -> Assignment {
        let Assignment { workload, job } = self.server.assign(exchange, client, device);
        Assignment { workload: longer(workload), job: Box::new(move || reported(job())) }
    }

    fn forecast(&self, client: ClientId, device: &dyn Estimate, horizon: Horizon) -> Vec<Workload> {
        self.server.forecast(client, device, horizon).into_iter().map(longer).collect()
    }

    fn aggregate(
        &mut self,
        exchange: Exchange,
        updates: Vec<(ClientId, Update)>,
    ) -> Result<Verdict, ProtocolError> {
        let mut plain = Vec::with_capacity(updates.len());
        for (client, update) in updates {
            let Payload::Reported { update: payload, report } = update.payload else {
                let (found, expected) = (update.payload.kind(), "an update with a report");
                return Err(ProtocolError::WrongPayload { client, found, expected });
            };
            self.reports.insert(client, report.utility());
            plain.push((client, Update { payload: *payload, ..update }));
        }
        self.server.aggregate(exchange, plain)
    }

    fn join_work(&self, exchange: Exchange, clients: &[ClientId]) -> Flops {
        self.server.join_work(exchange, clients)
    }

    fn join_counted(&self) -> Flops {
        self.server.join_counted()
    }

    fn needs_whole_rounds(&self) -> bool {
        self.server.needs_whole_rounds()
    }

    fn save(&self, snapshot: &mut Snapshot) {
        self.server.save(snapshot);
        snapshot.put(&self.reports);
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        self.server.restore(snapshot)?;
        self.reports = snapshot.take()?;
        Ok(())
    }

    fn weights(&self) -> &Weights {
        self.server.weights()
    }

    fn model(&self) -> Classifier {
        self.server.model()
    }

    fn movable(&mut self) -> Option<&mut dyn Movable> {
        self.server.movable()
    }

    fn take_reports(&mut self) -> Vec<(ClientId, f32)> {
        std::mem::take(&mut self.reports).into_iter().collect()
    }

    fn revealed(&self) -> Option<&Revealed> {
        self.server.revealed()
    }
}

impl fmt::Debug for Reporting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporting").field("reports", &self.reports).finish_non_exhaustive()
    }
}
