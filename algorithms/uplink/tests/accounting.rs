//! What is charged is what is done and sent.

use fleetune_devices::{PhaseKind, Workload};
use fleetune_models::{batch::Padding, ledger::Cost};
use fleetune_units::Bytes;

use super::*;
use crate::{
    privacy::PrivacyConfig,
    protocol::Counted,
    wire::Encoding,
    world::{CLIENTS, HORIZON},
};

fn charged(workload: &Workload) -> Counted {
    Counted {
        flops: workload.flops(),
        traffic: workload.traffic(),
        upload: workload.upload,
        peak_memory: workload.peak_memory,
    }
}

#[test]
fn jobs_count_what_was_assigned_and_send_what_was_charged() {
    for json in compositions() {
        let mut server = server(&json);
        run(server.as_mut(), 3, &[0, 3], |server, now| {
            for client in [0, 3] {
                let assignment = server.assign(now, client, &Spare);
                let assigned = charged(&assignment.workload);
                let update = (assignment.job)();
                assert_eq!(update.counted, assigned, "{json} {now:?}");
                let message = update.payload.encode(now.round);
                assert_eq!(Bytes::new(message.len() as u64), assigned.upload, "{json}");
            }
        });
    }
}

/// Residuals, noise and what was revealed included.
#[test]
fn servers_go_on_from_what_they_wrote_down() {
    for json in compositions() {
        world::goes_on_alike(&json, || server(&json));
    }
}

/// Beside any encoding a report takes its four bytes, and the server sees the same updates.
#[test]
fn encoded_updates_can_carry_reports() {
    let quiet = |json: &String| algorithm(json).silence().is_none();
    for json in compositions().iter().filter(|json| quiet(json)) {
        let mut plain = server(json);
        let mut with = crate::reporting::reporting(server(json));
        run(plain.as_mut(), 2, &[0, 3], |_, _| ());
        run(with.as_mut(), 2, &[0, 3], |server, now| {
            let assignment = server.assign(now, 3, &Spare);
            let assigned = charged(&assignment.workload);
            let update = (assignment.job)();
            assert_eq!(update.counted, assigned, "{json} {now:?}");
            let message = update.payload.encode(now.round);
            assert_eq!(Bytes::new(message.len() as u64), assigned.upload, "{json}");
        });
        assert_eq!(with.take_reports().len(), 2, "{json}");
        assert!(plain.weights().values == with.weights().values, "{json}");
    }
    assert!(algorithm(&format!(r#"{{"fedavg":{{{COMMON}}},{SERVER_NOISE}}}"#)).silence().is_some());
}

#[test]
fn forecasts_enclose_every_assignment_and_meet_the_first() {
    for padding in [Padding::Fixed, Padding::Longest] {
        for json in compositions() {
            let mut server = algorithm(&json).server(world::setup(2, padding, 4), cohort());
            run(server.as_mut(), 2, &[0, 1], |server, now| {
                for client in 0..CLIENTS {
                    let forecast = server.forecast(client, &Spare, HORIZON);
                    let real = server.assign(now, client, &Spare).workload;
                    let within = |of: fn(&Workload) -> u128| {
                        let ends = || forecast.iter().map(of);
                        let (least, most) = (ends().min().unwrap(), ends().max().unwrap());
                        assert!((least..=most).contains(&of(&real)), "{json} client {client}");
                    };
                    within(|w| w.flops().get());
                    within(|w| w.traffic().get().into());
                    within(|w| w.peak_memory.get().into());
                    within(|w| w.download.get().into());
                    assert!(forecast.iter().any(|w| w.upload == real.upload), "{json}");
                    if padding == Padding::Fixed && now == (Exchange::at(0, 0)) {
                        assert!(forecast.iter().any(|w| charged(w) == charged(&real)), "{json}");
                    }
                }
            });
        }
    }
}

/// Beyond the algorithm's own work, over d values of 4 bytes.
#[test]
fn every_pass_is_charged_as_its_formula_says() {
    let first = Exchange::at(0, 0);
    let beyond = |json: &str| {
        let of = |server: &dyn Server| server.assign(first, 1, &Spare).workload;
        let (with, without) = (of(server(json).as_ref()), of(bare(json).as_ref()));
        assert_eq!(with.download, without.download);
        assert_eq!(with.flops_of(PhaseKind::Encoding), with.flops() - without.flops());
        (
            (with.flops() - without.flops()).get(),
            (with.traffic() - without.traffic()).get(),
            (with.peak_memory - without.peak_memory).get(),
            with.upload.get(),
        )
    };
    let expected = |cost: Cost, memory: u64, upload: u64| {
        (cost.flops().get(), cost.traffic().get(), memory, upload)
    };
    let fedavg = format!(r#""fedavg":{{{COMMON}}}"#);
    let d = bare(&format!("{{{fedavg}}}")).weights().values.len();
    let bytes = 4 * d as u64;
    // One operation on two vectors read and one written.
    let difference = Cost { elementwise: d as u128, elements: 3 * d as u64, ..Cost::default() };

    // The global model is kept, and the message made beside the vector.
    let f16 = encoding(ENCODINGS[0]);
    let upload = 24 + 2 * d as u64;
    let found = beyond(&format!("{{{fedavg},{}}}", ENCODINGS[0]));
    assert_eq!(found, expected(difference + f16.encode_cost(d), bytes + upload, upload));

    // And the residual.
    let sparse = encoding(ENCODINGS[5]);
    let upload = sparse.size(d).get();
    let found = beyond(&format!("{{{fedavg},{}}}", ENCODINGS[5]));
    assert_eq!(found, expected(difference + sparse.feedback_cost(d), 2 * bytes + upload, upload));

    // In place.
    for noise in [SERVER_NOISE, CLIENT_NOISE] {
        let cost = difference + privacy(noise).client_cost(d);
        assert_eq!(beyond(&format!("{{{fedavg},{noise}}}")), expected(cost, bytes, 24 + bytes));
    }

    // What is sent is a change already.
    let mezo = format!(r#""mezo":{{{COMMON},"upload":"delta"}}"#);
    let upload = 24 + 2 * d as u64;
    let found = beyond(&format!("{{{mezo},{}}}", ENCODINGS[0]));
    assert_eq!(found, expected(f16.encode_cost(d), upload, upload));

    // Two messages, and the control variate decoded again.
    let scaffold = format!(r#""scaffold":{{{COMMON}}}"#);
    let cost = f16.encode_cost(d) * 2 + f16.decode_cost(d);
    let found = beyond(&format!("{{{scaffold},{}}}", ENCODINGS[0]));
    assert_eq!(found, expected(cost, 2 * upload, 2 * upload));

    // Two steps of three scalars, in 2 bytes each.
    let scalars = format!(r#""mezo":{{{COMMON},"perturbations":3}}"#);
    let found = beyond(&format!("{{{scalars},{}}}", ENCODINGS[0]));
    assert_eq!(found, expected(f16.encode_cost(6), 24 + 12, 24 + 12));
}

fn encoding(json: &str) -> Encoding {
    let json = format!(r#"{{"fedavg":{{{COMMON}}},{json}}}"#);
    algorithm(&json).encoding.expect("there is one")
}

fn privacy(json: &str) -> PrivacyConfig {
    let json = format!(r#"{{"fedavg":{{{COMMON}}},{json}}}"#);
    algorithm(&json).privacy.expect("there is one")
}
