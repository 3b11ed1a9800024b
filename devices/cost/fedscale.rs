//! FedScale's clock (F. Lai et al., *FedScale*, ICML 2022).
//!
//! `T = 3 * batch * steps * time per sample + (upload + download) / bandwidth`
//!
//! with the time per sample that of inference: a forward and a backward of twice its length. The
//! clock does not look at the model, at what is trained or at how; a device that joins at the same
//! time as others is not slowed by them.
//!
//! FedScale's device capacities are a table of `computation` in milliseconds per sample and
//! `communication` in kbit/s. It divides sizes by 1024 to get kbit, and then those kbit by the
//! bandwidth, so its k is 1024 in both: [`Fedscale::read`] takes 1 kbit/s as 128 B/s, and the
//! quotient is FedScale's.

use std::{io::Read, num::NonZeroU32};

use csv::{ReaderBuilder, StringRecord, Trim};
use fleetune_units::{BytesPerSecond, Seconds};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use thiserror::Error;

use super::{Exchange, Times};
use crate::{device::DeviceId, validate::positive};

/// A forward pass and a backward pass of twice its length.
const PASSES: f64 = 3.0;
/// FedScale's kbit: 1024 bits.
const BYTES_PER_KBIT: f64 = 128.0;

/// FedScale's clock over a table of device capacities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fedscale {
    /// By entry; device n has entry n modulo their number, as in FedScale. At least one.
    pub capacities: Vec<Capacity>,
}

/// What FedScale knows of a device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// The time of inference on one sample.
    #[serde(deserialize_with = "positive")]
    pub per_sample: Seconds,
    /// Of the link, up and down.
    #[serde(deserialize_with = "positive")]
    pub bandwidth: BytesPerSecond,
}

/// Why a table of capacities cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}, line {line}: expected {expected}; found {found}")]
pub struct CapacityError {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// What would do.
    pub expected: &'static str,
    /// What is there.
    pub found: String,
}

impl Fedscale {
    /// Reads capacities from CSV with the columns `computation` [ms per sample] and
    /// `communication` [kbit/s]; further columns, such as the device, are ignored. At most
    /// `keep` rows are read and kept, at 16 bytes each.
    ///
    /// # Errors
    /// A column is missing, a field is no number above zero, or there is no row. Says where.
    pub fn read(source: impl Read, file: &str, keep: NonZeroU32) -> Result<Self, CapacityError> {
        let wrong =
            |line, expected, found| CapacityError { file: file.to_owned(), line, expected, found };
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(source);
        let readable = |error: csv::Error| {
            let line = error.position().map_or(1, csv::Position::line);
            wrong(line, "a row of CSV with as many fields as the header", error.to_string())
        };
        let header = reader.headers().map_err(readable)?;
        let find = |name| header.iter().position(|column| column == name);
        let (Some(computation), Some(communication)) = (find("computation"), find("communication"))
        else {
            let found = header.iter().collect::<Vec<_>>().join(", ");
            return Err(wrong(1, "the columns computation and communication", found));
        };
        let (mut record, mut capacities) = (StringRecord::new(), Vec::new());
        while capacities.len() < keep.get() as usize {
            if !reader.read_record(&mut record).map_err(readable)? {
                break;
            }
            let line = record.position().map_or(0, csv::Position::line);
            let number = |column: usize, expected| {
                let text = &record[column];
                let value = text.parse::<f64>().ok();
                value
                    .filter(|value| *value > 0.0 && value.is_finite())
                    .ok_or_else(|| wrong(line, expected, format!("{text:?}")))
            };
            let ms = number(computation, "a computation above 0 [ms per sample]")?;
            let kbit = number(communication, "a communication above 0 [kbit/s]")?;
            capacities.push(Capacity {
                per_sample: Seconds::from_raw(ms / 1000.0),
                bandwidth: BytesPerSecond::from_raw(kbit * BYTES_PER_KBIT),
            });
        }
        if capacities.is_empty() {
            return Err(wrong(2, "at least one row", "none".to_owned()));
        }
        Ok(Self { capacities })
    }

    /// What it knows of a device.
    pub fn capacity(&self, device: DeviceId) -> Capacity {
        self.capacities[device.index() % self.capacities.len()]
    }

    /// The formula.
    pub(super) fn times(&self, device: DeviceId, exchange: &Exchange<'_>) -> Times {
        let Capacity { per_sample, bandwidth } = self.capacity(device);
        let samples = f64::from(exchange.batch) * f64::from(exchange.steps);
        let bytes = exchange.workload.upload + exchange.workload.download;
        Times { compute: per_sample * (PASSES * samples), transfer: Some(bytes / bandwidth) }
    }
}

impl<'de> Deserialize<'de> for Fedscale {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Unchecked {
            capacities: Vec<Capacity>,
        }
        let Unchecked { capacities } = Unchecked::deserialize(source)?;
        if capacities.is_empty() {
            return Err(D::Error::custom("expected at least one capacity; found none"));
        }
        Ok(Self { capacities })
    }
}
