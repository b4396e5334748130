//! What fits the model? Tokens → [`Chunk`]s → [`Window`]s.

use std::ops::Range;

use crate::blocks::Document;
use crate::tokens::Token;

/// Consecutive tokens that get one vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Which tokens of the document.
    pub tokens: Range<usize>,
    /// Which bytes of the document's text, from the first token to the last.
    pub range: Range<usize>,
    /// The block in which it begins.
    pub block: usize,
    /// Its sentences in order, which cover its tokens.
    pub sentences: Vec<Sentence>,
}

/// A sentence, or the part of one that lies in a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Which tokens of the document.
    pub tokens: Range<usize>,
    /// Which bytes of the document's text.
    pub range: Range<usize>,
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
    /// Tokens in a chunk.
    pub chunk_tokens_max: usize,
    /// Tokens in a window, special tokens not counted.
    pub window_tokens_max: usize,
    /// Chunks in a window.
    pub window_chunks_max: usize,
    /// Chunks of one window that are repeated as context at the head of the next.
    pub context_chunks_max: usize,
}

/// Cuts a document into chunks that end, where they can, at the ends of blocks and sentences.
pub fn chunks(document: &Document, tokens: &[Token], limits: ChunkLimits) -> Vec<Chunk> {
    let _ = (document, tokens, limits);
    todo!()
}

/// Groups chunks into windows.
pub fn windows(chunks: &[Chunk], limits: ChunkLimits) -> Vec<Window> {
    let _ = (chunks, limits);
    todo!()
}
