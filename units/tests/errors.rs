//! Refusals say what was expected.

use fleetune_units::{Bytes, BytesPerSecond, Flops, QuantityError, Seconds, Watts};

fn message<T: std::str::FromStr<Err = QuantityError> + std::fmt::Debug>(text: &str) -> String {
    text.parse::<T>().unwrap_err().to_string()
}

#[test]
fn bare_numbers_are_refused_in_text_json_and_yaml() {
    let expected = "expected a quantity with a unit, such as \"12 MB/s\"";
    assert!(message::<BytesPerSecond>("12").starts_with(expected));
    for bare in ["12", "12.5", "-3", "1e400"] {
        let yaml = serde_yaml::from_str::<BytesPerSecond>(bare).unwrap_err().to_string();
        assert!(yaml.contains(expected) || yaml.contains("negative"), "{bare}: {yaml}");
    }
    let json = serde_json::from_str::<BytesPerSecond>("12").unwrap_err().to_string();
    assert!(json.contains(expected), "{json}");
    let wrong_type = serde_json::from_str::<BytesPerSecond>("[1]").unwrap_err().to_string();
    assert!(wrong_type.contains("a quantity with a unit"), "{wrong_type}");
}

#[test]
fn what_no_quantity_can_be_is_refused() {
    assert!(matches!("-3 W".parse::<Watts>(), Err(QuantityError::Negative { .. })));
    for text in ["nan W", "NaN", ".nan", "inf W", "-inf W", "Infinity W", ".inf"] {
        assert!(matches!(text.parse::<Watts>(), Err(QuantityError::NotFinite { .. })), "{text}");
    }
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
        assert!(Seconds::new(value).is_err(), "{value}");
    }
    assert_eq!(Seconds::new(-0.0).unwrap().get().to_bits(), 0);
    assert!(matches!("".parse::<Watts>(), Err(QuantityError::MissingUnit { .. })));
    assert!(matches!("about 3 W".parse::<Watts>(), Err(QuantityError::NotANumber { .. })));
    assert!(matches!("1e999 W".parse::<Watts>(), Err(QuantityError::TooLarge { .. })));
    assert!(matches!("17 EiB".parse::<Bytes>(), Err(QuantityError::TooLarge { .. })));
    assert!(matches!("1e40 FLOP".parse::<Flops>(), Err(QuantityError::TooLarge { .. })));
    assert!(matches!("0.5 B".parse::<Bytes>(), Err(QuantityError::NotWhole { .. })));
    assert!(matches!("1 bit".parse::<Bytes>(), Err(QuantityError::NotWhole { .. })));
}

#[test]
fn a_wrong_unit_is_answered_with_what_was_meant() {
    assert!(message::<BytesPerSecond>("10 Mb/s").contains("write Mbit/s or MB/s"));
    assert!(message::<Bytes>("10 Mb").contains("write Mbit or MB"));
    assert!(message::<Bytes>("10 KB").contains("did you mean \"kB\"?"));
    assert!(message::<Bytes>("10 gib").contains("did you mean \"GiB\"?"));
    assert!(message::<BytesPerSecond>("12 MB").contains("measures an amount of data"));
    assert!(message::<Seconds>("3 W").contains("measures a power"));
    assert!(message::<Seconds>("3 fortnights").contains("unknown unit \"fortnights\" for a time"));
    assert!(message::<Watts>("1 KiW").contains("unknown unit"));
}
