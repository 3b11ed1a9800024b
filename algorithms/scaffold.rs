//! Federated averaging with control variates against client drift.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use fleetune_models::{ledger::Cost, parameters::Trainable};

use crate::{
    average::Average,
    first_order::{
        FirstOrderServer, LocalRule, LocalSteps, Method, Optimizer, Recipe, Vectors, elementwise,
    },
    protocol::{
        ClientId, Payload, ProtocolError, Restoring, Server, Snapshot, SnapshotError, Update,
    },
    registry::Algorithm,
    settings::{Aggregation, Conflict, LearningRate, Positive, Schedule},
    setup::Setup,
    uplink::Content,
};

/// SCAFFOLD (Karimireddy et al. 2020, algorithm 1): every client corrects its SGD steps by how its gradients
/// differ from everybody's.
///
/// `y -= η (g(y) - c_i + c)`, K times from the global model x; then `c_i+ = c_i - c + (x - y) / (K η)` (option II).
/// Up go `Δy = y - x` and `Δc = c_i+ - c_i`; the server sets `x += η_s mean(Δy)` and `c += (|S| / N) mean(Δc)`. All
/// control variates begin at 0. Where layers have learning rates of their own, η is each one's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaffoldConfig {
    /// Which parameters train. The default is `layers`.
    #[serde(default = "Trainable::layers")]
    pub train: Trainable,
    /// Local steps per round, K.
    pub local_steps: NonZeroU32,
    /// Texts in a mini-batch.
    pub batch_size: NonZeroU32,
    /// The clients' learning rate η. It must not fall to 0: control variates are divided by it.
    #[serde(deserialize_with = "never_zero")]
    pub learning_rate: LearningRate,
    /// The server's learning rate η_s. The default is 1, as published.
    #[serde(default = "one")]
    pub server_learning_rate: Positive,
}

fn one() -> Positive {
    Positive::new(1.0).expect("1 is positive")
}

fn never_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<LearningRate, D::Error> {
    let rate = LearningRate::deserialize(deserializer)?;
    match rate.schedule {
        Schedule::Linear { final_fraction, .. } if final_fraction.get() == 0.0 => {
            let message =
                "SCAFFOLD divides by the learning rate: expected a final_fraction above 0";
            Err(D::Error::custom(message))
        }
        Schedule::Linear { .. } | Schedule::Constant => Ok(rate),
    }
}

impl Algorithm for ScaffoldConfig {
    fn server(&self, setup: Setup) -> Box<dyn Server> {
        let rate = self.server_learning_rate.get();
        let method = |len, clients| Scaffold::new(rate, len, clients);
        Box::new(FirstOrderServer::open(setup, self.recipe(), method))
    }

    fn uploads(&self) -> Vec<(u64, Content)> {
        vec![(0, Content::ChangeAndState)]
    }

    fn refusal(&self, aggregation: Aggregation) -> Option<Conflict> {
        let message = match aggregation {
            Aggregation::Asynchronous => {
                "SCAFFOLD corrects a step by c - c_i, where every c_i and their mean c are of one time: of a client \
                 that is late, or asked again before it was joined, neither is"
            }
            Aggregation::InGroups => {
                "SCAFFOLD's c is the mean of all clients' control variates, and an edge or tier knows those of its own \
                 alone: it would take a second correction, which is not here (Fang et al. 2024, MTGC)"
            }
            Aggregation::Layered => {
                "SCAFFOLD's clients change their control variates by whole rounds"
            }
        };
        let help = "take `fedavg` or `fedprox`, whose clients are joined by what they made alone";
        Some(Conflict { field: "", message: message.to_owned(), help })
    }

    fn layered_refusal(&self) -> Option<Conflict> {
        let help = "take `fedavg` with `local_steps: 1` and `optimizer: sgd`";
        self.refusal(Aggregation::Layered).map(|conflict| Conflict { help, ..conflict })
    }

    fn untimed(&self) -> Option<Conflict> {
        None
    }

    fn describe(&self) -> String {
        format!(
            "SCAFFOLD on {}: {}; dense movement and control variate up",
            self.train,
            self.recipe()
        )
    }
}

impl ScaffoldConfig {
    fn recipe(&self) -> Recipe {
        Recipe {
            train: self.train,
            local_steps: self.local_steps,
            batch_size: self.batch_size,
            optimizer: Optimizer::Sgd,
            learning_rate: self.learning_rate.clone(),
        }
    }
}

/// The server, and what it holds on the devices' behalf.
///
/// A client's control variate c_i stays on its device and is charged to the device's memory. It is held here so that
/// jobs remain pure: c_i changes when an update is joined, not when it is computed. A client that dropped out or came
/// too late keeps the c_i it had, as a device does that waits for the server's word. Of clients that never took part
/// nothing is held.
#[derive(Debug)]
struct Scaffold {
    rate: f64,
    /// Clients in all, N.
    clients: usize,
    /// c.
    control: Arc<Vec<f32>>,
    /// c_i of the clients that have taken part.
    controls: BTreeMap<ClientId, Arc<Vec<f32>>>,
    /// c_i of all others.
    zero: Arc<Vec<f32>>,
}

impl Scaffold {
    fn new(rate: f64, len: usize, clients: usize) -> Self {
        let zero = Arc::new(vec![0.0; len]);
        Self { rate, clients, control: Arc::clone(&zero), controls: BTreeMap::new(), zero }
    }

    fn control_of(&self, client: ClientId) -> &Arc<Vec<f32>> {
        self.controls.get(&client).unwrap_or(&self.zero)
    }
}

impl Method for Scaffold {
    fn rule(&self, client: ClientId) -> Arc<dyn LocalRule> {
        let (server, own) = (Arc::clone(&self.control), Arc::clone(self.control_of(client)));
        Arc::new(Controlled { server, own })
    }

    fn join(
        &mut self,
        global: &[f32],
        updates: &[(ClientId, Update)],
    ) -> Result<Vec<f64>, ProtocolError> {
        let len = global.len();
        let (mut moves, mut changes) = (Average::new(len), Average::new(len));
        for (client, update) in updates {
            let (movement, change) = update.dense(*client, 2 * len)?.split_at(len);
            moves.add(movement, update.examples);
            // Every client counts alike in c, so that it remains the mean of all c_i.
            changes.add(change, 1);
        }
        for (client, update) in updates {
            let change = &update.dense(*client, 2 * len)?[len..];
            let own = self.control_of(*client).iter().zip(change).map(|(c, change)| c + change);
            self.controls.insert(*client, Arc::new(own.collect()));
        }
        let share = updates.len() as f64 / self.clients as f64;
        self.control = Arc::new(stepped(&self.control, share, changes).map(|c| c as f32).collect());
        Ok(stepped(global, self.rate, moves).collect())
    }

    fn save(&self, snapshot: &mut Snapshot) {
        snapshot.put(&*self.control);
        snapshot.put(&self.controls.len());
        for (client, control) in &self.controls {
            snapshot.put(client);
            snapshot.put(&**control);
        }
    }

    fn restore(&mut self, snapshot: &mut Restoring<'_>) -> Result<(), SnapshotError> {
        let len = self.zero.len();
        self.control = Arc::new(snapshot.take_vector(len)?);
        let clients: usize = snapshot.take()?;
        let each =
            (0..clients).map(|_| Ok((snapshot.take()?, Arc::new(snapshot.take_vector(len)?))));
        self.controls = each.collect::<Result<_, SnapshotError>>()?;
        Ok(())
    }

    /// Control variates come with the movements.
    fn joins_models(&self) -> bool {
        false
    }
}

/// `values + factor mean`.
fn stepped(values: &[f32], factor: f64, mean: Average) -> impl Iterator<Item = f64> {
    let mean = mean.mean().expect("updates are not empty, and each rests on at least one example");
    values.iter().zip(mean).map(move |(&value, mean)| f64::from(value) + factor * mean)
}

/// The steps of one client in one round.
#[derive(Debug)]
struct Controlled {
    /// c.
    server: Arc<Vec<f32>>,
    /// c_i.
    own: Arc<Vec<f32>>,
}

impl LocalRule for Controlled {
    /// `g + (c - c_i)`: in this order a client that is alone, whose c_i is c, takes plain steps to the bit.
    fn correct(&self, _start: &[f32], _at: &[f32], gradient: &mut [f32]) {
        let controls = self.server.iter().zip(self.own.iter());
        for (g, (&server, &own)) in gradient.iter_mut().zip(controls) {
            *g += server - own;
        }
    }

    /// Difference and sum; reads c, c_i and the gradient, writes the gradient.
    fn correction_cost(&self, elements: usize) -> Cost {
        elementwise(elements, 2, 4)
    }

    /// Δy and `Δc = -c - Δy / (K η)`, one after the other.
    ///
    /// The server could work out Δc by itself; both are sent, as published.
    fn upload(&self, steps: &LocalSteps, start: &[f32], end: Vec<f32>) -> Payload {
        let mut sent: Vec<f32> = end.iter().zip(start).map(|(&y, &x)| y - x).collect();
        for (range, rate) in steps.rates.stretches() {
            let per_step = (1.0 / (steps.count as f64 * rate)) as f32;
            for i in range {
                sent.push(-sent[i] * per_step - self.server[i]);
            }
        }
        Payload::Dense(sent)
    }

    /// One operation for Δy, two for Δc, one to add it to c_i; reads y, x, c and c_i, writes Δy, Δc and c_i.
    fn upload_cost(&self, elements: usize) -> Cost {
        elementwise(elements, 4, 7)
    }

    /// x and c come down; they and c_i are held. Δy and Δc take the places of y and of the gradient.
    fn vectors(&self) -> Vectors {
        Vectors { download: 2, upload: 2, held: 3 }
    }
}

#[cfg(test)]
mod tests;
