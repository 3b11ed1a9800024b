//! Which devices are connected where.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use super::{NodeName, TopologyError};
use crate::fleet::DeviceId;

/// Devices by their ids, first to last: `7` or `0-49`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceRange {
    /// The first.
    pub first: DeviceId,
    /// The last, which belongs to it; not before the first.
    pub last: DeviceId,
}

impl fmt::Display for DeviceRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first.0)
        } else {
            write!(f, "{}-{}", self.first.0, self.last.0)
        }
    }
}

impl Serialize for DeviceRange {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeviceRange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Range;

        impl Visitor<'_> for Range {
            type Value = DeviceRange;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("devices such as 7 or 0-49, first to last, counted from 0")
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<DeviceRange, E> {
                self.visit_str(&id.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<DeviceRange, E> {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                let id = |text: &str| text.trim().parse().map(DeviceId);
                match (id(first), id(last)) {
                    (Ok(first), Ok(last)) if first <= last => Ok(DeviceRange { first, last }),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }

        from.deserialize_any(Range)
    }
}

/// The place, by its index, of each of `count` devices. Devices that are listed nowhere go in turn
/// to the places without a list.
pub(super) fn assign<'a>(
    places: &[(&'a NodeName, &'a [DeviceRange])],
    count: usize,
) -> Result<Vec<usize>, TopologyError> {
    let mut assigned: Vec<Option<usize>> = vec![None; count];
    for ((name, ranges), place) in places.iter().zip(0..) {
        for range in *ranges {
            if range.last.index() >= count {
                return Err(TopologyError::NoSuchDevice { range: *range, count });
            }
            for id in range.first.0..=range.last.0 {
                let device = DeviceId(id);
                if let Some(first) = assigned[device.index()].replace(place) {
                    let (first, second) = (places[first].0.clone(), (*name).clone());
                    return Err(TopologyError::ListedTwice { device, first, second });
                }
            }
        }
    }
    let mut open = (0..places.len())
        .filter(|place| places[*place].1.is_empty())
        .collect::<Vec<_>>()
        .into_iter()
        .cycle();
    let dealt = assigned.into_iter().zip(0..).map(|(place, id)| {
        place.or_else(|| open.next()).ok_or(TopologyError::Unlisted { device: DeviceId(id) })
    });
    dealt.collect()
}
