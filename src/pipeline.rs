//! The whole way of a page, from its bytes to codes: read, cut, encode window by window, quantize.

mod sequences;

use std::ops::Range;

use crate::blocks::{self, Document, Source};
use crate::chunks::{self, Chunk, Sentence, Window};
use crate::encoder::{Encoder, Pause, Recipe, Sequence};
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Facts;
use crate::page::{self, EncodedPage, Page, Passage};
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
    /// Reads the page and cuts it to the encoder's limits. `facts` are kept with it.
    ///
    /// # Errors
    ///
    /// As [`blocks::document`]; `Empty` also where the tokenizer finds no token in the text.
    pub fn new(encoder: &Encoder, source: Source<'_>, facts: Facts) -> Result<Self> {
        let document = blocks::document(source)?;
        let tokens = encoder.tokenizer().tokens(&document.text)?;
        let limits = encoder.limits();
        let chunks = chunks::chunks(&document, &tokens, limits);
        if chunks.is_empty() {
            let message = format!("{} holds no text that the model can read", source.url);
            return Err(Error::new(ErrorKind::Empty, message));
        }
        let windows = chunks::windows(&chunks, limits);
        let page = page_of(encoder, source, facts, document, &chunks);
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
        self.encode_next_with(encoder, None).await
    }

    /// As [`PreparedPage::encode_next`], with a pause between layers.
    ///
    /// # Errors
    ///
    /// As [`Encoder::embed_with`].
    pub async fn encode_next_with(
        &mut self,
        encoder: &Encoder,
        pause: Option<Pause<'_>>,
    ) -> Result<()> {
        let Some(window) = self.windows.get(self.encoded) else {
            let message = format!("{}: all its windows are encoded already", self.page.url);
            return Err(Error::new(ErrorKind::Input, message));
        };
        let fresh = &self.chunks[window.chunks.start + window.context..window.chunks.end];
        let sequences = self.sequences(encoder, window)?;
        let vectors = encoder.embed_with(&sequences, pause).await?.concat();
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

    /// What a window is encoded as.
    fn sequences(&self, encoder: &Encoder, window: &Window) -> Result<Vec<Sequence>> {
        match encoder.recipe() {
            Recipe::Late => Ok(vec![sequences::late(encoder, &self.tokens, &self.chunks, window)]),
            Recipe::Separated { .. } | Recipe::LastToken { .. } => {
                let passages = &self.page.passages[window.chunks.clone()];
                let parts = sequences::Parts::of_passages(encoder, &self.page.text, passages)?;
                let window = Window { chunks: 0..passages.len(), context: window.context };
                Ok(parts.sequences(encoder, &window))
            }
        }
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
    let tokenizer = encoder.tokenizer();
    let mut tokens = tokenizer.tokens(query)?;
    if tokens.is_empty() {
        return Err(Error::new(ErrorKind::Input, "the query is empty: type a word or a question"));
    }
    let limit = QUERY_TOKENS_MAX.min(encoder.limits().window_tokens_max);
    let recipe = encoder.recipe();
    let prefix = recipe.query_prefix();
    if !prefix.is_empty() {
        // Only its end is the query's: the instruction is never what is cut.
        let end = tokens.get(limit).map_or(query.len(), |token| token.range.start);
        tokens = tokenizer.tokens(&format!("{prefix}{}", &query[..end]))?;
    } else {
        tokens.truncate(limit);
    }
    let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    let sequence = encoder.whole(&encoder.closed(&ids));
    Ok(encoder.embed(&[sequence]).await?.concat())
}

/// The token ids of a document's chunks, as one window.
///
/// # Errors
///
/// `Model` where the tokenizer cannot read a chunk.
pub fn chunk_ids(encoder: &Encoder, texts: &[&str]) -> Result<Vec<u32>> {
    Ok(sequences::Parts::of_texts(encoder, texts)?.ids(encoder))
}

/// The vectors of a document's chunks, `[chunks, dimension]`, each in the light of the others where
/// the model can do that. Chunks are cut into windows as a page's are; an empty chunk gets zeros.
///
/// # Errors
///
/// `Limit` where a chunk alone is longer than what the model can read; else as [`Encoder::embed`].
pub async fn embed_chunks(encoder: &Encoder, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
    let dimension = encoder.fingerprint().dimension;
    let mut vectors = Vec::with_capacity(texts.len());
    let parts = sequences::Parts::of_texts(encoder, texts)?;
    for window in parts.windows(encoder.limits()) {
        let fresh = window.chunks.start + window.context..window.chunks.end;
        let sequences = parts.sequences(encoder, &window);
        let found = encoder.embed(&sequences).await?.concat();
        let mut found = found.chunks_exact(dimension);
        for chunk in fresh {
            let vector = if parts.is_empty(chunk) { None } else { found.next() };
            vectors.push(vector.map_or_else(|| vec![0.0; dimension], <[f32]>::to_vec));
        }
    }
    Ok(vectors)
}

/// The hash by which an added page is known to be unchanged.
pub fn source_hash(source: Source<'_>, facts: &Facts) -> [u8; 32] {
    page::source_hash(source.format as u8, source.title.unwrap_or(""), source.content, facts)
}

fn page_of(
    encoder: &Encoder,
    source: Source<'_>,
    facts: Facts,
    document: Document,
    chunks: &[Chunk],
) -> Page {
    let mut passages: Vec<Passage> =
        chunks.iter().map(|chunk| passage_of(&document, chunk)).collect();
    if matches!(encoder.recipe(), Recipe::LastToken { .. }) {
        // Only the state after a whole text means something to such a model.
        passages.iter_mut().for_each(|passage| passage.sentences.clear());
    }
    Page {
        url: source.url.to_owned(),
        title: document.title,
        lang: document.lang,
        hash: source_hash(source, &facts),
        fields: facts.fields,
        time_ms: facts.time_ms,
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
