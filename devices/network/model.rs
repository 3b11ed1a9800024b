//! How a transport protocol shows in a fluid model: what a route and a size become as a flow.
//!
//! `raw` is the network as its links say. `lv08` is SimGrid's model of TCP (P. Velho, A. Legrand,
//! "Accuracy study and improvement of network simulation in the SimGrid framework", SIMUTools
//! 2009), as SimGrid 3.32 has it. With nominal capacities C_l, one-way latency L and size s of a
//! flow,
//!
//! * links carry β C_l, and no flow more than β γ / (2 L), its window γ each round trip;
//! * the weight is 1 / (L + Σ S / C_l): TCP favours short round trips and wide links;
//! * the first byte moves after α L;
//! * acknowledgements use 0.05 of the flow's rate on the way back (cross-traffic).
//!
//! With α = 13.01, β = 0.97, S = 20537 bytes and γ = 4 MiB. So a flow alone takes
//! `α L + s / min(β C, β γ / 2L)`.

use std::fmt;

use fleetune_units::{Bytes, BytesPerSecond};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

use super::{
    fair_share::{Capacity, Flow, Hop, Sharing},
    topology::Route,
    transfers::Transfer,
};

/// How bandwidth and latency are turned into transfer times. Written `raw`, `lv08` or
/// `lv08: { cross_traffic: false }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransferModel {
    /// α = β = 1, equal weights, no window, no cross-traffic.
    #[default]
    Raw,
    /// SimGrid's CM02 model as `raw`, with weights 1 / L: unfair to long routes. For comparison
    /// with SimGrid; scenarios cannot ask for it.
    Cm02,
    /// SimGrid's LV08 model of TCP.
    Lv08(Lv08),
}

/// What can be chosen in LV08.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lv08 {
    /// Whether acknowledgements take 0.05 of a flow's rate on its way back. The default is yes.
    #[serde(default = "yes")]
    pub cross_traffic: bool,
}

impl Default for Lv08 {
    fn default() -> Self {
        Self { cross_traffic: yes() }
    }
}

const fn yes() -> bool {
    true
}

/// What acknowledgements use on the way back, as a share of the flow's rate.
const RETURN_USAGE: f64 = 0.05;
/// β of LV08: what of a link is left for payload.
const USABLE: f64 = 0.97;
/// α of LV08: slow start, as so many latencies.
const SLOW_START: f64 = 13.01;
/// S of LV08.
const WEIGHT_BYTES: f64 = 20_537.0;
/// γ: the TCP window.
const WINDOW: f64 = 4_194_304.0; // [B]

impl TransferModel {
    /// α: what multiplies latencies.
    pub const fn latency_factor(&self) -> f64 {
        if matches!(self, Self::Lv08(_)) { SLOW_START } else { 1.0 }
    }

    /// β: what multiplies capacities, before a [`super::transfers::Transfers`] is made of them.
    pub const fn bandwidth_factor(&self) -> f64 {
        if matches!(self, Self::Lv08(_)) { USABLE } else { 1.0 }
    }

    /// The transfer of `size` bytes over `there`, with acknowledgements over `back`, on `links` of
    /// *nominal* capacity. The engine's links must have β times that.
    ///
    /// A link crossed more than once is used for the sum, or for the most if it is a fat pipe.
    /// Capacities that change later do not change the weight, which is a property of the route.
    ///
    /// # Panics
    /// A route names a link that `links` does not have.
    pub fn transfer(
        &self,
        links: &[Capacity],
        there: &Route,
        back: Option<&Route>,
        size: Bytes,
    ) -> Transfer {
        let mut route = Vec::with_capacity(there.hops.len());
        there.hops.iter().for_each(|hop| cross(&mut route, links, *hop));
        if let (Self::Lv08(Lv08 { cross_traffic: true }), Some(back)) = (self, back) {
            let acknowledge = |hop: &Hop| Hop { usage: RETURN_USAGE * hop.usage, ..*hop };
            back.hops.iter().for_each(|hop| cross(&mut route, links, acknowledge(hop)));
        }
        let latency = there.latency.get();
        let per_byte = |hop: &Hop| hop.usage / links[hop.link].capacity.get();
        let penalty = match self {
            Self::Raw => 0.0,
            Self::Cm02 => latency,
            Self::Lv08(_) => {
                there.hops.iter().map(per_byte).fold(latency, |sum, t| sum + WEIGHT_BYTES * t)
            }
        };
        // Without a penalty flows are as good as equal; an infinite one is that of a dead link.
        let weight = if penalty > 0.0 && penalty.is_finite() { 1.0 / penalty } else { 1.0 };
        let windowed = matches!(self, Self::Lv08(_)) && latency > 0.0;
        let cap = windowed.then(|| BytesPerSecond::from_raw(USABLE * WINDOW / (2.0 * latency)));
        let flow = Flow { route, weight, cap };
        Transfer { flow, size, latency: there.latency * self.latency_factor() }
    }
}

/// Adds a hop to a route that crosses every link at most once.
fn cross(route: &mut Vec<Hop>, links: &[Capacity], hop: Hop) {
    match route.iter_mut().find(|known| known.link == hop.link) {
        None => route.push(hop),
        Some(known) if links[hop.link].sharing == Sharing::FatPipe => {
            known.usage = known.usage.max(hop.usage);
        }
        Some(known) => known.usage += hop.usage,
    }
}

const NAMES: &[&str] = &["raw", "lv08"];

impl Serialize for TransferModel {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Raw => to.serialize_str("raw"),
            Self::Cm02 => to.serialize_str("cm02"),
            Self::Lv08(choices) => {
                let mut map = to.serialize_map(Some(1))?;
                map.serialize_entry("lv08", choices)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for TransferModel {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct OneOf;

        impl<'de> Visitor<'de> for OneOf {
            type Value = TransferModel;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`raw`, `lv08` or `lv08: { cross_traffic: false }`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<TransferModel, E> {
                match name {
                    "raw" => Ok(TransferModel::Raw),
                    "lv08" => Ok(TransferModel::Lv08(Lv08::default())),
                    _ => Err(E::unknown_variant(name, NAMES)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TransferModel, A::Error> {
                match map.next_key::<String>()?.as_deref() {
                    Some("lv08") => {}
                    Some("raw") => return Err(A::Error::custom("raw has nothing to choose")),
                    Some(name) => return Err(A::Error::unknown_variant(name, NAMES)),
                    None => return Err(A::Error::custom("expected one model; found none")),
                }
                let model = TransferModel::Lv08(map.next_value()?);
                match map.next_key::<String>()? {
                    None => Ok(model),
                    Some(second) => Err(A::Error::custom(format!(
                        "expected one model; found lv08 and {second}"
                    ))),
                }
            }
        }

        from.deserialize_any(OneOf)
    }
}
