//! Checkpoints: what is saved is loaded, and what is damaged is refused by name, without a panic.

use std::{collections::BTreeMap, path::Path};

use burn::tensor::Device;
use fleetune_models::{
    ModelError,
    backend::Backend,
    checkpoint::{Checkpoint, save_f16},
    families::BertConfig,
    parameters::{Trainable, read},
    transformer::{Classifier, Head, Transformer},
};
use half::f16;
use proptest::prelude::*;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::tiny::{architecture, encoder};

/// A WordPiece tokenizer of 10 entries, as the `tokenizers` library writes them.
pub(crate) const TOKENIZER: &str = r###"{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
"pre_tokenizer":{"type":"BertPreTokenizer"},
"post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},"decoder":null,
"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
"vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"a":4,"good":5,"bad":6,"film":7,"##s":8,".":9}}}"###;

fn device() -> Device {
    Backend::Flex.device()
}

pub(crate) fn write(dir: &Path, config: &[u8], tokenizer: &[u8], weights: &[u8]) {
    std::fs::write(dir.join("config.json"), config).expect("a temporary folder");
    std::fs::write(dir.join("tokenizer.json"), tokenizer).expect("a temporary folder");
    std::fs::write(dir.join("model.safetensors"), weights).expect("a temporary folder");
}

pub(crate) fn json(config: &BertConfig) -> Vec<u8> {
    serde_json::to_vec(config).expect("plain numbers")
}

fn load(config: &BertConfig, weights: &[u8]) -> Result<Transformer, ModelError> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), &json(config), TOKENIZER.as_bytes(), weights);
    Checkpoint::from_dir(dir.path())?.encoder(&device())
}

fn saved(layers: usize) -> (BertConfig, Transformer, Vec<u8>) {
    let config = architecture(layers);
    let encoder = encoder(&config, 40, &device());
    let bytes = save_f16(&encoder).expect("a plain encoder");
    (config, encoder, bytes)
}

pub(crate) type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

pub(crate) fn tensors(bytes: &[u8]) -> Tensors {
    let file = SafeTensors::deserialize(bytes).expect("just written");
    let all = file.tensors().into_iter();
    all.map(|(n, v)| (n, (v.dtype(), v.shape().to_vec(), v.data().to_vec()))).collect()
}

pub(crate) fn bytes(tensors: &Tensors) -> Vec<u8> {
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name, TensorView::new(*dtype, shape.clone(), data).expect("data of this shape"))
    });
    safetensors::serialize(views, None).expect("plain tensors")
}

/// All parameters of an encoder, in the order of the module tree.
fn values(encoder: &Transformer, config: &BertConfig) -> Vec<f32> {
    let head = Head::zeros(config.hidden_size, 1, 1.0, &device());
    let model = Classifier { encoder: encoder.clone(), head };
    let (model, layout) = Trainable::Full.adapt(model, &mut || 0.0);
    read(&model, &layout).values
}

#[test]
fn a_saved_encoder_comes_back_rounded_to_f16_and_then_for_good() {
    let (config, encoder, first) = saved(2);
    let loaded = load(&config, &first).expect("just saved");
    let rounded: Vec<f32> =
        values(&encoder, &config).iter().map(|&v| f16::from_f32(v).to_f32()).collect();
    assert_eq!(values(&loaded, &config), rounded);
    assert_eq!(save_f16(&loaded).expect("a plain encoder"), first);
}

#[test]
fn other_precisions_prefixes_and_unused_tensors_are_read_too() {
    let (config, _, first) = saved(2);
    let expected = values(&load(&config, &first).expect("just saved"), &config);
    let mut wide = Tensors::new();
    for (name, (_, shape, data)) in tensors(&first) {
        let halves = data.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32());
        let data: Vec<u8> = halves.flat_map(f32::to_le_bytes).collect();
        wide.insert(format!("bert.{name}"), (Dtype::F32, shape, data));
    }
    wide.insert("bert.pooler.dense.bias".to_owned(), (Dtype::F32, vec![1], vec![0; 4]));
    wide.insert("bert.embeddings.position_ids".to_owned(), (Dtype::I64, vec![1], vec![0; 8]));
    wide.insert("cls.predictions.bias".to_owned(), (Dtype::F32, vec![1], vec![0; 4]));
    let loaded = load(&config, &bytes(&wide)).expect("complete");
    assert_eq!(values(&loaded, &config), expected);
}

/// The first BERT's own files call them so.
#[test]
fn layer_norms_may_have_the_names_that_they_had_in_tensorflow() {
    let (config, _, first) = saved(2);
    let expected = values(&load(&config, &first).expect("just saved"), &config);
    let former = |name: String| match name.strip_suffix("LayerNorm.weight") {
        Some(stem) => format!("{stem}LayerNorm.gamma"),
        None => name.replace("LayerNorm.bias", "LayerNorm.beta"),
    };
    let old: Tensors = tensors(&first).into_iter().map(|(n, tensor)| (former(n), tensor)).collect();
    assert!(old.keys().filter(|name| name.ends_with(".gamma")).count() == 5);
    let loaded = load(&config, &bytes(&old)).expect("complete");
    assert_eq!(values(&loaded, &config), expected);
    let mut both = old.clone();
    both.extend(
        tensors(&first).into_iter().filter(|(name, _)| name == "embeddings.LayerNorm.bias"),
    );
    let error = load(&config, &bytes(&both)).expect_err("which of the two?").to_string();
    assert!(error.contains("`embeddings.LayerNorm.bias`"), "{error}");
}

#[test]
fn a_missing_tensor_is_named() {
    let (config, _, first) = saved(2);
    let whole = tensors(&first);
    for name in whole.keys() {
        let mut rest = whole.clone();
        rest.remove(name);
        match load(&config, &bytes(&rest)) {
            Err(ModelError::MissingTensor { tensor, .. }) => assert_eq!(&tensor, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    let (config, _, first) = saved(1);
    let whole = tensors(&first);
    for (name, (dtype, shape, data)) in &whole {
        let mut changed = whole.clone();
        let turned: Vec<usize> = match shape[..] {
            [rows, columns] if rows != columns => vec![columns, rows],
            _ => vec![1, data.len() / 2],
        };
        changed.insert(name.clone(), (*dtype, turned.clone(), data.clone()));
        match load(&config, &bytes(&changed)) {
            Err(ModelError::Shape { tensor, found, expected, .. }) => {
                assert_eq!((&tensor, &found, &expected), (name, &turned, shape));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_tensor_beyond_the_architecture_is_named() {
    let (config, _, first) = saved(1);
    let mut more = tensors(&first);
    let name = "encoder.layer.1.output.dense.bias";
    more.insert(name.to_owned(), (Dtype::F16, vec![16], vec![0; 32]));
    let error = load(&config, &bytes(&more)).expect_err("a layer too many");
    assert!(error.to_string().contains(name), "{error}");
}

#[test]
fn what_is_not_a_number_or_not_a_float_is_named() {
    let (config, _, first) = saved(1);
    let whole = tensors(&first);
    let name = "encoder.layer.0.intermediate.dense.weight";
    for bad in [f16::NAN, f16::INFINITY, f16::NEG_INFINITY] {
        let mut changed = whole.clone();
        let data = &mut changed.get_mut(name).expect("there").2;
        data[10..12].copy_from_slice(&bad.to_le_bytes());
        let error = load(&config, &bytes(&changed)).expect_err("not finite").to_string();
        assert!(error.contains(name) && error.contains("element 5"), "{error}");
    }
    let mut changed = whole.clone();
    let (dtype, _, data) = changed.get_mut(name).expect("there");
    (*dtype, *data) = (Dtype::I32, vec![0; data.len() * 2]);
    let error = load(&config, &bytes(&changed)).expect_err("integers").to_string();
    assert!(error.contains(name) && error.contains("I32"), "{error}");
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let (config, _, whole) = saved(1);
    let refused = |end: usize| {
        let error = load(&config, &whole[..end]).expect_err("it ends too early").to_string();
        assert!(error.contains("model.safetensors"), "{error}");
    };
    (0..64).chain((64..whole.len()).step_by(97)).for_each(refused);
    refused(whole.len() - 1);
}

#[test]
fn missing_files_are_named() {
    let (config, _, weights) = saved(1);
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), &json(&config), TOKENIZER.as_bytes(), &weights);
        std::fs::remove_file(dir.path().join(name)).expect("just written");
        let error = Checkpoint::from_dir(dir.path()).expect_err("a file is missing");
        assert!(error.to_string().contains(name), "{error}");
    }
}

/// A pickle could run anything: it is told what to do instead.
#[test]
fn a_checkpoint_of_pickles_is_told_what_to_do() {
    let (config, _, weights) = saved(1);
    for pickle in ["pytorch_model.bin", "pytorch_model.bin.index.json"] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        write(dir.path(), &json(&config), TOKENIZER.as_bytes(), &weights);
        std::fs::write(dir.path().join(pickle), b"\x80\x02}").expect("a temporary folder");
        assert!(Checkpoint::from_dir(dir.path()).is_ok(), "the safetensors are read");
        std::fs::remove_file(dir.path().join("model.safetensors")).expect("just written");
        let error = Checkpoint::from_dir(dir.path()).expect_err("a pickle").to_string();
        assert!(
            error.contains("safe_serialization") && error.contains("pytorch_model.bin"),
            "{error}"
        );
    }
}

/// Such an encoder would take petabytes: the weights must be looked at before anything is allocated.
#[test]
fn an_architecture_far_larger_than_its_weights_is_refused_at_once() {
    let (config, _, weights) = saved(1);
    const HUGE: usize = 1 << 20;
    let larger = [
        BertConfig { vocab_size: HUGE, hidden_size: HUGE, ..config.clone() },
        BertConfig { num_hidden_layers: HUGE, ..config.clone() },
        BertConfig { intermediate_size: HUGE, hidden_size: HUGE, ..config.clone() },
    ];
    for config in larger {
        let error = load(&config, &weights).expect_err("too large for its weights").to_string();
        assert!(error.contains("tensor `") || error.contains("weights; expected"), "{error}");
    }
}

#[test]
fn impossible_architectures_are_refused_with_the_field() {
    let (config, _, weights) = saved(1);
    let cases = [
        ("vocab_size", BertConfig { vocab_size: 0, ..config.clone() }),
        ("num_hidden_layers", BertConfig { num_hidden_layers: 0, ..config.clone() }),
        ("num_attention_heads", BertConfig { num_attention_heads: 3, ..config.clone() }),
        ("num_attention_heads", BertConfig { num_attention_heads: 0, ..config.clone() }),
        ("layer_norm_eps", BertConfig { layer_norm_eps: -1.0, ..config.clone() }),
        ("intermediate_size", BertConfig { intermediate_size: usize::MAX, ..config }),
    ];
    for (field, config) in cases {
        let error = load(&config, &weights).expect_err("impossible").to_string();
        assert!(error.contains(field), "{error}");
    }
}

/// Damage: up to eight bytes of the file, half of the time in the header where it hurts.
fn damage(length: usize, header: usize) -> impl Strategy<Value = Vec<(usize, u8)>> {
    let place = prop_oneof![0..header, 0..length];
    proptest::collection::vec((place, any::<u8>()), 1..8)
}

fn damaged(bytes: &[u8], damage: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    damage.iter().for_each(|&(at, byte)| bytes[at] = byte);
    bytes
}

#[test]
fn random_damage_never_panics() {
    let (config, _, weights) = saved(1);
    let header = 8 + u64::from_le_bytes(weights[..8].try_into().expect("eight bytes")) as usize;
    let (config, tokenizer) = (json(&config), TOKENIZER.as_bytes());
    let dir = tempfile::tempdir().expect("a temporary folder");
    let settings =
        |cases| ProptestConfig { cases, failure_persistence: None, ..Default::default() };
    let try_all = || -> Result<(), ModelError> {
        let checkpoint = Checkpoint::from_dir(dir.path())?;
        let tokenizer = checkpoint.tokenizer(8);
        let encoder = checkpoint.encoder(&device());
        let words = tokenizer?.encode("A good film. Bads!", 0)?;
        assert!(
            words.ids.iter().all(|&id| (id as usize) < checkpoint.config.architecture().vocab_size)
        );
        encoder.map(|_| ())
    };
    let clear = |result: Result<(), ModelError>| match result {
        Ok(()) => Ok(()),
        Err(error) => {
            prop_assert!(error.to_string().len() > 20, "{}", error);
            Ok(())
        }
    };
    let mut runner = proptest::test_runner::TestRunner::new(settings(3000));
    runner
        .run(&damage(weights.len(), header), |damage| {
            write(dir.path(), &config, tokenizer, &damaged(&weights, &damage));
            clear(try_all())
        })
        .expect("damaged weights");
    let mut runner = proptest::test_runner::TestRunner::new(settings(1000));
    runner
        .run(&damage(config.len(), config.len()), |damage| {
            write(dir.path(), &damaged(&config, &damage), tokenizer, &weights);
            clear(try_all())
        })
        .expect("a damaged configuration");
    let mut runner = proptest::test_runner::TestRunner::new(settings(2000));
    runner
        .run(&damage(tokenizer.len(), tokenizer.len()), |damage| {
            write(dir.path(), &config, &damaged(tokenizer, &damage), &weights);
            clear(try_all())
        })
        .expect("a damaged tokenizer");
}
