//! What a scenario may write beside an algorithm.

use super::*;

#[test]
fn an_entry_reads_back_as_itself_with_its_keys_in_any_order() {
    let json = format!("{{{},{},{SERVER_NOISE}}}", kinds()[0], ENCODINGS[5]);
    let entry = algorithm(&json);
    assert!(entry.encoding.is_some() && entry.privacy.is_some());
    let written = serde_json::to_string(&entry).expect("plain data");
    assert_eq!(algorithm(&written), entry);
    let turned = format!("{{{SERVER_NOISE},{},{}}}", ENCODINGS[5], kinds()[0]);
    assert_eq!(algorithm(&turned), entry);
    // What is not there is not written, and says nothing.
    let plain = algorithm(&format!("{{{}}}", kinds()[0]));
    let written = serde_json::to_string(&plain).expect("plain data");
    assert!(!written.contains("encoding") && !written.contains("privacy"), "{written}");
    let none = format!(r#"{{{},"encoding":null}}"#, kinds()[0]);
    assert_eq!(algorithm(&none), plain);
}

#[test]
fn an_entry_is_one_algorithm_by_a_name_that_exists() {
    let (fedavg, mezo) = (&kinds()[0], &kinds()[3]);
    for (wrong, reason) in [
        (format!("{{{fedavg},{mezo}}}"), "found both `fedavg` and `mezo`"),
        (format!("{{{}}}", ENCODINGS[0]), "expected an algorithm, one of fedspzo, mezo"),
        (format!(r#"{{{fedavg},"compression":1}}"#), "unknown field `compression`"),
        (r#"{"fedavgg":{}}"#.to_owned(), "unknown field `fedavgg`"),
        (r#""mezo""#.to_owned(), "`mezo` needs settings"),
        (r#""mezzo""#.to_owned(), "unknown variant `mezzo`"),
        ("[]".to_owned(), "an algorithm with its settings"),
    ] {
        let error = serde_json::from_str::<Algorithm>(&wrong).expect_err("wrong").to_string();
        assert!(error.contains(reason), "{wrong}: {error}");
    }
}

/// Which fields are refused, for one kind of every content.
#[test]
fn what_cannot_go_together_is_refused_at_its_field() {
    let [fedavg, _, _, delta, fwdllm, scaffold, own, _, _, shared, zowarmup] =
        <[String; 11]>::try_from(kinds()).expect("eleven");
    let [f16, _, top_k, _, sign, _, q8] = ENCODINGS;
    let feedback = r#""encoding":{"values":"f16","error_feedback":true}"#;
    let nothing = r#""encoding":{"error_feedback":true}"#;
    let refused = |kind: &str, beside: &str| -> Vec<&'static str> {
        let entry = algorithm(&format!("{{{kind},{beside}}}"));
        entry.conflicts().into_iter().map(|conflict| conflict.field).collect()
    };
    for dense in [&fedavg, &delta, &fwdllm, &scaffold] {
        for encoding in [f16, top_k, sign, feedback, q8] {
            assert!(refused(dense, encoding).is_empty(), "{dense} {encoding}");
        }
    }
    for scalars in [&own, &shared, &zowarmup] {
        assert!(refused(scalars, f16).is_empty() && refused(scalars, q8).is_empty());
        assert_eq!(refused(scalars, top_k), ["encoding.top_k"], "{scalars}");
        assert_eq!(refused(scalars, sign), ["encoding.values"], "{scalars}");
        assert_eq!(refused(scalars, feedback), ["encoding.error_feedback"], "{scalars}");
    }
    for noise in [SERVER_NOISE, CLIENT_NOISE] {
        for private in [&fedavg, &delta, &fwdllm, &shared] {
            assert!(refused(private, noise).is_empty(), "{private}");
        }
        for public in [&scaffold, &own, &zowarmup] {
            assert_eq!(refused(public, noise), ["privacy"], "{public}");
        }
    }
    assert_eq!(refused(&fedavg, nothing), ["encoding"]);
    assert_eq!(refused(&fedavg, &format!("{f16},{CLIENT_NOISE}")), ["encoding"]);
    assert!(refused(&fedavg, &format!("{f16},{SERVER_NOISE}")).is_empty());
}

#[test]
fn a_report_says_what_becomes_of_updates() {
    let json = format!("{{{},{},{SERVER_NOISE}}}", kinds()[0], ENCODINGS[5]);
    let text = algorithm(&json).describe();
    for part in [
        "FedAvg on",
        "updates clipped to 0.05, noise of 0.7 times that on their sum, by the server",
        "updates sent as the largest 5 % as 8-bit integers, with error feedback",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
