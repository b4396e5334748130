//! One vector a span: the mean of its hidden states, made where they are, so that only the vectors
//! are read back.

use std::ops::Range;

use super::cpu;
use crate::encoder::rows::Rows;

/// Hidden states `[rows, dimension]` → the mean over every span of rows, `[spans, dimension]`.
///
/// Spans must not be empty and must lie in `0..rows`.
pub(crate) fn means(states: &Rows, spans: &[Range<usize>]) -> Rows {
    match states {
        Rows::Cpu(states) => Rows::Cpu(cpu::means(states, spans)),
        #[cfg(feature = "gpu")]
        Rows::Gpu(states) => Rows::Gpu(gpu::means(states, spans)),
    }
}

#[cfg(feature = "gpu")]
mod gpu {
    use std::ops::Range;

    use burn::tensor::Tensor;

    use crate::encoder::kernels::Store;
    use crate::encoder::kernels::launch::{GROUP, GpuRows, Program};

    pub(super) fn means(states: &Tensor<2>, spans: &[Range<usize>]) -> Tensor<2> {
        let [_, dimension] = states.dims();
        let states = GpuRows::of(states);
        let ends = spans.iter().flat_map(|span| [span.start, span.end]);
        let ends = states.client.words(ends.map(|end| end as u32));
        let width = (dimension / 4).to_string();
        let program =
            Program::new("means".to_owned(), include_str!("means.wgsl"), &[("DIMENSION", &width)]);
        let count = [(dimension / 4).div_ceil(GROUP as usize), spans.len(), 1];
        let inputs = [states.handle(), ends.handle()];
        let output = [spans.len(), dimension];
        let operations = spans.iter().map(|span| (span.len() * dimension) as u64).sum();
        states.client.fill(program, (count, operations), &inputs, output, Store::Full)
    }
}
