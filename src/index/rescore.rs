//! Look again: the cosine of a query's vector and an INT8 row.

/// Sums are kept in so many lanes, on every target, so that several can be added at once and the
/// result is the same everywhere.
const LANES: usize = 8;

/// A query's vector, ready to be compared with rows.
#[derive(Debug, Clone)]
pub struct Rescorer {
    query: Vec<f64>,
    norm: f64,
}

impl Rescorer {
    /// For a vector that is finite and not zero.
    pub fn new(query: &[f32]) -> Self {
        let query: Vec<f64> = query.iter().map(|&x| f64::from(x)).collect();
        let norm = query.iter().map(|x| x * x).sum::<f64>().sqrt();
        Rescorer { query, norm }
    }

    /// The cosine with a row of as many components, -1 to 1; 0 where the row is all zeros.
    ///
    /// In f64, where every product is exact and the order of adding moves no result that f32 could
    /// show. A row's bytes are its components in two's complement.
    pub fn cosine(&self, row: &[u8]) -> f64 {
        let (dot, square) = products(&self.query, row);
        if square == 0 {
            return 0.0;
        }
        dot / (self.norm * (square as f64).sqrt())
    }
}

/// The products of query and row, and of the row and itself, added up.
fn products(query: &[f64], row: &[u8]) -> (f64, i64) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { products_avx2(query, row) };
    }
    products_portable(query, row)
}

/// The same sums in the same order, with wider instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn products_avx2(query: &[f64], row: &[u8]) -> (f64, i64) {
    products_portable(query, row)
}

#[inline(always)]
fn products_portable(query: &[f64], row: &[u8]) -> (f64, i64) {
    let mut dots = [0f64; LANES];
    let mut squares = [0i32; LANES];
    let ((queries, query_rest), (rows, row_rest)) =
        (query.as_chunks::<LANES>(), row.as_chunks::<LANES>());
    for (query, row) in queries.iter().zip(rows) {
        let codes = row.map(|byte| i32::from(byte.cast_signed()));
        for lane in 0..LANES {
            dots[lane] += query[lane] * f64::from(codes[lane]);
            squares[lane] += codes[lane] * codes[lane];
        }
    }
    for (lane, (&x, &byte)) in query_rest.iter().zip(row_rest).enumerate() {
        let code = i32::from(byte.cast_signed());
        dots[lane] += x * f64::from(code);
        squares[lane] += code * code;
    }
    (dots.iter().sum(), squares.iter().map(|&square| i64::from(square)).sum())
}
