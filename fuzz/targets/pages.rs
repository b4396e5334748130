//! Any bytes as HTML, Markdown or text: no panic, and blocks, tokens and chunks keep their laws.
#![no_main]

use std::sync::LazyLock;

use burrow::blocks::{Format, Source, document};
use burrow::chunks::{ChunkLimits, chunks, windows};
use burrow::tokens::Tokenizer;
use libfuzzer_sys::fuzz_target;

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let json = include_bytes!("../../tests/data/tiny-bert/tokenizer.json");
    Tokenizer::from_json(json).expect("a tokenizer that the tests read")
});

/// Small, so that small pages have several chunks and windows.
const LIMITS: ChunkLimits = ChunkLimits {
    chunk_tokens_max: 16,
    window_tokens_max: 64,
    window_chunks_max: 4,
    context_chunks_max: 2,
};

// The first byte chooses the format: h, m or t.
fuzz_target!(|input: &[u8]| {
    let Some((&letter, content)) = input.split_first() else { return };
    let format = match letter {
        b'm' => Format::Markdown,
        b't' => Format::Text,
        _ => Format::Html,
    };
    let source = Source { url: "https://example.org/page", title: None, format, content };
    let Ok(document) = document(source) else { return };
    let mut end = 0;
    for block in &document.blocks {
        assert!(block.range.start >= end && document.text.get(block.range.clone()).is_some());
        end = block.range.end;
    }
    let tokens = TOKENIZER.tokens(&document.text).expect("any text has tokens");
    let chunks = chunks(&document, &tokens, LIMITS);
    // Consecutive chunks meet, and together hold all tokens and all text.
    let (mut token, mut byte) = (0, 0);
    for chunk in &chunks {
        assert!(chunk.tokens.len() <= LIMITS.chunk_tokens_max);
        assert_eq!((chunk.tokens.start, chunk.range.start), (token, byte));
        assert!(document.text.get(chunk.range.clone()).is_some());
        (token, byte) = (chunk.tokens.end, chunk.range.end);
    }
    assert_eq!(token, tokens.len());
    assert!(chunks.is_empty() || byte == document.text.len());
    for window in windows(&chunks, LIMITS) {
        let tokens: usize = chunks[window.chunks].iter().map(|chunk| chunk.tokens.len()).sum();
        assert!(tokens <= LIMITS.window_tokens_max);
    }
});
