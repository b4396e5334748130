//! Damaged model files are refused with an error that names the file; other precisions are read.

use std::borrow::Cow;
use std::collections::HashMap;

use burrow::{Error, ErrorKind};
use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, View};

use crate::parity::encode;
use crate::reference::{Case, ModelFiles, Reference, cosine, load, tiny, tiny_files};

/// A tensor that is written to a file.
#[derive(Clone)]
struct Plain {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Plain {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The tiny model's weights after a change to its tensors.
fn changed(change: impl FnOnce(&mut HashMap<String, Plain>)) -> Vec<u8> {
    let file = tiny_files().weights;
    let mut tensors: HashMap<String, Plain> = SafeTensors::deserialize(&file)
        .unwrap()
        .tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
            (name, Plain { dtype, shape, bytes: tensor.data().to_vec() })
        })
        .collect();
    change(&mut tensors);
    safetensors::serialize(tensors.iter(), None).unwrap()
}

/// All values in another precision.
fn converted(dtype: Dtype, convert: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
    changed(|tensors| {
        for tensor in tensors.values_mut() {
            let values = tensor.bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value));
            tensor.bytes = values.flat_map(&convert).collect();
            tensor.dtype = dtype;
        }
    })
}

fn with_weights(weights: Vec<u8>) -> ModelFiles {
    ModelFiles { weights, ..tiny_files() }
}

fn with_config(change: impl FnOnce(&mut serde_json::Value)) -> ModelFiles {
    let files = tiny_files();
    let mut config = serde_json::from_slice(&files.config).unwrap();
    change(&mut config);
    ModelFiles { config: serde_json::to_vec(&config).unwrap(), ..files }
}

/// Asserts that the files are refused and that the message names the file and what to do.
fn check_refused(files: ModelFiles, file: &str, words: &[&str]) -> Error {
    let Err(error) = load(files) else { panic!("{file} was accepted, expected {words:?}") };
    assert_eq!(error.kind(), ErrorKind::Model, "{error}");
    let message = error.to_string();
    assert!(message.contains(file) && message.to_lowercase().contains("fetch"), "{message}");
    for word in words {
        assert!(message.contains(word), "{message} does not say {word}");
    }
    error
}

#[test]
fn a_cut_off_file_is_refused_wherever_it_ends() {
    let whole = tiny_files().weights;
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let ends = [0, 1, 7, 8, 9, header / 2, header - 1, header, header + 1, whole.len() / 2];
    for end in ends.into_iter().chain([whole.len() - 4, whole.len() - 1]) {
        check_refused(
            with_weights(whole[..end].to_vec()),
            "model.safetensors",
            &[&end.to_string()],
        );
    }
    let longer = [whole, vec![0; 4]].concat();
    check_refused(with_weights(longer), "model.safetensors", &["header"]);
}

#[test]
fn a_header_that_lies_about_its_length_is_refused() {
    let whole = tiny_files().weights;
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap());
    for length in [0, 1, header - 1, header + 1, whole.len() as u64, 1 << 40, u64::MAX] {
        let lying = [&length.to_le_bytes(), &whole[8..]].concat();
        check_refused(with_weights(lying), "model.safetensors", &["header"]);
    }
}

#[test]
fn a_flipped_bit_in_the_header_is_refused_or_harmless() {
    let whole = tiny_files().weights;
    let header = u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let mut refused = 0;
    for at in (8..8 + header).step_by(37) {
        for bit in [0, 3, 6] {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << bit;
            if let Err(error) = load(with_weights(flipped)) {
                assert_eq!(error.kind(), ErrorKind::Model, "{error}");
                refused += 1;
            }
        }
    }
    // What is accepted are names of tensors that are not used, and the metadata.
    assert!(refused > header / 37 * 2, "{refused} of {}", header / 37 * 3);
}

#[test]
fn a_missing_or_misshapen_tensor_is_named() {
    let file = tiny_files().weights;
    let tensors = SafeTensors::deserialize(&file).unwrap();
    for name in tensors.names().into_iter().filter(|name| !name.starts_with("pooler")) {
        let without = changed(|tensors| drop(tensors.remove(name)));
        check_refused(with_weights(without), "model.safetensors", &[name, "no tensor"]);
        let misshapen = changed(|tensors| tensors.get_mut(name).unwrap().shape.push(1));
        check_refused(with_weights(misshapen), "model.safetensors", &[name, "shape"]);
    }
}

#[test]
fn values_that_are_not_finite_are_refused() {
    for name in ["embeddings.word_embeddings.weight", "encoder.layer.1.output.LayerNorm.bias"] {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let change = |tensors: &mut HashMap<String, Plain>| {
                let bytes = &mut tensors.get_mut(name).unwrap().bytes;
                let at = bytes.len() - 4;
                bytes[at..].copy_from_slice(&value.to_le_bytes());
            };
            check_refused(with_weights(changed(change)), "model.safetensors", &[name, "finite"]);
        }
    }
}

#[test]
fn weights_that_overflow_are_the_devices_error() {
    let huge = changed(|tensors| {
        let name = "encoder.layer.0.output.dense.weight";
        let bytes = &mut tensors.get_mut(name).unwrap().bytes;
        *bytes = f32::MAX.to_le_bytes().repeat(bytes.len() / 4);
    });
    let error = load(with_weights(huge)).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Device, "{error}");
    assert!(error.to_string().contains("not finite"), "{error}");
}

#[test]
fn half_precision_and_prefixes_are_read() {
    let reference = Reference::read("tiny-bert");
    let cases: Vec<&Case> = reference.cases.iter().collect();
    let expected = encode(&tiny(), &cases);
    let half = converted(Dtype::F16, |value| f16::from_f32(value).to_le_bytes().to_vec());
    let brain = converted(Dtype::BF16, |value| bf16::from_f32(value).to_le_bytes().to_vec());
    let prefixed = changed(|tensors| {
        let all = std::mem::take(tensors);
        tensors.extend(all.into_iter().map(|(name, tensor)| (format!("bert.{name}"), tensor)));
    });
    for (how, weights, least) in
        [("F16", half, 0.999), ("BF16", brain, 0.999), ("bert.", prefixed, 1.0 - 1e-9)]
    {
        let found = encode(&load(with_weights(weights)).unwrap(), &cases);
        let cosines =
            found.iter().zip(&expected).map(|(found, expected)| cosine(&found.1, &expected.1));
        let worst = cosines.fold(1.0, f64::min);
        println!("{how}: least cosine {worst:.9}");
        assert!(worst >= least, "{how}: {worst}");
    }
}

#[test]
fn other_types_are_refused() {
    let integers = converted(Dtype::I32, |value| (value as i32).to_le_bytes().to_vec());
    check_refused(with_weights(integers), "model.safetensors", &["I32", "F16"]);
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let json = |text: &[u8]| ModelFiles { config: text.to_vec(), ..tiny_files() };
    for text in [&b""[..], b"{", b"[]", b"null", b"{\"model_type\":\"bert\"}", b"\xff\xfe"] {
        check_refused(json(text), "config.json", &[]);
    }
    let cases = [
        ("model_type", "gpt2".into(), "bert"),
        ("hidden_act", "relu".into(), "gelu"),
        ("position_embedding_type", "relative_key".into(), "absolute"),
        ("is_decoder", true.into(), "encoders"),
        ("num_attention_heads", 5.into(), "multiple"),
        ("num_attention_heads", 0.into(), "is 0"),
        ("num_hidden_layers", u64::MAX.into(), "num_hidden_layers"),
        ("hidden_size", 36.into(), "multiple"),
        ("intermediate_size", (1u64 << 40).into(), "intermediate_size"),
        ("layer_norm_eps", (-1.0).into(), "eps"),
        ("max_position_embeddings", 9.into(), "room"),
    ];
    for (name, value, word) in cases {
        check_refused(with_config(|config| config[name] = value), "config.json", &[word]);
    }
    for (name, value) in [
        ("vocab_size", 5),
        ("num_hidden_layers", 3),
        ("hidden_size", 64),
        ("max_position_embeddings", 512),
    ] {
        check_refused(with_config(|config| config[name] = value.into()), "model.safetensors", &[]);
    }
}

#[test]
fn a_damaged_or_foreign_tokenizer_is_refused() {
    let whole = tiny_files().tokenizer;
    let cut = ModelFiles { tokenizer: whole[..whole.len() / 2].to_vec(), ..tiny_files() };
    check_refused(cut, "tokenizer.json", &[]);
    let fewer = changed(|tensors| {
        let table = tensors.get_mut("embeddings.word_embeddings.weight").unwrap();
        table.shape[0] = 8;
        table.bytes.truncate(8 * 32 * 4);
    });
    let files =
        ModelFiles { weights: fewer, ..with_config(|config| config["vocab_size"] = 8.into()) };
    check_refused(files, "tokenizer.json", &["not of one model"]);
}

#[test]
fn the_fingerprint_tells_files_apart_but_not_names() {
    let original = tiny().fingerprint().clone();
    assert_eq!(original.digest.len(), 64);
    let renamed = load(ModelFiles { name: "other".to_owned(), ..tiny_files() }).unwrap();
    assert!(original.same_space(renamed.fingerprint()));
    let zeroed = changed(|tensors| {
        let bytes = &mut tensors.get_mut("embeddings.LayerNorm.bias").unwrap().bytes;
        bytes[..4].fill(0);
    });
    assert!(!original.same_space(load(with_weights(zeroed)).unwrap().fingerprint()));
    let epsilon = with_config(|config| config["layer_norm_eps"] = 1e-5.into());
    assert!(!original.same_space(load(epsilon).unwrap().fingerprint()));
}
