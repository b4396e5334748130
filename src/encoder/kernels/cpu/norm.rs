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
    let mut y = CpuRows::unwritten(x.count(), x.columns);
    let level = Level::best();
    let part = ROWS_ALONE * x.columns;
    let parts = y.values.chunks_mut(part).zip(x.values.chunks(part)).collect();
    each_part(parts, |(rows, from): (&mut [f32], &[f32])| {
        let rows = rows.chunks_exact_mut(x.columns).zip(from.chunks_exact(x.columns));
        rows.for_each(|(row, from)| level.run(Normed { from, row, gain, epsilon }));
    });
    y
}

/// A row divided by the root of its mean square, times `gain`.
struct Normed<'a> {
    from: &'a [f32],
    row: &'a mut [f32],
    gain: &'a [f32],
    epsilon: f64,
}

impl Work for Normed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mean = Squares(self.from).run(simd) / self.from.len() as f32;
        let scale = 1.0 / (mean + self.epsilon as f32).sqrt();
        let values = self.from.iter().zip(self.gain);
        self.row
            .iter_mut()
            .zip(values)
            .for_each(|(to, (value, gain))| *to = value * (scale * gain));
    }
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
    let mut y = CpuRows::unwritten(x.count(), columns);
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
        for (row, (from, turns)) in rows.chunks_exact_mut(columns).zip(sources.zip(turns)) {
            level.run(Rotated { from: &from[..columns], row, gains, heads, epsilon, turns });
        }
    });
    y
}

/// The heads of a row, each with its own norm and turned.
struct Rotated<'a> {
    from: &'a [f32],
    row: &'a mut [f32],
    gains: &'a [f32],
    heads: &'a Heads,
    epsilon: f64,
    turns: &'a [f32],
}

impl Work for Rotated<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (width, epsilon) = (self.heads.width, self.epsilon);
        let (asking, asked) = self.gains.split_at(width);
        let heads = self.row.chunks_exact_mut(width).zip(self.from.chunks_exact(width));
        for (at, (head, from)) in heads.enumerate() {
            let gain = if at < self.heads.asking { asking } else { asked };
            Normed { from, row: head, gain, epsilon }.run(simd);
            rotate(head, self.turns);
        }
    }
}

#[inline(always)]
fn rotate(head: &mut [f32], turns: &[f32]) {
    let (first, second) = head.split_at_mut(head.len() / 2);
    let (cosines, sines) = turns.split_at(first.len());
    let turns = cosines.iter().zip(sines);
    for ((first, second), (cosine, sine)) in first.iter_mut().zip(second).zip(turns) {
        (*first, *second) = (*first * cosine - *second * sine, *second * cosine + *first * sine);
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
