//! Every token looks at the tokens of its sequence, and takes from each as much as it matters.
//!
//! Neither body ever holds the scores of all tokens against all tokens for long sequences: the keys
//! are gone through once, and what was gathered is rescaled when a greater score comes (online
//! softmax, arXiv 1805.02867).

use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Tensor, TensorData, module};

use super::Shape;
use crate::encoder::config::Config;

/// What is added to the score of a key that is padding. Its weight after the softmax is exactly 0
/// in f32; an infinity would do too, but compilers may assume that there are none.
const HIDDEN: f32 = -1e9;

/// The heads of an attention.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heads {
    /// Heads that ask.
    pub(crate) asking: usize,
    /// Heads that are asked; each serves `asking / asked` of the former.
    pub(crate) asked: usize,
    /// Width of a head.
    pub(crate) width: usize,
    /// Whether a token sees only those before it.
    pub(crate) causal: bool,
}

impl Heads {
    pub(crate) fn of(config: &Config, causal: bool) -> Self {
        Heads { asking: config.heads, asked: config.kv_heads, width: config.head, causal }
    }
}

/// Queries `[batch × tokens, asking × width]`, keys and values `[batch × tokens, asked × width]` →
/// `[batch × tokens, asking × width]`.
pub(crate) fn attention(
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    heads: &Heads,
    shape: &Shape,
) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if let Some(mixed) = gpu::attention([&query, &key, &value], heads, shape) {
        return mixed;
    }
    // [batch × tokens, heads × width] → [batch, heads, tokens, width]
    let split = |x: Tensor<2>, count: usize| {
        x.reshape([shape.batch, shape.tokens, count, heads.width]).swap_dims(1, 2)
    };
    let query = split(query, heads.asking);
    let (key, value) = (split(key, heads.asked), split(value, heads.asked));
    let (key, value) = (served(key, heads), served(value, heads));
    let options = AttentionModuleOptions {
        scale: Some(1.0 / (heads.width as f64).sqrt()),
        is_causal: heads.causal,
        ..AttentionModuleOptions::default()
    };
    let bias = bias(shape, &query.device());
    let mixed = module::attention(query, key, value, None, bias, options);
    mixed.swap_dims(1, 2).reshape([shape.batch * shape.tokens, heads.asking * heads.width])
}

/// Repeats every head that is asked for each of those it serves.
fn served(x: Tensor<4>, heads: &Heads) -> Tensor<4> {
    let [batch, asked, tokens, width] = x.dims();
    let times = heads.asking / asked;
    if times == 1 {
        return x;
    }
    let x = x.reshape([batch, asked, 1, tokens, width]);
    x.expand([batch, asked, times, tokens, width]).reshape([batch, heads.asking, tokens, width])
}

/// `[batch, 1, tokens, tokens]` to be added to the scores, so that no token sees padding; none where
/// all sequences are of one length.
fn bias(shape: &Shape, device: &Device) -> Option<Tensor<4>> {
    if shape.is_even() {
        return None;
    }
    let tokens = shape.tokens;
    let row = |&length: &usize| (0..tokens).map(move |at| if at < length { 0.0 } else { HIDDEN });
    let rows: Vec<f32> = shape.lengths.iter().flat_map(row).collect();
    let rows = TensorData::new(rows, [shape.batch, 1, 1, tokens]);
    Some(Tensor::<4>::from_data(rows, device).expand([shape.batch, 1, tokens, tokens]))
}

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::Tensor;

    use super::{Heads, Shape};
    use crate::encoder::kernels::launch::{GROUP, Program, Rows, Words};

    /// None where the tensors are not on a GPU.
    pub(super) fn attention(
        inputs: [&Tensor<2>; 3],
        heads: &Heads,
        shape: &Shape,
    ) -> Option<Tensor<2>> {
        let words = shape.words.as_ref().map(Words::handle)?;
        let [query, key, value] = inputs.map(Rows::of);
        let (query, key, value) = (query?, key?, value?);
        let constants = [
            ("E", query.element()),
            ("WIDTH", &(heads.width / 4).to_string()),
            ("ASKING", &heads.asking.to_string()),
            ("ASKED", &heads.asked.to_string()),
            ("SCALE", &format!("{:?}", 1.0 / (heads.width as f32).sqrt())),
            ("CAUSAL", if heads.causal { "true" } else { "false" }),
        ];
        let program = Program::new(include_str!("attention.wgsl"), &constants);
        let count = [shape.tokens.div_ceil(GROUP as usize), heads.asking, shape.batch];
        let inputs = [query.handle(), key.handle(), value.handle(), words];
        let output = [shape.batch * shape.tokens, heads.asking * heads.width];
        Some(query.client.fill(program, count, &inputs, output, query.store()))
    }
}
