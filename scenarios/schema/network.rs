use fleetune_devices::network::{ServerLink, config::TopologyConfig, model::TransferModel};
use fleetune_units::{BytesPerSecond, FlopsPerSecond, Seconds};
use serde::{Deserialize, Serialize};

use super::number::positive;

/// What connects devices and server, beyond each device's own link (which its profile gives).
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The server: its link, which all transfers share, and how fast it computes.
    #[serde(default)]
    pub server: ServerConfig,
    /// What lies between the server's link and the devices. The default is a star: nothing that they share.
    #[serde(default)]
    pub topology: TopologyConfig,
    /// How transfers use capacities and latencies. The default is `raw`: as if there were no protocol.
    #[serde(default)]
    pub transfers: TransferModel,
}

/// The server's link, full duplex, each direction shared by max-min fairness; and its speed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// What the server can send, over all devices. The default is 1 Gbit/s.
    #[serde(deserialize_with = "positive")]
    pub uplink: BytesPerSecond,
    /// What the server can receive, over all devices. The default is 1 Gbit/s.
    #[serde(deserialize_with = "positive")]
    pub downlink: BytesPerSecond,
    /// One-way latency between the server and a device's access link, added to that link's. The default is 10 ms.
    pub latency: Seconds,
    /// Sustained speed at which the server computes its part of training, above zero; where the server trains nothing
    /// (all but `fedsllm`) it changes nothing. The default is 10 TFLOP/s. Assumed: half of the 19.5 TFLOP/s in
    /// 32-bit floats that NVIDIA's data sheet of the A100 gives as its peak.
    #[serde(deserialize_with = "positive")]
    pub compute: FlopsPerSecond,
}

impl ServerConfig {
    /// Its link alone.
    pub fn link(&self) -> ServerLink {
        ServerLink { uplink: self.uplink, downlink: self.downlink, latency: self.latency }
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        let gigabit = BytesPerSecond::from_raw(125e6);
        let latency = Seconds::from_raw(0.01);
        let compute = FlopsPerSecond::from_raw(10e12);
        Self { uplink: gigabit, downlink: gigabit, latency, compute }
    }
}
