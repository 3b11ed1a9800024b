//! The zeroth-order step, its forward and its noise, against PyTorch and against what the machine can do.
//!
//! ```text
//! cargo bench -p fleetune-algorithms --bench step -- [--model DIR] [--peer PYTHON] [--rounds N]
//! ```
//!
//! Of the embedded model, or of the checkpoint in DIR, on one thread. The contestants take turns, and a turn counts time
//! on the processor: other processes slow all alike. PYTHON is an interpreter that has `torch` and `transformers`
//! (`benches/peers/install.sh`). Prints Markdown.

mod numbers;
mod page;
mod peer;
mod subject;

use std::path::PathBuf;

use numbers::{Numbers, on_processor};
use peer::Peer;
use subject::{STEPS, Subject};

/// What the command line asks for.
#[derive(Debug)]
struct Arguments {
    model: Option<PathBuf>,
    peer: Option<String>,
    rounds: usize,
}

impl Arguments {
    fn read() -> Self {
        let mut read = Self { model: None, peer: None, rounds: 15 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
            match word.as_str() {
                "--model" => read.model = Some(PathBuf::from(value())),
                "--peer" => read.peer = Some(value()),
                "--rounds" => read.rounds = value().parse().expect("--rounds takes a number"),
                // Given by cargo.
                "--bench" => {}
                other => panic!("{other} is not known; see the head of this file"),
            }
        }
        read
    }
}

fn main() {
    let arguments = Arguments::read();
    let mut subject = Subject::open(arguments.model.as_deref());
    let mut peer = arguments.peer.map(|python| Peer::start(&python, &subject));
    if let Some(peer) = &mut peer {
        let (ours, theirs) = (subject.loss(), peer.ask("loss"));
        assert!((ours - theirs).abs() < 1e-4, "not the same model: {ours} and {theirs}");
    }
    let mut numbers = Numbers::default();
    // The first round warms up, on both sides.
    for round in 0..=arguments.rounds {
        let mut one = Numbers::default();
        one.add("product", on_processor(|| subject.product()));
        one.add("forward", on_processor(|| subject.loss()));
        one.add("step", on_processor(|| subject.steps()) / STEPS as f64);
        one.add("settled", on_processor(|| subject.settled_steps()) / STEPS as f64);
        one.add("noise", on_processor(|| subject.noise()));
        one.add("fill", on_processor(|| subject.fill()));
        if let Some(peer) = &mut peer {
            for what in ["product", "forward", "step"] {
                one.add(&format!("peer {what}"), peer.ask(what));
            }
        }
        if round > 0 {
            numbers.append(one);
        }
    }
    let version = peer.as_mut().map(|peer| peer.say("version"));
    print!("{}", page::markdown(&subject, &numbers, version.as_deref()));
}
