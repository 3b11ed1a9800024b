//! Arithmetic keeps the units right and never goes below zero.

use fleetune_units::{Bytes, BytesPerSecond, Flops, FlopsPerSecond, Joules, Seconds, Watts};
use proptest::prelude::*;

#[test]
fn dimensions_fit() {
    let seconds = |s| Seconds::new(s).unwrap();
    assert_eq!(Flops::new(10) / FlopsPerSecond::new(4.0).unwrap(), seconds(2.5));
    assert_eq!(Bytes::new(10) / BytesPerSecond::new(4.0).unwrap(), seconds(2.5));
    assert_eq!(Watts::new(3.0).unwrap() * seconds(2.0), Joules::new(6.0).unwrap());
    assert_eq!(Joules::new(6.0).unwrap() / Watts::new(3.0).unwrap(), seconds(2.0));
    assert_eq!(Joules::new(6.0).unwrap() / seconds(2.0), Watts::new(3.0).unwrap());
    assert_eq!(seconds(6.0) / seconds(4.0), 1.5);
    assert_eq!(BytesPerSecond::new(4.0).unwrap().carried_in(seconds(0.5)), 2.0);
    assert_eq!(Bytes::new(6) / Bytes::new(4), 1.5);
}

#[test]
fn nothing_takes_no_time_and_speed_zero_takes_forever() {
    assert_eq!(Flops::ZERO / FlopsPerSecond::ZERO, Seconds::ZERO);
    assert_eq!((Flops::new(1) / FlopsPerSecond::ZERO).get(), f64::INFINITY);
    assert_eq!(Bytes::ZERO / BytesPerSecond::ZERO, Seconds::ZERO);
}

#[test]
fn counts_saturate() {
    let most = Bytes::new(u64::MAX);
    assert_eq!(most + Bytes::new(1), most);
    assert_eq!(most * 2, most);
    assert_eq!(Bytes::new(1) - Bytes::new(2), Bytes::ZERO);
    assert_eq!(Bytes::new(1).checked_sub(Bytes::new(2)), None);
    assert_eq!([most, most].iter().sum::<Bytes>(), most);
    assert_eq!(3 * Flops::new(5), Flops::new(15));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]
    #[test]
    fn subtraction_never_goes_below_zero(a in 0.0_f64..1e12, b in 0.0_f64..1e12) {
        let difference = Joules::new(a).unwrap() - Joules::new(b).unwrap();
        prop_assert_eq!(difference.get(), (a - b).max(0.0));
    }

    #[test]
    fn bits_are_an_eighth_of_bytes(n in 0_u32..1_000_000) {
        let bits: BytesPerSecond = format!("{} Mbit/s", u64::from(n) * 8).parse().unwrap();
        let bytes: BytesPerSecond = format!("{n} MB/s").parse().unwrap();
        prop_assert_eq!(bits, bytes);
    }
}
