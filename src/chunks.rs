//! What fits the model? Tokens → [`Chunk`]s → [`Window`]s.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::blocks::{BlockKind, Document};
use crate::tokens::Token;

/// Counts up when the same page gives other chunks or windows than before: part of the
/// fingerprint, since a chunk's vector depends on what stands in its window.
pub const CHUNKER_VERSION: u32 = 1;

/// Consecutive tokens that get one vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Which tokens of the document. Consecutive chunks meet, and together hold all tokens.
    pub tokens: Range<usize>,
    /// Which bytes of the document's text. Consecutive chunks meet, and together hold all of it.
    pub range: Range<usize>,
    /// The block in which it begins.
    pub block: usize,
    /// Its sentences in order; their tokens and ranges meet, and together are the chunk's.
    pub sentences: Vec<Sentence>,
}

/// A sentence, a heading, a line of code, or the part of one that lies in a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Which tokens of the document. Never empty.
    pub tokens: Range<usize>,
    /// Which bytes of the document's text, the white space after it included.
    pub range: Range<usize>,
    /// Whether it is a heading, or part of one.
    pub heading: bool,
}

/// The chunks that one forward pass encodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Which chunks, the repeated ones included.
    pub chunks: Range<usize>,
    /// How many of the first chunks stand here as context only: an earlier window encodes them.
    pub context: usize,
}

/// How much a chunk and a window may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkLimits {
    /// Tokens in a chunk. At least 8.
    pub chunk_tokens_max: usize,
    /// Tokens in a window, special tokens not counted. At least `chunk_tokens_max`.
    pub window_tokens_max: usize,
    /// Chunks in a window.
    pub window_chunks_max: usize,
    /// Chunks of one window that are repeated as context at the head of the next. They take at
    /// most a quarter of its tokens, so that a small window does not spend itself on repetition.
    pub context_chunks_max: usize,
}

/// Cuts a document into chunks that end, where they can, at the ends of blocks and sentences.
///
/// A chunk holds at most `chunk_tokens_max` tokens. A sentence is split only if it alone is longer.
/// A heading begins a new chunk unless the one before is still short, and is never left behind at
/// the end of one. A document without tokens has no chunks.
pub fn chunks(document: &Document, tokens: &[Token], limits: ChunkLimits) -> Vec<Chunk> {
    let units = units(document, tokens, limits.chunk_tokens_max);
    let mut chunks = Vec::new();
    let mut first = 0;
    while first < units.len() {
        let end = chunk_end(&units, first, limits.chunk_tokens_max);
        chunks.push(chunk_of(&units[first..end]));
        first = end;
    }
    chunks
}

/// Groups chunks into windows: as many as fit, each window but the first led by context.
pub fn windows(chunks: &[Chunk], limits: ChunkLimits) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut fresh = 0;
    while fresh < chunks.len() {
        let start = fresh - context_of(chunks, fresh, limits);
        let fits = |end: &usize| {
            chunks[*end - 1].tokens.end - chunks[start].tokens.start <= limits.window_tokens_max
                && end - start <= limits.window_chunks_max
        };
        let end = (fresh + 1..=chunks.len()).take_while(fits).last().unwrap_or(fresh + 1);
        windows.push(Window { chunks: start..end, context: fresh - start });
        fresh = end;
    }
    windows
}

/// How many of the chunks before `fresh` can lead its window.
fn context_of(chunks: &[Chunk], fresh: usize, limits: ChunkLimits) -> usize {
    let room = (limits.window_tokens_max / 4)
        .min(limits.window_tokens_max.saturating_sub(chunks[fresh].tokens.len()));
    let most = limits.context_chunks_max.min(limits.window_chunks_max.saturating_sub(1)).min(fresh);
    (1..=most)
        .take_while(|count| chunks[fresh].tokens.start - chunks[fresh - count].tokens.start <= room)
        .last()
        .unwrap_or(0)
}

/// The smallest thing a chunk is made of: a sentence and where it stands.
struct Unit {
    sentence: Sentence,
    block: usize,
    opens_block: bool,
}

/// How good a place is to end a chunk; the better one is greater.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    AfterHeading,
    AfterSentence,
    AfterBlock,
    BeforeHeading,
}

/// Where the chunk that begins at unit `first` ends: the index of the next chunk's first unit.
fn chunk_end(units: &[Unit], first: usize, tokens_max: usize) -> usize {
    let size = |end: usize| units[end - 1].sentence.tokens.end - units[first].sentence.tokens.start;
    let furthest = (first + 1..=units.len()).take_while(|&end| size(end) <= tokens_max).last();
    // One unit alone always fits: `units` has cut the sentences that do not.
    let furthest = furthest.unwrap_or(first + 1);
    let is_section = |end: &usize| {
        *end < units.len()
            && cut_at(units, *end) == Cut::BeforeHeading
            && size(*end) >= tokens_max / 4
    };
    if let Some(section) = (first + 1..=furthest).find(is_section) {
        return section;
    }
    if furthest == units.len() {
        return furthest;
    }
    (first + 1..=furthest)
        .filter(|&end| size(end) >= tokens_max / 2)
        .max_by_key(|&end| (cut_at(units, end), end))
        .unwrap_or(furthest)
}

/// What a chunk that ends before unit `end` would end at.
fn cut_at(units: &[Unit], end: usize) -> Cut {
    match (&units[end - 1], &units[end]) {
        (before, _) if before.sentence.heading => Cut::AfterHeading,
        (_, after) if after.sentence.heading && after.opens_block => Cut::BeforeHeading,
        (_, after) if after.opens_block => Cut::AfterBlock,
        _ => Cut::AfterSentence,
    }
}

fn chunk_of(units: &[Unit]) -> Chunk {
    let (first, last) = (&units[0], &units[units.len() - 1]);
    Chunk {
        tokens: first.sentence.tokens.start..last.sentence.tokens.end,
        range: first.sentence.range.start..last.sentence.range.end,
        block: first.block,
        sentences: units.iter().map(|unit| unit.sentence.clone()).collect(),
    }
}

/// The document's sentences with their tokens; those longer than `tokens_max` in parts.
fn units(document: &Document, tokens: &[Token], tokens_max: usize) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut next = 0;
    let mut opens_block = true;
    for (block, starts) in sentence_starts(document) {
        let heading = matches!(document.blocks[block].kind, BlockKind::Heading(_));
        opens_block |= starts.start == document.blocks[block].range.start;
        let count =
            tokens[next..].iter().take_while(|token| token.range.start < starts.end).count();
        // A sentence without tokens (say, of characters the model drops) belongs to the one before.
        for part in parts(tokens, next..next + count, tokens_max) {
            let range = tokens[part.start].range.clone();
            let sentence = Sentence { tokens: part, range, heading };
            units.push(Unit { sentence, block, opens_block });
            opens_block = false;
        }
        next += count;
    }
    stretch(&mut units, document.text.len());
    units
}

/// Makes the units' ranges meet: each reaches to the start of the next.
fn stretch(units: &mut [Unit], text_bytes: usize) {
    let mut end = text_bytes;
    for unit in units.iter_mut().rev() {
        unit.sentence.range.end = end;
        end = unit.sentence.range.start;
    }
    if let Some(first) = units.first_mut() {
        first.sentence.range.start = 0;
    }
}

/// Every sentence's block and bytes, in order.
fn sentence_starts(document: &Document) -> impl Iterator<Item = (usize, Range<usize>)> {
    document.blocks.iter().enumerate().flat_map(|(index, block)| {
        let text = &document.text[block.range.clone()];
        let ranges: Vec<Range<usize>> = match block.kind {
            BlockKind::Heading(_) | BlockKind::TableRow => vec![0..text.len()],
            BlockKind::Code => piece_ranges(text.split_inclusive('\n')),
            _ => piece_ranges(text.split_sentence_bounds()),
        };
        let start = block.range.start;
        ranges.into_iter().map(move |range| (index, start + range.start..start + range.end))
    })
}

fn piece_ranges<'a>(pieces: impl Iterator<Item = &'a str>) -> Vec<Range<usize>> {
    let mut end = 0;
    pieces
        .map(|piece| {
            let start = end;
            end += piece.len();
            start..end
        })
        .collect()
}

/// Cuts a sentence's tokens into parts of at most `tokens_max`, at the start of a word if one is
/// in the last quarter of the part.
fn parts(tokens: &[Token], sentence: Range<usize>, tokens_max: usize) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = sentence.start;
    while sentence.end - start > tokens_max {
        let at_most = start + tokens_max;
        let gap = |at: usize| tokens[at].range.start.checked_sub(tokens[at - 1].range.end);
        let quarter = (start + tokens_max - tokens_max / 4..=at_most).rev();
        let end = quarter
            .clone()
            .find(|&at| gap(at).is_some_and(|bytes| bytes > 0))
            // No white space: at least not inside a character that takes several tokens.
            .or_else(|| quarter.clone().find(|&at| gap(at).is_some()))
            .unwrap_or(at_most);
        parts.push(start..end);
        start = end;
    }
    if start < sentence.end {
        parts.push(start..sentence.end);
    }
    parts
}
