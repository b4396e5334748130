//! What scanning and rescoring must give on every target, held against the naive twins: natively by
//! `tests/hamming.rs`, in WebAssembly by `tests/browser/search.test.mjs`.

use burrow::index::hamming::{self, Kernel, TopK};
use burrow::index::rescore::Rescorer;

/// The widths of common models, those beside them, and the least and the greatest there are.
const DIMENSIONS: [usize; 17] =
    [8, 24, 40, 64, 128, 192, 384, 512, 768, 1000, 1024, 1032, 1984, 2560, 4096, 8200, 65_536];

/// The same numbers on every run.
pub struct Random(pub u64);

impl Random {
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let next = |_| {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (self.0 >> 56) as u8
        };
        (0..count).map(next).collect()
    }
}

/// How often something was compared, and what was not as the twin has it.
#[derive(Debug, Default)]
pub struct Compared {
    pub times: usize,
    pub wrong: Vec<String>,
}

impl Compared {
    fn expect(&mut self, is_so: bool, what: impl FnOnce() -> String) {
        self.times += 1;
        if !is_so {
            self.wrong.push(what());
        }
    }
}

fn words(rows: &[Vec<u8>]) -> Vec<u64> {
    let mut words = Vec::new();
    rows.iter().for_each(|row| hamming::push_words(&mut words, row));
    words
}

/// Rows of one dimension: random ones, and those that are hard in some way.
fn kinds_of_rows(row_bytes: usize, count: usize, query: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut random = Random(row_bytes as u64);
    let opposite: Vec<u8> = query.iter().map(|byte| !byte).collect();
    // Every row is nearer than the one before, as far as the rows go.
    let nearer = |row: usize| [&query[..row % row_bytes], &opposite[row % row_bytes..]].concat();
    vec![
        (0..count).map(|_| random.bytes(row_bytes)).collect(),
        vec![query.to_vec(); count],
        vec![vec![0; row_bytes]; count],
        vec![vec![0xff; row_bytes]; count],
        (0..count).map(nearer).collect(),
        (0..count).rev().map(nearer).collect(),
        vec![opposite.clone(); count],
    ]
}

/// The distances that these kernels count, for all widths and numbers of rows.
pub fn distances(kernels: &[Kernel]) -> Compared {
    let mut compared = Compared::default();
    for dimension in DIMENSIONS {
        let query = Random(7).bytes(dimension / 8);
        let query_words = words(std::slice::from_ref(&query));
        compared.expect(query_words.len() == hamming::row_words(dimension), || {
            format!("{dimension}: {} words", query_words.len())
        });
        for rows in kinds_of_rows(dimension / 8, 21, &query) {
            let expected: Vec<u32> = rows.iter().map(|row| super::distance(row, &query)).collect();
            let words = words(&rows);
            for kernel in kernels {
                for count in [0, 1, 3, 4, 7, 8, 9, 16, 21, 30] {
                    let mut found = vec![u32::MAX; count];
                    kernel.distances(&words, &query_words, &mut found);
                    let (counted, beyond) = found.split_at(count.min(rows.len()));
                    let is_so = counted == &expected[..counted.len()]
                        && beyond.iter().all(|&distance| distance == u32::MAX);
                    compared.expect(is_so, || format!("{} {dimension} {found:?}", kernel.name()));
                }
            }
            let found = hamming::distance(&words[..query_words.len()], &query_words);
            compared.expect(found == expected[0], || format!("{dimension}: {found}"));
        }
    }
    compared
}

/// Widths of which kernels have loops of their own, and others; with how many rows are compared.
const SCANNED: [(usize, usize); 7] =
    [(8, 3000), (40, 1100), (384, 200), (512, 200), (768, 200), (1024, 700), (2560, 200)];

/// The nearest rows that these kernels find, whatever the order of the rows, and the parts that they
/// are scanned in.
pub fn nearest(kernels: &[Kernel]) -> Compared {
    let mut compared = Compared::default();
    for (dimension, rows) in SCANNED {
        let query = Random(5).bytes(dimension / 8);
        let query_words = words(std::slice::from_ref(&query));
        for (kind, rows) in kinds_of_rows(dimension / 8, rows, &query).iter().enumerate() {
            let words = words(rows);
            let expected = super::nearest(rows, &query, rows.len());
            let counts = [0, 1, 2, 15, 16, 17, 129, 512, 513, rows.len(), rows.len() + 1];
            for (kernel, count) in kernels.iter().flat_map(|&kernel| counts.map(|it| (kernel, it)))
            {
                let mut top = TopK::new(count);
                kernel.scan(&words, &query_words, 0, &mut top);
                let is_so = top.into_sorted() == expected[..count.min(rows.len())];
                let name = kernel.name();
                compared.expect(is_so, || format!("{name} {dimension}, kind {kind}: {count}"));
            }
            let found = hamming::nearest(&words, &query_words, usize::MAX);
            compared.expect(found == expected, || format!("{dimension}, kind {kind}: all"));
            // A bit here, a bit there: what was found does not depend on where the parts end.
            for kernel in kernels {
                let mut top = TopK::new(40);
                for (part, key) in words.chunks(7 * query_words.len()).zip((0..).step_by(7)) {
                    kernel.scan(part, &query_words, key, &mut top);
                }
                let (is_so, name) = (top.into_sorted() == expected[..40], kernel.name());
                compared.expect(is_so, || format!("{name} {dimension}, kind {kind}: in parts"));
            }
        }
    }
    compared
}

/// Cosines of a query with INT8 rows, to the last bit: eight sums of products, added in their order.
pub fn cosines() -> Compared {
    let mut compared = Compared::default();
    for width in [1, 7, 8, 9, 384, 1000, 1024, 1025] {
        let mut random = Random(width as u64);
        let query: Vec<f32> =
            random.bytes(width).iter().map(|&x| f32::from(x) / 77.0 - 1.6).collect();
        for row in [random.bytes(width), vec![0x80; width], vec![0x7f; width]] {
            let (mut dots, mut squares, mut norm) = ([0f64; 8], 0f64, 0f64);
            for (at, (&x, &byte)) in query.iter().zip(&row).enumerate() {
                let (x, code) = (f64::from(x), f64::from(byte.cast_signed()));
                dots[at % 8] += x * code;
                squares += code * code;
                norm += x * x;
            }
            let dot = dots.iter().fold(0.0, |sum, dot| sum + dot);
            let expected = dot / (norm.sqrt() * squares.sqrt());
            let found = Rescorer::new(&query).cosine(&row);
            let is_so = found.to_bits() == expected.to_bits();
            compared.expect(is_so, || format!("{width}: {found} instead of {expected}"));
        }
    }
    compared
}
