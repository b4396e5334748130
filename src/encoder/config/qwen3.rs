//! The configuration of a Qwen3 encoder: pplx-embed, made bidirectional, or plain Qwen3-Embedding.

use serde::Deserialize;

use super::{Config, Family, parse, require, unusable};
use crate::error::Result;

/// The `model_type` of pplx-embed: Qwen3 without its causal mask.
pub(super) const BIDIRECTIONAL: &str = "bidirectional_pplx_qwen3";

/// The class of pplx-embed-context's own code. Nothing else in its files tells it from pplx-embed.
const CONTEXT_CLASS: &str = "PPLXQwen3ContextualModel";

#[derive(Deserialize)]
struct Json {
    model_type: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    vocab_size: usize,
    max_position_embeddings: usize,
    rms_norm_eps: f64,
    #[serde(default = "silu")]
    hidden_act: String,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    use_sliding_window: bool,
    #[serde(default)]
    layer_types: Vec<String>,
    rope_theta: Option<f64>,
    #[serde(default)]
    rope_parameters: Option<Rope>,
    #[serde(default)]
    rope_scaling: Option<Rope>,
    use_bidirectional_attention: Option<bool>,
    is_causal: Option<bool>,
    #[serde(default)]
    auto_map: AutoMap,
}

#[derive(Deserialize)]
struct Rope {
    #[serde(alias = "type")]
    rope_type: Option<String>,
    rope_theta: Option<f64>,
}

#[derive(Default, Deserialize)]
struct AutoMap {
    #[serde(rename = "AutoModel", default)]
    model: String,
}

fn silu() -> String {
    "silu".to_owned()
}

/// Reads the sizes; what all families share is checked by the caller.
pub(super) fn read(json: &[u8]) -> Result<Config> {
    let json: Json = parse(json)?;
    json.check()?;
    let causal = !json.is_bidirectional();
    Ok(Config {
        dimension: json.hidden_size,
        inner: json.intermediate_size,
        layers: json.num_hidden_layers,
        heads: json.num_attention_heads,
        kv_heads: json.num_key_value_heads.unwrap_or(json.num_attention_heads),
        head: json.head_dim.unwrap_or(json.hidden_size / json.num_attention_heads),
        vocabulary: json.vocab_size,
        positions: json.max_position_embeddings,
        epsilon: json.rms_norm_eps,
        family: Family::Qwen3 {
            theta: json.theta(),
            causal,
            separated: !causal && json.auto_map.model.ends_with(CONTEXT_CLASS),
        },
    })
}

impl Json {
    fn check(&self) -> Result<()> {
        require("hidden_act", &self.hidden_act, "silu")?;
        if self.num_attention_heads == 0 || self.num_key_value_heads == Some(0) {
            return Err(unusable("num_attention_heads or num_key_value_heads is 0"));
        }
        if self.attention_bias {
            return Err(unusable("attention_bias is true; only projections without are supported"));
        }
        if self.use_sliding_window {
            return Err(unusable("use_sliding_window is true; only full attention is supported"));
        }
        for kind in &self.layer_types {
            require("a layer's type", kind, "full_attention")?;
        }
        for rope in [&self.rope_parameters, &self.rope_scaling].into_iter().flatten() {
            require("rope_type", rope.rope_type.as_deref().unwrap_or("default"), "default")?;
        }
        if !(self.theta().is_finite() && self.theta() > 1.0) {
            return Err(unusable(&format!("rope_theta is {}, not above 1", self.theta())));
        }
        Ok(())
    }

    /// Newer files have it among the rotary parameters; 1e6 is Qwen3's own default.
    fn theta(&self) -> f64 {
        let nested = self.rope_parameters.as_ref().and_then(|rope| rope.rope_theta);
        self.rope_theta.or(nested).unwrap_or(1e6)
    }

    fn is_bidirectional(&self) -> bool {
        self.model_type == BIDIRECTIONAL
            || self.use_bidirectional_attention == Some(true)
            || self.is_causal == Some(false)
    }
}
