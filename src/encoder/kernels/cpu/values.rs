//! What is done value by value, and means of rows.

use std::ops::Range;

use super::math::{erf, exp};
use super::simd::{Level, Simd, Work};
use super::threads::each_part;
use crate::encoder::rows::CpuRows;

/// Values that are worth a part of their own.
const PART: usize = 16 * 1024;

/// `x + y`
pub(crate) fn add(mut x: CpuRows, y: &CpuRows) -> CpuRows {
    let parts = x.values.chunks_mut(PART).zip(y.values.chunks(PART)).collect();
    each_part(parts, |(x, y): (&mut [f32], &[f32])| {
        x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
    });
    x
}

/// `x · (1 + erf(x / √2)) / 2`
pub(crate) fn gelu(mut x: CpuRows) -> CpuRows {
    let level = Level::best();
    each_part(x.values.chunks_mut(PART).collect(), |values| level.run(Gelu(values)));
    x
}

/// `gate / (1 + e^-gate) · up`
pub(super) fn swiglu(mut gate: CpuRows, up: &CpuRows) -> CpuRows {
    let level = Level::best();
    let parts = gate.values.chunks_mut(PART).zip(up.values.chunks(PART)).collect();
    each_part(parts, |(gate, up)| level.run(Swiglu(gate, up)));
    gate
}

/// The mean over every span of rows, `[spans, columns]`.
pub(crate) fn means(states: &CpuRows, spans: &[Range<usize>]) -> CpuRows {
    let mut means = CpuRows::unwritten(spans.len(), states.columns);
    means.values.fill(0.0);
    for (span, mean) in spans.iter().zip(means.values.chunks_exact_mut(states.columns)) {
        for at in span.clone() {
            let row = &states.values[at * states.columns..][..states.columns];
            mean.iter_mut().zip(row).for_each(|(mean, value)| *mean += value);
        }
        mean.iter_mut().for_each(|mean| *mean /= span.len() as f32);
    }
    means
}

pub(super) struct Gelu<'a>(pub(super) &'a mut [f32]);

impl Work for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut vectors = self.0.chunks_exact_mut(S::LANES);
        for vector in &mut vectors {
            // SAFETY: a vector is as long as there are lanes.
            unsafe { gelu_vector(simd, vector.as_mut_ptr()) };
        }
        let rest = vectors.into_remainder();
        let mut last = [0.0; 16];
        last[..rest.len()].copy_from_slice(rest);
        // SAFETY: no vector is wider.
        unsafe { gelu_vector(simd, last.as_mut_ptr()) };
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// # Safety
///
/// A vector can be read and written.
#[inline(always)]
unsafe fn gelu_vector<S: Simd>(simd: S, values: *mut f32) {
    // SAFETY: the caller's.
    let x = unsafe { simd.load(values) };
    let erf = erf(simd, simd.mul(x, simd.splat(std::f32::consts::FRAC_1_SQRT_2)));
    let half = simd.mul(x, simd.splat(0.5));
    // SAFETY: the caller's.
    unsafe { simd.store(simd.mul_add(half, erf, half), values) };
}

pub(super) struct Swiglu<'a>(pub(super) &'a mut [f32], pub(super) &'a [f32]);

impl Work for Swiglu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut gates = self.0.chunks_exact_mut(S::LANES);
        let mut ups = self.1.chunks_exact(S::LANES);
        for (gate, up) in (&mut gates).zip(&mut ups) {
            // SAFETY: both are as long as there are lanes.
            unsafe { swiglu_vector(simd, gate.as_mut_ptr(), up.as_ptr()) };
        }
        let (rest, up) = (gates.into_remainder(), ups.remainder());
        let (mut last, mut last_up) = ([0.0; 16], [0.0; 16]);
        last[..rest.len()].copy_from_slice(rest);
        last_up[..up.len()].copy_from_slice(up);
        // SAFETY: no vector is wider.
        unsafe { swiglu_vector(simd, last.as_mut_ptr(), last_up.as_ptr()) };
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

/// # Safety
///
/// Two vectors can be read, and the first written.
#[inline(always)]
unsafe fn swiglu_vector<S: Simd>(simd: S, gate: *mut f32, up: *const f32) {
    // SAFETY: the caller's.
    let (x, up) = unsafe { (simd.load(gate), simd.load(up)) };
    let below = simd.add(simd.splat(1.0), exp(simd, simd.sub(simd.splat(0.0), x)));
    // SAFETY: the caller's.
    unsafe { simd.store(simd.mul(simd.div(x, below), up), gate) };
}
