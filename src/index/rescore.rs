//! Look again: the cosine of a query's vector and an INT8 row.

/// Sums are kept in so many lanes, so that the compiler can add several at once.
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
        let mut dots = [0f64; LANES];
        let mut squares = [0i32; LANES];
        for (query, row) in self.query.chunks(LANES).zip(row.chunks(LANES)) {
            for (lane, (&x, &byte)) in query.iter().zip(row).enumerate() {
                let code = byte.cast_signed();
                dots[lane] += x * f64::from(code);
                squares[lane] += i32::from(code) * i32::from(code);
            }
        }
        let square: i64 = squares.iter().map(|&square| i64::from(square)).sum();
        if square == 0 {
            return 0.0;
        }
        dots.iter().sum::<f64>() / (self.norm * (square as f64).sqrt())
    }
}
