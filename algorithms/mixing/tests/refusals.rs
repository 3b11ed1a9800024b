//! What cannot be joined without rounds says why, where the server says that it cannot.

use super::*;
use crate::{protocol::Payload, settings::Aggregation};

/// What is refused, and by which fields; empty for the algorithm as a whole.
fn refused() -> Vec<(String, [Vec<&'static str>; 2])> {
    let mezo = |more: &str| format!(r#"{{"mezo":{{{COMMON}{more}}}}}"#);
    let privacy =
        r#""privacy":{"clip":0.05,"noise_multiplier":0.7,"noise":"server","delta":0.001}"#;
    let feedback = r#""encoding":{"top_k":0.3,"error_feedback":true}"#;
    let fedavg = format!(r#""fedavg":{{{COMMON}}}"#);
    vec![
        (mezo(r#","catch_up":"scalars""#), [vec!["catch_up"], vec![]]),
        (fedspzo(r#","catch_up":"scalars""#), [vec!["catch_up"], vec![]]),
        (format!(r#"{{"decomfl":{{{COMMON}}}}}"#), [vec!["catch_up"], vec![]]),
        (format!(r#"{{"fedkseed":{{{COMMON}}}}}"#), [vec!["catch_up"], vec!["catch_up"]]),
        (
            format!(r#"{{"fedkseed":{{{COMMON},"pro":true,"catch_up":"dense"}}}}"#),
            [vec!["pro"], vec![]],
        ),
        (
            format!(r#"{{"zowarmup":{{{COMMON},{WARM},"catch_up":"scalars"}}}}"#),
            [vec!["catch_up"], vec![]],
        ),
        (format!(r#"{{"fwdllm":{{{PLAIN},"train":"head"}}}}"#), [vec![""], vec![]]),
        (format!(r#"{{"fedsllm":{{{COMMON},"split":1}}}}"#), [vec![""], vec![""]]),
        (format!(r#"{{"scaffold":{{{COMMON}}}}}"#), [vec![""], vec![""]]),
        (format!("{{{fedavg},{privacy}}}"), [vec!["privacy"], vec!["privacy"]]),
        (format!("{{{fedavg},{feedback}}}"), [vec!["encoding.error_feedback"], vec![]]),
        (
            format!("{{{fedavg},{feedback},{privacy}}}"),
            [vec!["encoding.error_feedback", "privacy"], vec!["privacy"]],
        ),
    ]
}

#[test]
fn what_is_refused_says_which_field_and_its_server_refuses_too() {
    let fine = displaced().into_iter().map(|json| (json, [vec![], vec![]]));
    for (json, expected) in refused().into_iter().chain(fine) {
        let algorithm = algorithm(&json);
        let fields = [Aggregation::Asynchronous, Aggregation::InGroups].map(|how| {
            let all = algorithm.kind.refusal(how).into_iter().chain(algorithm.refusals(how));
            let fields = all.map(|conflict| {
                assert!(!conflict.message.is_empty() && !conflict.help.is_empty(), "{json}");
                conflict.field
            });
            fields.collect::<Vec<_>>()
        });
        assert_eq!(fields, expected, "{json}");
        let mut server = server(&json);
        assert_eq!(server.displaced().is_some(), fields[0].is_empty(), "{json}");
        assert_eq!(server.movable().is_some(), fields[1].is_empty(), "{json}");
        let mixer = Mixer::new(server.as_mut(), fedbuff(1.0, patient()));
        assert_eq!(mixer.is_some(), fields[0].is_empty(), "{json}");
    }
}

/// Why error feedback is refused. What is decoded of all messages and the last residual must be all that was to be sent
/// (Seide et al. 2014): so it is if a client is asked again after its update was joined. If it is asked before, both
/// messages make up for the one residual that there was.
#[test]
fn with_error_feedback_a_client_asked_again_would_repeat_itself() {
    let fedavg = format!(r#""fedavg":{{{COMMON}}}"#);
    let json = format!(r#"{{{fedavg},"encoding":{{"top_k":0.1,"error_feedback":true}}}}"#);
    let encoding = algorithm(&json).encoding.expect("there is one");
    let (mut wrapped, mut bare) = (server(&json), server(&format!("{{{fedavg}}}")));
    // What is decoded of a message, its residual, and what was to be sent.
    let send = |wrapped: &dyn Server, bare: &mut dyn Server, exchange| {
        bare.movable().expect("FedAvg").move_to(wrapped.weights());
        let assign = |server: &dyn Server| (server.assign(exchange, 0, &Spare).job)();
        let (update, Payload::Dense(end)) = (assign(wrapped), assign(bare).payload) else {
            panic!("weights")
        };
        let Payload::Encoded { message, residual } = &update.payload else { panic!("encoded") };
        let start = &bare.weights().values;
        let due: Vec<f32> = end.iter().zip(start).map(|(y, x)| y - x).collect();
        let said = encoding.decode(message, due.len()).expect("undamaged").1;
        (update.clone(), [said, residual.clone().expect("with feedback"), due])
    };
    let unsaid = |of: &[[Vec<f32>; 3]]| {
        let last = of.last().expect("messages")[1].iter();
        let left = last.enumerate().map(|(i, &residual)| {
            let sum: f64 = of.iter().map(|[said, _, due]| f64::from(due[i] - said[i])).sum();
            (sum - f64::from(residual)).abs()
        });
        left.fold(0.0, f64::max)
    };
    let (first, one) = send(wrapped.as_ref(), bare.as_mut(), Exchange::at(0, 0));
    wrapped.aggregate(Exchange::at(0, 0), vec![(0, first)]).expect("finite");
    let asked = [0, 1].map(|index| Exchange { index, ..Exchange::at(1, 0) });
    let [(joined, two), (_, early)] =
        asked.map(|exchange| send(wrapped.as_ref(), bare.as_mut(), exchange));
    wrapped.aggregate(asked[0], vec![(0, joined)]).expect("finite");
    let (_, after) = send(wrapped.as_ref(), bare.as_mut(), Exchange::at(2, 0));
    let fed_back = unsaid(&[one.clone(), two.clone(), after]);
    let repeated = unsaid(&[one, two, early]);
    assert!(fed_back < 1e-6 && repeated > 1e-4, "{fed_back} {repeated}");
}

/// What a scenario writes, and its defaults.
#[test]
fn rules_are_read_as_they_are_written() {
    let read = |json: &str| serde_json::from_str::<Rule>(json);
    let rule = read(r#"{"fedbuff":{}}"#).expect("all has defaults");
    assert_eq!(rule, Rule::FedBuff(FedBuff::default()));
    assert_eq!([0, 3, 1000].map(|n| rule.weight(n).is_some()), [true; 3]);
    let json = r#"{"fedasync":{"mixing":0.6,"staleness":{"discount":{"hinge":{"slope":10.0,"until":4}},"bound":16}}}"#;
    let rule = read(json).expect("as written");
    assert_eq!(serde_json::to_string(&rule).expect("plain data"), json);
    assert_eq!([4, 5, 17].map(|n| rule.weight(n)), [Some(0.6), Some(0.6 / 11.0), None]);
    for wrong in [
        r#"{"fedasync":{}}"#,
        r#"{"fedasync":{"mixing":0.0}}"#,
        r#"{"fedasync":{"mixing":1.5}}"#,
        r#"{"fedbuff":{"server_learning_rate":0.0}}"#,
        r#"{"fedbuff":{"staleness":{"discount":{"polynomial":{"exponent":-1.0}}}}}"#,
        r#"{"fedbuff":{"k":3}}"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
