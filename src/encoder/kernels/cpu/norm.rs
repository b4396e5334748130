//! Norms of rows.

use super::simd::{Level, Simd, Work};
use super::threads::{ROWS_ALONE, each_part};
use crate::encoder::kernels::Shape;
use crate::encoder::kernels::attention::Heads;
use crate::encoder::rows::CpuRows;

/// Mean 0 and variance 1 in every row, then times `gain` plus `bias`.
pub(crate) fn layer_norm(mut x: CpuRows, gain: &[f32], bias: &[f32], epsilon: f64) -> CpuRows {
    let (level, count) = (Level::best(), x.columns as f32);
    let parts = x.values.chunks_mut(ROWS_ALONE * x.columns).collect();
    each_part(parts, |rows: &mut [f32]| {
        for row in rows.chunks_exact_mut(x.columns) {
            let mean = level.run(Sum(row)) / count;
            row.iter_mut().for_each(|value| *value -= mean);
            let scale = 1.0 / (level.run(Squares(row)) / count + epsilon as f32).sqrt();
            for ((value, gain), bias) in row.iter_mut().zip(gain).zip(bias) {
                *value = *value * scale * gain + bias;
            }
        }
    });
    x
}

/// Every row divided by the root of its mean square, then times `gain`.
pub(crate) fn rms_norm(x: &CpuRows, gain: &[f32], epsilon: f64) -> CpuRows {
    let mut y = x.clone();
    let level = Level::best();
    let parts = y.values.chunks_mut(ROWS_ALONE * x.columns).collect();
    each_part(parts, |rows: &mut [f32]| {
        rows.chunks_exact_mut(x.columns).for_each(|row| normed(level, row, gain, epsilon));
    });
    y
}

fn normed(level: Level, row: &mut [f32], gain: &[f32], epsilon: f64) {
    let mean = level.run(Squares(row)) / row.len() as f32;
    let scale = 1.0 / (mean + epsilon as f32).sqrt();
    row.iter_mut().zip(gain).for_each(|(value, gain)| *value *= scale * gain);
}

/// Every query's and key's own RMS norm, then its rotation by the token's position. `turns` is
/// `[tokens, width]`: the cosines of half a head, then the sines.
pub(crate) fn rotated_norm(
    x: &CpuRows,
    gains: &[f32],
    heads: &Heads,
    epsilon: f64,
    turns: &CpuRows,
    shape: &Shape,
) -> CpuRows {
    let (level, columns) = (Level::best(), heads.turned() * heads.width);
    let mut y = CpuRows::zeros(x.count(), columns);
    let (mut rest, mut from) = (&mut y.values[..], &x.values[..]);
    let mut parts = Vec::new();
    for &length in &shape.lengths {
        let (own, after) = rest.split_at_mut(length * columns);
        let (source, later) = from.split_at(length * x.columns);
        let sources = source.chunks(ROWS_ALONE * x.columns);
        let turns = turns.values.chunks(ROWS_ALONE * turns.columns);
        parts.extend(own.chunks_mut(ROWS_ALONE * columns).zip(sources.zip(turns)));
        (rest, from) = (after, later);
    }
    each_part(parts, |(rows, (sources, turns)): (&mut [f32], (&[f32], &[f32]))| {
        let sources = sources.chunks_exact(x.columns);
        let turns = turns.chunks_exact(heads.width);
        for (row, (source, turns)) in rows.chunks_exact_mut(columns).zip(sources.zip(turns)) {
            row.copy_from_slice(&source[..columns]);
            let (asking, asked) = gains.split_at(heads.width);
            for (at, head) in row.chunks_exact_mut(heads.width).enumerate() {
                normed(level, head, if at < heads.asking { asking } else { asked }, epsilon);
                rotate(head, turns);
            }
        }
    });
    y
}

fn rotate(head: &mut [f32], turns: &[f32]) {
    let half = head.len() / 2;
    let ((first, second), (cosines, sines)) = (head.split_at_mut(half), turns.split_at(half));
    for at in 0..half {
        let (a, b) = (first[at], second[at]);
        first[at] = a * cosines[at] - b * sines[at];
        second[at] = b * cosines[at] + a * sines[at];
    }
}

/// The sum of a row.
struct Sum<'a>(&'a [f32]);

impl Work for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        let vectors = self.0.chunks_exact(S::LANES);
        let rest: f32 = vectors.remainder().iter().sum();
        let mut sums = simd.splat(0.0);
        for vector in vectors {
            // SAFETY: a vector is as long as there are lanes.
            sums = simd.add(sums, unsafe { simd.load(vector.as_ptr()) });
        }
        simd.sum(sums) + rest
    }
}

/// The sum of a row's squares.
struct Squares<'a>(&'a [f32]);

impl Work for Squares<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> f32 {
        let vectors = self.0.chunks_exact(S::LANES);
        let rest: f32 = vectors.remainder().iter().map(|value| value * value).sum();
        let mut sums = simd.splat(0.0);
        for vector in vectors {
            // SAFETY: a vector is as long as there are lanes.
            let value = unsafe { simd.load(vector.as_ptr()) };
            sums = simd.mul_add(value, value, sums);
        }
        simd.sum(sums) + rest
    }
}
