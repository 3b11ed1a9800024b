use fleetune_units::{BytesPerSecond, Seconds};
use serde::{Deserialize, Serialize};

use super::number::positive;

/// What connects devices and server, beyond each device's own link (which its profile gives).
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The server's link, which all transfers share.
    #[serde(default)]
    pub server: ServerLink,
}

/// The server's link, full duplex; each direction is shared by max-min fairness.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerLink {
    /// What the server can send, over all devices. The default is 1 Gbit/s.
    #[serde(deserialize_with = "positive")]
    pub uplink: BytesPerSecond,
    /// What the server can receive, over all devices. The default is 1 Gbit/s.
    #[serde(deserialize_with = "positive")]
    pub downlink: BytesPerSecond,
    /// One-way latency between the server and a device's access link, added to that link's. The default is 10 ms.
    pub latency: Seconds,
}

impl Default for ServerLink {
    fn default() -> Self {
        let gigabit = BytesPerSecond::from_raw(125e6);
        Self { uplink: gigabit, downlink: gigabit, latency: Seconds::from_raw(0.01) }
    }
}
