//! FedsLLM among devices that leave: real training of the survivors.

use fleetune::{
    federation::{Fate, FederationConfig},
    prepare::{Prepared, World},
};
use fleetune_algorithms::{
    protocol::{ClientId, Estimate, Exchange, Server},
    registry::AlgorithmConfig,
};
use fleetune_devices::{Workload, streams::SeedTree};
use fleetune_models::backend::Backend;
use fleetune_scenarios::{Overrides, check_text};
use fleetune_units::Seconds;

use super::diary::Diary;
use super::world::{always, config, same};
use crate::program::harness::scenario;

const ALGORITHMS: [&str; 2] = [
    "  FedsLLM: { fedsllm: { split: 2, local_steps: 3, batch_size: 4, learning_rate: { base: 1e-3 } } }\n",
    "  FedAvg: { fedavg: { train: { lora: { rank: 8, alpha: 8 } }, local_steps: 3, batch_size: 4, learning_rate: { base: 1e-3 } } }\n",
];

struct NoMatter;

impl Estimate for NoMatter {
    fn duration(&self, _: &Workload) -> Seconds {
        Seconds::ZERO
    }
}

struct Case {
    prepared: Prepared,
    world: World,
}

impl Case {
    fn new() -> Self {
        let text = scenario(ALGORITHMS);
        let folder = std::path::Path::new("");
        let checked = check_text("split.yaml", text.as_bytes(), folder, &Overrides::default());
        let prepared = Prepared::new(checked.unwrap(), Backend::default()).unwrap();
        let world = prepared.world(0).unwrap();
        Self { prepared, world }
    }

    fn server(&self, label: &str) -> Box<dyn Server> {
        let mut algorithms = self.prepared.scenario.algorithms.iter();
        let found = algorithms.find(|(name, _)| name.as_str() == label);
        let config: &AlgorithmConfig = &found.unwrap().1.kind;
        config.server(self.prepared.setup(&self.world))
    }

    /// One round of three devices with these sessions: the diary, and the model that the server is left with.
    fn round(&self, rules: &FederationConfig, traces: &[Vec<(bool, f64)>]) -> (Diary, Vec<f32>) {
        let mut server = self.server("FedsLLM");
        let mut diary = Diary::default();
        let fleet = same(3);
        let sessions = super::world::sessions(traces);
        let seeds = SeedTree::new(5);
        let federation = fleetune::federation::Federation::with_sessions(
            rules,
            &fleet,
            sessions,
            seeds,
            server.as_mut(),
            &mut diary,
        );
        federation.unwrap().run().unwrap();
        (diary, server.weights().values.clone())
    }

    /// FedAvg's model after a round of these clients.
    fn fedavg(&self, clients: &[ClientId]) -> Vec<f32> {
        let mut server = self.server("FedAvg");
        let only = Exchange::at(0, 0);
        let job = |&client| (client, (server.assign(only, client, &NoMatter).job)());
        let updates = clients.iter().map(job).collect();
        server.aggregate(only, updates).unwrap();
        server.weights().values.clone()
    }
}

fn rules() -> FederationConfig {
    let mut rules = config(3);
    rules.stop.rounds = 1;
    rules
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A device that leaves in mid-round, whatever it is doing, or comes too late, is lost with all it did; the others go
/// on, and what they learn is what FedAvg learns of them.
#[test]
fn those_who_stay_learn_what_fedavg_learns_of_them() {
    let case = Case::new();
    let (calm, all) = case.round(&rules(), &[always(), always(), always()]);
    assert_eq!(calm.rounds[0].exchanges, 4, "three local steps");
    let mut order: Vec<ClientId> = calm.rounds[0].clients.iter().map(|c| c.client).collect();
    assert_eq!(bits(&all), bits(&case.fedavg(&order)));
    let length = calm.rounds[0].closed.as_seconds();
    let server = calm.standings[0].server_flops.get();
    order.retain(|&client| client != 1);
    let expected = bits(&case.fedavg(&order));
    assert_ne!(expected, bits(&all));
    let mut before = 0;
    for share in [0.02, 0.1, 0.3, 0.45, 0.6, 0.75, 0.9, 0.99] {
        let leaves = vec![(true, share * length), (false, f64::INFINITY)];
        let (diary, found) = case.round(&rules(), &[always(), leaves, always()]);
        let round = &diary.rounds[0];
        assert_eq!((round.exchanges, round.participants()), (4, 2), "{share}");
        let lost = round.clients.iter().find(|c| c.client == 1).unwrap();
        assert_eq!((lost.fate, lost.exchanges), (Fate::Left, 0), "{share}");
        assert!(lost.spent.useful.device_flops.is_zero() && !lost.spent.wasted.energy.is_zero());
        // The earlier it is gone, the less there is for the server to do.
        let done = diary.standings[0].server_flops.get();
        assert!(before <= done && done <= server, "{share}");
        assert!(share > 0.02 || 3 * done == 2 * server, "{share}: nothing is done for the lost");
        before = done;
        assert!(bits(&found) == expected, "{share}");
    }
}

/// All leave: the round comes to nothing, and the model stays what it was.
#[test]
fn a_round_that_all_leave_changes_nothing() {
    let case = Case::new();
    let before = bits(&case.server("FedsLLM").weights().values);
    let (calm, _) = case.round(&rules(), &[always(), always(), always()]);
    let length = calm.rounds[0].closed.as_seconds();
    for share in [0.2, 0.5, 0.95] {
        let leaves = || vec![(true, share * length), (false, f64::INFINITY)];
        let (diary, found) = case.round(&rules(), &[leaves(), leaves(), leaves()]);
        assert!(diary.rounds[0].is_void(), "{share}");
        assert!(bits(&found) == before, "{share}");
    }
}
