//! Find candidates: the rows whose bits differ least from the query's, by scanning them all.

mod kernel;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
mod top;

pub use kernel::Kernel;
pub use top::{Candidate, TopK};

/// How many u64 words a row of this dimension takes; those bits of them that are left over are 0.
pub fn row_words(dimension: usize) -> usize {
    dimension.div_ceil(64)
}

/// Appends a row of bits as words. Which bit of a byte stands where does not matter to a Hamming
/// distance, as long as rows and queries go the same way.
pub fn push_words(words: &mut Vec<u64>, row: &[u8]) {
    let (whole, rest) = row.as_chunks::<8>();
    words.extend(whole.iter().map(|&bytes| u64::from_le_bytes(bytes)));
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        words.push(u64::from_le_bytes(word));
    }
}

/// Shows `top` every row of `words`, `[rows, query.len()]`; the first has the key `first_key`.
///
/// Keys must ascend from one call to the next, so that ties are decided by them, and all calls
/// must have queries of one length.
pub fn scan(words: &[u64], query: &[u64], first_key: u64, top: &mut TopK) {
    Kernel::best().scan(words, query, first_key, top);
}

/// The `count` nearest of the rows `words`, `[rows, query.len()]`, the nearest first; a row's key
/// is its number.
pub fn nearest(words: &[u64], query: &[u64], count: usize) -> Vec<Candidate> {
    let mut top = TopK::new(count);
    scan(words, query, 0, &mut top);
    top.into_sorted()
}

/// How many bits differ between two rows of the same length.
pub fn distance(a: &[u64], b: &[u64]) -> u32 {
    let mut distance = [0];
    Kernel::best().distances(a, b, &mut distance);
    distance[0]
}
