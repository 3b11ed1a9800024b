//! What the server sees of encoded updates.

use super::*;
use crate::{
    protocol::ProtocolError,
    uplink::server::UplinkServer,
    wire::{DecodeError, Encoding, Kind},
    world::bits,
};

const CLIENTS: [ClientId; 3] = [0, 3, 1];

#[test]
fn without_encoding_and_privacy_every_byte_is_the_bare_algorithms() {
    for kind in kinds() {
        let json = format!("{{{kind}}}");
        let (mut wrapped, mut bare) = (server(&json), bare(&json));
        for round in 0..2 {
            let now = Exchange::at(round, 0);
            let of = |server: &mut dyn Server| {
                let (updates, _) = world::exchange(server, now, &CLIENTS);
                let sent: Vec<_> = updates.iter().map(|u| u.payload.encode(round)).collect();
                (sent, bits(&server.weights().values))
            };
            assert!(of(wrapped.as_mut()) == of(bare.as_mut()), "{json}");
        }
        assert_eq!(wrapped.revealed(), None);
    }
}

/// The parts of what is sent that are encoded by themselves, decoded: what the server should see.
fn seen(encoding: &Encoding, kind: Kind, parts: usize, values: &[f32], round: u64) -> Vec<f32> {
    let through = |part: &[f32]| {
        let message = encoding.encode_as(kind, part, round, 0);
        encoding.decode_as(kind, &message, part.len()).expect("finite").1
    };
    values.chunks(values.len() / parts).flat_map(through).collect()
}

/// The algorithm alone, fed with what remains of each plain update's movement once it has been encoded and decoded,
/// stays equal to the bit.
#[test]
fn the_server_goes_on_with_the_decoded_differences() {
    for kind in kinds() {
        for beside in &ENCODINGS[..5] {
            let json = format!("{{{kind},{beside}}}");
            let algorithm = algorithm(&json);
            if !algorithm.conflicts().is_empty() {
                continue;
            }
            let encoding = algorithm.encoding.expect("there is one");
            let (mut wrapped, mut alone) = (server(&json), bare(&json));
            run(wrapped.as_mut(), 3, &CLIENTS, |wrapped, now| {
                assert_eq!(
                    bits(&wrapped.weights().values),
                    bits(&alone.weights().values),
                    "{json} {now:?}"
                );
                alone.convene(now, &CLIENTS);
                let start = alone.weights().values.clone();
                let update = |client: ClientId| {
                    let plain = work(alone.as_ref(), now, client);
                    let sent = movement(&algorithm, now.round, &start, &plain);
                    let is_weights = sent != values(&plain.payload);
                    let (kind, parts) = match &plain.payload {
                        Payload::Scalars(_) => (Kind::Scalars, 1),
                        _ => (Kind::Dense, sent.len() / start.len()),
                    };
                    let seen = seen(&encoding, kind, parts, &sent, now.round);
                    (client, moved(&start, plain, seen, is_weights))
                };
                let updates = CLIENTS.map(update).to_vec();
                alone.aggregate(now, updates).expect("finite");
            });
            assert_eq!(bits(&wrapped.weights().values), bits(&alone.weights().values), "{json}");
        }
    }
}

/// By Seide et al. (2014): what was decoded in all and the last residual are all that was to be sent, for every client
/// and both of SCAFFOLD's vectors. Each round a sum and a difference round by half a unit in the last place of what is
/// due. What was to be sent is known from the algorithm alone, which is fed with what was decoded.
#[test]
fn error_feedback_loses_nothing_over_the_rounds() {
    for kind in [&kinds()[0], &kinds()[3], &kinds()[5]] {
        let json = format!("{{{kind},{}}}", ENCODINGS[5]);
        let algorithm = algorithm(&json);
        let encoding = algorithm.encoding.expect("there is one");
        let (mut wrapped, mut alone) = (server(&json), bare(&json));
        let mut books: Vec<Vec<Book>> = vec![Vec::new(); CLIENTS.len()];
        for round in 0..8 {
            let now = Exchange::at(round, 0);
            let start = alone.weights().values.clone();
            let (sent, _) = world::exchange(wrapped.as_mut(), now, &CLIENTS);
            let mut joined = Vec::new();
            for ((client, update), books) in CLIENTS.into_iter().zip(sent).zip(&mut books) {
                let plain = work(alone.as_ref(), now, client);
                let due = movement(&algorithm, round, &start, &plain);
                let Payload::Encoded { message, residual: Some(left) } = &update.payload else {
                    panic!("encoded with feedback")
                };
                let parts = message.chunks(encoding.size(start.len()).get() as usize);
                let seen: Vec<f32> = parts
                    .flat_map(|part| encoding.decode(part, start.len()).expect("finite").1)
                    .collect();
                books.resize(due.len(), Book::default());
                for (i, book) in books.iter_mut().enumerate() {
                    book.enter(due[i], seen[i], left[i]);
                }
                let is_weights = due != values(&plain.payload);
                joined.push((client, moved(&start, plain, seen, is_weights)));
            }
            alone.aggregate(now, joined).expect("finite");
            assert_eq!(bits(&wrapped.weights().values), bits(&alone.weights().values), "{json}");
        }
        for (client, books) in CLIENTS.iter().zip(books) {
            for (i, book) in books.iter().enumerate() {
                let off = book.decoded + book.residual - book.due;
                assert!(off.abs() <= book.rounding, "{kind}, client {client}, value {i}: {off}");
            }
            let lost = books.iter().filter(|book| book.residual != 0.0).count();
            assert!(2 * lost > books.len(), "there is something to feed back: {lost}");
        }
    }
}

/// What one value was to be sent as in all, what of it was decoded, what is left, and how far rounding may be off.
#[derive(Clone, Copy, Debug, Default)]
struct Book {
    due: f64,
    decoded: f64,
    residual: f64,
    rounding: f64,
}

impl Book {
    fn enter(&mut self, due: f32, seen: f32, left: f32) {
        self.rounding += (f64::from(due).abs() + self.residual.abs()) / 4_194_304.0;
        self.due += f64::from(due);
        self.decoded += f64::from(seen);
        self.residual = f64::from(left);
    }
}

#[test]
fn an_update_that_was_lost_leaves_no_residual() {
    let json = format!(r#"{{"fedavg":{{{COMMON}}},{}}}"#, ENCODINGS[5]);
    let message = |loses: bool| {
        let mut server = server(&json);
        world::exchange(server.as_mut(), Exchange::at(0, 0), &[0, 1]);
        let lost = Exchange::at(1, 0);
        if loses {
            work(server.as_ref(), lost, 0);
        }
        world::exchange(server.as_mut(), lost, &[1]);
        work(server.as_ref(), Exchange::at(2, 0), 0).payload
    };
    assert_eq!(message(true), message(false));
    // Client 1's residual is another one, and client 0's is not zero.
    let mut fresh = server(&json);
    world::exchange(fresh.as_mut(), Exchange::at(0, 0), &[1]);
    let Payload::Encoded { residual: Some(left), .. } = message(true) else { panic!("encoded") };
    assert!(left.iter().any(|v| *v != 0.0));
}

#[test]
fn clients_rounds_and_exchanges_have_seeds_of_their_own() {
    let json = format!("{{{}}}", kinds()[0]);
    let streams = setup().streams;
    let server = UplinkServer::new(bare(&json), Vec::new(), (None, None), cohort(), streams);
    let at = |round, index| Exchange::at(round, index);
    let all = [(0, at(0, 0)), (1, at(0, 0)), (0, at(1, 0)), (0, at(0, 1))];
    let seeds = all.map(|(client, exchange)| {
        let sender = server.sender(exchange, client);
        [sender.rounding_seed, sender.noise_seed]
    });
    let seeds = seeds.concat();
    for (i, seed) in seeds.iter().enumerate() {
        assert!(!seeds[..i].contains(seed), "{i}");
    }
}

#[test]
fn updates_that_are_not_finite_end_the_learning_in_every_encoding() {
    let wild = COMMON.replace("0.01", "1e38");
    for beside in ENCODINGS {
        let mut server = server(&format!(r#"{{"fedavg":{{{wild},"optimizer":"sgd"}},{beside}}}"#));
        let now = Exchange::at(3, 0);
        let updates = vec![(2, work(server.as_ref(), now, 2))];
        let error = server.aggregate(now, updates);
        assert!(matches!(error, Err(ProtocolError::Diverged { round: 3 })), "{beside}: {error:?}");
    }
}

#[test]
fn what_no_client_sends_is_refused_by_name() {
    let json = format!(r#"{{"scaffold":{{{COMMON}}},{}}}"#, ENCODINGS[0]);
    let mut server = server(&json);
    let now = Exchange::at(0, 0);
    let honest = work(server.as_ref(), now, 2);
    let Payload::Encoded { message, .. } = &honest.payload else { panic!("encoded") };
    let mut damaged = message.clone();
    damaged[40] ^= 1;
    for (bytes, reason) in [
        (damaged, DecodeError::Damaged),
        (message[..message.len() - 1].to_vec(), DecodeError::WrongLength),
        (message[..message.len() / 2].to_vec(), DecodeError::WrongLength),
        ([&message[..], &message[..]].concat(), DecodeError::WrongLength),
    ] {
        let payload = Payload::Encoded { message: bytes, residual: None };
        let error = server.aggregate(now, vec![(2, Update { payload, ..honest.clone() })]);
        match error {
            Err(ProtocolError::Undecodable { client: 2, source }) => assert_eq!(source, reason),
            other => panic!("{other:?}"),
        }
    }
    let plain = Update { payload: Payload::Dense(vec![0.0; 4]), ..honest };
    let error = server.aggregate(now, vec![(2, plain)]);
    assert!(matches!(error, Err(ProtocolError::WrongPayload { client: 2, .. })), "{error:?}");
}
