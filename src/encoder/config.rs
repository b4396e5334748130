//! What a model's `config.json` says of its shape, checked before anything relies on it.

use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};

/// The shape of a BERT encoder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Config {
    /// Width of a hidden state.
    #[serde(rename = "hidden_size")]
    pub(crate) dimension: usize,
    /// Width between the two halves of a layer's feed-forward part.
    #[serde(rename = "intermediate_size")]
    pub(crate) inner: usize,
    #[serde(rename = "num_hidden_layers")]
    pub(crate) layers: usize,
    #[serde(rename = "num_attention_heads")]
    pub(crate) heads: usize,
    /// Rows of the token embedding table.
    #[serde(rename = "vocab_size")]
    pub(crate) vocabulary: usize,
    /// Rows of the position embedding table: the longest sequence.
    #[serde(rename = "max_position_embeddings")]
    pub(crate) positions: usize,
    /// Rows of the segment embedding table, of which only the first is used.
    #[serde(rename = "type_vocab_size")]
    pub(crate) segments: usize,
    #[serde(rename = "layer_norm_eps")]
    pub(crate) epsilon: f64,
}

/// What must be a certain way for the arithmetic here to be that model's.
#[derive(Deserialize)]
struct Family {
    model_type: String,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    #[serde(default)]
    is_decoder: bool,
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl Config {
    /// Reads a `config.json`.
    ///
    /// # Errors
    ///
    /// `Model` where the bytes are not a configuration, the family is not known here, or its sizes
    /// do not fit each other.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self> {
        let unreadable = |cause: serde_json::Error| {
            let message = format!(
                "config.json ({} bytes) is not the configuration of a BERT model: \
                 fetch the model's files again, or choose another model",
                json.len()
            );
            Error::new(ErrorKind::Model, message).with_source(cause)
        };
        let family: Family = serde_json::from_slice(json).map_err(unreadable)?;
        family.check()?;
        let config: Config = serde_json::from_slice(json).map_err(unreadable)?;
        config.check()?;
        Ok(config)
    }

    /// Width of one attention head.
    pub(crate) fn head(&self) -> usize {
        self.dimension / self.heads
    }

    fn check(&self) -> Result<()> {
        let sizes = [
            ("hidden_size", self.dimension),
            ("intermediate_size", self.inner),
            ("num_hidden_layers", self.layers),
            ("num_attention_heads", self.heads),
            ("vocab_size", self.vocabulary),
            ("max_position_embeddings", self.positions),
            ("type_vocab_size", self.segments),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(unusable(&format!("{name} is 0")));
        }
        // Far above any BERT; below it, no product of two sizes can overflow on a 32-bit target.
        if let Some((name, size)) = sizes[..4].iter().find(|(_, size)| *size > 1 << 15) {
            return Err(unusable(&format!("{name} is {size}, more than any such model has")));
        }
        if !self.dimension.is_multiple_of(self.heads) || !self.dimension.is_multiple_of(8) {
            return Err(unusable(&format!(
                "hidden_size is {}, which must be a multiple of 8 and of the {} attention heads",
                self.dimension, self.heads
            )));
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return Err(unusable(&format!("layer_norm_eps is {}, not above 0", self.epsilon)));
        }
        Ok(())
    }
}

impl Family {
    fn check(&self) -> Result<()> {
        let needed = [
            ("model_type", self.model_type.as_str(), "bert"),
            ("hidden_act", self.hidden_act.as_str(), "gelu"),
            ("position_embedding_type", self.position_embedding_type.as_str(), "absolute"),
        ];
        if let Some((name, found, supported)) =
            needed.iter().find(|(_, found, supported)| found != supported)
        {
            return Err(unusable(&format!(
                "{name} is \"{found}\"; only \"{supported}\" is supported"
            )));
        }
        if self.is_decoder {
            return Err(unusable("is_decoder is true; only encoders are supported"));
        }
        Ok(())
    }
}

fn unusable(reason: &str) -> Error {
    let message = format!(
        "config.json: {reason}. Burrow runs BERT models such as all-MiniLM-L6-v2: choose one of \
         them, or fetch the model's files again"
    );
    Error::new(ErrorKind::Model, message)
}
