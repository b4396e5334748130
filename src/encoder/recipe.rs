//! How the chunks of a window become vectors, which depends on what a model was trained for.

use super::config::{Config, Family};
use crate::error::{Error, ErrorKind, Result};
use crate::quantize::Quantizer;
use crate::tokens::Tokenizer;

/// The token that separates, ends and pads in the Qwen family.
const END_OF_TEXT: &str = "<|endoftext|>";

/// How chunks become vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// One sequence a window, and the mean of every chunk's hidden states: late chunking with any
    /// model that was trained for mean pooling (arXiv 2409.04701).
    Late,
    /// The same, with a separator between chunks, as pplx-embed-context was trained. Separators
    /// belong to no chunk.
    Separated {
        /// The separator's token.
        separator: u32,
    },
    /// A sequence of its own for every chunk, and the hidden state of its last token, `end`:
    /// Qwen3-Embedding. A causal model's earlier tokens have not seen the later ones.
    LastToken {
        /// The token that is put after the text.
        end: u32,
    },
}

impl Recipe {
    /// What fits a model.
    ///
    /// # Errors
    ///
    /// `Model` where the tokenizer lacks the token that the model needs.
    pub(crate) fn of(config: &Config, tokenizer: &Tokenizer) -> Result<Self> {
        let end = || {
            tokenizer.id(END_OF_TEXT).ok_or_else(|| {
                let message = format!(
                    "tokenizer.json has no token {END_OF_TEXT}, which this model needs: fetch the \
                     model's files again"
                );
                Error::new(ErrorKind::Model, message)
            })
        };
        match config.family {
            Family::Qwen3 { separated: true, .. } => Ok(Recipe::Separated { separator: end()? }),
            Family::Qwen3 { causal: true, .. } => Ok(Recipe::LastToken { end: end()? }),
            Family::Bert { .. } | Family::Qwen3 { .. } => Ok(Recipe::Late),
        }
    }

    /// What goes into the fingerprint.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Recipe::Late => "mean of the span",
            Recipe::Separated { .. } => "mean between separators",
            Recipe::LastToken { .. } => "last token",
        }
    }

    /// How its vectors become INT8.
    pub(crate) fn quantizer(config: &Config) -> Quantizer {
        match config.family {
            Family::Qwen3 { causal: false, .. } => Quantizer::Tanh,
            Family::Bert { .. } | Family::Qwen3 { .. } => Quantizer::MaxAbs,
        }
    }

    /// What is put before a query.
    pub fn query_prefix(&self) -> &'static str {
        match self {
            // The instruction on Qwen3-Embedding's model card, word for word.
            Recipe::LastToken { .. } => {
                "Instruct: Given a web search query, retrieve relevant passages that answer the \
                 query\nQuery:"
            }
            Recipe::Late | Recipe::Separated { .. } => "",
        }
    }
}
