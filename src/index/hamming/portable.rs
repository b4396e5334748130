//! The kernel for every processor; on ARM the compiler makes vector instructions of it.

use super::kernel::{by_width, sized};

/// See [`super::Kernel::distances`]; `words` is `[out.len(), query.len()]`.
pub(super) fn distances(words: &[u64], query: &[u64], out: &mut [u32]) {
    by_width!(rows, words, query, out);
}

fn rows<const WORDS: usize>(words: &[u64], query: &[u64], out: &mut [u32]) {
    let query = sized::<WORDS>(query);
    for (row, out) in words.chunks_exact(query.len()).zip(out) {
        *out = row.iter().zip(query).map(|(a, b)| (a ^ b).count_ones()).sum();
    }
}
