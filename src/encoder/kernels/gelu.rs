//! The curve between the two linear maps of BERT's feed-forward part.

use super::cpu;
use crate::encoder::rows::Rows;

/// The exact GELU, `x · (1 + erf(x / √2)) / 2`, value by value: `[rows, inner]` → the same.
pub(crate) fn gelu(x: Rows) -> Rows {
    match x {
        Rows::Cpu(x) => Rows::Cpu(cpu::gelu(x)),
        #[cfg(feature = "gpu")]
        Rows::Gpu(x) => Rows::Gpu(burn::tensor::activation::gelu(x)),
    }
}
