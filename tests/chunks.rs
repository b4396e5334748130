//! The laws of chunks and windows, on generated documents.

use std::ops::Range;

use burrow::blocks::{Block, BlockKind, Document};
use burrow::chunks::{Chunk, ChunkLimits, chunks, windows};
use burrow::tokens::Token;
use proptest::prelude::*;

/// One token a word: the laws do not depend on how words are cut.
fn words(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        match (character.is_whitespace(), start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                tokens.push(Token { id: 0, range: from..at });
                start = None;
            }
            _ => {}
        }
    }
    tokens
}

fn document(blocks: &[(BlockKind, String)]) -> Document {
    let mut text = String::new();
    let mut placed = Vec::new();
    for (kind, content) in blocks {
        if !placed.is_empty() {
            text.push('\n');
        }
        let range = text.len()..text.len() + content.len();
        text.push_str(content);
        placed.push(Block { range, kind: *kind, headings: vec![], anchor: None });
    }
    Document { title: String::new(), lang: None, text, blocks: placed }
}

fn limits(chunk: usize, window: usize) -> ChunkLimits {
    ChunkLimits {
        chunk_tokens_max: chunk,
        window_tokens_max: window,
        window_chunks_max: 16,
        context_chunks_max: 2,
    }
}

/// Whether the ranges meet one another and run from `start` to `end`.
fn tile(ranges: impl Iterator<Item = Range<usize>>, start: usize, end: usize) -> bool {
    let mut at = start;
    for range in ranges {
        if range.start != at || range.end < at {
            return false;
        }
        at = range.end;
    }
    at == end
}

fn check(document: &Document, limits: ChunkLimits) {
    let tokens = words(&document.text);
    let found = chunks(document, &tokens, limits);
    if tokens.is_empty() {
        assert!(found.is_empty());
        return;
    }
    assert!(tile(found.iter().map(|c| c.tokens.clone()), 0, tokens.len()), "tokens are lost");
    assert!(tile(found.iter().map(|c| c.range.clone()), 0, document.text.len()), "text is lost");
    for chunk in &found {
        check_chunk(document, chunk, limits);
    }
    check_windows(&found, limits);
}

fn check_chunk(document: &Document, chunk: &Chunk, limits: ChunkLimits) {
    let size = chunk.tokens.len();
    assert!((1..=limits.chunk_tokens_max).contains(&size), "{size} tokens in a chunk");
    let sentences = &chunk.sentences;
    assert!(tile(sentences.iter().map(|s| s.tokens.clone()), chunk.tokens.start, chunk.tokens.end));
    assert!(tile(sentences.iter().map(|s| s.range.clone()), chunk.range.start, chunk.range.end));
    assert!(sentences.iter().all(|s| !s.tokens.is_empty()));
    assert!(document.text.get(chunk.range.clone()).is_some());
    let block = &document.blocks[chunk.block];
    assert!(block.range.start < chunk.range.end && chunk.range.start <= block.range.end);
}

fn check_windows(chunks: &[Chunk], limits: ChunkLimits) {
    let found = windows(chunks, limits);
    let fresh = found.iter().map(|window| window.chunks.start + window.context..window.chunks.end);
    assert!(tile(fresh, 0, chunks.len()), "every chunk is fresh in exactly one window");
    for (index, window) in found.iter().enumerate() {
        let size: usize =
            chunks[window.chunks.clone()].iter().map(|chunk| chunk.tokens.len()).sum();
        assert!(size <= limits.window_tokens_max, "{size} tokens in a window");
        assert!(window.chunks.len() <= limits.window_chunks_max);
        assert!(window.context <= limits.context_chunks_max);
        assert!(window.context < window.chunks.len(), "a window encodes something");
        assert!(index > 0 || window.context == 0);
    }
}

fn block() -> impl Strategy<Value = (BlockKind, String)> {
    let kind = prop_oneof![
        Just(BlockKind::Heading(2)),
        Just(BlockKind::Paragraph),
        Just(BlockKind::Paragraph),
        Just(BlockKind::ListItem),
        Just(BlockKind::Code),
        Just(BlockKind::TableRow),
    ];
    let word = prop_oneof!["[a-z]{1,8}", "[a-z]{1,8}\\. [A-Z]", "é+|漢字。|🙂", " {1,3}"];
    (kind, prop::collection::vec(word, 0..120).prop_map(|words| words.join(" ")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold(blocks in prop::collection::vec(block(), 0..12), chunk in 8usize..80, more in 0usize..200) {
        check(&document(&blocks), limits(chunk, chunk + more));
    }
}

fn paragraph(sentences: usize, words: usize) -> (BlockKind, String) {
    let sentence = format!("{}.", vec!["Word"; words].join(" "));
    (BlockKind::Paragraph, vec![sentence; sentences].join(" "))
}

#[test]
fn a_sentence_is_split_only_if_it_alone_is_too_long() {
    let split = |words| {
        let document = document(&[paragraph(9, words)]);
        let found = chunks(&document, &words_of(&document), limits(20, 40));
        found.iter().any(|chunk| !document.text[chunk.range.clone()].trim_end().ends_with('.'))
    };
    assert!(!split(7), "three sentences of seven words are too many, two fit");
    assert!(!split(20));
    assert!(split(21));
}

fn words_of(document: &Document) -> Vec<Token> {
    words(&document.text)
}

#[test]
fn a_heading_opens_a_chunk_and_never_ends_one() {
    let heading = || (BlockKind::Heading(2), "A heading".to_owned());
    let document = document(&[
        heading(),
        paragraph(3, 9),
        heading(),
        paragraph(1, 9),
        heading(),
        paragraph(9, 9),
    ]);
    let found = chunks(&document, &words_of(&document), limits(40, 80));
    let texts: Vec<&str> =
        found.iter().map(|chunk| document.text[chunk.range.clone()].trim()).collect();
    assert!(texts.iter().all(|text| !text.ends_with("A heading")), "{texts:#?}");
    assert!(texts[1].starts_with("A heading\nWord"), "{texts:#?}");
}

#[test]
fn context_takes_at_most_a_quarter_of_a_window() {
    let short = document(&vec![paragraph(1, 10); 40]);
    let found = windows(&chunks(&short, &words_of(&short), limits(10, 100)), limits(10, 100));
    assert!(found.len() > 1 && found[1..].iter().all(|window| window.context == 2));
    let long = document(&vec![paragraph(1, 50); 10]);
    let found = windows(&chunks(&long, &words_of(&long), limits(50, 100)), limits(50, 100));
    assert!(found.iter().all(|window| window.context == 0));
}

#[test]
fn a_page_of_one_endless_sentence_is_cut() {
    check(&document(&[paragraph(1, 100_000)]), limits(256, 510));
}
