//! Rounded texts.

use fleetune_units::{Bytes, BytesPerSecond, Flops, Joules, Seconds};
use proptest::prelude::*;

#[test]
fn three_significant_digits_and_the_unit_one_would_say() {
    let time = |s: f64| Seconds::new(s).unwrap().human().to_string();
    assert_eq!(time(0.0), "0 s");
    assert_eq!(time(0.015), "15 ms");
    assert_eq!(time(59.94), "59.9 s");
    assert_eq!(time(60.0), "1 min");
    assert_eq!(time(11_160.0), "3.1 h");
    assert_eq!(time(3599.99), "1 h");
    assert_eq!(time(86_400.0), "1 day");
    assert_eq!(time(200_000.0), "2.31 days");
    assert_eq!(Flops::new(3_421_999_999_999).human().to_string(), "3.42 TFLOP");
    assert_eq!(Flops::new(999_999).human().to_string(), "1 MFLOP");
    assert_eq!(Bytes::new(1_200_345_678).human().to_string(), "1.2 GB");
    assert_eq!(BytesPerSecond::new(125e6).unwrap().human().to_string(), "125 MB/s");
    assert_eq!(Joules::new(0.012_34).unwrap().human().to_string(), "12.3 mJ");
    assert_eq!(format!("{:>9}", Bytes::new(5).human()), "      5 B");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
    #[test]
    fn rounding_is_within_half_a_unit_of_the_third_digit(value in 1e-9_f64..1e15) {
        let read = |text: String| text.parse::<Seconds>().unwrap().get();
        let shown = read(Seconds::new(value).unwrap().human().to_string());
        prop_assert!((shown - value).abs() <= 0.005_001 * value, "{} for {}", shown, value);
    }
}
