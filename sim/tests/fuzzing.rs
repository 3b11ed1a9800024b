//! A short run of what `fuzz/` runs for long: the same readers, on what mutations make of files that are right. Inputs that
//! the long runs found are in `fuzz/found`, each read again here.

use std::{fs, path::Path};

use rand::{Rng, RngExt};
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};

#[path = "../../fuzz/readers.rs"]
mod readers;

/// Whether a reader took the bytes.
type Reader = fn(&[u8]) -> bool;

/// Readers by the names of their targets, and how many mutations each is given.
const READERS: [(&str, Reader, usize); 4] = [
    ("scenario", readers::scenario, 1500),
    ("trace", readers::trace, 3000),
    ("dataset", readers::dataset, 3000),
    ("checkpoint", readers::checkpoint, 600),
];

/// Files that are right, as a reader takes them.
fn seeds(reader: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match reader {
        "scenario" => {
            let files = fs::read_dir(root.join("scenarios")).expect("they are in the repository");
            let mut paths: Vec<_> = files.map(|file| file.expect("it can be read").path()).collect();
            paths.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
            paths.sort();
            paths.iter().map(|path| fs::read(path).expect("it can be read")).collect()
        }
        "trace" => vec![
            b"device,start,end,state\n0,0,3600,online\n0,1800,3600,charging\n1,120.5,90000,online\n".to_vec(),
            b"end,device,start\n1,0,0.5\n3,0,2\n9,4,0\n".to_vec(),
        ],
        "dataset" => {
            let json: String =
                (0..40).map(|i| format!("{{\"text\":\"text {i}\",\"label\":\"{}\"}}\n", i % 3)).collect();
            let csv: String = (0..40).map(|i| format!("\"text, {i}\",{}\n", i % 2)).collect();
            let tsv: String = (0..40).map(|i| format!("text {i}\t{}\n", i % 2)).collect();
            vec![
                format!("\0{json}").into_bytes(),
                format!("\u{1}text,label\n{csv}").into_bytes(),
                format!("\u{2}text\tlabel\n{tsv}").into_bytes(),
            ]
        }
        _ => (0..readers::FAMILIES.len())
            .flat_map(|family| {
                let whole = readers::golden(readers::FAMILIES[family]);
                (0..readers::FILES.len())
                    .map(move |file| [&[family as u8, file as u8], &whole[file][..]].concat())
            })
            .collect(),
    }
}

/// What stands for numbers, names and structure where a parser may stumble over it.
const HARD: [&str; 16] = [
    "-1",
    "0",
    "1e999",
    "nan",
    "18446744073709551616",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "*a",
    "&a ",
    "{",
    "]",
    "\n\n",
    "\"",
    "!!binary ",
    "\r",
];

/// One to eight changes.
fn mutated(seed: &[u8], other: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..random.random_range(1..=8) {
        let at = random.random_range(0..=bytes.len());
        let length = random.random_range(0..=(bytes.len() - at).min(64));
        match random.random_range(0..6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            1 => drop(bytes.drain(at..at + length)),
            2 => {
                let piece = bytes[at..at + length].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                let hard = HARD[random.random_range(0..HARD.len())];
                bytes.splice(at..at + length.min(4), hard.bytes());
            }
            4 => bytes.truncate(at),
            _ => {
                let from = random.random_range(0..=other.len());
                let piece = other[from..other.len().min(from + 64)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

#[test]
fn what_is_right_is_read() {
    for (name, read, _) in READERS.iter().filter(|(name, ..)| *name != "scenario") {
        for seed in seeds(name) {
            assert!(
                read(&seed),
                "{name}: {:?}",
                String::from_utf8_lossy(&seed[..seed.len().min(80)])
            );
        }
    }
    // Those that name no file beside them.
    let read = seeds("scenario").iter().filter(|seed| readers::scenario(seed)).count();
    assert!(read >= 5, "{read} scenarios");
}

#[test]
fn nothing_makes_a_reader_panic() {
    for (name, read, count) in READERS {
        let seeds = seeds(name);
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..count {
            let [seed, other] = [0; 2].map(|_: i32| &seeds[random.random_range(0..seeds.len())]);
            match read(&mutated(seed, other, &mut random)) {
                true => taken += 1,
                false => refused += 1,
            }
        }
        // Mutations that are all refused try nothing but first checks, and those that change nothing nothing at all.
        assert!(taken > 0 && refused > count / 10, "{name}: {taken} taken, {refused} refused");
    }
}

#[test]
fn what_was_found_once_is_not_found_again() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/found");
    for (name, read, _) in READERS {
        for file in fs::read_dir(found.join(name)).into_iter().flatten() {
            read(&fs::read(file.expect("it can be read").path()).expect("it can be read"));
        }
    }
}
