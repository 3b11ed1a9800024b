//! What the server sees of encoded updates.

use std::sync::Arc;

use super::*;
use crate::{
    protocol::ProtocolError,
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

/// By Seide et al. (2014): what was decoded in all and the last residual are all that was to be sent. Of each round, a
/// sum, a difference and the global model added and taken away round a value by half a unit in its last place each.
#[test]
fn error_feedback_loses_nothing_over_the_rounds() {
    const ROUNDS: u64 = 12;
    let json = format!(r#"{{"fedavg":{{{COMMON}}},{}}}"#, ENCODINGS[5]);
    let encoding = algorithm(&json).encoding.expect("there is one");
    let (mut wrapped, alone) = (server(&json), algorithm(&json));
    let len = wrapped.weights().values.len();
    let (mut due, mut decoded) = (vec![0.0; len], vec![0.0; len]);
    let mut residual = vec![0.0; len];
    let mut rounding = vec![0.0; len];
    for round in 0..ROUNDS {
        let now = Exchange::at(round, 0);
        // What client 0 would send in full: the algorithm alone, from the same model.
        let start = Arc::new(wrapped.weights().values.clone());
        let plain = trained_from(&alone, &start, now, 0);
        for (i, (v, start)) in plain.iter().zip(start.iter()).enumerate() {
            due[i] += f64::from(v - start);
            rounding[i] += (f64::from(v.abs()) + f64::from(residual[i])).abs() / 4_194_304.0;
        }
        let (updates, _) = world::exchange(wrapped.as_mut(), now, &[0, 2]);
        let Payload::Encoded { message, residual: Some(left) } = &updates[0].payload else {
            panic!("encoded with feedback")
        };
        let (_, seen) = encoding.decode(message, len).expect("finite");
        decoded.iter_mut().zip(seen).for_each(|(sum, v)| *sum += f64::from(v));
        residual.clone_from(left);
    }
    let mut lost: f64 = 0.0;
    for i in 0..len {
        let off = decoded[i] + f64::from(residual[i]) - due[i];
        assert!(off.abs() <= rounding[i] + 1e-12, "value {i} is off by {off}");
        lost = lost.max((decoded[i] - due[i]).abs());
    }
    assert!(lost > 1e-3, "there is something to feed back: {lost}");
}

/// The weights that FedAvg's client reaches from these.
fn trained_from(
    algorithm: &Algorithm,
    start: &[f32],
    exchange: Exchange,
    client: ClientId,
) -> Vec<f32> {
    let mut alone = algorithm.kind.server(setup());
    // One update joined alone becomes the global model.
    let before = Exchange::at(u64::MAX, 0);
    let mut given = work(alone.as_ref(), before, client);
    given.payload = Payload::Dense(start.to_vec());
    alone.aggregate(before, vec![(client, given)]).expect("finite");
    assert_eq!(bits(&alone.weights().values), bits(start));
    values(&work(alone.as_ref(), exchange, client).payload).to_vec()
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
fn clients_rounds_and_exchanges_round_by_seeds_of_their_own() {
    // The same vector in every place, sent by differently seeded rounding.
    let json = format!(r#"{{"mezo":{{{COMMON},"perturbations":8}},{}}}"#, ENCODINGS[6]);
    let server = server(&json);
    let at = |round, index| Exchange::at(round, index);
    let all = [(0, at(0, 0)), (1, at(0, 0)), (0, at(1, 0)), (0, at(0, 1))];
    let messages = all.map(|(client, exchange)| work(server.as_ref(), exchange, client).payload);
    for (i, message) in messages.iter().enumerate() {
        assert!(!messages[..i].contains(message), "{i}");
    }
    assert_eq!(messages[0], work(server.as_ref(), at(0, 0), 0).payload);
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
