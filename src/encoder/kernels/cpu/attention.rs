//! Every token looks at the tokens of its sequence, head by head and a few tokens at a time.

use super::math::exp;
use super::pack::panel_width;
use super::simd::{Level, Simd, Work};
use super::threads::{Shared, each};
use super::tile::{self, Sums, VECTORS};
use crate::encoder::kernels::Shape;
use crate::encoder::kernels::attention::{Columns, Heads};
use crate::encoder::rows::CpuRows;

/// Tokens that look at a time: their scores are all that is held of them.
const BLOCK: usize = 16;

/// Queries, `asking × width` columns, keys and values, `asked × width` each →
/// `[rows, asking × width]`.
pub(crate) fn attention(
    inputs: [Columns<'_, CpuRows>; 3],
    heads: &Heads,
    shape: &Shape,
) -> CpuRows {
    attention_at(Level::best(), inputs, heads, shape)
}

/// With these instructions.
pub(super) fn attention_at(
    level: Level,
    [query, key, value]: [Columns<'_, CpuRows>; 3],
    heads: &Heads,
    shape: &Shape,
) -> CpuRows {
    let mut mixed = CpuRows::unwritten(query.rows.count(), heads.asking * heads.width);
    let out = Shared::new(&mut mixed.values);
    each(shape.lengths.len() * heads.asked, |job| {
        let (sequence, asked) = (job / heads.asked, job % heads.asked);
        let (start, length) = (shape.starts[sequence], shape.lengths[sequence]);
        let width = panel_width(level);
        let head = |columns: Columns<'_, CpuRows>| columns.first + asked * heads.width;
        let key = packed_keys(key.rows, start, length, head(key), heads.width, width);
        let value = packed_values(value.rows, start, length, head(value), heads.width, width);
        level.run(Head { query, key, value, heads, asked, start, length, out: &out });
    });
    mixed
}

/// Keys side by side, so many as a tile makes scores: `[panels, head, width]`.
fn packed_keys(
    rows: &CpuRows,
    start: usize,
    length: usize,
    column: usize,
    head: usize,
    width: usize,
) -> Vec<f32> {
    let mut packed = vec![0.0; length.div_ceil(width) * head * width];
    for at in 0..length {
        let row = &rows.values[(start + at) * rows.columns + column..][..head];
        let first = at / width * head * width + at % width;
        for (place, &value) in packed[first..].iter_mut().step_by(width).zip(row) {
            *place = value;
        }
    }
    packed
}

/// Columns of the values in panels: `[panels, length, width]`.
fn packed_values(
    rows: &CpuRows,
    start: usize,
    length: usize,
    column: usize,
    head: usize,
    width: usize,
) -> Vec<f32> {
    let mut packed = vec![0.0; head.div_ceil(width) * length * width];
    for at in 0..length {
        let row = &rows.values[(start + at) * rows.columns + column..][..head];
        for (panel, values) in row.chunks(width).enumerate() {
            packed[(panel * length + at) * width..][..values.len()].copy_from_slice(values);
        }
    }
    packed
}

/// A head that is asked, and all that ask it, in one sequence.
struct Head<'a> {
    query: Columns<'a, CpuRows>,
    key: Vec<f32>,
    value: Vec<f32>,
    heads: &'a Heads,
    asked: usize,
    start: usize,
    length: usize,
    out: &'a Shared<'a>,
}

impl Work for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = VECTORS * S::LANES;
        // Whole panels of scores.
        let mut scores = vec![0.0; BLOCK * self.length.next_multiple_of(width)];
        let times = self.heads.asking / self.heads.asked;
        for head in self.asked * times..(self.asked + 1) * times {
            for first in (0..self.length).step_by(BLOCK) {
                let count = BLOCK.min(self.length - first);
                // Beyond this no token of the block sees anything.
                let seen = if self.heads.causal { first + count } else { self.length };
                let stride = seen.next_multiple_of(width);
                self.scores(simd, head, (first, count), stride, &mut scores);
                for (at, scores) in scores.chunks_exact_mut(stride).take(count).enumerate() {
                    let seen = if self.heads.causal { first + at + 1 } else { self.length };
                    softmax(simd, scores, seen, 1.0 / (self.heads.width as f32).sqrt());
                }
                self.mix(simd, head, (first, count), (seen, stride), &scores);
            }
        }
    }
}

/// Calls a tile for every few rows of a block.
macro_rules! tiles {
    ($S:ident, $count:expr, $tile:ident) => {
        let mut row = 0;
        while row < $count {
            let rows = $S::ROWS.min($count - row);
            match rows {
                1 => $tile!(1, row),
                2 => $tile!(2, row),
                3 => $tile!(3, row),
                4 => $tile!(4, row),
                5 if $S::ROWS >= 5 => $tile!(5, row),
                6 if $S::ROWS >= 6 => $tile!(6, row),
                7 if $S::ROWS >= 7 => $tile!(7, row),
                8 if $S::ROWS >= 8 => $tile!(8, row),
                _ => unreachable!("no tile has so many rows"),
            }
            row += rows;
        }
    };
}

impl Head<'_> {
    /// Products of some queries with the first `stride` keys, `[count, stride]`.
    #[inline(always)]
    fn scores<S: Simd>(
        &self,
        simd: S,
        head: usize,
        (first, count): (usize, usize),
        stride: usize,
        scores: &mut [f32],
    ) {
        let (columns, width) = (self.query.rows.columns, VECTORS * S::LANES);
        let inputs = self.heads.width;
        let place = (self.start + first) * columns + self.query.first + head * inputs;
        let query = &self.query.rows.values[place..];
        assert!(query.len() >= (count - 1) * columns + inputs);
        assert!(scores.len() >= count * stride && self.key.len() >= stride * inputs);
        for panel in 0..stride / width {
            let keys = self.key[panel * inputs * width..].as_ptr();
            macro_rules! tile {
                ($rows:literal, $row:expr) => {{
                    let x = query.as_ptr().wrapping_add($row * columns);
                    // SAFETY: the lengths are asserted above.
                    unsafe {
                        let sums = tile::floats::<S, $rows>(simd, (x, columns), keys, inputs);
                        let out = scores.as_mut_ptr().add($row * stride + panel * width);
                        store(simd, &sums, out, stride);
                    }
                }};
            }
            tiles!(S, count, tile);
        }
    }

    /// The values of the `seen` tokens, each as much as its share.
    #[inline(always)]
    fn mix<S: Simd>(
        &self,
        simd: S,
        head: usize,
        (first, count): (usize, usize),
        (seen, stride): (usize, usize),
        shares: &[f32],
    ) {
        let (columns, width) = (self.heads.asking * self.heads.width, VECTORS * S::LANES);
        assert!(shares.len() >= (count - 1) * stride + seen);
        for panel in 0..self.heads.width.div_ceil(width) {
            let values = &self.value[panel * self.length * width..];
            assert!(values.len() >= seen * width);
            let outputs = width.min(self.heads.width - panel * width);
            macro_rules! tile {
                ($rows:literal, $row:expr) => {{
                    let x = shares.as_ptr().wrapping_add($row * stride);
                    let mut all = [0.0; 8 * 32];
                    // SAFETY: the lengths are asserted above; no tile is larger than `all`.
                    unsafe {
                        let sums =
                            tile::floats::<S, $rows>(simd, (x, stride), values.as_ptr(), seen);
                        store(simd, &sums, all.as_mut_ptr(), width);
                    }
                    for (at, sums) in all.chunks_exact(width).take($rows).enumerate() {
                        let row = (self.start + first + $row + at) * columns;
                        let column = head * self.heads.width + panel * width;
                        // SAFETY: no other job has this head of these rows.
                        let out = unsafe { self.out.part(row + column, outputs) };
                        out.copy_from_slice(&sums[..outputs]);
                    }
                }};
            }
            tiles!(S, count, tile);
        }
    }
}

/// # Safety
///
/// `ROWS` rows of a panel's width, `stride` apart, can be written.
#[inline(always)]
unsafe fn store<S: Simd, const ROWS: usize>(
    simd: S,
    sums: &Sums<S, ROWS>,
    out: *mut f32,
    stride: usize,
) {
    for (row, sums) in sums.iter().enumerate() {
        for (vector, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller's.
            unsafe { simd.store(sum, out.add(row * stride + vector * S::LANES)) };
        }
    }
}

/// Scores of the first `seen` keys → shares that together are 1. What is beyond them is 0
/// afterwards. The length is a multiple of a vector's.
#[inline(always)]
fn softmax<S: Simd>(simd: S, scores: &mut [f32], seen: usize, scale: f32) {
    // Below any score of finite rows.
    scores[seen..].fill(f32::MIN);
    let mut greatest = simd.splat(f32::MIN);
    for vector in scores.chunks_exact(S::LANES) {
        // SAFETY (all): a vector is as long as there are lanes.
        greatest = simd.max(greatest, unsafe { simd.load(vector.as_ptr()) });
    }
    let scale = simd.splat(scale);
    let greatest = simd.mul(simd.splat(simd.greatest(greatest)), scale);
    let zero = simd.splat(0.0);
    let negative = simd.sub(zero, greatest);
    for vector in scores.chunks_exact_mut(S::LANES) {
        let score = unsafe { simd.load(vector.as_ptr()) };
        let share = exp(simd, simd.mul_add(score, scale, negative));
        unsafe { simd.store(share, vector.as_mut_ptr()) };
    }
    scores[seen..].fill(0.0);
    let mut total = zero;
    for vector in scores.chunks_exact(S::LANES) {
        total = simd.add(total, unsafe { simd.load(vector.as_ptr()) });
    }
    let share = simd.splat(1.0 / simd.sum(total));
    for vector in scores.chunks_exact_mut(S::LANES) {
        unsafe { simd.store(simd.mul(simd.load(vector.as_ptr()), share), vector.as_mut_ptr()) };
    }
}
