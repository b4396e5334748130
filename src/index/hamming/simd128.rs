//! The kernel for WebAssembly's SIMD, which counts the bits of 16 bytes at once.

use core::arch::wasm32::{
    i8x16_add, i8x16_popcnt, u8x16_splat, u16x8_extadd_pairwise_u8x16, u64x2, u64x2_extract_lane,
    v128, v128_and, v128_or, v128_xor,
};

use super::kernel::{by_width, sized};

/// Three vectors give a byte at most 24 bits to count, so the counts of so many vectors fit a byte.
const VECTORS_MAX: usize = 30;

/// See [`super::Kernel::distances`]; `words` is `[out.len(), query.len()]`.
pub(super) fn distances(words: &[u64], query: &[u64], out: &mut [u32]) {
    by_width!(rows, words, query, out);
}

/// One row after the other: several at once need more registers than browsers have.
fn rows<const WORDS: usize>(words: &[u64], query: &[u64], out: &mut [u32]) {
    let query = sized::<WORDS>(query);
    for (row, out) in words.chunks_exact(query.len()).zip(out) {
        let ((pairs, rest), (query_pairs, query_rest)) =
            (row.as_chunks::<2>(), query.as_chunks::<2>());
        let parts = pairs.chunks(VECTORS_MAX).zip(query_pairs.chunks(VECTORS_MAX));
        let whole: u32 = parts.map(|(row, query)| sum(count(row, query))).sum();
        let rest: u32 = rest.iter().zip(query_rest).map(|(a, b)| (a ^ b).count_ones()).sum();
        *out = whole + rest;
    }
}

/// The sum of 16 counts.
///
/// Four sums of 16 bits, of four counts each, lie in a word; a product with a one at the place of
/// each adds them up in its highest 16 bits. Vectors would be halved three times for this.
#[inline(always)]
fn sum(counts: v128) -> u32 {
    let pairs = u16x8_extadd_pairwise_u8x16(counts);
    let fours = u64x2_extract_lane::<0>(pairs) + u64x2_extract_lane::<1>(pairs);
    (fours.wrapping_mul(0x0001_0001_0001_0001) >> 48) as u32
}

/// How many bits of each byte place differ, in at most [`VECTORS_MAX`] vectors.
///
/// Browsers make many instructions of a bit count. So three vectors are first added up bit by bit,
/// which gives two: one of sums and one of carries, which count double.
#[inline(always)]
fn count(row: &[[u64; 2]], query: &[[u64; 2]]) -> v128 {
    let ((threes, rest), (query_threes, query_rest)) =
        (row.as_chunks::<3>(), query.as_chunks::<3>());
    let (mut ones, mut twos) = (u8x16_splat(0), u8x16_splat(0));
    for (row, query) in threes.iter().zip(query_threes) {
        // Each by name: a `map` over the three is a call where functions are seldom put into others.
        let [a0, b0, c0] = *row;
        let [a1, b1, c1] = *query;
        let (a, b, c) = (differing(a0, a1), differing(b0, b1), differing(c0, c1));
        let either = v128_xor(a, b);
        ones = i8x16_add(ones, i8x16_popcnt(v128_xor(either, c)));
        twos = i8x16_add(twos, i8x16_popcnt(v128_or(v128_and(a, b), v128_and(either, c))));
    }
    for (&row, &query) in rest.iter().zip(query_rest) {
        ones = i8x16_add(ones, i8x16_popcnt(differing(row, query)));
    }
    i8x16_add(ones, i8x16_add(twos, twos))
}

#[inline(always)]
fn differing(row: [u64; 2], query: [u64; 2]) -> v128 {
    v128_xor(u64x2(row[0], row[1]), u64x2(query[0], query[1]))
}
