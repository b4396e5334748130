//! Inputs as 16-bit integers, with a scale for every group.

use super::simd::{Level, Simd, Work};
use super::threads::{ROWS_ALONE, each_part};
use crate::encoder::matrix::GROUP;
use crate::encoder::rows::CpuRows;
use crate::encoder::spare::Values;

/// The greatest of a group.
const GREATEST: f32 = 32_767.0;

/// Rows in groups of integers.
pub(super) struct PairInputs {
    /// Each the bits of two neighbouring integers, `[rows, columns / 2]`.
    pub(super) pairs: Values,
    /// `[rows, columns / GROUP]`
    pub(super) scales: Values,
}

/// `[rows, columns]` in groups, which the columns must be a multiple of.
pub(super) fn quantize(level: Level, x: &CpuRows) -> PairInputs {
    let groups = x.values.len() / GROUP;
    let (pairs, scales) = (Values::unwritten(groups * (GROUP / 2)), Values::unwritten(groups));
    let mut inputs = PairInputs { pairs, scales };
    let part = ROWS_ALONE * x.columns / GROUP;
    let parts = inputs.pairs.chunks_mut(part * GROUP / 2).zip(inputs.scales.chunks_mut(part));
    let parts = parts.zip(x.values.chunks(part * GROUP)).collect();
    each_part(parts, |((pairs, scales), values)| level.run(Groups { values, pairs, scales }));
    inputs
}

struct Groups<'a> {
    values: &'a [f32],
    pairs: &'a mut [f32],
    scales: &'a mut [f32],
}

impl Work for Groups<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let groups = self.values.as_chunks::<GROUP>().0.iter();
        let pairs = self.pairs.as_chunks_mut::<{ GROUP / 2 }>().0;
        for ((values, pairs), scale) in groups.zip(pairs).zip(self.scales) {
            *scale = group(simd, values, pairs);
        }
    }
}

/// Writes the integers, and gives their scale.
#[inline(always)]
fn group<S: Simd>(simd: S, values: &[f32; GROUP], pairs: &mut [f32; GROUP / 2]) -> f32 {
    let (zero, mut greatest) = (simd.splat(0.0), simd.splat(0.0));
    let mut zeros = zero;
    for at in (0..GROUP).step_by(S::LANES) {
        // SAFETY: the number of lanes divides a group.
        let value = unsafe { simd.load(values.as_ptr().add(at)) };
        greatest = simd.max(greatest, simd.max(value, simd.sub(zero, value)));
        zeros = simd.mul_add(value, zero, zeros);
    }
    // What is not finite must not be taken for a number: its sums shall not be finite either.
    if simd.sum(zeros) != 0.0 {
        return f32::NAN;
    }
    let greatest = simd.greatest(greatest);
    // So small a group is nothing beside any other, and 1 / greatest would not be finite.
    let steps = if greatest > 1e-30 { GREATEST / greatest } else { 0.0 };
    let scale = simd.splat(steps);
    for at in (0..GROUP).step_by(S::LANES) {
        // SAFETY: as above; a pair is two integers.
        unsafe {
            let value = simd.mul(simd.load(values.as_ptr().add(at)), scale);
            simd.store_rounded(value, pairs.as_mut_ptr().cast::<i16>().add(at));
        }
    }
    greatest / GREATEST
}
