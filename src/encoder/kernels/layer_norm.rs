//! Layer norm, as BERT has it.

use super::cpu;
use crate::encoder::rows::{Rows, Vector};

/// Mean 0 and variance 1 in every row, then times `gain` plus `bias`: `[rows, dimension]` → the
/// same.
pub(crate) fn layer_norm(x: Rows, gain: &Vector, bias: &Vector, epsilon: f64) -> Rows {
    match (x, gain, bias) {
        (Rows::Cpu(x), Vector::Cpu(gain), Vector::Cpu(bias)) => {
            Rows::Cpu(cpu::layer_norm(x, gain, bias, epsilon))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Vector::Gpu(gain), Vector::Gpu(bias)) => {
            let (gain, bias) = (gain.clone(), Some(bias.clone()));
            Rows::Gpu(burn::tensor::module::layer_norm(x, gain, bias, epsilon))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}
