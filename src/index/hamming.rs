//! Find candidates: the rows whose bits differ least from the query's, by scanning them all.

use std::collections::BinaryHeap;

/// A row and how many of its bits differ from the query's. The order is by distance, then by key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// Bits that differ.
    pub distance: u32,
    /// Which row; rows are scanned in the order of their keys.
    pub key: u64,
}

/// Keeps the `count` least candidates of those it is shown, without keeping the others.
#[derive(Debug)]
pub struct TopK {
    count: usize,
    heap: BinaryHeap<Candidate>,
}

impl TopK {
    /// For so many candidates.
    pub fn new(count: usize) -> Self {
        TopK { count, heap: BinaryHeap::new() }
    }

    /// Distances must be below this to get in.
    ///
    /// Equal is too much: the rows come in the order of their keys, and of two equals the earlier
    /// one stays.
    fn bound(&self) -> u32 {
        match self.heap.peek() {
            Some(worst) if self.heap.len() >= self.count => worst.distance,
            _ if self.count == 0 => 0,
            _ => u32::MAX,
        }
    }

    fn push(&mut self, candidate: Candidate) {
        if self.heap.len() >= self.count {
            self.heap.pop();
        }
        self.heap.push(candidate);
    }

    /// The candidates, the nearest first.
    pub fn into_sorted(self) -> Vec<Candidate> {
        self.heap.into_sorted_vec()
    }
}

/// How many u64 words a row of this dimension takes; those bits of them that are left over are 0.
pub fn row_words(dimension: usize) -> usize {
    dimension.div_ceil(64)
}

/// Appends a row of bits as words. Which bit of a byte stands where does not matter to a Hamming
/// distance, as long as rows and queries go the same way.
pub fn push_words(words: &mut Vec<u64>, row: &[u8]) {
    for bytes in row.chunks(8) {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        words.push(u64::from_le_bytes(word));
    }
}

/// Shows `top` every row of `words`, `[rows, query.len()]`; the first has the key `first_key`.
///
/// Keys must ascend from one call to the next, so that ties are decided by them.
pub fn scan(words: &[u64], query: &[u64], first_key: u64, top: &mut TopK) {
    let mut bound = top.bound();
    for (row, key) in words.chunks_exact(query.len()).zip(first_key..) {
        let distance = distance(row, query);
        if distance < bound {
            top.push(Candidate { distance, key });
            bound = top.bound();
        }
    }
}

/// How many bits differ between two rows of the same length.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub fn distance(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// How many bits differ between two rows of the same length.
///
/// WebAssembly counts bits of 16 bytes at once; the counts of bytes are added up in pairs, in
/// 16-bit lanes, which a row of `DIMENSION_MAX` bits cannot overflow.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub fn distance(a: &[u64], b: &[u64]) -> u32 {
    use core::arch::wasm32::{
        i8x16_popcnt, i16x8_add, u16x8_extadd_pairwise_u8x16, u16x8_splat,
        u32x4_extadd_pairwise_u16x8, u32x4_extract_lane, u64x2, v128_xor,
    };
    let ((a_pairs, a_rest), (b_pairs, b_rest)) = (a.as_chunks::<2>(), b.as_chunks::<2>());
    let mut sums = u16x8_splat(0);
    for (a, b) in a_pairs.iter().zip(b_pairs) {
        let differing = v128_xor(u64x2(a[0], a[1]), u64x2(b[0], b[1]));
        sums = i16x8_add(sums, u16x8_extadd_pairwise_u8x16(i8x16_popcnt(differing)));
    }
    let sums = u32x4_extadd_pairwise_u16x8(sums);
    let rest: u32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a ^ b).count_ones()).sum();
    u32x4_extract_lane::<0>(sums)
        + u32x4_extract_lane::<1>(sums)
        + u32x4_extract_lane::<2>(sums)
        + u32x4_extract_lane::<3>(sums)
        + rest
}
