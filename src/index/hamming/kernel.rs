//! Which machine instructions count the bits: the fastest that this processor has.

use super::{TopK, portable};

/// `distances` of a kernel: see [`Kernel::distances`].
type Distances = fn(&[u64], &[u64], &mut [u32]);

/// `scan` of a kernel: see [`Kernel::scan`].
type Scan = fn(&[u64], &[u64], u64, &mut TopK);

/// A way to count the bits that differ. All of them give the same numbers.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    name: &'static str,
    distances: Distances,
    /// Where looking at each distance at once is faster than working out many beforehand.
    scan: Option<Scan>,
}

impl Kernel {
    /// Those that this processor can run, the fastest first.
    pub fn available() -> Vec<Kernel> {
        let native = [Kernel::avx512(), Kernel::avx2()].into_iter().flatten();
        native.chain(Kernel::wasm()).chain([Kernel::portable()]).collect()
    }

    /// The fastest that this processor can run.
    pub fn best() -> Kernel {
        let simd = Kernel::avx512().or_else(Kernel::avx2);
        simd.or_else(|| Kernel::wasm().next()).unwrap_or_else(Kernel::portable)
    }

    /// `avx512`, `avx2`, `simd128-words` or `simd128` (both of WebAssembly), or `portable`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Writes how many bits of each row of `words`, `[rows, query.len()]`, differ from the
    /// query's. Stops with the last row or the last place in `out`, whichever is first.
    pub fn distances(self, words: &[u64], query: &[u64], out: &mut [u32]) {
        if query.is_empty() {
            return;
        }
        let rows = out.len().min(words.len() / query.len());
        (self.distances)(&words[..rows * query.len()], query, &mut out[..rows]);
    }

    /// As [`super::scan`], with this kernel.
    pub fn scan(self, words: &[u64], query: &[u64], first_key: u64, top: &mut TopK) {
        if query.is_empty() {
            return;
        }
        top.begin(query.len() * 64);
        if let Some(scan) = self.scan {
            return scan(words, query, first_key, top);
        }
        let rows = words.len() / query.len();
        let mut next = 0;
        while next < rows {
            next += top.take(first_key + next as u64, |out| {
                let count = out.len().min(rows - next);
                let block = &words[next * query.len()..(next + count) * query.len()];
                (self.distances)(block, query, &mut out[..count]);
                count
            });
        }
    }

    fn portable() -> Kernel {
        Kernel { name: "portable", distances: portable::distances, scan: None }
    }

    /// The features are looked up once by the standard library, and remembered.
    fn avx512() -> Option<Kernel> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
            let distances: Distances = |words, query, out| {
                // SAFETY: the processor has what the function is compiled for.
                unsafe { super::avx512::distances(words, query, out) }
            };
            return Some(Kernel { name: "avx512", distances, scan: None });
        }
        None
    }

    fn avx2() -> Option<Kernel> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            let distances: Distances = |words, query, out| {
                // SAFETY: the processor has what the function is compiled for.
                unsafe { super::avx2::distances(words, query, out) }
            };
            return Some(Kernel { name: "avx2", distances, scan: None });
        }
        None
    }

    /// Those of WebAssembly, the faster first.
    fn wasm() -> impl Iterator<Item = Kernel> {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        {
            use super::simd128::{
                distances_by_bytes, distances_by_words, is_for_words, scan_by_bytes, scan_by_words,
            };
            let by_words = Kernel {
                name: "simd128-words",
                distances: distances_by_words,
                scan: Some(scan_by_words),
            };
            let by_bytes = Kernel {
                name: "simd128",
                distances: distances_by_bytes,
                scan: Some(scan_by_bytes),
            };
            if is_for_words() { [by_words, by_bytes] } else { [by_bytes, by_words] }.into_iter()
        }
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        std::iter::empty()
    }
}

/// Calls `$rows::<WORDS>` for a query of `WORDS` words: the loops over the widths of common models
/// have no end to look for, and the query stays in registers. `WORDS` is 0 for all other widths.
macro_rules! by_width {
    ($rows:ident $(as $what:ident)?, $words:expr, $query:expr, $out:expr) => {
        match $query.len() {
            6 => $rows::<6, $($what)?>($words, $query, $out),
            8 => $rows::<8, $($what)?>($words, $query, $out),
            12 => $rows::<12, $($what)?>($words, $query, $out),
            16 => $rows::<16, $($what)?>($words, $query, $out),
            40 => $rows::<40, $($what)?>($words, $query, $out),
            _ => $rows::<0, $($what)?>($words, $query, $out),
        }
    };
}
pub(super) use by_width;

/// The query with a length that the compiler knows, where `WORDS` is not 0.
#[inline(always)]
pub(super) fn sized<const WORDS: usize>(query: &[u64]) -> &[u64] {
    if WORDS == 0 { query } else { &query[..WORDS] }
}
