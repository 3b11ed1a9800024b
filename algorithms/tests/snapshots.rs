//! What a server writes down is all that it has learnt.

use fleetune_algorithms::{
    protocol::{Restoring, SnapshotError},
    reporting::reporting,
};
use fleetune_models::batch::Padding;

use crate::{
    accounting::configurations,
    world::{algorithm, goes_on_alike, saved, setup},
};

#[test]
fn every_algorithm_goes_on_from_what_it_wrote_down() {
    for json in configurations() {
        goes_on_alike(&json, || algorithm(&json).server(setup(3, Padding::Longest, 4)));
    }
}

#[test]
fn clients_that_report_go_on_reporting() {
    let quiet = |json: &String| algorithm(json).silence().is_none();
    for json in configurations().iter().filter(|json| quiet(json)) {
        let open = || reporting(algorithm(json).server(setup(3, Padding::Fixed, 4)));
        goes_on_alike(json, open);
    }
}

/// Of another algorithm, of another model, cut short or with something behind it.
#[test]
fn what_another_server_wrote_down_is_refused() {
    let sgd = r#"{"fedavg":{"local_steps":1,"batch_size":4,"learning_rate":{"base":0.1}}}"#;
    let open = |layers| algorithm(sgd).server(setup(layers, Padding::Fixed, 1));
    let bytes = saved(open(2).as_ref());
    let refused = |bytes: &[u8], layers| {
        let mut restoring = Restoring::new(bytes);
        open(layers).restore(&mut restoring).and_then(|()| restoring.finish()).err()
    };
    assert_eq!(refused(&bytes, 2), None);
    assert!(matches!(refused(&bytes, 3), Some(SnapshotError::OtherModel { .. })));
    assert_eq!(refused(&[&bytes[..], &[0]].concat(), 2), Some(SnapshotError::LeftOver(1)));
    for end in 0..bytes.len() {
        assert!(matches!(refused(&bytes[..end], 2), Some(SnapshotError::Unreadable(_))), "{end}");
    }
}
