//! Serialises quantities as plain numbers of their base unit.
//!
//! Tables are read by other people's programs, so the unit is in the column's name
//! (`uplink_bytes`) and the value is a number, not a text with a unit. Real numbers are written
//! in the shortest form that reads back to the same bits.

macro_rules! plain {
    ($module:ident, $type:ident, $number:ty, $read:expr) => {
        pub(crate) mod $module {
            use fleetune_units::$type;
            use serde::{Deserialize, Deserializer, Serialize, Serializer};

            pub(crate) fn serialize<S: Serializer>(x: &$type, s: S) -> Result<S::Ok, S::Error> {
                x.get().serialize(s)
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
                let read: fn($number) -> Result<$type, fleetune_units::QuantityError> = $read;
                read(<$number>::deserialize(d)?).map_err(serde::de::Error::custom)
            }

            pub(crate) mod optional {
                use super::{Deserialize, Deserializer, Serialize, Serializer, $type};

                pub(crate) fn serialize<S: Serializer>(
                    x: &Option<$type>,
                    s: S,
                ) -> Result<S::Ok, S::Error> {
                    x.map(|x| x.get()).serialize(s)
                }

                pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
                    d: D,
                ) -> Result<Option<$type>, D::Error> {
                    let read: fn($number) -> Result<$type, fleetune_units::QuantityError> = $read;
                    let number = Option::<$number>::deserialize(d)?;
                    number.map(read).transpose().map_err(serde::de::Error::custom)
                }
            }
        }
    };
}

plain!(seconds, Seconds, f64, Seconds::new);
plain!(joules, Joules, f64, Joules::new);
plain!(bytes, Bytes, u64, |x| Ok(Bytes::new(x)));
plain!(flops, Flops, u128, |x| Ok(Flops::new(x)));
