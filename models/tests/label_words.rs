//! Templates and label words in the tokens of the golden checkpoints.

use fleetune_models::{
    alignment::{AlignmentError, Cut, LabelWords, LabelWordsConfig},
    architecture::HeadShape,
    checkpoint::Checkpoint,
};

use crate::golden::folder;

fn config(template: &str, words: &[(&str, &str)]) -> LabelWordsConfig {
    let words = words.iter().map(|(class, word)| ((*class).to_owned(), (*word).to_owned()));
    LabelWordsConfig { template: template.to_owned(), words: words.collect(), cut: Cut::End }
}

fn read(
    family: &str,
    config: &LabelWordsConfig,
    max_length: usize,
) -> Result<LabelWords, AlignmentError> {
    let checkpoint = Checkpoint::from_dir(&folder(family)).expect("it is complete");
    LabelWords::new(config, &["x", "y"], &checkpoint, max_length)
}

const WORDS: [(&str, &str); 2] = [("x", "fish"), ("y", "sea")];

/// BERT's: 2 and 3 around every text, 22 the mask, and 18 `the`, 5 `and`, 4 `a`, 20 `today`.
#[test]
fn a_masked_template_stands_around_every_text_and_is_never_cut() {
    for (template, before, after) in [
        ("{text} and a {mask} today", &[2][..], &[5, 4, 22, 20, 3][..]),
        ("the {mask} {text} today", &[2, 18, 22], &[20, 3]),
        ("{mask} and {text}", &[2, 22, 5], &[3]),
        ("{text} {mask}", &[2], &[22, 3]),
    ] {
        for cut in [Cut::End, Cut::Start] {
            let config = LabelWordsConfig { cut, ..config(template, &WORDS) };
            let words = read("bert", &config, 9).expect("it fits");
            assert_eq!(words.words(), [[8], [15]]);
            let room = 9 - before.len() - after.len();
            // two birds and one fish swam to the sea today
            let text = [21, 6, 5, 12, 8, 17, 19, 18, 15, 20];
            for length in 0..=text.len() {
                let names = "two birds and one fish swam to the sea today".split(' ');
                let names: Vec<&str> = names.take(length).collect();
                let kept = match cut {
                    Cut::End => &text[..length.min(room)],
                    Cut::Start => &text[length - length.min(room)..length],
                };
                let ids = words.encode(&names.join(" "), 1).expect("a text").ids;
                assert_eq!(ids, [before, kept, after].concat(), "{template}, {cut:?}, {length}");
            }
        }
    }
}

/// OPT's: 2 before every text and nothing behind it; the word comes next.
#[test]
fn a_causal_prompt_ends_where_the_word_begins() {
    let template = "the {text} and a {mask}";
    let words = read("opt", &config(template, &WORDS), 8).expect("it fits");
    assert_eq!(words.shape(), &HeadShape::Words { classes: 2, transform: None });
    // red fish swam
    let ids = words.encode("red fish swam to the sea", 0).expect("a text").ids;
    assert_eq!(ids, [2, 17, 13, 7, 16, 18, 4, 3]);
    // Options leave room for the longest of them.
    let options = [("x", "fish"), ("y", "the old sea")];
    let words = read("opt", &config(template, &options), 8).expect("it fits");
    assert_eq!(words.words(), [vec![7], vec![17, 10, 14]]);
    assert_eq!(words.shape(), &HeadShape::Options { tokens: vec![1, 3], tied: true });
    assert_eq!(words.encode("red fish swam", 0).expect("a text").ids, [2, 17, 13, 4, 3]);
    let words = read("llama", &config(template, &options), 8).expect("it fits");
    assert_eq!(words.shape(), &HeadShape::Options { tokens: vec![1, 3], tied: false });
}

#[test]
fn a_length_without_room_for_a_text_says_how_much_it_takes() {
    let masked = config("{text} and a {mask} today", &WORDS);
    let error = read("bert", &masked, 6).expect_err("six tokens of template").to_string();
    assert!(error.contains("expected at least 7"), "{error}");
    assert!(read("bert", &masked, 7).is_ok());
    let options = config("{text} a {mask}", &[("x", "fish"), ("y", "the old sea")]);
    let error = read("opt", &options, 5).expect_err("no room").to_string();
    assert!(error.contains("expected at least 6"), "{error}");
    assert!(read("opt", &options, 6).is_ok());
}

/// A byte-level vocabulary, as RoBERTa's and OPT's, in which a word has another token behind a space.
const BYTES: &str = r#"{"version":"1.0","added_tokens":[
{"id":9,"content":"<mask>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true}],
"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],"pair":[{"Sequence":{"id":"A","type_id":0}}],
"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]},"</s>":{"id":"</s>","ids":[2],"tokens":["</s>"]}}},
"decoder":null,"model":{"type":"BPE","unk_token":null,"merges":["Ġ a","Ġ b"],
"vocab":{"<s>":0,"<pad>":1,"</s>":2,"a":3,"b":4,"Ġ":5,"Ġa":6,"Ġb":7,".":8}}}"#;

#[test]
fn a_space_belongs_to_what_takes_the_place_behind_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(folder("roberta").join(file), dir.path().join(file)).expect("committed");
    }
    std::fs::write(dir.path().join("tokenizer.json"), BYTES).expect("a temporary folder");
    let checkpoint = Checkpoint::from_dir(dir.path()).expect("it is complete");
    let read = |template: &str| {
        let config = config(template, &[("x", "a"), ("y", "b")]);
        let words = LabelWords::new(&config, &["x", "y"], &checkpoint, 12).expect("it fits");
        (words.words().concat(), words.encode("b a", 0).expect("a text").ids)
    };
    // Behind a space: other words, and a text that begins otherwise; the mask takes no space.
    assert_eq!(read("{text} b {mask} ."), (vec![6, 7], vec![0, 4, 6, 7, 9, 5, 8, 2]));
    assert_eq!(read("{text} b{mask}."), (vec![3, 4], vec![0, 4, 6, 7, 9, 8, 2]));
    assert_eq!(read("a {text} {mask}"), (vec![6, 7], vec![0, 3, 7, 6, 9, 2]));
    assert_eq!(read("a.{text} {mask}"), (vec![6, 7], vec![0, 3, 8, 4, 6, 9, 2]));
}
