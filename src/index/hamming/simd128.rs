//! The kernels for WebAssembly's SIMD: one for processors that count the bits of 16 bytes by one
//! instruction, as ARM's do, one for those that count a word's by one, as x86 does.

use core::arch::wasm32::{
    i8x16_add, i8x16_popcnt, u8x16_splat, u64x2_extract_lane, v128, v128_and, v128_load, v128_or,
    v128_xor,
};
use core::hint::black_box;

use super::TopK;
use super::kernel::{by_width, sized};

/// A byte of so many vectors has at most 120 bits to count, so two such counts fit a byte.
const VECTORS_MAX: usize = 15;

/// Words of a query that stays in registers, and a little beside them.
const WORDS_HELD: usize = 16;

/// Whether words are to be counted. WebAssembly does not tell the processor; but zero divided by zero
/// is a NaN with the sign on x86, and one without on others. Both kernels count the same.
pub(super) fn is_for_words() -> bool {
    (black_box(0.0f64) / black_box(0.0)).is_sign_negative()
}

/// What is counted: see [`is_for_words`].
const BY_BYTES: bool = false;
const BY_WORDS: bool = true;

/// See [`super::Kernel::distances`]; `words` is `[out.len(), query.len()]`.
pub(super) fn distances_by_bytes(words: &[u64], query: &[u64], out: &mut [u32]) {
    distances::<BY_BYTES>(words, query, out);
}

/// As [`distances_by_bytes`].
pub(super) fn distances_by_words(words: &[u64], query: &[u64], out: &mut [u32]) {
    distances::<BY_WORDS>(words, query, out);
}

/// See [`super::Kernel::scan`]; `words` is `[rows, query.len()]`.
pub(super) fn scan_by_bytes(words: &[u64], query: &[u64], first_key: u64, top: &mut TopK) {
    by_width!(scan_rows as BY_BYTES, words, query, (first_key, top));
}

/// As [`scan_by_bytes`].
pub(super) fn scan_by_words(words: &[u64], query: &[u64], first_key: u64, top: &mut TopK) {
    by_width!(scan_rows as BY_WORDS, words, query, (first_key, top));
}

#[inline(always)]
fn distances<const WHAT: bool>(words: &[u64], query: &[u64], out: &mut [u32]) {
    let mut out = out.iter_mut();
    // Few rows come this way, so they need no loop of their own for each width.
    rows::<0, WHAT>(words, query, |distance| {
        if let Some(place) = out.next() {
            *place = distance;
        }
    });
}

/// Each distance is looked at as soon as it is there: writing them down, to look at 16 at once, is
/// slower in browsers.
#[inline(always)]
fn scan_rows<const WORDS: usize, const WHAT: bool>(
    words: &[u64],
    query: &[u64],
    (first_key, top): (u64, &mut TopK),
) {
    let (mut key, mut bound) = (first_key, top.bound());
    rows::<WORDS, WHAT>(words, query, |distance| {
        if distance < bound {
            bound = top.push(distance, key);
        }
        key += 1;
    });
}

/// A query: its vectors, and the word that fills none.
type Query<'a> = (&'a [v128], &'a [u64]);

/// Shows the distance of each row, one after the other: several at once need more registers than
/// browsers have.
#[inline(always)]
fn rows<const WORDS: usize, const WHAT: bool>(
    words: &[u64],
    query: &[u64],
    mut show: impl FnMut(u32),
) {
    let query = sized::<WORDS>(query);
    let (pairs, rest) = query.as_chunks::<2>();
    if WORDS == 0 || WORDS > WORDS_HELD {
        let vectors: Vec<v128> = pairs.iter().map(vector).collect();
        for row in words.chunks_exact(query.len()) {
            show(distance::<WHAT>(row, (&vectors, rest)));
        }
        return;
    }
    // By itself the compiler loads the query again for every row.
    let mut held = [u8x16_splat(0); WORDS_HELD / 2];
    for (held, pair) in held.iter_mut().zip(pairs) {
        *held = vector(pair);
    }
    for row in words.chunks_exact(query.len()) {
        show(distance::<WHAT>(row, (&held[..WORDS / 2], rest)));
    }
}

/// The functions are named and the loops plain ones: this must be fast where few functions are put
/// into their callers.
#[inline(always)]
fn distance<const WHAT: bool>(row: &[u64], query: Query) -> u32 {
    if WHAT == BY_WORDS { distance_by_words(row, query) } else { distance_by_bytes(row, query) }
}

#[inline(always)]
fn distance_by_bytes(row: &[u64], (mut query, query_rest): Query) -> u32 {
    let (mut row, rest) = row.as_chunks::<2>();
    let mut distance = 0;
    // None of the common widths has so many.
    while row.len() > VECTORS_MAX && query.len() > VECTORS_MAX {
        let (part, query_part);
        (part, row) = row.split_at(VECTORS_MAX);
        (query_part, query) = query.split_at(VECTORS_MAX);
        distance += sum(count(part, query_part));
    }
    distance + sum(count(row, query)) + count_rest(rest, query_rest)
}

/// How many bits of each byte place differ, in at most [`VECTORS_MAX`] vectors.
#[inline(always)]
fn count(row: &[[u64; 2]], query: &[v128]) -> v128 {
    let mut counts = u8x16_splat(0);
    for (row, &query) in row.iter().zip(query) {
        counts = i8x16_add(counts, i8x16_popcnt(differing(row, query)));
    }
    counts
}

/// The sum of 16 counts.
///
/// The halves are added up as words, byte by byte, then neighbouring bytes; a product with a one at
/// the place of each of the four sums adds them up in its highest 16 bits. Vectors would be halved
/// four times for this.
#[inline(always)]
fn sum(counts: v128) -> u32 {
    const EVEN_BYTES: u64 = 0x00FF_00FF_00FF_00FF;
    let pairs = u64x2_extract_lane::<0>(counts) + u64x2_extract_lane::<1>(counts);
    let fours = (pairs & EVEN_BYTES) + (pairs >> 8 & EVEN_BYTES);
    (fours.wrapping_mul(0x0001_0001_0001_0001) >> 48) as u32
}

/// Three vectors are first added up bit by bit, which gives two: one of sums and one of carries,
/// which count double. So there are a third fewer words to count.
#[inline(always)]
fn distance_by_words(row: &[u64], (query, query_rest): Query) -> u32 {
    let (row, rest) = row.as_chunks::<2>();
    let ((threes, singles), (query_threes, query_singles)) =
        (row.as_chunks::<3>(), query.as_chunks::<3>());
    let (mut ones, mut twos) = (count_rest(rest, query_rest), 0);
    for (row, query) in threes.iter().zip(query_threes) {
        // Each by name: a `map` over the three is a call where functions are seldom put into others.
        let [a0, b0, c0] = row;
        let [a1, b1, c1] = *query;
        let (a, b, c) = (differing(a0, a1), differing(b0, b1), differing(c0, c1));
        let either = v128_xor(a, b);
        ones += count_words(v128_xor(either, c));
        twos += count_words(v128_or(v128_and(a, b), v128_and(either, c)));
    }
    for (row, &query) in singles.iter().zip(query_singles) {
        ones += count_words(differing(row, query));
    }
    ones + 2 * twos
}

#[inline(always)]
fn count_words(vector: v128) -> u32 {
    u64x2_extract_lane::<0>(vector).count_ones() + u64x2_extract_lane::<1>(vector).count_ones()
}

/// The bits that differ in a word that fills no vector.
#[inline(always)]
fn count_rest(row: &[u64], query: &[u64]) -> u32 {
    match (row, query) {
        ([a], [b]) => (a ^ b).count_ones(),
        _ => 0,
    }
}

#[inline(always)]
fn differing(row: &[u64; 2], query: v128) -> v128 {
    v128_xor(vector(row), query)
}

/// One load: by itself the compiler reads two numbers and puts the second beside the first.
#[inline(always)]
fn vector(pair: &[u64; 2]) -> v128 {
    // SAFETY: the array is the 16 bytes that are loaded, which need not be aligned.
    unsafe { v128_load(pair.as_ptr().cast()) }
}
