//! The kernel for AVX2, which cannot count bits: it looks up the counts of half bytes.

use core::arch::x86_64::{
    __m256i, _mm_add_epi32, _mm_storeu_si128, _mm256_add_epi8, _mm256_add_epi32, _mm256_add_epi64,
    _mm256_and_si256, _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256,
    _mm256_sad_epu8, _mm256_set1_epi8, _mm256_setr_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_slli_epi64, _mm256_srli_epi16, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use super::kernel::{by_width, sized};

/// A byte has at most 8 bits, so the counts of so many vectors fit a byte.
const VECTORS_MAX: usize = 31;

/// See [`super::Kernel::distances`]; `words` is `[out.len(), query.len()]`.
#[target_feature(enable = "avx2,popcnt")]
pub(super) fn distances(words: &[u64], query: &[u64], out: &mut [u32]) {
    by_width!(rows, words, query, out);
}

#[target_feature(enable = "avx2,popcnt")]
fn rows<const WORDS: usize>(words: &[u64], query: &[u64], out: &mut [u32]) {
    let query = sized::<WORDS>(query);
    let (fours, singles) = out.as_chunks_mut::<4>();
    let (blocks, rest) = words.split_at(fours.len() * 4 * query.len());
    for (block, out) in blocks.chunks_exact(4 * query.len()).zip(fours) {
        let mut counts = [_mm256_setzero_si256(); 4];
        let mut rests = [0; 4];
        for (at, row) in block.chunks_exact(query.len()).enumerate() {
            (counts[at], rests[at]) = count(row, query);
        }
        store_sums(counts, out);
        out.iter_mut().zip(rests).for_each(|(out, rest)| *out += rest);
    }
    for (row, out) in rest.chunks_exact(query.len()).zip(singles) {
        let (counts, rest) = count(row, query);
        let mut sums = [0; 4];
        store_sums([counts; 4], &mut sums);
        *out = sums[0] + rest;
    }
}

/// The bits that differ, in four lanes of 64 bits, and those of the words that fill no vector.
#[target_feature(enable = "avx2,popcnt")]
#[inline]
fn count(row: &[u64], query: &[u64]) -> (__m256i, u32) {
    let ((row, row_rest), (query, query_rest)) = (row.as_chunks::<4>(), query.as_chunks::<4>());
    let mut counts = _mm256_setzero_si256();
    for (row, query) in row.chunks(VECTORS_MAX).zip(query.chunks(VECTORS_MAX)) {
        let mut bytes = _mm256_setzero_si256();
        for (row, query) in row.iter().zip(query) {
            bytes = _mm256_add_epi8(bytes, count_bytes(_mm256_xor_si256(load(row), load(query))));
        }
        counts = _mm256_add_epi64(counts, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    }
    let rest = row_rest.iter().zip(query_rest).map(|(a, b)| (a ^ b).count_ones()).sum();
    (counts, rest)
}

#[target_feature(enable = "avx2,popcnt")]
#[inline]
fn count_bytes(bytes: __m256i) -> __m256i {
    let counts = _mm256_setr_epi8(
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, //
        0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,
    );
    let half = _mm256_set1_epi8(0xf);
    let low = _mm256_and_si256(bytes, half);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half);
    _mm256_add_epi8(_mm256_shuffle_epi8(counts, low), _mm256_shuffle_epi8(counts, high))
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(words: &[u64; 4]) -> __m256i {
    // SAFETY: the array is the 32 bytes that are read, and no alignment is asked for.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

/// Adds up the lanes of four rows at once. A row's count fits 32 bits, so two rows share a lane.
#[target_feature(enable = "avx2")]
#[inline]
fn store_sums(rows: [__m256i; 4], out: &mut [u32; 4]) {
    let first = _mm256_add_epi64(rows[0], _mm256_slli_epi64::<32>(rows[1]));
    let second = _mm256_add_epi64(rows[2], _mm256_slli_epi64::<32>(rows[3]));
    let (low, high) = (_mm256_unpacklo_epi64(first, second), _mm256_unpackhi_epi64(first, second));
    let sums = _mm256_add_epi32(low, high);
    let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    // SAFETY: the array is the 16 bytes that are written, and no alignment is asked for.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), sums) }
}
