//! The gate of the feed-forward part.

use burn::tensor::{Tensor, activation};

/// `gate / (1 + e^-gate) · up`, value by value: `[rows, inner]` twice → the same.
pub(crate) fn swiglu(gate: Tensor<2>, up: Tensor<2>) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if let Some(gated) = gpu::swiglu(&gate, &up) {
        return gated;
    }
    activation::silu(gate) * up
}

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::Tensor;

    use crate::encoder::kernels::launch::{GROUP, Program, Rows};

    /// None where the tensors are not on a GPU.
    pub(super) fn swiglu(gate: &Tensor<2>, up: &Tensor<2>) -> Option<Tensor<2>> {
        let [rows, inner] = gate.dims();
        let (gate, up) = (Rows::of(gate)?, Rows::of(up)?);
        let constants = [("E", gate.element()), ("INNER", &(inner / 4).to_string())];
        let program = Program::new(include_str!("swiglu.wgsl"), &constants);
        let count = [(inner / 4).div_ceil(GROUP as usize), rows, 1];
        let inputs = [gate.handle(), up.handle()];
        Some(gate.client.fill(program, count, &inputs, [rows, inner], gate.store()))
    }
}
