//! The innermost part of a product: a few rows by two vectors of outputs, all sums in registers.
//!
//! In wasm a tile is a function of its own, and takes one input at a time: a browser's compiler finds
//! registers for the sums of a small loop, and keeps them in memory where many loops share a function.

use std::sync::atomic::{Ordering, compiler_fence};

use super::simd::Simd;

/// Vectors of a tile.
pub(super) const VECTORS: usize = 2;

/// The sums of a tile, `[ROWS, VECTORS]`.
pub(super) type Sums<S, const ROWS: usize> = [[<S as Simd>::Floats; VECTORS]; ROWS];

/// Products of `ROWS` rows, `stride` apart, with a panel `[inputs, VECTORS × lanes]`.
///
/// # Safety
///
/// `ROWS` rows of `inputs` values, and the whole panel, can be read.
#[cfg_attr(target_family = "wasm", inline(never))]
#[cfg_attr(not(target_family = "wasm"), inline(always))]
pub(super) unsafe fn floats<S: Simd, const ROWS: usize>(
    simd: S,
    (x, stride): (*const f32, usize),
    panel: *const f32,
    inputs: usize,
) -> Sums<S, ROWS> {
    let width = VECTORS * S::LANES;
    let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
    let mut rows = [x; ROWS];
    for (at, row) in rows.iter_mut().enumerate() {
        *row = x.wrapping_add(at * stride);
    }
    for at in 0..inputs {
        // SAFETY: below `inputs`.
        unsafe { step(simd, &rows, at, panel.add(at * width), &mut sums) };
    }
    sums
}

/// One input.
///
/// # Safety
///
/// Value `at` of every row, and a row of the panel, can be read.
#[inline(always)]
unsafe fn step<S: Simd, const ROWS: usize>(
    simd: S,
    rows: &[*const f32; ROWS],
    at: usize,
    panel: *const f32,
    sums: &mut Sums<S, ROWS>,
) {
    // SAFETY: the caller's.
    unsafe {
        let weights = [simd.load(panel), simd.load(panel.add(S::LANES))];
        for row in 0..ROWS {
            let x = simd.splat(*rows[row].add(at));
            sums[row][0] = simd.mul_add(x, weights[0], sums[row][0]);
            sums[row][1] = simd.mul_add(x, weights[1], sums[row][1]);
        }
    }
}

/// Pairs of a group.
const PAIRS: usize = crate::encoder::matrix::GROUP / 2;

/// Rows of 16-bit integers in pairs, a scale for every group.
#[derive(Clone, Copy)]
pub(super) struct PairRows {
    pub(super) pairs: *const i32,
    pub(super) scales: *const f32,
    /// Groups of a row.
    pub(super) groups: usize,
}

/// Products of `ROWS` rows with a panel of bytes `[groups, PAIRS, VECTORS × lanes, 2]` and its scales
/// `[groups, VECTORS × lanes]`, f16.
///
/// # Safety
///
/// `ROWS` rows, the whole panel and its scales can be read.
#[inline(always)]
pub(super) unsafe fn pairs<S: Simd, const ROWS: usize>(
    simd: S,
    x: PairRows,
    codes: *const i8,
    scales: *const u16,
) -> Sums<S, ROWS> {
    let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
    // SAFETY: the caller's; so many sums are there.
    unsafe { add_groups::<S, ROWS>(simd, x, codes, scales, sums.as_mut_ptr()) };
    sums
}

/// Adds the groups' products to `ROWS` rows of sums.
///
/// # Safety
///
/// As for [`pairs`]; the sums can be written.
#[cfg_attr(target_family = "wasm", inline(never))]
#[cfg_attr(not(target_family = "wasm"), inline(always))]
unsafe fn add_groups<S: Simd, const ROWS: usize>(
    simd: S,
    x: PairRows,
    mut codes: *const i8,
    mut scales: *const u16,
    sums: *mut [S::Floats; VECTORS],
) {
    let stride = x.groups * PAIRS;
    for group in 0..x.groups {
        // The sums are read where they are needed: the parts leave no registers for them in wasm.
        compiler_fence(Ordering::SeqCst);
        let mut parts = [[simd.no_sum(); VECTORS]; ROWS];
        let mut rows = [x.pairs; ROWS];
        for (at, row) in rows.iter_mut().enumerate() {
            *row = x.pairs.wrapping_add(at * stride + group * PAIRS);
        }
        for pair in 0..PAIRS {
            // SAFETY: below `PAIRS` of this group.
            unsafe { pair_step(simd, &rows, pair, codes, &mut parts) };
        }
        // SAFETY (all): codes and scales move on together, and end with the last group.
        codes = codes.wrapping_add(PAIRS * VECTORS * 2 * S::LANES);
        unsafe {
            let scale = [simd.load_f16(scales), simd.load_f16(scales.add(S::LANES))];
            for (row, parts) in parts.iter().enumerate() {
                let own = simd.splat(*x.scales.add(row * x.groups + group));
                let sums = &mut *sums.add(row);
                for ((sum, &part), &scale) in sums.iter_mut().zip(parts).zip(&scale) {
                    *sum = simd.mul_add(simd.to_floats(part), simd.mul(own, scale), *sum);
                }
            }
        }
        scales = scales.wrapping_add(VECTORS * S::LANES);
    }
}

/// One pair.
///
/// # Safety
///
/// Pair `at` of every row, and of the group's codes, can be read.
#[inline(always)]
unsafe fn pair_step<S: Simd, const ROWS: usize>(
    simd: S,
    rows: &[*const i32; ROWS],
    at: usize,
    codes: *const i8,
    parts: &mut [[S::Ints; VECTORS]; ROWS],
) {
    // SAFETY: the caller's.
    unsafe {
        let codes = codes.add(at * VECTORS * 2 * S::LANES);
        let weights = [simd.load_pairs(codes), simd.load_pairs(codes.add(2 * S::LANES))];
        for row in 0..ROWS {
            let x = simd.splat_pair(*rows[row].add(at));
            parts[row][0] = simd.add_pairs(parts[row][0], weights[0], x);
            parts[row][1] = simd.add_pairs(parts[row][1], weights[1], x);
        }
    }
}
