//! No text breaks the reader: it returns a scenario or errors, soon, whatever it is given.

use std::{panic::catch_unwind, path::Path};

use fleetune_scenarios::{Overrides, check_text};
use proptest::prelude::*;

use crate::small;

/// Reads a text, and prints what is wrong with it: both must come back.
fn read(bytes: &[u8]) -> Result<usize, String> {
    // A folder that is not there, so that no mutation reads files.
    let folder = Path::new("/nowhere");
    let outcome = catch_unwind(|| match check_text("x.yaml", bytes, folder, &Overrides::none()) {
        Ok(_) => 0,
        Err(errors) => errors.iter().map(|error| error.to_string().len()).sum(),
    });
    outcome.map_err(|_| format!("panicked on {:?}", String::from_utf8_lossy(bytes)))
}

/// One random change to a text.
#[derive(Clone, Debug)]
enum Change {
    Replace(usize, u8),
    Insert(usize, String),
    Delete(usize, usize),
    Copy(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let pieces = [
        "\n", " ", "  ", "\t", ":", ": ", "-", "- ", "[", "]", "{", "}", ",", "#", "&a ", "*a",
        "!t ", "|", ">", "'", "\"", "%", "@", "`", "~", ".nan", "-1", "1e999", "<<: ", "? ",
        "---\n", "ä", "\u{85}", "\u{2028}", "\u{feff}", "0x1F", "null", "true", "\\",
    ];
    let piece = prop::sample::select(pieces.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<usize>(), piece).prop_map(|(at, text)| Change::Insert(at, text)),
        (any::<usize>(), 1..40usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<usize>(), any::<usize>(), 1..80usize)
            .prop_map(|(from, to, length)| Change::Copy(from, to, length)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let length = bytes.len().max(1);
        match change {
            Change::Replace(at, byte) => {
                if let Some(place) = bytes.get_mut(at % length) {
                    *place = *byte;
                }
            }
            Change::Insert(at, text) => {
                let at = (at % length).min(bytes.len());
                bytes.splice(at..at, text.bytes());
            }
            Change::Delete(at, count) => {
                let start = (at % length).min(bytes.len());
                bytes.drain(start..(start + count).min(bytes.len()));
            }
            Change::Copy(from, to, count) => {
                let start = (from % length).min(bytes.len());
                let piece = bytes[start..(start + count).min(bytes.len())].to_vec();
                let to = (to % length).min(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn no_mutation_of_a_scenario_breaks_the_reader(
        changes in prop::collection::vec(change(), 1..12),
    ) {
        prop_assert!(read(&changed(small().into_bytes(), &changes)).is_ok());
    }
}

#[test]
fn texts_made_to_be_costly_are_refused() {
    let many = |piece: &str, count: usize| piece.repeat(count);
    let mebibyte = 1 << 20;
    let long_anchor = format!("a: &a [{}]\nb: [{}]\n", many("x,", 200_000), many("*a,", 100_000));
    let tags: String = (0..40_000).map(|i| format!("%TAG !a{i}! x\n")).collect();
    let keys: String = (0..90_000).map(|i| format!("k{i}: 1\n")).collect();
    for text in [
        many("[", mebibyte),
        many("{a: ", mebibyte / 4),
        many("- ", mebibyte / 2),
        many("? ", mebibyte / 2),
        many("a:\n ", mebibyte / 4),
        format!("name: \"{}", many("\\n", mebibyte / 2 - 8)),
        many("x", mebibyte),
        format!("{}: 1", many("x", mebibyte - 8)),
        long_anchor,
        tags,
        keys,
    ] {
        let text = &text[..text.len().min(mebibyte)];
        assert!(read(text.as_bytes()).expect("it does not panic") > 0, "{:.40}", text);
    }
}
