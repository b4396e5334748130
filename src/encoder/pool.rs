//! One vector a span: the mean of its hidden states, as a matrix product on the device, so that
//! only the vectors are read back.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

/// Names the way of pooling in the fingerprint.
pub(crate) const POOLING: &str = "mean of the span";

/// Hidden states `[batch, tokens, dimension]` → the mean over every span,
/// `[batch, most spans of a sequence, dimension]`; rows beyond a sequence's spans are zeros.
///
/// Spans must not be empty and must lie in `0..tokens`.
pub(crate) fn means(states: Tensor<3>, spans: &[&[Range<usize>]], device: &Device) -> Tensor<3> {
    let [batch, tokens, _] = states.dims();
    let most = spans.iter().map(|spans| spans.len()).max().unwrap_or(0);
    let mut shares = vec![0.0f32; batch * most * tokens];
    for (spans, shares) in spans.iter().zip(shares.chunks_exact_mut(most * tokens)) {
        for (span, shares) in spans.iter().zip(shares.chunks_exact_mut(tokens)) {
            shares[span.clone()].fill(1.0 / span.len() as f32);
        }
    }
    let shares = TensorData::new(shares, [batch, most, tokens]);
    Tensor::<3>::from_data(shares, device).matmul(states)
}
