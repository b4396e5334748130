//! Every token looks at the tokens of its sequence, and takes from each as much as it matters.
//!
//! Neither body ever holds the scores of all tokens against all tokens. On the GPU the keys are gone
//! through once, and what was gathered is rescaled when a greater score comes (online softmax, arXiv
//! 1805.02867); the CPU takes a few tokens at a time.

use super::{Shape, cpu};
use crate::encoder::config::Config;
use crate::encoder::rows::Rows;

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

/// Queries `[rows, asking × width]`, keys and values `[rows, asked × width]` →
/// `[rows, asking × width]`.
pub(crate) fn attention(
    query: &Rows,
    key: &Rows,
    value: &Rows,
    heads: &Heads,
    shape: &Shape,
) -> Rows {
    match (query, key, value) {
        (Rows::Cpu(query), Rows::Cpu(key), Rows::Cpu(value)) => {
            Rows::Cpu(cpu::attention(query, key, value, heads, shape))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(query), Rows::Gpu(key), Rows::Gpu(value)) => {
            Rows::Gpu(gpu::attention([query, key, value], heads, shape))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::Tensor;

    use super::{Heads, Shape};
    use crate::encoder::kernels::launch::{GROUP, GpuRows, Program};

    pub(super) fn attention(inputs: [&Tensor<2>; 3], heads: &Heads, shape: &Shape) -> Tensor<2> {
        let [query, key, value] = inputs.map(GpuRows::of);
        let constants = [
            ("E", query.element()),
            ("WIDTH", &(heads.width / 4).to_string()),
            ("ASKING", &heads.asking.to_string()),
            ("ASKED", &heads.asked.to_string()),
            ("SCALE", &format!("{:?}", 1.0 / (heads.width as f32).sqrt())),
            ("CAUSAL", if heads.causal { "true" } else { "false" }),
        ];
        let program = Program::new(include_str!("attention.wgsl"), &constants);
        let count = [shape.tokens.div_ceil(GROUP as usize), heads.asking, shape.lengths.len()];
        let inputs = [query.handle(), key.handle(), value.handle(), shape.words()];
        let output = [shape.rows(), heads.asking * heads.width];
        query.client.fill(program, count, &inputs, output, query.store())
    }
}
