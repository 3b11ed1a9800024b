//! A scenario's clock: what it is told of an algorithm, and what to say of its blind spots.

use fleetune_algorithms::{protocol::Server, uplink::Algorithm};
use fleetune_devices::CostMode;
use fleetune_scenarios::{Pace, pace};

use crate::{federation::Clock, prepare::Prepared};

/// The scenario's clock for an algorithm with this server.
pub(crate) fn clock(prepared: &Prepared, algorithm: &Algorithm, server: &dyn Server) -> Clock {
    let mode = prepared.scenario.fleet.cost.clone();
    let Pace { kind, batch_size, steps } = pace(algorithm);
    let trainable = server.weights().values.len() as u64;
    Clock { mode, algorithm: kind, batch: batch_size, steps, trainable }
}

/// How the clock comes by computing times.
pub(crate) fn computing(mode: &CostMode) -> &'static str {
    match mode {
        CostMode::Fedscale(_) => {
            "FedScale's clock: 3 x batch x steps x time per sample of its table, whatever is trained and how; devices' \
             profiles do not count. Memory is the profile's all the same"
        }
        CostMode::Fwdllm(_) => {
            "FwdLLM's clock: one time a batch, whatever is trained and how, the same on every device; devices' profiles \
             do not count. Memory is the profile's all the same"
        }
        CostMode::Measured(_) => {
            "step times as measured, given by the scenario: per device profile, algorithm and batch size"
        }
        _ => {
            "roofline of the device profile: counted FLOPs and memory traffic over sustained speed and bandwidth"
        }
    }
}

/// How the clock comes by transfer times.
pub(crate) fn transferring(mode: &CostMode) -> &'static str {
    match mode {
        CostMode::Fedscale(_) => {
            "FedScale's clock: bytes over the bandwidth of its table; no latency, and nobody shares a link"
        }
        CostMode::Fwdllm(_) => {
            "FwdLLM's clock: 4 B for each trained parameter at 10 Mbit/s, whatever is sent; nobody shares a link"
        }
        _ => "flows over each device's access link and the shared server link, max-min fair",
    }
}

/// What a plan under this clock has to say beside its numbers; nothing for the roofline.
pub(crate) fn note(mode: &CostMode) -> Option<String> {
    (!mode.is_roofline()).then(|| {
        format!(
            "Computing times are by {}.\nTransfer times are by {}.\nEnergy is the profile's power over these times.\n",
            computing(mode),
            transferring(mode)
        )
    })
}
