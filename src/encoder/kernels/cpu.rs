//! The operations on the CPU, written once over [`simd`] and run on all cores where there are threads.

mod attention;
mod linear;
mod math;
mod norm;
mod pack;
#[cfg(any(test, target_feature = "atomics"))]
mod pool;
mod quantize;
mod simd;
#[cfg(test)]
mod tests;
pub(crate) mod threads;
mod tile;
mod values;

pub(crate) use attention::attention;
pub(crate) use linear::{gated, linear};
pub(crate) use norm::{layer_norm, rms_norm, rotated_norm};
pub(crate) use pack::Packed;
pub(crate) use values::{add, gelu, means};

/// The name to show: the instructions in use.
pub(crate) fn name() -> &'static str {
    simd::Level::best().name()
}
