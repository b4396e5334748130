//! What was published for the real weights, as far as it can be tested without them.

use burrow::quantize::{self, Quantizer};
use burrow::tokens::Tokenizer;
use serde::Deserialize;

use crate::reference::{cosine, data};
use crate::support;

#[derive(Deserialize)]
struct Golden {
    documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    chunks: Vec<String>,
    ids: Vec<u32>,
    #[serde(default)]
    int8: Vec<String>,
    #[serde(default)]
    bits: Vec<String>,
}

fn golden(name: &str) -> Golden {
    let path = data().join("goldens").join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn codes(text: &str) -> Vec<i8> {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
    bytes.into_iter().map(u8::cast_signed).collect()
}

#[test]
fn token_ids_are_the_published_ones() {
    let Some(path) = support::data("qwen3-tokenizer/tokenizer.json") else { return };
    let tokenizer = Tokenizer::from_json(&std::fs::read(path).unwrap()).unwrap();
    let separator = tokenizer.id("<|endoftext|>").unwrap();
    assert_eq!(separator, 151_643);
    for name in ["pplx-embed-v1-0.6b", "pplx-embed-context-v1-0.6b", "qwen3-embedding-0.6b"] {
        for document in golden(name).documents {
            let chunks = document.chunks.iter().map(|chunk| tokenizer.tokens(chunk).unwrap());
            let chunks: Vec<Vec<u32>> =
                chunks.map(|tokens| tokens.iter().map(|token| token.id).collect()).collect();
            let mut ids = chunks.join(&separator);
            if name.starts_with("qwen3") {
                ids.push(separator);
            }
            assert_eq!(ids, document.ids, "{name}: {:?}", document.chunks);
        }
    }
}

#[test]
fn tokens_of_two_languages_families_are_those_of_llama_cpp() {
    let Some(folder) = support::data("qwen3-tokenizer") else { return };
    let tokenizer = std::fs::read(folder.join("tokenizer.json")).unwrap();
    let tokenizer = Tokenizer::from_json(&tokenizer).unwrap();
    let read = |ending: &str| {
        let name = format!("llama-cpp-fixtures/ggml-vocab-qwen2.gguf.{ending}");
        std::fs::read_to_string(folder.join(name)).unwrap()
    };
    let (texts, ids) = (read("inp"), read("out"));
    let texts: Vec<&str> = texts.split("\n__ggml_vocab_test__\n").collect();
    let mut checked = 0;
    for (text, ids) in texts.iter().zip(ids.lines()) {
        let expected: Vec<u32> = ids.split_whitespace().map(|id| id.parse().unwrap()).collect();
        let tokens = tokenizer.tokens(text).unwrap();
        let found: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        assert_eq!(found, expected, "{text:?}");
        for token in &tokens {
            assert!(
                text.is_char_boundary(token.range.start) && text.is_char_boundary(token.range.end)
            );
        }
        checked += 1;
    }
    assert!(checked >= 40, "{checked}");
}

#[test]
fn published_codes_have_the_published_bits_and_cosine() {
    let documents = golden("pplx-embed-v1-0.6b").documents;
    let all: Vec<Vec<i8>> = documents.iter().map(|document| codes(&document.int8[0])).collect();
    for (codes, document) in all.iter().zip(&documents) {
        assert_eq!(codes.len(), 1024);
        // The vector that such a code stands for gives it back, halves and signs included.
        let vector: Vec<f32> =
            codes.iter().map(|&code| (f32::from(code) / 127.0).atanh()).collect();
        assert_eq!(quantize::int8(Quantizer::Tanh, &vector), *codes);
        let bits = quantize::bits(&vector);
        let expected = (0..128)
            .map(|at| u8::from_str_radix(&document.bits[0][2 * at..2 * at + 2], 16).unwrap());
        for (at, (found, expected)) in bits.iter().zip(expected).enumerate() {
            // Where the code is 0 the sign was lost; everywhere else it is the bit.
            let known = (0..8).fold(0u8, |known, place| {
                known | (u8::from(codes[8 * at + place] != 0) << (7 - place))
            });
            assert_eq!(found & known, expected & known);
        }
    }
    let widened = |codes: &[i8]| codes.iter().map(|&code| f32::from(code)).collect::<Vec<f32>>();
    let found = cosine(&widened(&all[0]), &widened(&all[1]));
    assert!((found - 0.775_32).abs() < 1e-5, "{found}");
}
