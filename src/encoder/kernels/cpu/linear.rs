//! `x · weightᵀ + bias`, tile by tile. Rows of quantized weights meet inputs that are rounded to 16
//! bits, group by group: an error of 1e-5, where that of the weights is 4e-3, and twice the speed.

use super::pack::{Codes, Packed};
use super::quantize::{PairInputs, quantize};
use super::simd::{Simd, Work};
use super::threads::{Jobs, Shared, each};
use super::tile::{self, PairRows, Sums, VECTORS};
use super::values::swiglu;
use crate::encoder::matrix::GROUP;
use crate::encoder::rows::CpuRows;

/// Bytes of the inputs that are gone through for one panel after the other: they should stay in the
/// second cache.
const BLOCK_BYTES: usize = 384 * 1024;

/// The fewest rows of such a block: decoding a panel must be worth it.
const BLOCK_ROWS_MIN: usize = 32;

/// `[rows, inputs]` → `[rows, outputs]`; `bias` may be empty.
pub(crate) fn linear(x: &CpuRows, weight: &Packed, bias: &[f32]) -> CpuRows {
    let mut y = CpuRows::unwritten(x.count(), weight.outputs);
    let inputs = match weight.codes {
        Codes::Bytes(_) | Codes::Nibbles(_) => Inputs::Pairs(quantize(weight.level, x)),
        Codes::Floats(_) | Codes::F16(_) | Codes::Bf16(_) => Inputs::Floats(x),
    };
    let block_rows = (BLOCK_BYTES / (4 * weight.inputs)).max(BLOCK_ROWS_MIN);
    let jobs = Jobs::new(x.count(), block_rows, weight.panels());
    let out = Shared::new(&mut y.values);
    each(jobs.count(), |job| {
        let (rows, panels) = jobs.at(job);
        weight.level.run(Block { inputs: &inputs, weight, bias, rows, panels, out: &out });
    });
    y
}

/// `silu(gate · x) · (up · x)`
pub(crate) fn gated(x: &CpuRows, gate: &Packed, up: &Packed) -> CpuRows {
    let up = linear(x, up, &[]);
    swiglu(linear(x, gate, &[]), &up)
}

enum Inputs<'a> {
    Floats(&'a CpuRows),
    Pairs(PairInputs),
}

/// Some rows times some panels.
struct Block<'a> {
    inputs: &'a Inputs<'a>,
    weight: &'a Packed,
    bias: &'a [f32],
    rows: std::ops::Range<usize>,
    panels: std::ops::Range<usize>,
    out: &'a Shared<'a>,
}

impl Work for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let weight = self.weight;
        let size = weight.inputs * weight.width;
        let (mut floats, mut bytes) = (Vec::new(), Vec::new());
        for panel in self.panels.clone() {
            let place = panel * size..(panel + 1) * size;
            match (&weight.codes, self.inputs) {
                (Codes::Floats(codes), Inputs::Floats(x)) => {
                    self.floats(simd, x, &codes[place], panel);
                }
                (Codes::F16(codes), Inputs::Floats(x)) => {
                    decode::<S, false>(simd, &codes[place], &mut floats);
                    self.floats(simd, x, &floats, panel);
                }
                (Codes::Bf16(codes), Inputs::Floats(x)) => {
                    decode::<S, true>(simd, &codes[place], &mut floats);
                    self.floats(simd, x, &floats, panel);
                }
                (Codes::Bytes(codes), Inputs::Pairs(x)) => {
                    self.pairs(simd, x, &codes[place], panel);
                }
                (Codes::Nibbles(codes), Inputs::Pairs(x)) => {
                    decode_nibbles(&codes[place.start / 2..place.end / 2], &mut bytes);
                    self.pairs(simd, x, &bytes, panel);
                }
                _ => unreachable!("inputs are prepared for the codes"),
            }
        }
    }
}

/// Calls a tile for as many rows as are left, at most `S::ROWS`.
macro_rules! by_rows {
    ($S:ident, $count:expr, $tile:ident, $($rows:literal)*) => {
        match $count {
            $($rows if $rows <= $S::ROWS => $tile!($rows),)*
            _ => unreachable!("no tile has so many rows"),
        }
    };
}

impl Block<'_> {
    #[inline(always)]
    fn floats<S: Simd>(&self, simd: S, x: &CpuRows, panel: &[f32], at: usize) {
        let inputs = self.weight.inputs;
        assert!(x.values.len() >= self.rows.end * inputs);
        assert!(panel.len() >= inputs * VECTORS * S::LANES);
        let mut row = self.rows.start;
        while row < self.rows.end {
            let count = S::ROWS.min(self.rows.end - row);
            let first = x.values.as_ptr().wrapping_add(row * inputs);
            macro_rules! tile {
                ($rows:literal) => {{
                    // SAFETY: the lengths are asserted above.
                    let sums = unsafe {
                        tile::floats::<S, $rows>(simd, (first, inputs), panel.as_ptr(), inputs)
                    };
                    self.write(simd, &sums, row, at);
                }};
            }
            by_rows!(S, count, tile, 1 2 3 4 5 6 7 8);
            row += count;
        }
    }

    #[inline(always)]
    fn pairs<S: Simd>(&self, simd: S, x: &PairInputs, codes: &[i8], at: usize) {
        let groups = self.weight.inputs / GROUP;
        assert!(x.scales.len() >= self.rows.end * groups);
        assert!(x.pairs.len() >= self.rows.end * groups * (GROUP / 2));
        assert!(codes.len() >= groups * GROUP * VECTORS * S::LANES);
        let scales = &self.weight.scales[at * groups * self.weight.width..];
        assert!(scales.len() >= groups * VECTORS * S::LANES);
        let mut row = self.rows.start;
        while row < self.rows.end {
            let count = S::ROWS.min(self.rows.end - row);
            let rows = PairRows {
                pairs: x.pairs.as_ptr().cast::<i32>().wrapping_add(row * groups * (GROUP / 2)),
                scales: x.scales.as_ptr().wrapping_add(row * groups),
                groups,
            };
            macro_rules! tile {
                ($rows:literal) => {{
                    // SAFETY: the lengths are asserted above.
                    let sums = unsafe {
                        tile::pairs::<S, $rows>(simd, rows, codes.as_ptr(), scales.as_ptr())
                    };
                    self.write(simd, &sums, row, at);
                }};
            }
            by_rows!(S, count, tile, 1 2 3 4 5 6 7 8);
            row += count;
        }
    }

    /// Writes a tile's sums, and the bias added, to `row` and the rows after it.
    #[inline(always)]
    fn write<S: Simd, const ROWS: usize>(
        &self,
        simd: S,
        sums: &Sums<S, ROWS>,
        row: usize,
        panel: usize,
    ) {
        let first = panel * VECTORS * S::LANES;
        let count = (self.weight.outputs - first).min(VECTORS * S::LANES);
        for (at, sums) in sums.iter().enumerate() {
            // SAFETY: no other job has these rows of these panels.
            let out = unsafe { self.out.part((row + at) * self.weight.outputs + first, count) };
            for (vector, &sum) in sums.iter().enumerate() {
                let start = vector * S::LANES;
                if start + S::LANES <= count {
                    // SAFETY: the length is checked.
                    unsafe { simd.store(sum, out.as_mut_ptr().add(start)) };
                } else if start < count {
                    store_part(simd, sum, &mut out[start..]);
                }
            }
            if !self.bias.is_empty() {
                let bias = &self.bias[first..first + count];
                out.iter_mut().zip(bias).for_each(|(out, bias)| *out += bias);
            }
        }
    }
}

/// Writes fewer values than a vector has, at most 16.
#[inline(always)]
fn store_part<S: Simd>(simd: S, floats: S::Floats, out: &mut [f32]) {
    let mut all = [0.0; 16];
    // SAFETY: no vector is wider.
    unsafe { simd.store(floats, all.as_mut_ptr()) };
    out.copy_from_slice(&all[..out.len()]);
}

/// A panel of 16-bit floats as f32.
#[inline(always)]
fn decode<S: Simd, const BF16: bool>(simd: S, codes: &[u16], floats: &mut Vec<f32>) {
    floats.resize(codes.len(), 0.0);
    let vectors = codes.chunks_exact(S::LANES).zip(floats.chunks_exact_mut(S::LANES));
    for (codes, floats) in vectors {
        // SAFETY: both are a vector long.
        unsafe {
            let values = match BF16 {
                true => simd.load_bf16(codes.as_ptr()),
                false => simd.load_f16(codes.as_ptr()),
            };
            simd.store(values, floats.as_mut_ptr());
        }
    }
}

/// A panel of half bytes as bytes.
#[inline(always)]
fn decode_nibbles(codes: &[u8], bytes: &mut Vec<i8>) {
    bytes.resize(2 * codes.len(), 0);
    for (pair, bytes) in codes.iter().zip(bytes.as_chunks_mut::<2>().0) {
        *bytes = [(pair & 15) as i8 - 8, (pair >> 4) as i8 - 8];
    }
}
