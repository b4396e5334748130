//! The configuration of a BERT encoder.

use serde::Deserialize;

use super::{Config, Family, parse, require, unusable};
use crate::error::Result;

#[derive(Deserialize)]
struct Json {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f64,
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

/// Reads the sizes; what all families share is checked by the caller.
pub(super) fn read(json: &[u8]) -> Result<Config> {
    let json: Json = parse(json)?;
    require("hidden_act", &json.hidden_act, "gelu")?;
    require("position_embedding_type", &json.position_embedding_type, "absolute")?;
    if json.is_decoder {
        return Err(unusable("is_decoder is true; only encoders are supported"));
    }
    if json.type_vocab_size == 0 || json.num_attention_heads == 0 {
        return Err(unusable("type_vocab_size or num_attention_heads is 0"));
    }
    if !json.hidden_size.is_multiple_of(json.num_attention_heads) {
        return Err(unusable(&format!(
            "hidden_size is {}, which must be a multiple of the {} attention heads",
            json.hidden_size, json.num_attention_heads
        )));
    }
    Ok(Config {
        dimension: json.hidden_size,
        inner: json.intermediate_size,
        layers: json.num_hidden_layers,
        heads: json.num_attention_heads,
        kv_heads: json.num_attention_heads,
        head: json.hidden_size / json.num_attention_heads,
        vocabulary: json.vocab_size,
        positions: json.max_position_embeddings,
        epsilon: json.layer_norm_eps,
        family: Family::Bert { segments: json.type_vocab_size },
    })
}
