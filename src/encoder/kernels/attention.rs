//! Every token looks at the tokens of its sequence, and takes from each as much as it matters.
//!
//! Neither body ever holds the scores of all tokens against all tokens. On the GPU the keys are gone
//! through once, and what was gathered is rescaled when a greater score comes (online softmax, arXiv
//! 1805.02867); the CPU takes a few tokens at a time.

#[cfg(feature = "gpu")]
mod gpu;
#[cfg(feature = "gpu")]
pub(super) mod parity;

#[cfg(feature = "gpu")]
use super::launch::GpuRows;
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

    /// Those that are turned by the token's position: queries and keys.
    pub(super) fn turned(&self) -> usize {
        self.asking + self.asked
    }

    /// The columns of queries, keys and values in rows that hold all of them, in this order.
    pub(crate) fn firsts(&self) -> [usize; 3] {
        [0, self.asking, self.turned()].map(|heads| heads * self.width)
    }

    /// Multiplications and additions. Beyond what 32 bits hold, which is all that wasm's usize has.
    pub(super) fn operations(&self, shape: &Shape) -> u64 {
        4 * (self.asking * self.width) as u64 * shape.pairs(self.causal) as u64
    }
}

/// Neighbouring columns of rows that may hold more: a product makes queries, keys and values at once.
pub(crate) struct Columns<'a, T = Rows> {
    pub(crate) rows: &'a T,
    /// The first of them.
    pub(crate) first: usize,
}

// Not derived: the rows themselves need not be of a kind that can be copied.
impl<T> Clone for Columns<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Columns<'_, T> {}

impl<'a, T> Columns<'a, T> {
    pub(crate) fn of(rows: &'a T, first: usize) -> Self {
        Columns { rows, first }
    }
}

/// Queries, `asking × width` columns, keys and values, `asked × width` each →
/// `[rows, asking × width]`.
pub(crate) fn attention(inputs: [Columns<'_>; 3], heads: &Heads, shape: &Shape) -> Rows {
    let firsts = inputs.map(|columns| columns.first);
    match inputs.map(|columns| columns.rows) {
        [Rows::Cpu(query), Rows::Cpu(key), Rows::Cpu(value)] => {
            let rows = [query, key, value];
            let inputs = [0, 1, 2].map(|at| Columns::of(rows[at], firsts[at]));
            let what = |_: &CpuRows| {
                (format!("attention {} × {}", heads.asking, heads.width), heads.operations(shape))
            };
            let body = || cpu::attention(inputs, heads, shape);
            Rows::Cpu(profile::timed(body, what))
        }
        #[cfg(feature = "gpu")]
        [Rows::Gpu(query), Rows::Gpu(key), Rows::Gpu(value)] => {
            let rows = [query, key, value].map(GpuRows::of);
            let inputs = [0, 1, 2].map(|at| Columns::of(&rows[at], firsts[at]));
            Rows::Gpu(gpu::attention(inputs, heads, shape))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}
