//! Every token looks at the tokens of its sequence, and takes from each as much as it matters.
//!
//! Neither body ever holds the scores of all tokens against all tokens. On the GPU the keys are gone
//! through once, and what was gathered is rescaled when a greater score comes (online softmax, arXiv
//! 1805.02867); the CPU takes a few tokens at a time.

#[cfg(feature = "gpu")]
mod gpu;
#[cfg(feature = "gpu")]
pub(super) mod parity;

use super::{Shape, cpu, profile};
use crate::encoder::config::Config;
use crate::encoder::rows::{CpuRows, Rows};

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
            let what = |_: &CpuRows| {
                let operations = 4 * heads.asking * heads.width * shape.pairs(heads.causal);
                (format!("attention {} × {}", heads.asking, heads.width), operations)
            };
            let body = || cpu::attention(query, key, value, heads, shape);
            Rows::Cpu(profile::timed(body, what))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(query), Rows::Gpu(key), Rows::Gpu(value)) => {
            Rows::Gpu(gpu::attention([query, key, value], heads, shape))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}
