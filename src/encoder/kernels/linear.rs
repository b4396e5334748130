//! `x · weightᵀ` with the weights in their stored form, decoded within the product, and what follows it.

#[cfg(feature = "gpu")]
mod gpu;
#[cfg(feature = "gpu")]
pub(super) mod parity;
#[cfg(feature = "gpu")]
mod source;

#[cfg(feature = "gpu")]
pub(crate) use gpu::GpuMatrix;

use super::{Shape, Store, cpu, profile};
use crate::encoder::rows::{CpuRows, Rows, Vector, Weight};

/// What becomes of a product before it is written, in this order.
#[derive(Default)]
pub(crate) struct Finish<'a> {
    /// `[outputs]`, added to every row.
    pub(crate) bias: Option<&'a Vector>,
    /// Whether the exact GELU is taken, `x · (1 + erf(x / √2)) / 2`.
    pub(crate) gelu: bool,
    /// `[rows, outputs]`, added; f32 on the GPU.
    pub(crate) residual: Option<&'a Rows>,
}

/// `silu(gate · x) · (up · x)`, where `silu(x) = x / (1 + e^-x)`: `[rows, inputs]` → `[rows, outputs]`.
/// The two matrices have one shape.
pub(crate) fn gated(x: &Rows, gate: &Weight, up: &Weight, shape: &Shape, store: Store) -> Rows {
    let _ = (shape, store);
    match (x, gate, up) {
        (Rows::Cpu(x), Weight::Cpu(gate), Weight::Cpu(up)) => {
            let what = |y: &CpuRows| {
                let label = format!("gated {}→{}", x.columns, y.columns);
                (label, 4 * x.values.len() as u64 * y.columns as u64)
            };
            Rows::Cpu(profile::timed(|| cpu::gated(x, gate, up), what))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Weight::Gpu(gate), Weight::Gpu(up)) => {
            Rows::Gpu(gpu::gated(x, [gate, up], shape, store))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

/// `[rows, inputs]` → `[rows, outputs]`
pub(crate) fn linear(
    x: &Rows,
    weight: &Weight,
    finish: &Finish<'_>,
    shape: &Shape,
    store: Store,
) -> Rows {
    let _ = (shape, store);
    match (x, weight) {
        (Rows::Cpu(x), Weight::Cpu(weight)) => {
            let bias = match finish.bias {
                Some(Vector::Cpu(bias)) => &bias[..],
                _ => &[],
            };
            let what = |y: &CpuRows| {
                let label = format!("linear {}→{}", x.columns, y.columns);
                (label, 2 * x.values.len() as u64 * y.columns as u64)
            };
            let mut y = profile::timed(|| cpu::linear(x, weight, bias), what);
            if finish.gelu {
                y = cpu::gelu(y);
            }
            match finish.residual {
                Some(Rows::Cpu(residual)) => Rows::Cpu(cpu::add(y, residual)),
                _ => Rows::Cpu(y),
            }
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Weight::Gpu(weight)) => {
            Rows::Gpu(gpu::linear(x, weight, finish, shape, store))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}
