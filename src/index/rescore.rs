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
    /// show; the order is the same on every target, and so is every bit of the result. A row's
    /// bytes are its components in two's complement.
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
    products_in_lanes(query, row)
}

/// The same sums in the same order, with wider instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn products_avx2(query: &[f64], row: &[u8]) -> (f64, i64) {
    products_in_lanes(query, row)
}

#[inline(always)]
fn products_in_lanes(query: &[f64], row: &[u8]) -> (f64, i64) {
    let mut sums = lanes::Sums::new();
    let ((queries, query_rest), (rows, row_rest)) =
        (query.as_chunks::<LANES>(), row.as_chunks::<LANES>());
    for (query, row) in queries.iter().zip(rows) {
        sums.add(query, row);
    }
    if !query_rest.is_empty() {
        // Zeros change no sum.
        let (mut query, mut row) = ([0.0; LANES], [0; LANES]);
        query[..query_rest.len()].copy_from_slice(query_rest);
        row[..row_rest.len()].copy_from_slice(row_rest);
        sums.add(&query, &row);
    }
    let (dots, squares) = sums.lanes();
    (dots.iter().sum(), squares.iter().map(|&square| i64::from(square)).sum())
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes {
    use super::LANES;

    /// Written so that the compiler makes vector instructions of it.
    pub(super) struct Sums {
        dots: [f64; LANES],
        squares: [i32; LANES],
    }

    impl Sums {
        pub(super) fn new() -> Self {
            Sums { dots: [0.0; LANES], squares: [0; LANES] }
        }

        #[inline(always)]
        pub(super) fn add(&mut self, query: &[f64; LANES], row: &[u8; LANES]) {
            let codes = row.map(|byte| i32::from(byte.cast_signed()));
            for lane in 0..LANES {
                self.dots[lane] += query[lane] * f64::from(codes[lane]);
                self.squares[lane] += codes[lane] * codes[lane];
            }
        }

        pub(super) fn lanes(self) -> ([f64; LANES], [i32; LANES]) {
            (self.dots, self.squares)
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod lanes {
    use core::arch::wasm32::{
        f64x2, f64x2_add, f64x2_convert_low_i32x4, f64x2_extract_lane, f64x2_mul, f64x2_splat,
        i16x8_extend_low_i8x16, i32x4_add, i32x4_dot_i16x8, i32x4_extend_high_i16x8,
        i32x4_extend_low_i16x8, i32x4_extract_lane, i32x4_shuffle, i32x4_splat, u64x2, v128,
    };

    use super::LANES;

    /// By hand: the compiler finds it only in part.
    pub(super) struct Sums {
        dots: [v128; LANES / 2],
        squares: v128,
    }

    impl Sums {
        pub(super) fn new() -> Self {
            Sums { dots: [f64x2_splat(0.0); LANES / 2], squares: i32x4_splat(0) }
        }

        #[inline(always)]
        pub(super) fn add(&mut self, query: &[f64; LANES], row: &[u8; LANES]) {
            let codes = i16x8_extend_low_i8x16(u64x2(u64::from_le_bytes(*row), 0));
            self.squares = i32x4_add(self.squares, i32x4_dot_i16x8(codes, codes));
            let (low, high) = (i32x4_extend_low_i16x8(codes), i32x4_extend_high_i16x8(codes));
            let upper = |codes| i32x4_shuffle::<2, 3, 0, 1>(codes, codes);
            let codes = [low, upper(low), high, upper(high)];
            for (pair, codes) in codes.into_iter().enumerate() {
                let query = f64x2(query[2 * pair], query[2 * pair + 1]);
                let products = f64x2_mul(query, f64x2_convert_low_i32x4(codes));
                self.dots[pair] = f64x2_add(self.dots[pair], products);
            }
        }

        pub(super) fn lanes(self) -> ([f64; LANES], [i32; LANES / 2]) {
            let [a, b, c, d] = self
                .dots
                .map(|dots| [f64x2_extract_lane::<0>(dots), f64x2_extract_lane::<1>(dots)]);
            let squares = [
                i32x4_extract_lane::<0>(self.squares),
                i32x4_extract_lane::<1>(self.squares),
                i32x4_extract_lane::<2>(self.squares),
                i32x4_extract_lane::<3>(self.squares),
            ];
            ([a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]], squares)
        }
    }
}
