//! What a model's `config.json` says of its shape, checked before anything relies on it.

mod bert;
mod qwen3;

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};

/// The shape of an encoder, whatever its family.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Width of a hidden state.
    pub(crate) dimension: usize,
    /// Width between the two halves of a layer's feed-forward part.
    pub(crate) inner: usize,
    pub(crate) layers: usize,
    /// Attention heads that ask.
    pub(crate) heads: usize,
    /// Attention heads that are asked; each serves `heads / kv_heads` of the former.
    pub(crate) kv_heads: usize,
    /// Width of one attention head.
    pub(crate) head: usize,
    /// Rows of the token embedding table.
    pub(crate) vocabulary: usize,
    /// The longest sequence.
    pub(crate) positions: usize,
    pub(crate) epsilon: f64,
    pub(crate) family: Family,
}

/// What the families do not have in common.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Family {
    /// BERT: learned positions, layer norms after each part, GELU.
    Bert {
        /// Rows of the segment embedding table, of which only the first is used.
        segments: usize,
    },
    /// Qwen3: rotary positions, RMS norms before each part, SwiGLU.
    Qwen3 {
        /// Base of the rotary positions' wavelengths.
        theta: f64,
        /// Whether a token sees only those before it.
        causal: bool,
        /// Whether it was trained on chunks with separators between them.
        separated: bool,
    },
}

/// What tells the families apart.
#[derive(Deserialize)]
struct Named {
    model_type: String,
}

impl Config {
    /// Reads a `config.json`.
    ///
    /// # Errors
    ///
    /// `Model` where the bytes are not a configuration, the family is not known here, or its sizes
    /// do not fit each other.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self> {
        let named: Named = parse(json)?;
        let config = match named.model_type.as_str() {
            "bert" => bert::read(json)?,
            "qwen3" | qwen3::BIDIRECTIONAL => qwen3::read(json)?,
            other => {
                return Err(unusable(&format!(
                    "model_type is \"{other}\"; \"bert\", \"qwen3\" and \"{}\" are supported",
                    qwen3::BIDIRECTIONAL
                )));
            }
        };
        config.check()?;
        Ok(config)
    }

    /// Sizes that no family can do without.
    fn check(&self) -> Result<()> {
        let sizes = [
            ("hidden_size", self.dimension),
            ("intermediate_size", self.inner),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("num_key_value_heads", self.kv_heads),
            ("head_dim", self.head),
            ("vocab_size", self.vocabulary),
            ("max_position_embeddings", self.positions),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(unusable(&format!("{name} is 0")));
        }
        // Far above any encoder; below it, no product of two sizes can overflow on a 32-bit target.
        if let Some((name, size)) = sizes[..6].iter().find(|(_, size)| *size > 1 << 15) {
            return Err(unusable(&format!("{name} is {size}, more than any such model has")));
        }
        if self.vocabulary > 1 << 22 {
            return Err(unusable(&format!("vocab_size is {}, more than any", self.vocabulary)));
        }
        if !self.dimension.is_multiple_of(8) {
            let message = format!("hidden_size is {}, not a multiple of 8", self.dimension);
            return Err(unusable(&message));
        }
        // The kernels read four values at a time.
        if let Some((name, size)) =
            [sizes[1], sizes[5]].iter().find(|(_, size)| !size.is_multiple_of(4))
        {
            return Err(unusable(&format!("{name} is {size}, not a multiple of 4")));
        }
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(unusable(&format!(
                "num_attention_heads is {}, not a multiple of the {} num_key_value_heads",
                self.heads, self.kv_heads
            )));
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return Err(unusable(&format!("the norms' eps is {}, not above 0", self.epsilon)));
        }
        Ok(())
    }
}

/// Asks that a setting is what the arithmetic here is made for.
fn require(name: &str, found: &str, supported: &str) -> Result<()> {
    if found == supported {
        return Ok(());
    }
    Err(unusable(&format!("{name} is \"{found}\"; only \"{supported}\" is supported")))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|cause| {
        let message = format!(
            "config.json ({} bytes) is not the configuration of an encoder that Burrow knows: \
             fetch the model's files again, or choose another model",
            json.len()
        );
        Error::new(ErrorKind::Model, message).with_source(cause)
    })
}

fn unusable(reason: &str) -> Error {
    let message = format!(
        "config.json: {reason}. Burrow runs pplx-embed, Qwen3-Embedding and BERT models such as \
         all-MiniLM-L6-v2: choose one of them, or fetch the model's files again"
    );
    Error::new(ErrorKind::Model, message)
}
