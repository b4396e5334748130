//! The layers of a BERT encoder, from embedded rows to the last hidden states.

use burn::tensor::{Device, Tensor, activation};

use super::config::Config;
use super::kernels::attention::{self, Heads};
use super::kernels::{Shape, Store};
use super::layers::{LayerNorm, Linear};
use super::parameters::Parameters;
use crate::error::Result;

/// All layers, on a device.
pub(crate) struct Bert {
    norm: LayerNorm,
    layers: Vec<Layer>,
    heads: Heads,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    attention_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    output_norm: LayerNorm,
}

impl Bert {
    /// Takes all parameters but the embedding tables. The pooler, a head for other tasks, is left
    /// out.
    ///
    /// # Errors
    ///
    /// `Model` where one is missing.
    pub(crate) fn load(
        parameters: &mut Parameters,
        config: &Config,
        device: &Device,
    ) -> Result<Self> {
        let norm = LayerNorm::load(parameters, "embeddings.LayerNorm", config.epsilon, device)?;
        let layers = (0..config.layers).map(|index| Layer::load(parameters, index, config, device));
        let layers = layers.collect::<Result<_>>()?;
        Ok(Bert { norm, layers, heads: Heads::of(config, false) })
    }

    /// Embedded rows `[batch × tokens, dimension]` → last hidden states, the same shape.
    pub(crate) fn forward(&self, rows: Tensor<2>, shape: &Shape) -> Tensor<2> {
        let embedded = self.norm.forward(rows);
        self.layers.iter().fold(embedded, |x, layer| layer.forward(x, &self.heads, shape))
    }
}

impl Layer {
    fn load(
        parameters: &mut Parameters,
        index: usize,
        config: &Config,
        device: &Device,
    ) -> Result<Self> {
        let name = |part: &str| format!("encoder.layer.{index}.{part}");
        let mut linear = |part: &str| Linear::load_biased(parameters, &name(part), device);
        let (query, key) = (linear("attention.self.query")?, linear("attention.self.key")?);
        let (value, output) = (linear("attention.self.value")?, linear("attention.output.dense")?);
        let (widen, narrow) = (linear("intermediate.dense")?, linear("output.dense")?);
        let mut norm =
            |part: &str| LayerNorm::load(parameters, &name(part), config.epsilon, device);
        let attention_norm = norm("attention.output.LayerNorm")?;
        let output_norm = norm("output.LayerNorm")?;
        Ok(Layer { query, key, value, output, attention_norm, widen, narrow, output_norm })
    }

    fn forward(&self, x: Tensor<2>, heads: &Heads, shape: &Shape) -> Tensor<2> {
        let map = |linear: &Linear, x: &Tensor<2>| linear.forward(x.clone(), shape, Store::Full);
        let (query, key) = (map(&self.query, &x), map(&self.key, &x));
        let mixed = attention::attention(query, key, map(&self.value, &x), heads, shape);
        let x = self.attention_norm.forward(map(&self.output, &mixed) + x);
        // The GELU here is the exact one, by the error function.
        let wide = activation::gelu(map(&self.widen, &x));
        self.output_norm.forward(map(&self.narrow, &wide) + x)
    }
}
