//! RMS norm, alone and with the rotation that tells a token's position. In f32 in every precision:
//! squares of what f16 can hold do not fit into f16.

use burn::tensor::{Device, Tensor, TensorData};

use super::{Shape, Store};

/// Every row divided by the root of its mean square, then times `gain`: `[rows, dimension]` → the
/// same.
pub(crate) fn rms_norm(x: Tensor<2>, gain: &Tensor<1>, epsilon: f64, store: Store) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if let Some(normed) = gpu::rms_norm(&x, gain, epsilon, store) {
        return normed;
    }
    let _ = store;
    let squares = (x.clone() * x.clone()).mean_dim(1);
    x / (squares + epsilon).sqrt() * gain.clone().unsqueeze()
}

/// The cosines and sines of rotary positions.
pub(crate) struct Rotation {
    /// `[tokens, width]`: the cosines of half a head, then the sines.
    turns: Tensor<2>,
    width: usize,
}

impl Rotation {
    /// For positions `0..tokens` and heads of a width. Pair `i` of a head turns by
    /// `theta^(-2i / width)` a position.
    pub(crate) fn new(tokens: usize, width: usize, theta: f64, device: &Device) -> Self {
        let half = width / 2;
        let angle =
            |at: usize, pair: usize| at as f64 * theta.powf(-2.0 * pair as f64 / width as f64);
        let row = |at: usize| {
            let cosines = (0..half).map(move |pair| angle(at, pair).cos() as f32);
            cosines.chain((0..half).map(move |pair| angle(at, pair).sin() as f32))
        };
        let turns: Vec<f32> = (0..tokens).flat_map(row).collect();
        let turns = Tensor::from_data(TensorData::new(turns, [tokens, width]), device);
        Rotation { turns, width }
    }
}

/// Every head's own RMS norm, then its rotation by the token's position:
/// `[batch × tokens, heads × width]` → the same.
pub(crate) fn rotated_norm(
    x: Tensor<2>,
    gain: &Tensor<1>,
    heads: usize,
    epsilon: f64,
    rotation: &Rotation,
    shape: &Shape,
) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if let Some(rotated) = gpu::rotated_norm(&x, gain, heads, epsilon, rotation, shape) {
        return rotated;
    }
    let (width, half) = (rotation.width, rotation.width / 2);
    let rows = shape.batch * shape.tokens;
    let normed = rms_norm(x.reshape([rows * heads, width]), gain, epsilon, Store::Full);
    let normed = normed.reshape([shape.batch, shape.tokens, heads, width]);
    let turns = rotation.turns.clone().reshape([1, shape.tokens, 1, width]);
    let (cos, sin) = (turns.clone().narrow(3, 0, half), turns.narrow(3, half, half));
    let (first, second) = (normed.clone().narrow(3, 0, half), normed.narrow(3, half, half));
    let rotated = vec![
        first.clone() * cos.clone() - second.clone() * sin.clone(),
        second * cos + first * sin,
    ];
    Tensor::cat(rotated, 3).reshape([rows, heads * width])
}

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::Tensor;

    use super::{Rotation, Shape, Store};
    use crate::encoder::kernels::launch::{GROUP, Program, Rows, Words, element};

    /// None where the tensors are not on a GPU.
    pub(super) fn rms_norm(
        x: &Tensor<2>,
        gain: &Tensor<1>,
        epsilon: f64,
        store: Store,
    ) -> Option<Tensor<2>> {
        let [rows, dimension] = x.dims();
        let (x, gain) = (Rows::of(x)?, Rows::of(gain)?);
        let constants = [
            ("X", x.element()),
            ("Y", element(store)),
            ("DIMENSION", &(dimension / 4).to_string()),
            ("EPSILON", &format!("{:?}", epsilon as f32)),
        ];
        let program = Program::new(include_str!("rms_norm.wgsl"), &constants);
        let inputs = [x.handle(), gain.handle()];
        Some(x.client.fill(program, [rows, 1, 1], &inputs, [rows, dimension], store))
    }

    /// None where the tensors are not on a GPU.
    pub(super) fn rotated_norm(
        x: &Tensor<2>,
        gain: &Tensor<1>,
        heads: usize,
        epsilon: f64,
        rotation: &Rotation,
        shape: &Shape,
    ) -> Option<Tensor<2>> {
        let output = x.dims();
        let words = shape.words.as_ref().map(Words::handle)?;
        let (x, gain, turns) = (Rows::of(x)?, Rows::of(gain)?, Rows::of(&rotation.turns)?);
        let constants = [
            ("E", x.element()),
            ("WIDTH", &rotation.width.to_string()),
            ("HEADS", &heads.to_string()),
            ("EPSILON", &format!("{:?}", epsilon as f32)),
        ];
        let program = Program::new(include_str!("rotated_norm.wgsl"), &constants);
        let count = [heads.div_ceil(GROUP as usize), output[0], 1];
        let inputs = [x.handle(), gain.handle(), turns.handle(), words];
        Some(x.client.fill(program, count, &inputs, output, x.store()))
    }
}
