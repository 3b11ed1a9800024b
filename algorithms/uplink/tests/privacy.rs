//! What private updates move, and what they reveal.

use std::sync::Arc;

use fleetune_devices::streams::SeedTree;

use super::*;
use crate::{
    privacy::{Delta, clip, epsilon, server_seed},
    settings::{Fraction, Positive},
    setup::TrainingData,
    world::{LENGTH, bits, setup_with, texts},
};

const CLIP: f64 = 0.05;
const NOISE: f64 = 0.7;
const FIRST: Exchange = Exchange::at(0, 0);

fn fedavg(beside: &str) -> String {
    format!(r#"{{"fedavg":{{{COMMON}}},{beside}}}"#)
}

/// The sum of the clipped differences of these clients, and the longest of them before.
fn clipped_sum(json: &str, clients: &[ClientId]) -> (Vec<f64>, f64) {
    let (algorithm, alone) = (algorithm(json), bare(json));
    let start = &alone.weights().values;
    let mut sum = vec![0.0; start.len()];
    let mut longest: f64 = 0.0;
    for &client in clients {
        let plain = work(alone.as_ref(), FIRST, client);
        let mut sent = movement(&algorithm, 0, start, &plain);
        longest = longest.max(norm(&sent));
        clip(&mut sent, Positive::new(CLIP).expect("positive"));
        sum.iter_mut().zip(sent).for_each(|(sum, v)| *sum += f64::from(v));
    }
    (sum, longest)
}

/// Whatever the number that arrived, the model moves by the clipped sum over the planned cohort and noise of
/// deviation z C / n a coordinate, where all clients' shares or the server's part are there. Of d coordinates the sum of
/// squares is within six standard errors, sqrt(2 d), of d: it is not with probability 2e-9; and the noise is not
/// correlated with the signal: likewise.
#[test]
fn the_model_moves_by_the_clipped_mean_and_the_noise_that_is_accounted_for() {
    for (beside, clients, present) in [
        (SERVER_NOISE, &[0, 3, 1, 4][..], 1.0),
        (SERVER_NOISE, &[2, 0][..], 1.0),
        (CLIENT_NOISE, &[0, 3, 1, 4][..], 1.0),
        // Half of the shares are missing.
        (CLIENT_NOISE, &[2, 0][..], 0.5),
    ] {
        let json = fedavg(beside);
        let mut server = server(&json);
        let start = server.weights().values.clone();
        world::exchange(server.as_mut(), FIRST, clients);
        let (sum, longest) = clipped_sum(&json, clients);
        assert!(longest > 2.0 * CLIP, "there is something to clip: {longest}");
        let planned = f64::from(COHORT);
        let deviation = NOISE * CLIP / planned * f64::sqrt(present);
        let after = &server.weights().values;
        let noise: Vec<f64> = (0..start.len())
            .map(|i| (f64::from(after[i]) - f64::from(start[i]) - sum[i] / planned) / deviation)
            .collect();
        let d = noise.len() as f64;
        let squares: f64 = noise.iter().map(|v| v * v).sum();
        assert!((squares - d).abs() < 6.0 * (2.0 * d).sqrt(), "{beside}: variance {}", squares / d);
        let along: f64 = noise.iter().zip(&sum).map(|(v, s)| v * s).sum();
        let length = sum.iter().map(|s| s * s).sum::<f64>().sqrt();
        assert!(along.abs() < 6.0 * length, "{beside}: {} along the signal", along / length);
    }
}

/// The server's noise is the same for both fleets, so that what differs is what one client moves: at most C / n if it is
/// taken away, 2 C / n if its texts are replaced. With error feedback the tenth of the values that is sent carries what
/// was left of ten rounds, and by the ninth is longer than the bound: the server clips it again.
#[test]
fn no_client_moves_the_sum_by_more_than_the_bound() {
    let feedback = r#""encoding":{"top_k":0.1,"error_feedback":true}"#;
    for (beside, full) in [(SERVER_NOISE.to_owned(), 0), (format!("{feedback},{SERVER_NOISE}"), 8)]
    {
        let json = fedavg(&beside);
        for round in [0, 2, 8] {
            let now = Exchange::at(round, 0);
            // All rounds before are those of the fleet with client 0, to have one history.
            let moved = |other: bool, clients: &[ClientId]| {
                let mut server = algorithm(&json).server(world_with(other), cohort());
                run(server.as_mut(), round, &[0, 1, 2], |_, _| ());
                let before = server.weights().values.clone();
                world::exchange(server.as_mut(), now, clients);
                let after = &server.weights().values;
                let each = before.iter().zip(after);
                each.map(|(b, a)| f64::from(COHORT) * (f64::from(*a) - f64::from(*b))).collect()
            };
            let distance = |a: &[f64], b: &[f64]| {
                a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
            };
            let all: Vec<f64> = moved(false, &[0, 1, 2]);
            let without = distance(&all, &moved(false, &[1, 2]));
            // Weights of magnitude up to 2 round by up to 2^-24 a coordinate.
            let rounding = 4.0 * f64::from(COHORT) * (all.len() as f64).sqrt() / 16_777_216.0;
            assert!(without <= CLIP + rounding, "{beside} round {round}: {without}");
            assert!(round < full || without > 0.9 * CLIP, "the bound is nearly met: {without}");
            if round == 0 {
                let replaced = distance(&all, &moved(true, &[0, 1, 2]));
                assert!(replaced <= 2.0 * CLIP + rounding, "{beside}: {replaced}");
                assert!(replaced > 0.1 * CLIP, "other texts move it otherwise: {replaced}");
            }
        }
    }
}

/// Three clients, the first with texts of its own or with `other` ones.
fn world_with(other: bool) -> Setup {
    let mut examples = texts(24, 100);
    if other {
        examples[..8].clone_from_slice(&texts(8, 999));
        examples[..8].iter_mut().for_each(|text| text.label = 2 - text.label);
    }
    let shards = vec![(0..8).collect(), (8..16).collect(), (16..24).collect()];
    let data = TrainingData { examples, shards, max_length: LENGTH, padding: Padding::Fixed };
    setup_with(2, data, 4)
}

fn rate(value: f64) -> Fraction {
    Fraction::new(value).expect("a fraction")
}

fn expected(noise: f64, sampling: f64, rounds: u64) -> f64 {
    let noise = Positive::new(noise).expect("positive");
    epsilon(noise, rate(sampling), rounds, Delta::new(0.001).expect("a chance"))
}

#[track_caller]
fn assert_reveals(server: &dyn Server, noise: f64, rounds: u64) {
    let revealed = server.revealed().expect("private");
    assert_eq!(revealed.rounds(), rounds);
    for sampling in [0.2, 1.0] {
        let (found, expected) =
            (revealed.epsilon(rate(sampling)), expected(noise, sampling, rounds));
        assert!((found - expected).abs() <= 1e-9 * expected, "{found}, not {expected}");
    }
}

#[test]
fn what_was_revealed_is_what_the_accountant_says_of_the_rounds_that_were_done() {
    for beside in [SERVER_NOISE, CLIENT_NOISE] {
        let mut server = server(&fedavg(beside));
        for round in 0..5 {
            assert_reveals(server.as_ref(), NOISE, round);
            world::exchange(server.as_mut(), Exchange::at(round, 0), &[0, 1, 2, 3]);
        }
        // Nobody arrived: nothing was revealed.
        server.aggregate(Exchange::at(5, 0), Vec::new()).expect("nothing to join");
        assert_reveals(server.as_ref(), NOISE, 5);
    }
    // A quarter of the shares make half the deviation.
    let mut lonely = server(&fedavg(CLIENT_NOISE));
    run(lonely.as_mut(), 3, &[2], |_, _| ());
    assert_reveals(lonely.as_ref(), NOISE / 2.0, 3);
    let mut trusted = server(&fedavg(SERVER_NOISE));
    run(trusted.as_mut(), 3, &[2], |_, _| ());
    assert_reveals(trusted.as_ref(), NOISE, 3);
}

/// Two sums of one cohort have half the variance together.
#[test]
fn sums_of_one_round_are_of_one_cohort() {
    let json = format!(r#"{{"fwdllm":{{{GRADIENTS},"batches_per_round":2}},{SERVER_NOISE}}}"#);
    let mut server = server(&json);
    run(server.as_mut(), 3, &[0, 1], |_, _| ());
    assert_reveals(server.as_ref(), NOISE / f64::sqrt(2.0), 3);
}

/// DeComFL's server moves by the noisy mean of clipped scalars, and everyone who took part holds the version from which
/// it trained: what it downloads next is what it would without privacy.
#[test]
fn shared_scalars_are_clipped_and_summed() {
    let json = format!(r#"{{"decomfl":{{{COMMON},"perturbations":2}},{SERVER_NOISE}}}"#);
    let (mut private, mut alone) = (server(&json), bare(&json));
    let streams: SeedTree = setup().streams;
    let privacy = algorithm(&json).privacy.expect("there is one");
    for (round, clients) in [(0, &[0, 3, 1, 4][..]), (1, &[3, 0, 2]), (2, &[1])] {
        let now = Exchange::at(round, 0);
        for client in 0..5 {
            let download =
                |server: &dyn Server| server.assign(now, client, &Spare).workload.download;
            let found = download(private.as_ref());
            assert_eq!(found, download(alone.as_ref()), "round {round}, client {client}");
        }
        let plain: Vec<Update> =
            clients.iter().map(|&client| work(alone.as_ref(), now, client)).collect();
        let mut sum = vec![0.0_f64; 4];
        for update in &plain {
            let mut scalars = values(&update.payload).to_vec();
            assert!(norm(&scalars) > CLIP);
            clip(&mut scalars, privacy.clip);
            sum.iter_mut().zip(scalars).for_each(|(sum, v)| *sum += f64::from(v));
        }
        let mut sum: Vec<f32> = sum.into_iter().map(|v| v as f32).collect();
        privacy.privatise_sum(&mut sum, server_seed(streams, now));
        let mean = Payload::Scalars(sum.iter().map(|v| v / COHORT as f32).collect());
        let alike = plain.into_iter().map(|update| Update { payload: mean.clone(), ..update });
        let updates = clients.iter().copied().zip(alike).collect();
        alone.aggregate(now, updates).expect("finite");
        world::exchange(private.as_mut(), now, clients);
        assert_eq!(bits(&private.weights().values), bits(&alone.weights().values), "{round}");
    }
}

/// No client's numbers can end or spoil a private round: one that is not finite counts as nothing.
#[test]
fn an_update_that_is_not_finite_counts_as_zero() {
    let wild = COMMON.replace("0.01", "1e38");
    for beside in [SERVER_NOISE.to_owned(), format!("{},{SERVER_NOISE}", ENCODINGS[5])] {
        let json = format!(r#"{{"fedavg":{{{wild},"optimizer":"sgd"}},{beside}}}"#);
        let mut server = server(&json);
        let start = Arc::new(server.weights().values.clone());
        world::exchange(server.as_mut(), FIRST, &[0, 1]);
        let moved: Vec<f32> =
            server.weights().values.iter().zip(start.iter()).map(|(a, b)| a - b).collect();
        // The noise alone: d coordinates of deviation z C / n, to six standard errors and the rounding of weights.
        let d = moved.len() as f64;
        let length = norm(&moved) / (NOISE * CLIP / f64::from(COHORT));
        assert!((length * length - d).abs() < 6.0 * (2.0 * d).sqrt(), "{}", length * length / d);
    }
}
