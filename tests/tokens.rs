//! Ids equal the reference tokenizers'; ranges are in order and cover the text.

mod support;

use burrow::ErrorKind;
use burrow::tokens::{Token, Tokenizer};

fn tokenizer(path: &std::path::Path) -> Tokenizer {
    Tokenizer::from_json(&std::fs::read(path).unwrap()).unwrap()
}

fn ids(tokens: &[Token]) -> Vec<u32> {
    tokens.iter().map(|token| token.id).collect()
}

/// Ranges lie on character boundaries, in order, and leave out nothing but white space.
fn check_ranges(text: &str, tokens: &[Token]) {
    let mut covered = vec![false; text.len()];
    let mut before = 0..0;
    for token in tokens {
        assert!(
            text.get(token.range.clone()).is_some(),
            "{token:?} splits a character of {text:?}"
        );
        assert!(
            token.range.start >= before.start,
            "{token:?} stands before {before:?} in {text:?}"
        );
        covered[token.range.clone()].fill(true);
        before = token.range.clone();
    }
    for (at, character) in text.char_indices() {
        // Accents and control characters are dropped by BERT's normalizer; letters never are.
        assert!(
            covered[at] || !character.is_ascii_alphanumeric(),
            "{character:?} at {at} is in no token"
        );
    }
}

/// The cases that llama.cpp tests its own tokenizers with: input texts and the expected ids.
fn check_fixture(tokenizer: &Tokenizer, name: &str) {
    let Some(input) = support::data(&format!("qwen3-tokenizer/llama-cpp-fixtures/{name}.gguf.inp"))
    else {
        return;
    };
    let texts = std::fs::read_to_string(&input).unwrap();
    let expected = std::fs::read_to_string(input.with_extension("out")).unwrap();
    let mut cases = 0;
    for (text, ids_expected) in texts.split("\n__ggml_vocab_test__\n").zip(expected.lines()) {
        let tokens = tokenizer.tokens(text).unwrap();
        let ids_expected: Vec<u32> =
            ids_expected.split_whitespace().map(|id| id.parse().unwrap()).collect();
        assert_eq!(ids(&tokens), ids_expected, "{name}: {text:?}");
        check_ranges(text, &tokens);
        cases += 1;
    }
    assert!(cases >= 40, "{name} has only {cases} cases");
}

#[test]
fn bert_ids_equal_the_reference() {
    let Some(path) = support::model("tokenizer.json") else { return };
    let tokenizer = tokenizer(&path);
    check_fixture(&tokenizer, "ggml-vocab-bert-bge");
    assert_eq!((tokenizer.prefix(), tokenizer.suffix()), (&[101][..], &[102][..]));
}

#[test]
fn qwen_ids_equal_the_reference() {
    let Some(path) = support::data("qwen3-tokenizer/tokenizer.json") else { return };
    let tokenizer = tokenizer(&path);
    check_fixture(&tokenizer, "ggml-vocab-qwen2");
    assert!(tokenizer.prefix().is_empty() && tokenizer.suffix().is_empty());
}

#[test]
fn truncation_and_padding_of_the_file_are_off() {
    let Some(path) = support::model("tokenizer.json") else { return };
    let tokenizer = tokenizer(&path);
    assert_eq!(tokenizer.tokens("one").unwrap().len(), 1);
    assert_eq!(tokenizer.tokens(&"word ".repeat(1000)).unwrap().len(), 1000);
}

#[test]
fn special_tokens_in_a_text_are_plain_characters() {
    let Some(path) = support::data("qwen3-tokenizer/tokenizer.json") else { return };
    let tokens = tokenizer(&path).tokens("before <|endoftext|> after").unwrap();
    assert!(!ids(&tokens).contains(&151_643), "a page's words must not end the text: {tokens:?}");
}

/// Long texts are read in pieces; the pieces' tokens must be the text's.
#[test]
fn pieces_change_nothing() {
    let Some(folder) = support::data("rust-book/src") else { return };
    let Some(qwen) = support::data("qwen3-tokenizer/tokenizer.json") else { return };
    let mut text = String::new();
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "md")) {
        text.push_str(&std::fs::read_to_string(file).unwrap());
        text.push_str("\n\n    indented\n");
    }
    let whole =
        tokenizers::Tokenizer::from_file(&qwen).unwrap().encode(text.as_str(), false).unwrap();
    let tokens = tokenizer(&qwen).tokens(&text).unwrap();
    assert!(text.len() > 300_000, "the text is too short to be cut");
    assert_eq!(ids(&tokens), whole.get_ids());
    check_ranges(&text, &tokens);
}

#[test]
fn what_is_not_a_tokenizer_is_an_error() {
    for bytes in [&b""[..], b"{}", b"[1,2", b"\xff\xfe\x00", b"{\"model\":{\"type\":\"BPE\"}}"] {
        let error = Tokenizer::from_json(bytes).err().expect("not a tokenizer");
        assert_eq!(error.kind(), ErrorKind::Model);
        assert!(error.to_string().contains("tokenizer.json"), "{error}");
    }
}
