//! A scenario's clock: what it is told of an algorithm, and what to say of its blind spots.

use fleetune_algorithms::{protocol::Server, uplink::Algorithm};
use fleetune_devices::{
    CostMode,
    network::{config::TopologyConfig, model::TransferModel},
};
use fleetune_scenarios::{Pace, pace, schema::NetworkConfig};

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
pub(crate) fn transferring(mode: &CostMode, network: &NetworkConfig) -> String {
    let between = match network.topology {
        TopologyConfig::Star => "each device's access link",
        TopologyConfig::TwoTier(_) => "each device's access link, its aggregator's links",
        TopologyConfig::Wifi(_) => "the air of each device's Wi-Fi cell, the cell's links",
        TopologyConfig::Graph(_) => "the links of the scenario's graph",
    };
    let protocol = match network.transfers {
        TransferModel::Lv08(_) => ", with SimGrid's LV08 model of TCP",
        TransferModel::Raw | TransferModel::Cm02 => "",
    };
    let of_clock = match mode {
        CostMode::Fedscale(_) => {
            "FedScale's clock: bytes over the bandwidth of its table; no latency, and nobody shares a link"
        }
        CostMode::Fwdllm(_) => {
            "FwdLLM's clock: 4 B for each trained parameter at 10 Mbit/s, whatever is sent; nobody shares a link"
        }
        _ => {
            return format!(
                "flows over {between} and the shared server link, max-min fair{protocol}"
            );
        }
    };
    of_clock.to_owned()
}

/// What a plan under this clock has to say beside its numbers; nothing for the roofline.
pub(crate) fn note(mode: &CostMode, network: &NetworkConfig) -> Option<String> {
    (!mode.is_roofline()).then(|| {
        format!(
            "Computing times are by {}.\nTransfer times are by {}.\nEnergy is the profile's power over these times.\n",
            computing(mode),
            transferring(mode, network)
        )
    })
}
