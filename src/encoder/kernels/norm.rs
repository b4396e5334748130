//! RMS norm, alone and with the rotation that tells a token's position. In f32 in every precision:
//! squares of what f16 can hold do not fit into f16.

use super::{Shape, Store, cpu};
use crate::encoder::rows::{Rows, Vector};

/// Every row divided by the root of its mean square, then times `gain`: `[rows, dimension]` → the
/// same.
pub(crate) fn rms_norm(x: &Rows, gain: &Vector, epsilon: f64, store: Store) -> Rows {
    let _ = store;
    match (x, gain) {
        (Rows::Cpu(x), Vector::Cpu(gain)) => Rows::Cpu(cpu::rms_norm(x, gain, epsilon)),
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Vector::Gpu(gain)) => Rows::Gpu(gpu::rms_norm(x, gain, epsilon, store)),
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

/// The cosines and sines of rotary positions.
pub(crate) struct Rotation {
    /// `[tokens, width]`: the cosines of half a head, then the sines.
    turns: Rows,
}

impl Rotation {
    /// For positions `0..tokens` and heads of a width, beside `rows`. Pair `i` of a head turns by
    /// `theta^(-2i / width)` a position.
    pub(crate) fn new(tokens: usize, width: usize, theta: f64, rows: &Rows) -> Self {
        let half = width / 2;
        let angle =
            |at: usize, pair: usize| at as f64 * theta.powf(-2.0 * pair as f64 / width as f64);
        let row = |at: usize| {
            let cosines = (0..half).map(move |pair| angle(at, pair).cos() as f32);
            cosines.chain((0..half).map(move |pair| angle(at, pair).sin() as f32))
        };
        let turns = (0..tokens).flat_map(row).collect();
        Rotation { turns: rows.beside(turns, width) }
    }
}

/// Every head's own RMS norm, then its rotation by the token's position:
/// `[rows, heads × width]` → the same.
pub(crate) fn rotated_norm(
    x: Rows,
    gain: &Vector,
    heads: usize,
    epsilon: f64,
    rotation: &Rotation,
    shape: &Shape,
) -> Rows {
    let _ = heads;
    match (x, gain, &rotation.turns) {
        (Rows::Cpu(x), Vector::Cpu(gain), Rows::Cpu(turns)) => {
            Rows::Cpu(cpu::rotated_norm(x, gain, epsilon, turns, shape))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Vector::Gpu(gain), Rows::Gpu(turns)) => {
            Rows::Gpu(gpu::rotated_norm(&x, gain, heads, epsilon, turns, shape))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::Tensor;

    use super::{Shape, Store};
    use crate::encoder::kernels::launch::{GROUP, GpuRows, Program, element};

    pub(super) fn rms_norm(
        x: &Tensor<2>,
        gain: &Tensor<1>,
        epsilon: f64,
        store: Store,
    ) -> Tensor<2> {
        let [rows, dimension] = x.dims();
        let (x, gain) = (GpuRows::of(x), GpuRows::of(gain));
        let constants = [
            ("X", x.element()),
            ("Y", element(store)),
            ("DIMENSION", &(dimension / 4).to_string()),
            ("EPSILON", &format!("{:?}", epsilon as f32)),
        ];
        let program = Program::new(include_str!("rms_norm.wgsl"), &constants);
        let inputs = [x.handle(), gain.handle()];
        x.client.fill(program, [rows, 1, 1], &inputs, [rows, dimension], store)
    }

    pub(super) fn rotated_norm(
        x: &Tensor<2>,
        gain: &Tensor<1>,
        heads: usize,
        epsilon: f64,
        turns: &Tensor<2>,
        shape: &Shape,
    ) -> Tensor<2> {
        let output = x.dims();
        let [_, width] = turns.dims();
        let words = shape.words();
        let (x, gain, turns) = (GpuRows::of(x), GpuRows::of(gain), GpuRows::of(turns));
        let constants = [
            ("E", x.element()),
            ("WIDTH", &width.to_string()),
            ("HEADS", &heads.to_string()),
            ("EPSILON", &format!("{:?}", epsilon as f32)),
        ];
        let program = Program::new(include_str!("rotated_norm.wgsl"), &constants);
        let count = [heads.div_ceil(GROUP as usize), output[0], 1];
        let inputs = [x.handle(), gain.handle(), turns.handle(), words];
        x.client.fill(program, count, &inputs, output, x.store())
    }
}
