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

/// The tokenizer of a file has the tokens that the crate itself has of it.
fn check_twin(json: &[u8], text: &str) {
    let mut twin = tokenizers::Tokenizer::from_bytes(json).unwrap();
    twin.with_padding(None);
    twin.with_truncation(None).unwrap();
    let whole = twin.encode("a", true).unwrap();
    let own = Tokenizer::from_json(json).unwrap();
    let around = [own.prefix(), &ids(&own.tokens("a").unwrap()), own.suffix()].concat();
    assert_eq!(around, whole.get_ids());
    twin.set_encode_special_tokens(true);
    let twin = twin.encode(text, false).unwrap();
    let own = own.tokens(text).unwrap();
    assert_eq!(ids(&own), twin.get_ids(), "{text:?}");
    let ends = twin.get_offsets().iter().map(|&(_, end)| end);
    assert!(own.iter().map(|token| token.range.end).eq(ends), "{text:?}");
}

/// A tokenizer of such a vocabulary, with a token that was added.
fn tokenizer_json(model: &str) -> String {
    format!(
        r#"{{"version": "1.0", "truncation": {{"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0}},
            "padding": null, "added_tokens": [{{"id": 4, "content": "<b>", "single_word": false, "lstrip": true, "rstrip": false,
            "normalized": true, "special": false}}], "normalizer": {{"type": "Lowercase"}}, "pre_tokenizer": {{"type": "WhitespaceSplit"}},
            "post_processor": null, "decoder": null, "model": {model}}}"#
    )
}

#[test]
fn vocabularies_of_every_kind_and_order_are_read_as_the_crate_does() {
    let vocab = r#"{"[UNK]": 0, "a": 1, "b": 2, "ab": 3}"#;
    let parts = format!(
        r#""unk_token": "[UNK]", "continuing_subword_prefix": "", "max_input_chars_per_word": 9, "vocab": {vocab}"#
    );
    let models = [
        format!(r#"{{"type": "WordPiece", {parts}}}"#),
        format!(r#"{{{parts}, "type": "WordPiece"}}"#),
        format!("{{{parts}}}"),
        format!(r#"{{"type": "BPE", "vocab": {vocab}, "merges": ["a b"], "unk_token": "[UNK]"}}"#),
        format!(r#"{{"type": "WordLevel", "vocab": {vocab}, "unk_token": "[UNK]"}}"#),
        r#"{"type": "Unigram", "unk_id": 0, "vocab": [["[UNK]", 0.0], ["a", -1.0], ["b", -2.0], ["ab", -1.5]]}"#.to_owned(),
    ];
    for model in &models {
        check_twin(tokenizer_json(model).as_bytes(), "ab abb a <b>B c cab aaaaaaaaaaaa");
    }
    let files = [support::model("tokenizer.json"), support::data("qwen3-tokenizer/tokenizer.json")];
    for path in files.into_iter().flatten() {
        let text = "The café's 3 tokenizers, 語 and ü: unaffable [SEP] <|endoftext|>\n\tx2 ☃ ";
        check_twin(&std::fs::read(path).unwrap(), text);
    }
}

#[test]
fn what_is_no_vocabulary_is_refused() {
    for model in [
        "{}",
        "[]",
        r#"{"type": "Words"}"#,
        r#"{"type": 3, "vocab": {}}"#,
        r#"{"type": "WordPiece", "vocab": {}}"#,
        r#"{"type": "WordLevel", "vocab": {"a": -1}, "unk_token": "a"}"#,
    ] {
        let refused = Tokenizer::from_json(tokenizer_json(model).as_bytes()).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Model, "{model}");
    }
    let newer = tokenizer_json("{}").replace(r#""1.0""#, r#""2.0""#);
    assert!(Tokenizer::from_json(newer.as_bytes()).is_err());
}
