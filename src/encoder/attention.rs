//! Every token looks at all tokens of its sequence, before and after it.

use burn::tensor::{Device, Tensor, TensorData, activation};

use super::config::Config;
use super::layers::Linear;
use super::weights::Weights;
use crate::error::Result;

/// What is added to the score of a key that is padding. Its weight after the softmax is exactly 0
/// in f32; an infinity would do too, but shader compilers may assume that there are none.
const HIDDEN: f32 = -1e9;

/// Multi-head self-attention.
pub(crate) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

impl Attention {
    /// Loads the four linear maps below `name`.
    ///
    /// # Errors
    ///
    /// As [`Weights::values`].
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        config: &Config,
        device: &Device,
    ) -> Result<Self> {
        let load = |part: &str, scale: f32| {
            let shape = [config.dimension, config.dimension];
            Linear::load(weights, &format!("{name}.{part}"), shape, scale, device)
        };
        // Scores are divided by √head. Done here on the query's weights, it costs nothing later.
        let scale = 1.0 / (config.head() as f32).sqrt();
        Ok(Attention {
            query: load("self.query", scale)?,
            key: load("self.key", 1.0)?,
            value: load("self.value", 1.0)?,
            output: load("output.dense", 1.0)?,
            heads: config.heads,
        })
    }

    /// `[batch × tokens, dimension]` → the same; `mask` as [`mask`] makes it.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        batch: usize,
        mask: Option<&Tensor<4>>,
    ) -> Tensor<2> {
        let [rows, dimension] = x.dims();
        // [batch × tokens, dimension] → [batch, heads, tokens, head]: views, nothing is copied.
        let split = |x: Tensor<2>| {
            let shape = [batch, rows / batch, self.heads, dimension / self.heads];
            x.reshape(shape).swap_dims(1, 2)
        };
        let query = split(self.query.forward(x.clone()));
        let key = split(self.key.forward(x.clone()));
        let value = split(self.value.forward(x));
        let scores = query.matmul(key.swap_dims(2, 3));
        let scores = match mask {
            Some(mask) => scores + mask.clone(),
            None => scores,
        };
        let mixed = activation::softmax(scores, 3).matmul(value);
        self.output.forward(mixed.swap_dims(1, 2).reshape([rows, dimension]))
    }
}

/// `[batch, 1, 1, tokens]` to be added to the scores, so that no token sees padding; none where all
/// sequences are of one length.
pub(crate) fn mask(lengths: &[usize], tokens: usize, device: &Device) -> Option<Tensor<4>> {
    if lengths.iter().all(|&length| length == tokens) {
        return None;
    }
    let of = |&length: &usize| (0..tokens).map(move |at| if at < length { 0.0 } else { HIDDEN });
    let values: Vec<f32> = lengths.iter().flat_map(of).collect();
    Some(Tensor::from_data(TensorData::new(values, [lengths.len(), 1, 1, tokens]), device))
}
