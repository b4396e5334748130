//! Long pages: windows in order, chunk by chunk what each window gives alone, stopped in between.

use burrow::blocks::{Format, Source};
use burrow::encoder::{Encoder, Recipe, Sequence};
use burrow::fields::Facts;
use burrow::pipeline::{self, PreparedPage};
use burrow::{ErrorKind, quantize};

use crate::reference::{load, qwen3_files};

/// A text of about so many tokens of the tiny tokenizer, in paragraphs.
fn text(tokens: usize) -> String {
    let sentence = "Green leaves catch sunlight and turn water and air into sugar. ";
    let paragraphs =
        (0..tokens / 120).map(|at| format!("{}Paragraph {at} ends here.\n\n", sentence.repeat(3)));
    paragraphs.collect()
}

fn prepare(encoder: &Encoder, text: &str) -> PreparedPage {
    let source =
        Source { url: "/long", title: None, format: Format::Text, content: text.as_bytes() };
    PreparedPage::new(encoder, source, Facts::default()).unwrap()
}

#[test]
fn sixty_thousand_tokens_are_encoded_window_by_window() {
    let encoder = load(qwen3_files("context")).unwrap();
    let mut page = prepare(&encoder, &text(75_000));
    println!("{} tokens, {} passages, {} windows", page.tokens(), page.passages(), page.windows());
    assert!(page.tokens() >= 60_000 && page.windows() >= 15);
    for _ in 0..page.windows() {
        pollster::block_on(page.encode_next(&encoder)).unwrap();
    }
    let error = pollster::block_on(page.encode_next(&encoder)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    let passages = page.passages();
    let encoded = page.finish(&encoder).unwrap();
    let dimension = encoder.fingerprint().dimension;
    assert_eq!(encoded.int8.len(), passages * dimension);
    assert_eq!(encoded.page.passages.len(), passages);
    // Each passage as the reference encodes its chunks: the same windows, from the texts alone.
    let texts: Vec<&str> = encoded
        .page
        .passages
        .iter()
        .map(|passage| &encoded.page.text[passage.range.clone()])
        .collect();
    for (at, codes) in first_windows(&encoder, &texts).iter().enumerate() {
        let found = &encoded.int8[at * dimension..][..dimension];
        let apart = found.iter().zip(codes).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(apart <= Some(1), "passage {at}: {apart:?}");
    }
}

/// The first two windows put together by hand: 16 chunks, then two of them again and 14 more.
fn first_windows(encoder: &Encoder, texts: &[&str]) -> Vec<Vec<i8>> {
    let Recipe::Separated { separator } = *encoder.recipe() else { panic!("no separator") };
    let ids = |text: &str| -> Vec<u32> {
        encoder.tokenizer().tokens(text).unwrap().iter().map(|token| token.id).collect()
    };
    let mut codes = Vec::new();
    for (first, context) in [(0, 0), (14, 2)] {
        let mut joined = Vec::new();
        let mut spans = Vec::new();
        for text in &texts[first..first + 16] {
            if !joined.is_empty() {
                joined.push(separator);
            }
            let start = joined.len();
            joined.extend(ids(text));
            spans.push(start..joined.len());
        }
        assert!(joined.len() <= 4096, "{}", joined.len());
        let sequence = Sequence { ids: joined, spans: spans[context..].to_vec() };
        let vectors = pollster::block_on(encoder.embed(&[sequence])).unwrap().concat();
        let quantizer = encoder.fingerprint().quantizer;
        let rows = vectors.chunks_exact(encoder.fingerprint().dimension);
        codes.extend(rows.map(|vector| quantize::int8(quantizer, vector)));
    }
    codes
}

#[test]
fn a_page_can_be_left_between_two_windows() {
    let encoder = load(qwen3_files("context")).unwrap();
    let mut page = prepare(&encoder, &text(12_000));
    assert!(page.windows() > 2);
    pollster::block_on(page.encode_next(&encoder)).unwrap();
    let error = page.finish(&encoder).unwrap_err();
    assert!(error.to_string().contains("1 of"), "{error}");
}

#[test]
fn every_recipe_encodes_and_finds_a_page() {
    for shape in ["gqa", "context", "causal"] {
        let encoder = load(qwen3_files(shape)).unwrap();
        let mut page = prepare(&encoder, &text(1500));
        for _ in 0..page.windows() {
            pollster::block_on(page.encode_next(&encoder)).unwrap();
        }
        let passages = page.passages();
        let encoded = page.finish(&encoder).unwrap();
        let sentences: usize = encoded.page.passages.iter().map(|one| one.sentences.len()).sum();
        let dimension = encoder.fingerprint().dimension;
        assert_eq!(encoded.bits.len(), passages * dimension / 8, "{shape}");
        assert_eq!(encoded.sentence_bits.len(), sentences * dimension / 8, "{shape}");
        assert_eq!(sentences == 0, shape == "causal");
        let query = pollster::block_on(pipeline::embed_query(&encoder, "sugar")).unwrap();
        assert_eq!(query.len(), dimension);
    }
}
