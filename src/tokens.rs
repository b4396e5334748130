//! What are its words? Text → [`Token`]s with byte ranges.

mod file;

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};

/// Text is given to the tokenizer in pieces of about this many bytes, so that the memory it takes
/// for one page is bounded.
const PIECE_BYTES: usize = 64 * 1024;

/// What the model reads, with the bytes of the text it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Row of the embedding table.
    pub id: u32,
    /// Bytes of the text, on character boundaries, in order. White space between words may belong
    /// to no token; a character that takes several tokens is in the range of each.
    pub range: Range<usize>,
}

/// A model's own tokenizer, with the padding and truncation of its file switched off.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    prefix: Vec<u32>,
    suffix: Vec<u32>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// Padding and truncation that the file has baked in are switched off: they would cut long
    /// texts silently. Special tokens written out in a text (`[SEP]`, `<|endoftext|>`) are read as
    /// the plain characters they are there, since a page's words must not steer the model.
    ///
    /// # Errors
    ///
    /// `Model` where the bytes are not a tokenizer.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut inner = file::read(json).map_err(|cause| {
            let message = format!(
                "tokenizer.json ({} bytes) is not a tokenizer: fetch the model's files again",
                json.len()
            );
            Error::new(ErrorKind::Model, message).with_source(cause)
        })?;
        let (prefix, suffix) = special_tokens_around(&inner)?;
        inner.set_encode_special_tokens(true);
        Ok(Tokenizer { inner, prefix, suffix })
    }

    /// The tokens of a text, without special tokens.
    ///
    /// # Errors
    ///
    /// `Model` where the tokenizer cannot read the text.
    pub fn tokens(&self, text: &str) -> Result<Vec<Token>> {
        let mut tokens = Vec::new();
        for piece in pieces(text) {
            let encoding = self.inner.encode(&text[piece.clone()], false).map_err(unreadable)?;
            let ranges = encoding.get_offsets().iter();
            tokens.extend(encoding.get_ids().iter().zip(ranges).map(|(&id, &(start, end))| {
                Token { id, range: of_word(text, piece.start + start..piece.start + end) }
            }));
        }
        Ok(tokens)
    }

    /// The id of a token by its name, special ones included.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// Special tokens that go before every sequence: `[CLS]` for BERT, none for Qwen.
    pub fn prefix(&self) -> &[u32] {
        &self.prefix
    }

    /// Special tokens that go after every sequence: `[SEP]` for BERT.
    pub fn suffix(&self) -> &[u32] {
        &self.suffix
    }
}

/// The range without the space that tokenizers of the GPT kind keep before a word: it belongs to
/// what stands before.
fn of_word(text: &str, range: Range<usize>) -> Range<usize> {
    let word = text[range.clone()].trim_start().len();
    if word == 0 { range } else { range.end - word..range.end }
}

fn unreadable(cause: tokenizers::Error) -> Error {
    Error::new(ErrorKind::Model, "the model's tokenizer cannot read a text").with_source(cause)
}

/// The special tokens that the tokenizer's template puts before and after a text.
fn special_tokens_around(inner: &tokenizers::Tokenizer) -> Result<(Vec<u32>, Vec<u32>)> {
    let encoding = inner.encode("a", true).map_err(unreadable)?;
    let special = encoding.get_special_tokens_mask();
    let ids = encoding.get_ids();
    let before = special.iter().take_while(|&&mask| mask == 1).count();
    let after = special[before..].iter().rev().take_while(|&&mask| mask == 1).count();
    Ok((ids[..before].to_vec(), ids[ids.len() - after..].to_vec()))
}

/// Cuts a text at line ends into pieces of at least [`PIECE_BYTES`], the last one excepted.
///
/// No tokenizer joins characters over the end of a line and the start of the next, unless both are
/// line breaks: such ends are passed over, and so the pieces' tokens are the text's.
fn pieces(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= bytes.len() {
            return None;
        }
        let from = (start + PIECE_BYTES).min(bytes.len());
        let is_end = |at: &usize| bytes[at - 1] == b'\n' && !bytes[*at].is_ascii_whitespace();
        let end = (from..bytes.len()).find(is_end).unwrap_or(bytes.len());
        let piece = start..end;
        start = end;
        Some(piece)
    })
}
