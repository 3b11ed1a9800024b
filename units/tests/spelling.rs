//! What may be written, and what it means.

use fleetune_units::{Bytes, BytesPerSecond, Flops, FlopsPerSecond, Joules, Seconds, Watts};

macro_rules! means {
    ($($name:ident: $quantity:ident { $($text:literal => $value:expr),+ $(,)? })+) => {$(
        #[test]
        fn $name() {
            $(assert_eq!($text.parse::<$quantity>().map($quantity::get), Ok($value), $text);)+
        }
    )+};
}

means! {
    seconds: Seconds {
        "15 ms" => 0.015, "15ms" => 0.015, "5 min" => 300.0, "2 h" => 7200.0, "1 day" => 86400.0,
        "2 days" => 172_800.0, "0.5 h" => 1800.0, "3 µs" => 3e-6, "3 us" => 3e-6, "7 ns" => 7e-9,
        "1e3 s" => 1000.0, "  12   s " => 12.0, "1 minute" => 60.0, "0 s" => 0.0,
    }
    bytes: Bytes {
        "8 GiB" => 8 << 30, "8 GB" => 8_000_000_000, "1.5 KiB" => 1536, "64MiB" => 64 << 20,
        "1 byte" => 1, "8 bit" => 1, "1 Mbit" => 125_000, "1.3 GiB" => 1_395_864_371,
        "3 EB" => 3_000_000_000_000_000_000, "3EB" => 3_000_000_000_000_000_000, "1e3 B" => 1000,
        "18446744073709551615 B" => u64::MAX,
    }
    rates: BytesPerSecond {
        "12.5 MB/s" => 12.5e6, "100 Mbit/s" => 12.5e6, "100 Mbps" => 12.5e6, "12500 kB/s" => 12.5e6,
        "1 Gbit/s" => 125e6, "1 MiB/s" => 1_048_576.0, "9 bit/s" => 1.125,
    }
    work: Flops { "1.3 TFLOP" => 1_300_000_000_000, "5 PFLOP" => 5_000_000_000_000_000, "7 FLOP" => 7 }
    speeds: FlopsPerSecond { "1.3 TFLOP/s" => 1.3e12, "13.5 GFLOPS" => 13.5e9, "40 TOPS" => 40e12 }
    energies: Joules { "1 Wh" => 3600.0, "2.5 kJ" => 2500.0, "3 mJ" => 0.003, "18.5 Wh" => 66_600.0 }
    powers: Watts { "3 W" => 3.0, "120 mW" => 0.12 }
}

#[test]
fn the_shorter_of_decimal_and_binary_bytes_is_written() {
    for (count, text) in [
        (0, "0 B"),
        (1, "1 B"),
        (1000, "1 kB"),
        (1024, "1 KiB"),
        (8 << 30, "8 GiB"),
        (8_000_000_000, "8 GB"),
        (512_000, "512 kB"),
        (1_234_567, "1.234567 MB"),
    ] {
        assert_eq!(Bytes::new(count).to_string(), text);
    }
}

#[test]
fn exact_texts_read_naturally() {
    for text in ["15 ms", "5 min", "2 h", "1 day", "2 days", "90 min", "12.5 s", "1.5 µs", "0 s"] {
        assert_eq!(text.parse::<Seconds>().unwrap().to_string(), text);
    }
    assert_eq!("100 Mbit/s".parse::<BytesPerSecond>().unwrap().to_string(), "12.5 MB/s");
    assert_eq!("0.0013 PFLOP/s".parse::<FlopsPerSecond>().unwrap().to_string(), "1.3 TFLOP/s");
    assert_eq!("1 Wh".parse::<Joules>().unwrap().to_string(), "3.6 kJ");
}
