//! The layers of a BERT encoder, from embedded rows to the last hidden states.

use burn::tensor::{Device, Tensor, activation};

use super::attention::Attention;
use super::config::Config;
use super::layers::{Linear, Norm};
use super::weights::Weights;
use crate::error::Result;

/// All layers, on a device.
pub(crate) struct Bert {
    norm: Norm,
    layers: Vec<Layer>,
}

struct Layer {
    attention: Attention,
    attention_norm: Norm,
    widen: Linear,
    narrow: Linear,
    output_norm: Norm,
}

impl Bert {
    /// Puts all weights but the embedding tables on the device. The pooler, a head for other
    /// tasks, is left out.
    ///
    /// # Errors
    ///
    /// As [`Weights::values`].
    pub(crate) fn load(weights: &Weights<'_>, config: &Config, device: &Device) -> Result<Self> {
        let norm = |name: &str| Norm::load(weights, name, config.dimension, config.epsilon, device);
        let layer = |index: usize| {
            let name = format!("encoder.layer.{index}");
            let linear = |part: &str, shape: [usize; 2]| {
                Linear::load(weights, &format!("{name}.{part}.dense"), shape, 1.0, device)
            };
            Ok(Layer {
                attention: Attention::load(weights, &format!("{name}.attention"), config, device)?,
                attention_norm: norm(&format!("{name}.attention.output.LayerNorm"))?,
                widen: linear("intermediate", [config.inner, config.dimension])?,
                narrow: linear("output", [config.dimension, config.inner])?,
                output_norm: norm(&format!("{name}.output.LayerNorm"))?,
            })
        };
        Ok(Bert {
            norm: norm("embeddings.LayerNorm")?,
            layers: (0..config.layers).map(layer).collect::<Result<_>>()?,
        })
    }

    /// Embedded rows `[batch × tokens, dimension]` → last hidden states, the same shape.
    pub(crate) fn forward(
        &self,
        rows: Tensor<2>,
        batch: usize,
        mask: Option<&Tensor<4>>,
    ) -> Tensor<2> {
        let embedded = self.norm.forward(rows);
        self.layers.iter().fold(embedded, |x, layer| layer.forward(x, batch, mask))
    }
}

impl Layer {
    fn forward(&self, x: Tensor<2>, batch: usize, mask: Option<&Tensor<4>>) -> Tensor<2> {
        let attended = self.attention.forward(x.clone(), batch, mask);
        let x = self.attention_norm.forward(attended + x);
        // The GELU here is the exact one, by the error function.
        let wide = activation::gelu(self.widen.forward(x.clone()));
        self.output_norm.forward(self.narrow.forward(wide) + x)
    }
}
