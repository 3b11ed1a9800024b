use fleetune_models::ledger::Cost;
use proptest::prelude::*;

use super::{header::HEADER, reader::Reader, *};
use crate::{noise::fill_normal, settings::Share};

fn plainly(values: Values) -> Encoding {
    Encoding { values, ..Encoding::default() }
}

fn top_k(share: f64, values: Values) -> Encoding {
    Encoding { top_k: Some(Share::new(share).expect("a share")), ..plainly(values) }
}

const VALUES: [Values; 6] = [
    Values::F32,
    Values::F16,
    Values::Q8 { rounding: Rounding::Stochastic },
    Values::Q8 { rounding: Rounding::Nearest },
    Values::Sign { scale: SignScale::Block },
    Values::Sign { scale: SignScale::Vector },
];

/// Every encoding, with all values and with these shares of them.
fn encodings(shares: &[f64]) -> Vec<Encoding> {
    let sparse = shares.iter().flat_map(|&share| VALUES.map(|values| top_k(share, values)));
    sparse.chain(VALUES.map(plainly)).collect()
}

fn normals(seed: u64, count: usize) -> Vec<f32> {
    let mut values = vec![0.0; count];
    fill_normal(seed, 0, &mut values);
    values
}

#[test]
fn messages_survive_the_wire_and_their_size_is_what_is_charged() {
    for payload in [
        Payload::Scalars(vec![]),
        Payload::Scalars(vec![1.5, -0.0, f32::MIN_POSITIVE]),
        Payload::Dense(vec![3.0; 1000]),
        Payload::Signs(vec![]),
        Payload::Signs(vec![true, false, false, true, true, false, false, false, true]),
    ] {
        let message = payload.encode(17);
        let size = match &payload {
            Payload::Scalars(values) | Payload::Dense(values) => Payload::size(values.len()),
            Payload::Signs(signs) => Payload::size_of_signs(signs.len()),
            Payload::Encoded { .. } | Payload::Reported { .. } => unreachable!("none is given"),
        };
        assert_eq!(Bytes::new(message.len() as u64), size);
        assert_eq!(Payload::decode(&message), Some((17, payload)));
        assert_eq!(Choices::decode(&message), None, "of another kind");
    }
    for choices in [Choices(vec![]), Choices(vec![3, 0, u32::MAX])] {
        let message = choices.encode(17);
        assert_eq!(Bytes::new(message.len() as u64), Choices::size(choices.0.len()));
        assert_eq!(Payload::decode(&message), None, "of another kind");
        assert_eq!(Choices::decode(&message), Some((17, choices)));
    }
    // A bit each: eight signs take a byte beyond the header, nine take two.
    assert_eq!([0, 1, 8, 9].map(|n| Payload::size_of_signs(n).get()), [24, 25, 25, 26]);
}

#[test]
fn messages_cut_or_damaged_anywhere_are_refused() {
    let sent = Payload::Dense(vec![1.0, 2.0]).encode(3);
    let signs = Payload::Signs(vec![true, false, true]).encode(3);
    let coded = top_k(0.5, Values::F16);
    let sparse = coded.encode(&[1.0, 2.0, 3.0, 4.0], 3, 0);
    for sent in [&sent, &signs] {
        for at in 0..sent.len() {
            assert_eq!(Payload::decode(&sent[..at]), None);
            for flip in 1..=255 {
                let mut damaged = sent.clone();
                damaged[at] ^= flip;
                assert_eq!(Payload::decode(&damaged), None, "byte {at}");
            }
        }
    }
    let choices = Choices(vec![7, u32::MAX]).encode(3);
    for at in 0..choices.len() {
        assert_eq!(Choices::decode(&choices[..at]), None);
        for flip in 1..=255 {
            let mut damaged = choices.clone();
            damaged[at] ^= flip;
            assert_eq!(Choices::decode(&damaged), None, "byte {at}");
        }
    }
    for (count, body) in [(1, 8), (3, 8), (2, 9)] {
        let header = Header { kind: Kind::Choices, coding: [0; 2], count, round: 3 };
        assert_eq!(Choices::decode(&header.seal(&vec![0; body])), None, "{count} in {body} bytes");
    }
    for at in 0..sparse.len() {
        assert_eq!(coded.decode(&sparse[..at], 4), Err(DecodeError::Damaged));
        for flip in 1..=255 {
            let mut damaged = sparse.clone();
            damaged[at] ^= flip;
            assert_eq!(coded.decode(&damaged, 4), Err(DecodeError::Damaged), "byte {at}");
        }
    }
}

#[test]
fn by_default_a_vector_is_sent_as_the_plain_payload() {
    let (plain, vector) = (Encoding::default(), normals(1, 777));
    let message = plain.encode(&vector, 5, 0);
    assert_eq!(message, Payload::Dense(vector.clone()).encode(5));
    assert_eq!(plain.decode(&message, 777), Ok((5, vector)));
    assert_eq!(plain.size(777), Payload::size(777));
    assert!(plain.is_lossless() && !plainly(Values::F16).is_lossless());
}

#[test]
fn scenarios_write_it_so_and_cannot_code_values_twice() {
    let written = r#"{"top_k":0.01,"values":"f16","error_feedback":true}"#;
    let read: Encoding = serde_json::from_str(written).expect("valid");
    assert_eq!(read, Encoding { error_feedback: true, ..top_k(0.01, Values::F16) });
    assert_eq!(serde_json::to_string(&read).expect("plain data"), written);
    for encoding in encodings(&[0.25]) {
        let text = serde_json::to_string(&encoding).expect("plain data");
        assert_eq!(serde_json::from_str::<Encoding>(&text).expect("valid"), encoding);
    }
    let short: Encoding = serde_json::from_str(r#"{"values":{"q8":{}}}"#).expect("defaults");
    assert_eq!(short, plainly(Values::Q8 { rounding: Rounding::Stochastic }));
    for wrong in [
        r#"{"top_k":{"share":0.01}}"#,
        r#"{"top_k":0}"#,
        r#"{"top_k":1.5}"#,
        r#"{"values":"f8"}"#,
        r#"{"values":{"q8":{},"sign":{}}}"#,
        r#"{"values":{"sign":{"scale":"layer"}}}"#,
        r#"{"f16":true}"#,
    ] {
        assert!(serde_json::from_str::<Encoding>(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn sizes_are_known_before_the_values(count in 0_usize..3000, seed in any::<u64>(), fraction in 0.001..1.0) {
        let vector = normals(seed, count);
        for encoding in encodings(&[fraction]) {
            let size = Bytes::new(encoding.encode(&vector, 0, seed).len() as u64);
            prop_assert_eq!(encoding.size(count), size, "{}", encoding);
        }
    }

    #[test]
    fn top_k_keeps_the_largest_and_zeros_the_others(
        count in 1_usize..3000,
        seed in any::<u64>(),
        fraction in 0.001..1.0,
    ) {
        let vector = normals(seed, count);
        let kept = f64::ceil(fraction * count as f64) as usize;
        let plain = top_k(fraction, Values::F32);
        let (_, seen) = plain.decode(&plain.encode(&vector, 0, 0), count).expect("honest");
        let mut sizes: Vec<f32> = vector.iter().map(|v| v.abs()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        prop_assert_eq!(seen.iter().filter(|v| **v != 0.0).count(), kept);
        for (sent, seen) in vector.iter().zip(&seen) {
            let expected = if sent.abs() >= sizes[kept - 1] { *sent } else { 0.0 };
            prop_assert_eq!(*seen, expected);
        }
    }

    /// What is kept is coded like a vector of its own.
    #[test]
    fn choice_and_coding_compose(count in 1_usize..2000, seed in any::<u64>(), fraction in 0.01..1.0) {
        let vector = normals(seed, count);
        let sparse = top_k(fraction, Values::F32);
        let (_, chosen) = sparse.decode(&sparse.encode(&vector, 0, 0), count).expect("honest");
        let kept: Vec<f32> = chosen.iter().copied().filter(|v| *v != 0.0).collect();
        for values in VALUES {
            let (both, alone) = (top_k(fraction, values), plainly(values));
            let (_, seen) = both.decode(&both.encode(&vector, 0, seed), count).expect("honest");
            let (_, coded) = alone.decode(&alone.encode(&kept, 0, seed), kept.len()).expect("honest");
            let mut coded = coded.into_iter();
            for (chosen, seen) in chosen.iter().zip(seen) {
                let expected = if *chosen == 0.0 { Some(0.0) } else { coded.next() };
                prop_assert_eq!(Some(seen), expected);
            }
        }
    }
}

/// Each step rounds a sum and a difference: two halves of a unit in the last place of what is due, 2^-24 of it each.
#[test]
fn error_feedback_loses_nothing() {
    const ROUNDS: u64 = 50;
    for encoding in encodings(&[0.01, 0.3]) {
        let count = 1000;
        let mut residual = vec![0.0; count];
        let (mut given, mut decoded) = (vec![0.0; count], vec![0.0; count]);
        let mut rounding = vec![0.0; count];
        for round in 0..ROUNDS {
            let vector = normals(round, count);
            for (i, (v, e)) in vector.iter().zip(&residual).enumerate() {
                given[i] += f64::from(*v);
                rounding[i] += 2.0 * f64::from((v + e).abs()) / 16_777_216.0;
            }
            let sent = encoding.encode_with_feedback(&vector, &residual, round, round);
            let (_, seen) = encoding.decode(&sent.message, count).expect("honest");
            for (i, v) in seen.iter().enumerate() {
                decoded[i] += f64::from(*v);
                rounding[i] += f64::from(v.abs()) / 16_777_216.0;
            }
            residual = sent.residual;
        }
        for i in 0..count {
            let off = decoded[i] + f64::from(residual[i]) - given[i];
            assert!(off.abs() <= rounding[i] + 1e-12, "{encoding}: value {i} is off by {off}");
        }
        let lost = residual.iter().any(|e| *e != 0.0);
        assert_eq!(lost, !encoding.is_lossless());
    }
}

/// After n rounds of the same vector the mean of what was decoded is off by the last residual / n, and residuals are
/// bounded: both codings are contractions.
#[test]
fn feedback_makes_biased_encodings_right_in_the_long_run() {
    let vector = normals(4, 512);
    for encoding in [top_k(0.05, Values::F32), plainly(Values::Sign { scale: SignScale::Block })] {
        let distance = |rounds: u64| {
            let mut residual = vec![0.0; vector.len()];
            let mut sum = vec![0.0; vector.len()];
            for round in 0..rounds {
                let sent = encoding.encode_with_feedback(&vector, &residual, round, 0);
                let (_, seen) = encoding.decode(&sent.message, vector.len()).expect("honest");
                sum.iter_mut().zip(seen).for_each(|(s, v)| *s += f64::from(v));
                residual = sent.residual;
            }
            let off = |(s, v): (&f64, &f32)| (s / rounds as f64 - f64::from(*v)).powi(2);
            sum.iter().zip(&vector).map(off).sum::<f64>().sqrt()
        };
        let (one, many) = (distance(1), distance(1000));
        assert!(many < one / 20.0, "{encoding}: {one} after one, {many} after many");
    }
}

#[test]
fn updates_that_are_not_finite_are_refused_in_every_encoding() {
    for encoding in encodings(&[0.02]) {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut vector = normals(1, 600);
            vector[400] = bad;
            let message = encoding.encode(&vector, 0, 0);
            assert_eq!(encoding.decode(&message, 600), Err(DecodeError::NotFinite), "{encoding}");
            assert_eq!(encoding.size(600), Bytes::new(message.len() as u64));
            let sent = encoding.encode_with_feedback(&vector, &[0.5; 600], 0, 0);
            assert_eq!(sent.residual, [0.0; 600]);
        }
    }
}

#[test]
fn messages_in_another_encoding_or_of_another_vector_are_refused() {
    let all = encodings(&[0.1]);
    let vector = normals(1, 300);
    for (i, sender) in all.iter().enumerate() {
        let message = sender.encode(&vector, 0, 0);
        for (j, receiver) in all.iter().enumerate() {
            let same = sender.coding() == receiver.coding();
            assert_eq!(receiver.decode(&message, 300).is_ok(), same, "{i} {j}");
        }
        let wrong = Err(DecodeError::WrongCount { found: 300, expected: 301 });
        assert_eq!(sender.decode(&message, 301), wrong);
        assert_eq!(Payload::decode(&message).is_some(), sender.is_lossless());
    }
    // 15 of 16 values and 30 bits for their positions are as long as all 16.
    let sparse = top_k(15.0 / 16.0, Values::F32).encode(&vector[..16], 0, 0);
    assert_eq!((sparse.len(), Payload::decode(&sparse)), (HEADER + 4 * 16, None));
    let scalars = Payload::Scalars(vector).encode(0);
    assert_eq!(Encoding::default().decode(&scalars, 300), Err(DecodeError::WrongEncoding));
}

/// Encoding must cost what its parts do, for the least case that tells them apart.
#[test]
fn costs_are_those_of_the_parts() {
    let cost = |elementwise, elements| Cost { elementwise, elements, ..Cost::default() };
    assert_eq!(Encoding::default().encode_cost(1000), cost(0, 2000));
    assert_eq!(plainly(Values::F16).encode_cost(1000), cost(3000, 1500));
    // 4 scales and 1000 bytes: 254 elements written after two passes.
    let q8 = |rounding| plainly(Values::Q8 { rounding }).encode_cost(1000);
    assert_eq!(q8(Rounding::Nearest), cost(5000, 2254));
    assert_eq!(q8(Rounding::Stochastic), cost(33_000, 2254));
    // Selection reads 4000 times; 10 positions and values are written and read. The message: 10 half floats and 10
    // positions of 6 low bits and 10 + (999 >> 6) high ones, 85 bits; 31 bytes, 8 elements.
    let sparse = top_k(0.01, Values::F16);
    assert_eq!(sparse.encode_cost(1000), cost(21_000 + 90 + 30, 4000 + 20 + 10 + 8));
    assert_eq!(sparse.decode_cost(1000), cost(90 + 10, 1000 + 20 + 10 + 8));
    let feedback = sparse.encode_cost(1000) + sparse.decode_cost(1000) + cost(2000, 6000);
    assert_eq!(sparse.feedback_cost(1000), feedback);
}

/// Hostile input: the checksum is right, all else may be anything.
mod hostile {
    use super::*;

    fn count() -> impl Strategy<Value = u32> {
        prop_oneof![0_u32..700, Just(u32::MAX), any::<u32>()]
    }

    fn sealed(encoding: &Encoding, count: u32, body: &[u8]) -> Vec<u8> {
        Header { kind: Kind::Dense, coding: encoding.coding(), count, round: 0 }.seal(body)
    }

    /// What decodes is a vector that could have been sent: finite, of the right length, with no more values than due.
    fn check(encoding: &Encoding, message: &[u8], expected: usize) -> Result<(), TestCaseError> {
        if let Ok((_, vector)) = encoding.decode(message, expected) {
            prop_assert_eq!(vector.len(), expected);
            prop_assert!(vector.iter().all(|v| v.is_finite()));
            let set = vector.iter().filter(|v| **v != 0.0).count();
            prop_assert!(set <= encoding.sent(expected));
            prop_assert_eq!(encoding.size(expected), Bytes::new(message.len() as u64));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn any_bytes(message in prop::collection::vec(any::<u8>(), 0..300), expected in 0_usize..100) {
            for encoding in encodings(&[0.1, 1.0]) {
                check(&encoding, &message, expected)?;
            }
            let _ = Payload::decode(&message);
        }

        #[test]
        fn any_body_under_a_valid_header(
            body in prop::collection::vec(any::<u8>(), 0..900),
            count in count(),
            expected in 0_usize..700,
        ) {
            for encoding in encodings(&[0.1, 1.0]) {
                check(&encoding, &sealed(&encoding, count, &body), expected)?;
                check(&encoding, &sealed(&encoding, expected as u32, &body), expected)?;
            }
        }

        #[test]
        fn mutated_bodies(
            seed in any::<u64>(),
            expected in 1_usize..700,
            mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
            cut in prop::option::of(any::<prop::sample::Index>()),
        ) {
            for encoding in encodings(&[0.1, 1.0]) {
                let message = encoding.encode(&normals(seed, expected), 0, seed);
                let mut body = message[HEADER..].to_vec();
                for (at, byte) in &mutations {
                    let at = at.index(body.len());
                    body[at] = *byte;
                }
                if let Some(cut) = cut {
                    body.truncate(cut.index(body.len()));
                }
                check(&encoding, &sealed(&encoding, expected as u32, &body), expected)?;
            }
        }
    }

    /// A count that no body of this length can hold is refused before anything of its size is allocated: allocating
    /// 2^61 values panics.
    #[test]
    fn huge_counts_without_a_body() {
        let huge = 1_usize << 61;
        for coding in VALUES {
            let refused = coding.take(huge, &mut Reader::new(&[0; 100]));
            assert_eq!(refused, Err(DecodeError::WrongLength), "{coding:?}");
        }
        let refused = top_k::take(huge, huge, &mut Reader::new(&[0; 100]));
        assert_eq!(refused, Err(DecodeError::WrongLength));
        for encoding in encodings(&[0.5, 1.0]) {
            let message = sealed(&encoding, u32::MAX, &[0; 100]);
            let refused = encoding.decode(&message, u32::MAX as usize);
            assert_eq!(refused, Err(DecodeError::WrongLength), "{encoding}");
        }
        let header = Header { kind: Kind::Scalars, coding: [0, 0], count: u32::MAX, round: 0 };
        assert_eq!(Payload::decode(&header.seal(&[0; 100])), None);
    }
}

#[test]
fn a_report_stands_behind_its_message() {
    for payload in
        [Payload::Scalars(vec![1.5]), Payload::Dense(vec![3.0; 100]), Payload::Signs(vec![true])]
    {
        for utility in [0.0, 17.25, f32::MAX, f32::INFINITY] {
            let report = Report::of(utility);
            let update = Box::new(payload.clone());
            let message = Payload::Reported { update, report }.encode(17);
            let plain = payload.encode(17);
            assert_eq!(message.len(), plain.len() + Report::SIZE.get() as usize);
            assert_eq!(Report::split(&message), Some((&plain[..], report)));
            assert_eq!(report.utility(), utility);
            assert_eq!(Payload::decode(&message), None, "the report is not a part of the update");
        }
    }
    assert_eq!(Report::split(&[1, 2, 3]), None);
}
