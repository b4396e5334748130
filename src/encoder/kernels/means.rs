//! One vector a span: the mean of its hidden states, made where they are, so that only the vectors
//! are read back.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};

/// Hidden states `[rows, dimension]` → the mean over every span of rows, `[spans, dimension]`.
///
/// Spans must not be empty and must lie in `0..rows`.
pub(crate) fn means(states: Tensor<2>, spans: &[Range<usize>]) -> Tensor<2> {
    #[cfg(feature = "gpu")]
    if let Some(means) = gpu::means(&states, spans) {
        return means;
    }
    let [rows, _] = states.dims();
    let mut shares = vec![0.0f32; spans.len() * rows];
    for (span, shares) in spans.iter().zip(shares.chunks_exact_mut(rows)) {
        shares[span.clone()].fill(1.0 / span.len() as f32);
    }
    let shares = TensorData::new(shares, [spans.len(), rows]);
    Tensor::<2>::from_data(shares, &states.device()).matmul(states)
}

#[cfg(feature = "gpu")]
mod gpu {
    use std::ops::Range;

    use burn::tensor::Tensor;

    use crate::encoder::kernels::Store;
    use crate::encoder::kernels::launch::{GROUP, Program, Rows};

    /// None where the states are not on a GPU.
    pub(super) fn means(states: &Tensor<2>, spans: &[Range<usize>]) -> Option<Tensor<2>> {
        let [_, dimension] = states.dims();
        let states = Rows::of(states)?;
        let ends = spans.iter().flat_map(|span| [span.start, span.end]);
        let ends = states.client.words(ends.map(|end| end as u32));
        let width = (dimension / 4).to_string();
        let program = Program::new(include_str!("means.wgsl"), &[("DIMENSION", &width)]);
        let count = [(dimension / 4).div_ceil(GROUP as usize), spans.len(), 1];
        let inputs = [states.handle(), ends.handle()];
        let output = [spans.len(), dimension];
        Some(states.client.fill(program, count, &inputs, output, Store::Full))
    }
}
