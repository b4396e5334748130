//! A page as it is stored: its text, its passages, and their codes.

use std::ops::Range;

use sha2::{Digest, Sha256};

use crate::fields::{Facts, Fields};

/// What is remembered of a page besides its codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The address; the key under which the page is replaced or removed.
    pub url: String,
    /// The title to show. May be empty.
    pub title: String,
    /// BCP 47 language of the page, where the page says it.
    pub lang: Option<String>,
    /// [`source_hash`] of what was added: equal hash, nothing to do.
    pub hash: [u8; 32],
    /// What the caller says of the page, to filter and count by.
    pub fields: Fields,
    /// When the page was read or written, as the caller says: milliseconds since 1970, UTC.
    pub time_ms: Option<i64>,
    /// The readable text. Every range below is in bytes of it.
    pub text: String,
    /// In the order of the text.
    pub passages: Vec<Passage>,
}

/// A chunk of a page as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Where in the page's text, in bytes.
    pub range: Range<usize>,
    /// The headings above the passage, outermost first.
    pub headings: Vec<String>,
    /// The fragment that leads to the passage: `installation` for `#installation`.
    pub anchor: Option<String>,
    /// Its sentences, in order, in bytes of the page's text.
    pub sentences: Vec<Range<usize>>,
}

/// A page and its codes, ready to be committed. Rows follow the order of the passages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedPage {
    /// Text and passages.
    pub page: Page,
    /// Width of a vector.
    pub dimension: usize,
    /// One bit a component: `[passages, dimension / 8]`.
    pub bits: Vec<u8>,
    /// `[passages, dimension]`.
    pub int8: Vec<i8>,
    /// One bit a component for every sentence of every passage: `[sentences, dimension / 8]`.
    pub sentence_bits: Vec<u8>,
}

/// Bytes that are hashed in one call. A browser's engine optimizes a function between two calls of
/// it: hashing a whole model in one call stays in slow code, 13 s instead of under 1 s for 90 MB.
const HASH_BYTES: usize = 64 * 1024;

/// SHA-256 over all that was given to add a page, each part with its length before it.
pub fn content_hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hash_in_pieces(&mut hasher, part);
    }
    hasher.finalize().into()
}

/// The hash by which an added page is known to be unchanged. A title that is not given is empty;
/// `format` is the number of the content's form.
pub fn source_hash(format: u8, title: &str, content: &[u8], facts: &Facts) -> [u8; 32] {
    let facts = facts.hash_parts();
    let mut parts = vec![std::slice::from_ref(&format), title.as_bytes(), content];
    parts.extend(facts.iter().map(Vec::as_slice));
    content_hash(&parts)
}

/// Hashes bytes, however many.
pub(crate) fn hash_in_pieces(hasher: &mut Sha256, bytes: &[u8]) {
    bytes.chunks(HASH_BYTES).for_each(|piece| hasher.update(piece));
}
