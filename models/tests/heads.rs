//! Heads of label words and of options against the logits that the reference computed, and the heads of checkpoints.

use std::path::Path;

use burn::tensor::{Tensor, activation::log_softmax};
use fleetune_models::{
    ModelError,
    backend::Backend,
    batch::{Batch, Encoded, Padding},
    checkpoint::Checkpoint,
    ledger::Ledger,
    transformer::{Classifier, Place},
};

use crate::{
    checkpoints::{Tensors, bytes, tensors, write},
    golden::{FAMILIES, Golden, folder, golden},
    tiny::numbers,
};

const LENGTH: usize = 14;
/// Tokens of the golden vocabularies.
const WORDS: [u32; 3] = [7, 18, 4];

fn device() -> burn::tensor::Device {
    Backend::Flex.device()
}

fn encoded(golden: &[Golden]) -> Vec<Encoded> {
    golden.iter().map(|text| Encoded { ids: text.ids.clone(), label: 0 }).collect()
}

fn logits(model: &Classifier, examples: &[Encoded]) -> Tensor<2> {
    let batch = model.collate(&examples.iter().collect::<Vec<_>>(), LENGTH, Padding::Longest);
    model.forward(&batch.to_device(&device()), &mut Ledger::new())
}

/// The reference's logits of the words at the place, for every family, in a batch of texts of all lengths.
#[test]
fn label_words_have_the_logits_of_the_reference() {
    for (family, _) in FAMILIES {
        let checkpoint = Checkpoint::from_dir(&folder(family)).expect("it is complete");
        let texts = golden(family);
        for place in
            [Place::FromStart(0), Place::FromStart(1), Place::FromEnd(0), Place::FromEnd(1)]
        {
            let pretrained = checkpoint.language_head(&device()).expect("it is complete");
            let encoder = checkpoint.encoder(&device()).expect("it is complete");
            let model = Classifier { encoder, head: pretrained.of_words(&WORDS, place) };
            let found = numbers(logits(&model, &encoded(&texts)));
            for (text, found) in texts.iter().zip(found.chunks_exact(WORDS.len())) {
                let at = &text.logits[place.index(text.ids.len())];
                for (found, word) in found.iter().zip(WORDS) {
                    let expected = at[word as usize];
                    assert!(
                        (found - expected).abs() <= 1e-4,
                        "{family}, {place:?}: {found}, {expected}"
                    );
                }
            }
        }
    }
}

/// The mean over an option's tokens of the log-likelihood that the whole vocabulary's logits give each of them, computed
/// option by option.
#[test]
fn options_are_scored_by_the_mean_log_likelihood_of_their_tokens() {
    let options = vec![vec![7], vec![18, 4, 11], vec![4, 7]];
    for family in ["opt", "llama"] {
        let checkpoint = Checkpoint::from_dir(&folder(family)).expect("it is complete");
        let pretrained = || checkpoint.language_head(&device()).expect("it is complete");
        let encoder = checkpoint.encoder(&device()).expect("it is complete");
        let head = pretrained().of_options(options.clone());
        let model = Classifier { encoder: encoder.clone(), head };
        let texts = encoded(&golden(family));
        let found = numbers(logits(&model, &texts));
        assert_eq!(found.len(), texts.len() * options.len());
        for (text, found) in texts.iter().zip(found.chunks_exact(options.len())) {
            for (option, found) in options.iter().zip(found) {
                let ids = [&text.ids[..text.ids.len().min(LENGTH - option.len())], option].concat();
                let whole = Encoded { ids: ids.clone(), label: 0 };
                let batch = Batch::collate(&[&whole], LENGTH, Padding::Longest);
                let states = encoder.forward(&batch.to_device(&device()), &mut Ledger::new());
                let likely = numbers(log_softmax(pretrained().forward(states), 1));
                let vocabulary = likely.len() / ids.len();
                let first = ids.len() - option.len();
                let all =
                    (first..ids.len()).map(|at| likely[(at - 1) * vocabulary + ids[at] as usize]);
                let mean = all.sum::<f32>() / option.len() as f32;
                assert!((found - mean).abs() <= 1e-4, "{family}, {option:?}: {found}, {mean}");
            }
        }
    }
}

/// A softmax over log-likelihoods is one over logits: options of one token each are label words, of one forward in place of
/// one each.
#[test]
fn options_of_one_token_are_label_words() {
    for family in ["opt", "llama"] {
        let checkpoint = Checkpoint::from_dir(&folder(family)).expect("it is complete");
        let pretrained = || checkpoint.language_head(&device()).expect("it is complete");
        let encoder = checkpoint.encoder(&device()).expect("it is complete");
        let words = pretrained().of_words(&WORDS, Place::FromEnd(0));
        let options = pretrained().of_options(WORDS.map(|word| vec![word]).to_vec());
        let texts = encoded(&golden(family));
        let [words, options] = [words, options].map(|head| {
            let model = Classifier { encoder: encoder.clone(), head };
            numbers(log_softmax(logits(&model, &texts), 1))
        });
        for (word, option) in words.iter().zip(&options) {
            assert!((word - option).abs() <= 1e-5, "{family}: {word}, {option}");
        }
    }
}

/// A golden checkpoint, its configuration and its tensors changed.
fn changed(
    family: &str,
    config: impl Fn(&mut serde_json::Value),
    change: impl Fn(&mut Tensors),
) -> tempfile::TempDir {
    let (from, dir) = (folder(family), tempfile::tempdir().expect("a temporary folder"));
    let read = |name: &str| std::fs::read(from.join(name)).expect("it is committed");
    let mut json = serde_json::from_slice(&read("config.json")).expect("the script wrote it");
    config(&mut json);
    let mut weights = tensors(&read("model.safetensors"));
    change(&mut weights);
    write(dir.path(), json.to_string().as_bytes(), &read("tokenizer.json"), &bytes(&weights));
    dir
}

fn table(dir: &Path) -> Result<Vec<f32>, ModelError> {
    let checkpoint = Checkpoint::from_dir(dir)?;
    checkpoint.encoder(&device()).expect("the body is there, whatever the head");
    Ok(numbers(checkpoint.language_head(&device())?.table.val()))
}

/// A body alone is a model; only who asks for its head is told which tensor is missing, and where.
#[test]
fn a_missing_head_is_named_when_it_is_asked_for() {
    let cases = [
        ("bert", "cls.predictions.transform.dense.weight"),
        ("bert", "cls.predictions.transform.LayerNorm.bias"),
        ("bert", "cls.predictions.bias"),
        ("roberta", "lm_head.dense.bias"),
        ("roberta", "lm_head.layer_norm.weight"),
        ("roberta", "lm_head.bias"),
        ("llama", "lm_head.weight"),
    ];
    for (family, name) in cases {
        let dir =
            changed(family, |_| {}, |tensors| drop(tensors.remove(name).expect("it is there")));
        assert!(
            Checkpoint::from_dir(dir.path()).expect("its files are there").check(false).is_ok()
        );
        let error = table(dir.path()).expect_err("it is missing").to_string();
        assert!(error.contains(name) && error.contains("model.safetensors"), "{error}");
    }
}

/// Tied output embeddings are the input's; untied ones are those that are stored.
#[test]
fn output_embeddings_are_tied_as_the_checkpoint_says() {
    let words = |dir: &Path| {
        let checkpoint = Checkpoint::from_dir(dir).expect("it is complete");
        numbers(checkpoint.encoder(&device()).expect("it is complete").embeddings.word.val())
    };
    for family in ["bert", "roberta", "opt"] {
        let dir = folder(family);
        assert_eq!(table(&dir).expect("it is complete"), words(&dir), "{family}");
    }
    let llama = folder("llama");
    assert_ne!(table(&llama).expect("it is complete"), words(&llama));
    let tied = changed("llama", |json| json["tie_word_embeddings"] = true.into(), |_| {});
    assert_eq!(table(tied.path()).expect("it is complete"), words(&llama));
    let untied = changed("opt", |json| json["tie_word_embeddings"] = false.into(), |_| {});
    let error = table(untied.path()).expect_err("it has none of its own").to_string();
    assert!(error.contains("lm_head.weight"), "{error}");
    // Masked models that were saved with their output embeddings have these.
    for (family, from, to) in [
        ("bert", "bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"),
        ("roberta", "roberta.embeddings.word_embeddings.weight", "lm_head.decoder.weight"),
    ] {
        let store_reversed = |tensors: &mut Tensors| {
            let (dtype, shape, data) = tensors[from].clone();
            let data = data.rchunks_exact(2).flatten().copied().collect();
            tensors.insert(to.to_owned(), (dtype, shape, data));
        };
        let dir = changed(family, |_| {}, store_reversed);
        let mut expected = words(&folder(family));
        expected.reverse();
        assert_eq!(table(dir.path()).expect("it is complete"), expected, "{family}");
    }
}
