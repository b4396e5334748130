//! What the chunks of a window are encoded as, by the model's recipe.

use std::ops::Range;

use super::markable;
use crate::chunks::{self, Chunk, ChunkLimits, Window};
use crate::encoder::{Encoder, Recipe, Sequence};
use crate::error::Result;
use crate::page::Passage;
use crate::tokens::Token;

/// One sequence for all of a window, with the spans of its fresh chunks, then of their sentences.
///
/// As in the late-chunking paper (arXiv 2409.04701), the special tokens before the window count
/// to its first chunk and those after it to its last: a text of one chunk gets the vector that
/// mean pooling over the whole text would give it.
pub(super) fn late(
    encoder: &Encoder,
    tokens: &[Token],
    chunks: &[Chunk],
    window: &Window,
) -> Sequence {
    let all = &chunks[window.chunks.clone()];
    let (first, last) = (all[0].tokens.start, all[all.len() - 1].tokens.end);
    let ids: Vec<u32> = tokens[first..last].iter().map(|token| token.id).collect();
    let ids = encoder.closed(&ids);
    let shift = encoder.tokenizer().prefix().len();
    let place = |range: &Range<usize>| range.start - first + shift..range.end - first + shift;
    let fresh = &all[window.context..];
    let mut spans: Vec<Range<usize>> = fresh.iter().map(|chunk| place(&chunk.tokens)).collect();
    if window.context == 0 {
        spans[0].start = 0;
    }
    let last_chunk = fresh.len() - 1;
    spans[last_chunk].end = ids.len();
    let sentences = fresh.iter().flat_map(markable);
    spans.extend(sentences.map(|sentence| place(&sentence.tokens)));
    Sequence { ids, spans }
}

/// Chunks that are tokenized each on its own.
pub(super) struct Parts(Vec<Part>);

/// A chunk on its own.
struct Part {
    ids: Vec<u32>,
    /// Which of the ids are each sentence's.
    sentences: Vec<Range<usize>>,
}

impl Parts {
    /// The chunks of texts.
    ///
    /// # Errors
    ///
    /// `Model` where the tokenizer cannot read one.
    pub(super) fn of_texts(encoder: &Encoder, texts: &[&str]) -> Result<Self> {
        let part = |text: &&str| {
            let tokens = encoder.tokenizer().tokens(text)?;
            let ids = tokens.iter().map(|token| token.id).collect();
            Ok(Part { ids, sentences: Vec::new() })
        };
        Ok(Parts(texts.iter().map(part).collect::<Result<_>>()?))
    }

    /// The chunks of a page's passages, without the white space between them: so the models were
    /// trained.
    ///
    /// # Errors
    ///
    /// As [`Parts::of_texts`].
    pub(super) fn of_passages(encoder: &Encoder, text: &str, passages: &[Passage]) -> Result<Self> {
        let part = |passage: &Passage| {
            let tokens = encoder.tokenizer().tokens(&text[passage.range.clone()])?;
            let place = |at: usize| {
                let at = at.saturating_sub(passage.range.start);
                tokens.partition_point(|token| token.range.start < at)
            };
            // A sentence that shares its only token with the one before has that token too.
            let span = |sentence: &Range<usize>| {
                let (start, end) = (place(sentence.start), place(sentence.end));
                if start < end { start..end } else { start.saturating_sub(1)..start.max(1) }
            };
            let sentences = passage.sentences.iter().map(span).collect();
            Ok(Part { ids: tokens.iter().map(|token| token.id).collect(), sentences })
        };
        Ok(Parts(passages.iter().map(part).collect::<Result<_>>()?))
    }

    /// The ids of all chunks as one window.
    pub(super) fn ids(&self, encoder: &Encoder) -> Vec<u32> {
        let window = Window { chunks: 0..self.0.len(), context: 0 };
        let sequences = self.sequences(encoder, &window);
        sequences.into_iter().flat_map(|sequence| sequence.ids).collect()
    }

    /// Whether a chunk has no token.
    pub(super) fn is_empty(&self, chunk: usize) -> bool {
        self.0[chunk].ids.is_empty()
    }

    /// The windows that all chunks are encoded in.
    pub(super) fn windows(&self, limits: ChunkLimits) -> Vec<Window> {
        let mut end = 0;
        let chunk = |part: &Part| {
            let start = end;
            end += part.ids.len();
            Chunk { tokens: start..end, range: start..end, block: 0, sentences: Vec::new() }
        };
        chunks::windows(&self.0.iter().map(chunk).collect::<Vec<_>>(), limits)
    }

    /// What a window is encoded as: spans of its fresh chunks that are not empty, then of their
    /// sentences.
    pub(super) fn sequences(&self, encoder: &Encoder, window: &Window) -> Vec<Sequence> {
        let parts = &self.0[window.chunks.clone()];
        match encoder.recipe() {
            Recipe::Late => vec![joined(encoder, parts, window.context, None)],
            Recipe::Separated { separator } => {
                vec![joined(encoder, parts, window.context, Some(*separator))]
            }
            Recipe::LastToken { .. } => {
                let full = parts[window.context..].iter().filter(|part| !part.ids.is_empty());
                full.map(|part| encoder.whole(&encoder.closed(&part.ids))).collect()
            }
        }
    }
}

fn joined(encoder: &Encoder, parts: &[Part], context: usize, separator: Option<u32>) -> Sequence {
    let mut ids = encoder.tokenizer().prefix().to_vec();
    let (mut chunks, mut sentences) = (Vec::new(), Vec::new());
    for (at, part) in parts.iter().enumerate() {
        ids.extend(separator.filter(|_| at > 0));
        let start = ids.len();
        ids.extend(&part.ids);
        if at >= context && !part.ids.is_empty() {
            chunks.push(start..ids.len());
            let moved = |span: &Range<usize>| span.start + start..span.end + start;
            sentences.extend(part.sentences.iter().map(moved));
        }
    }
    ids.extend(encoder.tokenizer().suffix());
    Sequence { ids, spans: [chunks, sentences].concat() }
}
