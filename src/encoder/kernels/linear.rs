//! `x · weightᵀ + bias` with the weights in their stored form, decoded within the product.

#[cfg(feature = "gpu")]
mod gpu;

#[cfg(feature = "gpu")]
pub(crate) use gpu::GpuMatrix;

use super::{Shape, Store, cpu};
use crate::encoder::rows::{Rows, Vector, Weight};

/// `[rows, inputs]` → `[rows, outputs]`
pub(crate) fn linear(
    x: &Rows,
    weight: &Weight,
    bias: Option<&Vector>,
    shape: &Shape,
    store: Store,
) -> Rows {
    let _ = (shape, store);
    match (x, weight, bias) {
        (Rows::Cpu(x), Weight::Cpu(weight), None) => Rows::Cpu(cpu::linear(x, weight, &[])),
        (Rows::Cpu(x), Weight::Cpu(weight), Some(Vector::Cpu(bias))) => {
            Rows::Cpu(cpu::linear(x, weight, bias))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Weight::Gpu(weight), None) => {
            Rows::Gpu(gpu::linear(x, weight, shape, store))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Weight::Gpu(weight), Some(Vector::Gpu(bias))) => {
            Rows::Gpu(gpu::linear(x, weight, shape, store) + bias.clone().unsqueeze())
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}
