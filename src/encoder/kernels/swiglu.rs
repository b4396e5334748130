//! The gate of the feed-forward part.

use super::{cpu, profile};
use crate::encoder::rows::{CpuRows, Rows};

/// `gate / (1 + e^-gate) · up`, value by value: `[rows, inner]` twice → the same.
pub(crate) fn swiglu(gate: Rows, up: &Rows) -> Rows {
    match (gate, up) {
        (Rows::Cpu(gate), Rows::Cpu(up)) => {
            let what = |y: &CpuRows| ("swiglu".to_owned(), 6 * y.values.len());
            Rows::Cpu(profile::timed(|| cpu::swiglu(gate, up), what))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(gate), Rows::Gpu(up)) => Rows::Gpu(gpu::swiglu(&gate, up)),
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::Tensor;

    use crate::encoder::kernels::launch::{GROUP, GpuRows, Program};

    pub(super) fn swiglu(gate: &Tensor<2>, up: &Tensor<2>) -> Tensor<2> {
        let [rows, inner] = gate.dims();
        let (gate, up) = (GpuRows::of(gate), GpuRows::of(up));
        let constants = [("E", gate.element()), ("INNER", &(inner / 4).to_string())];
        let program = Program::new("swiglu".to_owned(), include_str!("swiglu.wgsl"), &constants);
        let count = [(inner / 4).div_ceil(GROUP as usize), rows, 1];
        let inputs = [gate.handle(), up.handle()];
        gate.client.fill(program, (count, 6 * rows * inner), &inputs, [rows, inner], gate.store())
    }
}
