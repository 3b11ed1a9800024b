//! Worlds in which flows run to their end.

use fleetune_devices::{
    Fleet,
    energy::Moment,
    network::{
        Direction, ServerLink, Wiring,
        config::TopologyConfig,
        fair_share::{Capacity, Flow, Sharing},
        model::TransferModel,
        transfers::{FlowId, Transfer, Transfers},
    },
};
use fleetune_units::{Bytes, BytesPerSecond, Seconds};
use serde::Deserialize;

use crate::{DeviceSpec, Finding, ValidationError, fleet};

/// 1 MB/s.
pub(super) const MB: f64 = 1e6;
/// What never limits anything here [B/s].
pub(super) const FAST: f64 = 1e15;

pub(super) fn rate(bytes_per_second: f64) -> BytesPerSecond {
    BytesPerSecond::from_raw(bytes_per_second)
}

pub(super) fn shared(capacity: f64) -> Capacity {
    Capacity { capacity: rate(capacity), sharing: Sharing::Shared }
}

/// A device that is reached at these rates without latency.
pub(super) fn reached(uplink: f64, downlink: f64) -> DeviceSpec {
    DeviceSpec { uplink: rate(uplink), downlink: rate(downlink), ..DeviceSpec::default() }
}

/// A network as a scenario writes it, with its devices: what the federation transfers over.
pub(super) struct World {
    wiring: Wiring,
    fleet: Fleet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Without, one that limits nothing.
    #[serde(default = "next_door")]
    server: ServerLink,
    #[serde(default)]
    topology: TopologyConfig,
}

fn next_door() -> ServerLink {
    ServerLink { uplink: rate(FAST), downlink: rate(FAST), latency: Seconds::ZERO }
}

/// Which way a transfer goes, seen from the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Down,
    Up,
}

impl World {
    pub(super) fn new(
        network: &str,
        specs: &[DeviceSpec],
        model: TransferModel,
    ) -> Result<Self, ValidationError> {
        let Written { server, topology } =
            serde_yaml::from_str(network).map_err(ValidationError::refused)?;
        let fleet = fleet(specs)?;
        let wiring = Wiring::new(&topology, model, &server, &fleet.devices)
            .map_err(ValidationError::refused)?;
        Ok(Self { wiring, fleet })
    }

    /// When each of `transfers` (device, way, bytes), all begun at time 0, ends; in their order.
    pub(super) fn ends(
        &self,
        transfers: &[(u32, Way, u64)],
    ) -> Result<Vec<Moment>, ValidationError> {
        let mut engine = self.wiring.transfers(Moment(0));
        for (id, &(device, way, size)) in (0..).zip(transfers) {
            let transfer = self.transfer(device, way, size)?;
            start(&mut engine, id, Moment(0), transfer)?;
        }
        play(&mut engine, transfers.len())
    }

    /// The end of a download of `size` bytes by every device, all begun at time 0.
    pub(super) fn downloads(&self, size: u64) -> Result<Vec<Moment>, ValidationError> {
        let all: Vec<_> =
            self.fleet.devices.iter().map(|device| (device.id.0, Way::Down, size)).collect();
        self.ends(&all)
    }

    pub(super) fn transfer(
        &self,
        device: u32,
        way: Way,
        size: u64,
    ) -> Result<Transfer, ValidationError> {
        let device = self.fleet.devices.get(device as usize).ok_or(NOT_THERE)?;
        let direction = match way {
            Way::Down => Direction::Down,
            Way::Up => Direction::Up,
        };
        Ok(self.wiring.transfer(device, direction, Bytes::new(size)))
    }

    pub(super) fn engine(&self) -> Transfers {
        self.wiring.transfers(Moment(0))
    }
}

const NOT_THERE: ValidationError =
    ValidationError::Model { experiment: "a network", what: "a device is not there" };

pub(super) fn start(
    engine: &mut Transfers,
    id: u64,
    now: Moment,
    transfer: Transfer,
) -> Result<(), ValidationError> {
    engine.start(FlowId(id), now, transfer).map_err(ValidationError::refused)
}

/// More than anything here takes.
const MOST_MOMENTS: u32 = 10_000;

/// Lets `engine` run to the end of the flows `0..count`; when each ended.
pub(super) fn play(engine: &mut Transfers, count: usize) -> Result<Vec<Moment>, ValidationError> {
    let mut ends = vec![None; count];
    // A flow that stands still over a link that steps for ever would never end.
    for _ in 0..MOST_MOMENTS {
        let Some(now) = engine.next().filter(|_| !engine.is_empty()) else { break };
        for done in engine.settle(now).map_err(ValidationError::refused)? {
            ends[done.id.0 as usize] = Some(done.at);
        }
    }
    let never = ValidationError::Model { experiment: "a network", what: "a flow never ended" };
    ends.into_iter().collect::<Option<Vec<_>>>().ok_or(never)
}

/// When flows of (route and limits, bytes), all begun at time 0 without latency, end.
pub(super) fn flows(
    links: &[Capacity],
    flows: &[(Flow, u64)],
) -> Result<Vec<Moment>, ValidationError> {
    let mut engine = Transfers::new(Moment(0), links);
    for (id, (flow, size)) in (0..).zip(flows) {
        let transfer =
            Transfer { flow: flow.clone(), size: Bytes::new(*size), latency: Seconds::ZERO };
        start(&mut engine, id, Moment(0), transfer)?;
    }
    play(&mut engine, flows.len())
}

/// An end held to `expected` [s], which is a whole number of nanoseconds or the next one is meant.
/// Every change of a flow's rate rounds once: `changes` nanoseconds of it may add up.
pub(super) fn ended(
    what: impl Into<String>,
    expected: f64,
    measured: Moment,
    changes: u32,
) -> Finding {
    // What is a nanosecond's millionth above a whole one is a rounding of `f64`.
    let nanos = (expected * 1e9 - 1e-6 * expected.max(1.0)).ceil();
    match changes {
        0 => Finding::exact(what, "ns", nanos as u128, u128::from(measured.0)),
        changes => Finding::within(what, "ns", nanos, measured.0 as f64, f64::from(changes)),
    }
}
