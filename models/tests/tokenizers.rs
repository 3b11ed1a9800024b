//! Tokenizers that do not fit their model are refused before a text meets them.

use fleetune_models::{
    ModelError,
    backend::Backend,
    batch::{Batch, Padding},
    checkpoint::{Checkpoint, save_f16},
    families::BertConfig,
    ledger::Ledger,
    tokenizer::Tokenizer,
};

use crate::{
    checkpoints::{TOKENIZER, json, write},
    tiny::{architecture, encoder},
};

fn checkpoint(vocabulary: usize, tokenizer: &str) -> Checkpoint {
    let config = BertConfig { vocab_size: vocabulary, ..architecture(1) };
    let weights = save_f16(&encoder(&config, 50, &Backend::Flex.device())).expect("plain");
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), &json(&config), tokenizer.as_bytes(), &weights);
    Checkpoint::from_dir(dir.path()).expect("all files are there")
}

#[test]
fn words_become_ids_between_the_special_tokens_and_are_cut_to_length() {
    let tokenizer = checkpoint(10, TOKENIZER).tokenizer(6).expect("10 entries, 10 embeddings");
    assert_eq!(tokenizer.largest_id(), 9);
    assert_eq!(tokenizer.encode("A good film.", 1).expect("plain").ids, [2, 4, 5, 7, 9, 3]);
    assert_eq!(tokenizer.encode("films xyz", 1).expect("plain").ids, [2, 7, 8, 1, 3]);
    assert_eq!(tokenizer.encode("a a a a a a a a", 1).expect("plain").ids, [2, 4, 4, 4, 4, 3]);
    assert_eq!(tokenizer.encode("", 1).expect("nothing is a text too").ids, [2, 3]);
}

#[test]
fn a_tokenizer_larger_than_the_embeddings_is_refused() {
    let error = checkpoint(9, TOKENIZER).tokenizer(8).expect_err("ids to 9, 9 embeddings");
    assert!(matches!(error, ModelError::Tokenizer(_)));
    let text = error.to_string();
    assert!(text.contains("largest id is 9") && text.contains("9 embeddings"), "{text}");
}

/// As many entries as embeddings, but one beyond them: a look-up outside the table.
#[test]
fn a_tokenizer_with_a_far_id_is_refused() {
    for far in ["10", "4000000000"] {
        let tokenizer = TOKENIZER.replace(r#""film":7"#, &format!(r#""film":{far}"#));
        let error = checkpoint(10, &tokenizer).tokenizer(8).expect_err("an id beyond the table");
        assert!(error.to_string().contains("10 embeddings"), "{error}");
    }
}

/// The template may add an id that no entry has.
#[test]
fn special_tokens_beyond_the_embeddings_are_refused() {
    let tokenizer = TOKENIZER.replace(r#"["[SEP]",3]"#, r#"["[SEP]",77]"#);
    let error = checkpoint(10, &tokenizer).tokenizer(8).expect_err("an id beyond the table");
    assert!(error.to_string().contains("77"), "{error}");
}

/// Without special tokens an empty text would have no token at all, and a batch of such no column.
#[test]
fn a_tokenizer_without_special_tokens_is_refused() {
    let bare = r#""post_processor":null"#;
    let template =
        r#""post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}"#;
    let error = checkpoint(10, &TOKENIZER.replace(template, bare)).tokenizer(8);
    assert!(error.expect_err("no special tokens").to_string().contains("special tokens"));
}

#[test]
fn lengths_that_leave_no_room_are_refused() {
    for length in [0, 1, 2] {
        let error = Tokenizer::from_bytes(TOKENIZER.as_bytes(), length).expect_err("no room");
        assert!(error.to_string().contains("at least 3"), "{error}");
    }
    let error = checkpoint(10, TOKENIZER).tokenizer(13).expect_err("12 positions");
    assert!(error.to_string().contains("12 positions"), "{error}");
    // A template of four special tokens takes more room than a length of three has.
    let piece = |id: &str| format!(r#"{{"SpecialToken":{{"id":"{id}","type_id":0}}}}"#);
    let single =
        [piece("[CLS]"), piece("[CLS]"), r#"{"Sequence":{"id":"A","type_id":0}}"#.to_owned()];
    let single = [single.join(","), piece("[SEP]"), piece("[SEP]")].join(",");
    let tokens = r#"{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}"#;
    let template = format!(
        r#""post_processor":{{"type":"TemplateProcessing","single":[{single}],"pair":[{single}],"special_tokens":{tokens}}}"#
    );
    let old = r#""post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}"#;
    let crowded = TOKENIZER.replace(old, &template);
    assert!(checkpoint(10, &crowded).tokenizer(3).is_err());
    let fits = checkpoint(10, &crowded).tokenizer(5).expect("one word between four");
    assert_eq!(fits.encode("a good film", 0).expect("plain").ids, [2, 2, 4, 3, 3]);
}

#[test]
fn what_is_tokenised_can_be_run() {
    let checkpoint = checkpoint(10, TOKENIZER);
    let tokenizer = checkpoint.tokenizer(8).expect("fits");
    let encoder = checkpoint.encoder(&Backend::Flex.device()).expect("complete");
    let texts = ["", "\u{1}\u{2}", "good", "\u{1F600} films . . . . . . ."];
    let encoded: Vec<_> = texts.iter().map(|t| tokenizer.encode(t, 0).expect("a text")).collect();
    let batch = Batch::collate(&encoded.iter().collect::<Vec<_>>(), 8, Padding::Longest);
    let vectors = encoder.embed(&batch.to_device(&Backend::Flex.device()), &mut Ledger::new());
    assert!(crate::tiny::numbers(vectors).iter().all(|v| v.is_finite()));
}
