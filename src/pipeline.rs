//! The whole way of a page, from its bytes to codes: read, cut, encode window by window, quantize.

use std::ops::Range;

use crate::blocks::{self, Document, Source};
use crate::chunks::{self, Chunk, Sentence, Window};
use crate::encoder::{Encoder, Sequence};
use crate::error::{Error, ErrorKind, Result};
use crate::page::{EncodedPage, Page, Passage, content_hash};
use crate::quantize;
use crate::tokens::Token;

/// Tokens of a query beyond these are not read: a query is a sentence, not a page.
pub const QUERY_TOKENS_MAX: usize = 256;

/// A page on its way to the index: cut into windows, encoded one window at a time, so that the
/// caller can show progress, let a query go first, or stop in between.
pub struct PreparedPage {
    page: Page,
    tokens: Vec<Token>,
    chunks: Vec<Chunk>,
    windows: Vec<Window>,
    encoded: usize,
    bits: Vec<u8>,
    int8: Vec<i8>,
    sentence_bits: Vec<u8>,
}

impl PreparedPage {
    /// Reads the page and cuts it to the encoder's limits.
    ///
    /// # Errors
    ///
    /// As [`blocks::document`]; `Empty` also where the tokenizer finds no token in the text.
    pub fn new(encoder: &Encoder, source: Source<'_>) -> Result<Self> {
        let document = blocks::document(source)?;
        let tokens = encoder.tokenizer().tokens(&document.text)?;
        let limits = encoder.limits();
        let chunks = chunks::chunks(&document, &tokens, limits);
        if chunks.is_empty() {
            let message = format!("{} holds no text that the model can read", source.url);
            return Err(Error::new(ErrorKind::Empty, message));
        }
        let windows = chunks::windows(&chunks, limits);
        let page = page_of(source, document, &chunks);
        let (bits, int8, sentence_bits) = (Vec::new(), Vec::new(), Vec::new());
        Ok(PreparedPage { page, tokens, chunks, windows, encoded: 0, bits, int8, sentence_bits })
    }

    /// In how many forward passes the page is encoded.
    pub fn windows(&self) -> usize {
        self.windows.len()
    }

    /// How many passages the page has.
    pub fn passages(&self) -> usize {
        self.chunks.len()
    }

    /// How many tokens the page has.
    pub fn tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Encodes the next window and keeps its codes.
    ///
    /// # Errors
    ///
    /// As [`Encoder::embed`]. After an error the same window can be tried again.
    pub async fn encode_next(&mut self, encoder: &Encoder) -> Result<()> {
        let Some(window) = self.windows.get(self.encoded) else {
            let message = format!("{}: all its windows are encoded already", self.page.url);
            return Err(Error::new(ErrorKind::Input, message));
        };
        let fresh = &self.chunks[window.chunks.start + window.context..window.chunks.end];
        let sequence = sequence_of(encoder, &self.tokens, &self.chunks, window);
        let vectors = encoder.embed(&[sequence]).await?.concat();
        let fingerprint = encoder.fingerprint();
        let (passages, sentences) = vectors.split_at(fresh.len() * fingerprint.dimension);
        for vector in passages.chunks_exact(fingerprint.dimension) {
            self.bits.extend(quantize::bits(vector));
            self.int8.extend(quantize::int8(fingerprint.quantizer, vector));
        }
        for vector in sentences.chunks_exact(fingerprint.dimension) {
            self.sentence_bits.extend(quantize::bits(vector));
        }
        self.encoded += 1;
        Ok(())
    }

    /// The page with its codes.
    ///
    /// # Errors
    ///
    /// `Input` where not every window has been encoded.
    pub fn finish(self, encoder: &Encoder) -> Result<EncodedPage> {
        if self.encoded < self.windows.len() {
            let (done, all) = (self.encoded, self.windows.len());
            let message = format!("{}: {done} of {all} windows are encoded", self.page.url);
            return Err(Error::new(ErrorKind::Input, message));
        }
        Ok(EncodedPage {
            page: self.page,
            dimension: encoder.fingerprint().dimension,
            bits: self.bits,
            int8: self.int8,
            sentence_bits: self.sentence_bits,
        })
    }
}

/// The vector of a query, `[dimension]`.
///
/// # Errors
///
/// `Input` where the query holds nothing that the model can read; else as [`Encoder::embed`].
pub async fn embed_query(encoder: &Encoder, query: &str) -> Result<Vec<f32>> {
    let mut tokens = encoder.tokenizer().tokens(query)?;
    if tokens.is_empty() {
        return Err(Error::new(ErrorKind::Input, "the query is empty: type a word or a question"));
    }
    tokens.truncate(QUERY_TOKENS_MAX.min(encoder.limits().window_tokens_max));
    let ids = with_special_tokens(encoder, &tokens);
    let spans = vec![0..ids.len()];
    Ok(encoder.embed(&[Sequence { ids, spans }]).await?.concat())
}

/// The hash by which an added page is known to be unchanged.
pub fn source_hash(source: Source<'_>) -> [u8; 32] {
    let format = [source.format as u8];
    content_hash(&[&format, source.title.unwrap_or("").as_bytes(), source.content])
}

fn page_of(source: Source<'_>, document: Document, chunks: &[Chunk]) -> Page {
    let passages = chunks.iter().map(|chunk| passage_of(&document, chunk)).collect();
    Page {
        url: source.url.to_owned(),
        title: document.title,
        lang: document.lang,
        hash: source_hash(source),
        passages,
        text: document.text,
    }
}

fn passage_of(document: &Document, chunk: &Chunk) -> Passage {
    let block = &document.blocks[chunk.block];
    let text = |range: &Range<usize>| trimmed(&document.text, range.clone());
    Passage {
        range: text(&chunk.range),
        headings: block.headings.clone(),
        anchor: block.anchor.clone(),
        sentences: markable(chunk).map(|sentence| text(&sentence.range)).collect(),
    }
}

/// The sentences of a chunk that can be marked as nearest in meaning: no headings, which name what
/// the reader wants to see but do not say it, unless there is nothing else.
fn markable(chunk: &Chunk) -> impl Iterator<Item = &Sentence> {
    let only_headings = chunk.sentences.iter().all(|sentence| sentence.heading);
    chunk.sentences.iter().filter(move |sentence| only_headings || !sentence.heading)
}

/// The range without the white space at its ends.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let start = range.start + (slice.len() - slice.trim_start().len());
    start..start + slice.trim().len()
}

/// A window's token ids, and the spans of its fresh chunks followed by those of their sentences.
///
/// As in the late-chunking paper (arXiv 2409.04701), the special tokens before the window count
/// to its first chunk and those after it to its last: a text of one chunk gets the vector that
/// mean pooling over the whole text would give it.
fn sequence_of(encoder: &Encoder, tokens: &[Token], chunks: &[Chunk], window: &Window) -> Sequence {
    let all = &chunks[window.chunks.clone()];
    let (first, last) = (all[0].tokens.start, all[all.len() - 1].tokens.end);
    let ids = with_special_tokens(encoder, &tokens[first..last]);
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

fn with_special_tokens(encoder: &Encoder, tokens: &[Token]) -> Vec<u32> {
    let tokenizer = encoder.tokenizer();
    let ids = tokens.iter().map(|token| token.id);
    tokenizer
        .prefix()
        .iter()
        .copied()
        .chain(ids)
        .chain(tokenizer.suffix().iter().copied())
        .collect()
}
