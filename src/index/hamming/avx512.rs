//! The kernel for AVX-512 with VPOPCNTDQ: eight words are counted by one instruction.

use core::arch::x86_64::{
    __m512i, _mm256_add_epi32, _mm256_storeu_si256, _mm512_add_epi32, _mm512_add_epi64,
    _mm512_castsi512_si256, _mm512_extracti64x4_epi64, _mm512_loadu_si512,
    _mm512_maskz_loadu_epi64, _mm512_popcnt_epi64, _mm512_reduce_add_epi64, _mm512_setzero_si512,
    _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
    _mm512_xor_si512,
};

use super::kernel::{by_width, sized};

/// See [`super::Kernel::distances`]; `words` is `[out.len(), query.len()]`.
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
pub(super) fn distances(words: &[u64], query: &[u64], out: &mut [u32]) {
    by_width!(rows, words, query, out);
}

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn rows<const WORDS: usize>(words: &[u64], query: &[u64], out: &mut [u32]) {
    let query = sized::<WORDS>(query);
    let (eights, singles) = out.as_chunks_mut::<8>();
    let (blocks, rest) = words.split_at(eights.len() * 8 * query.len());
    for (block, out) in blocks.chunks_exact(8 * query.len()).zip(eights) {
        let mut counts = [_mm512_setzero_si512(); 8];
        for (row, counts) in block.chunks_exact(query.len()).zip(&mut counts) {
            *counts = count(row, query);
        }
        store_sums(counts, out);
    }
    for (row, out) in rest.chunks_exact(query.len()).zip(singles) {
        *out = _mm512_reduce_add_epi64(count(row, query)) as u32;
    }
}

/// The bits that differ, in eight lanes of 64 bits.
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
#[inline]
fn count(row: &[u64], query: &[u64]) -> __m512i {
    let ((row, row_rest), (query, query_rest)) = (row.as_chunks::<8>(), query.as_chunks::<8>());
    let mut counts = _mm512_setzero_si512();
    for (row, query) in row.iter().zip(query) {
        let differing = _mm512_xor_si512(load(row), load(query));
        counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(differing));
    }
    if !row_rest.is_empty() {
        let differing = _mm512_xor_si512(load_part(row_rest), load_part(query_rest));
        counts = _mm512_add_epi64(counts, _mm512_popcnt_epi64(differing));
    }
    counts
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(words: &[u64; 8]) -> __m512i {
    // SAFETY: the array is the 64 bytes that are read, and no alignment is asked for.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

/// Fewer than eight words, and zeros.
#[target_feature(enable = "avx512f")]
#[inline]
fn load_part(words: &[u64]) -> __m512i {
    let mask = (1u16 << words.len().min(8)) - 1;
    // SAFETY: only the lanes of the mask are read, which are not more than the slice has.
    unsafe { _mm512_maskz_loadu_epi64(mask as u8, words.as_ptr().cast()) }
}

/// Adds up the lanes of eight rows at once. A row's count fits 32 bits, so two rows share a lane.
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
#[inline]
fn store_sums(rows: [__m512i; 8], out: &mut [u32; 8]) {
    let pair = |at: usize| _mm512_add_epi64(rows[at], _mm512_slli_epi64::<32>(rows[at + 1]));
    let four = |a, b| _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (low, high) = (four(pair(0), pair(2)), four(pair(4), pair(6)));
    // Each 128 bits hold a part of the sums of rows 0..4 (low) or 4..8 (high).
    let even = _mm512_shuffle_i64x2::<0b10_00_10_00>(low, high);
    let odd = _mm512_shuffle_i64x2::<0b11_01_11_01>(low, high);
    // Now `sums` holds low, low, high, high: bring the two lows and the two highs together.
    let sums = _mm512_add_epi32(even, odd);
    let sums = _mm512_shuffle_i64x2::<0b11_01_10_00>(sums, sums);
    let first = _mm512_castsi512_si256(sums);
    let second = _mm512_extracti64x4_epi64::<1>(sums);
    // SAFETY: the array is the 32 bytes that are written, and no alignment is asked for.
    unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), _mm256_add_epi32(first, second)) }
}
