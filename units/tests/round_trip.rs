//! Text, JSON and YAML give back every value, bit for bit.

use fleetune_units::{Bytes, BytesPerSecond, Flops, FlopsPerSecond, Joules, Seconds, Watts};
use proptest::prelude::*;

/// Every finite double that is not negative, with all exponents alike and round values often.
fn reals() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..0x7ff0_0000_0000_0000_u64).prop_map(f64::from_bits),
        2 => (0_u32..4_000_000).prop_map(|n| f64::from(n) * 60.0),
        2 => (0_u32..1_000_000, -12_i32..24).prop_map(|(n, e)| format!("{n}e{e}").parse().unwrap()),
        1 => Just(0.0), 1 => Just(f64::MAX), 1 => Just(f64::from_bits(1)),
    ]
}

macro_rules! real_round_trip {
    ($test:ident, $name:ident) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..Default::default() })]
            #[test]
            fn $test(value in reals()) {
                let quantity = $name::new(value).unwrap();
                let read: $name = quantity.to_string().parse().unwrap();
                prop_assert_eq!(read.get().to_bits(), value.to_bits(), "{}", quantity);
                let json = serde_json::to_string(&quantity).unwrap();
                let read: $name = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(read.get().to_bits(), value.to_bits());
                let yaml = serde_yaml::to_string(&quantity).unwrap();
                let read: $name = serde_yaml::from_str(&yaml).unwrap();
                prop_assert_eq!(read.get().to_bits(), value.to_bits());
            }
        }
    };
}
real_round_trip!(seconds, Seconds);
real_round_trip!(bytes_per_second, BytesPerSecond);
real_round_trip!(flops_per_second, FlopsPerSecond);
real_round_trip!(joules, Joules);
real_round_trip!(watts, Watts);

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..Default::default() })]
    #[test]
    fn bytes(digits in any::<u64>(), shift in 0_u32..64, zeros in 0_u32..20) {
        let rounded = (digits >> shift) / 10_u64.pow(zeros) * 10_u64.pow(zeros);
        for value in [digits, digits >> shift, digits >> shift << shift, rounded] {
            let text = Bytes::new(value).to_string();
            prop_assert_eq!(text.parse(), Ok(Bytes::new(value)), "{}", text);
        }
    }

    #[test]
    fn flops(digits in any::<u128>(), shift in 0_u32..128) {
        for value in [digits, digits >> shift, u128::MAX, 0] {
            let text = Flops::new(value).to_string();
            prop_assert_eq!(text.parse(), Ok(Flops::new(value)), "{}", text);
            let json = serde_json::to_string(&Flops::new(value)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Flops>(&json).unwrap().get(), value);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", number in "[-+0-9.eE]{0,12}", unit in "[kKMGi]?[a-zA-Z/]{0,6}") {
        for text in [text, format!("{number}{unit}"), format!("{number} {unit}")] {
            let _ = text.parse::<Seconds>();
            let _ = text.parse::<Bytes>();
            let _ = text.parse::<Flops>();
            let _ = text.parse::<BytesPerSecond>();
        }
    }
}
