//! What are its words? Text → [`Token`]s with byte ranges.

use std::ops::Range;

use crate::error::Result;

/// What the model reads, with the bytes of the text it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Row of the embedding table.
    pub id: u32,
    /// Bytes of the text, on character boundaries. In order; space between tokens belongs to none.
    pub range: Range<usize>,
}

/// A model's own tokenizer, with the padding and truncation of its file switched off.
pub struct Tokenizer {}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    ///
    /// `Model` where the bytes are not a tokenizer.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let _ = json;
        todo!()
    }

    /// The tokens of a text, without special tokens.
    ///
    /// # Errors
    ///
    /// `Model` where the tokenizer cannot read the text.
    pub fn tokens(&self, text: &str) -> Result<Vec<Token>> {
        let _ = text;
        todo!()
    }

    /// Special tokens that go before every sequence: `[CLS]` for BERT, none for Qwen.
    pub fn prefix(&self) -> &[u32] {
        todo!()
    }

    /// Special tokens that go after every sequence: `[SEP]` for BERT.
    pub fn suffix(&self) -> &[u32] {
        todo!()
    }
}
