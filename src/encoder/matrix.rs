//! A matrix of weights in the form in which it was stored, rows decoded on demand.

use half::{bf16, f16};

/// Weights that share one scale, in the quantized forms: consecutive columns of a row.
pub(crate) const GROUP: usize = 32;

/// How weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    F32,
    F16,
    Bf16,
    /// One signed byte a weight, times the group's f16 scale.
    Q8,
    /// Half a byte a weight, the first in the low half, less 8, times the group's f16 scale.
    Q4,
}

impl Form {
    /// The name that people see.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Form::F32 => "f32",
            Form::F16 => "f16",
            Form::Bf16 => "bf16",
            Form::Q8 => "q8",
            Form::Q4 => "q4",
        }
    }

    /// Bytes of a row, scales not counted.
    pub(crate) fn row_bytes(self, columns: usize) -> usize {
        match self {
            Form::F32 => 4 * columns,
            Form::F16 | Form::Bf16 => 2 * columns,
            Form::Q8 => columns,
            Form::Q4 => columns / 2,
        }
    }

    /// Bytes of a row's scales.
    pub(crate) fn scale_bytes(self, columns: usize) -> usize {
        match self {
            Form::Q8 | Form::Q4 => 2 * (columns / GROUP),
            Form::F32 | Form::F16 | Form::Bf16 => 0,
        }
    }

    /// Whether little-endian bytes of a float form hold only finite values.
    pub(crate) fn all_finite(self, bytes: &[u8]) -> bool {
        match self {
            Form::F32 => floats(bytes, f32::from_le_bytes).all(f32::is_finite),
            Form::F16 => floats(bytes, f16::from_le_bytes).all(f16::is_finite),
            Form::Bf16 => floats(bytes, bf16::from_le_bytes).all(bf16::is_finite),
            Form::Q8 | Form::Q4 => true,
        }
    }

    /// Decodes one row into `row`, whose length is the number of columns.
    fn decode(self, codes: &[u8], scales: &[u8], row: &mut [f32]) {
        match self {
            Form::F32 => fill(row, floats(codes, f32::from_le_bytes)),
            Form::F16 => fill(row, floats(codes, f16::from_le_bytes).map(f16::to_f32)),
            Form::Bf16 => fill(row, floats(codes, bf16::from_le_bytes).map(bf16::to_f32)),
            Form::Q8 => {
                let groups = codes.as_chunks::<GROUP>().0.iter().zip(decode_scales(scales));
                for ((codes, scale), row) in groups.zip(row.as_chunks_mut::<GROUP>().0) {
                    fill(row, codes.iter().map(|&code| f32::from(code as i8) * scale));
                }
            }
            Form::Q4 => {
                let groups = codes.as_chunks::<{ GROUP / 2 }>().0.iter().zip(decode_scales(scales));
                for ((codes, scale), row) in groups.zip(row.as_chunks_mut::<GROUP>().0) {
                    for (&pair, row) in codes.iter().zip(row.as_chunks_mut::<2>().0) {
                        row[0] = (f32::from(pair & 15) - 8.0) * scale;
                        row[1] = (f32::from(pair >> 4) - 8.0) * scale;
                    }
                }
            }
        }
    }
}

/// A matrix `[rows, columns]` in a form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) form: Form,
    /// Row after row, [`Form::row_bytes`] each.
    pub(crate) codes: Vec<u8>,
    /// Row after row, [`Form::scale_bytes`] each: little-endian f16.
    pub(crate) scales: Vec<u8>,
}

impl Matrix {
    /// Decodes consecutive rows into `values`, `[rows, columns]`.
    pub(crate) fn decode_rows(&self, first: usize, values: &mut [f32]) {
        let (row_bytes, scale_bytes) =
            (self.form.row_bytes(self.columns), self.form.scale_bytes(self.columns));
        for (row, values) in (first..).zip(values.chunks_exact_mut(self.columns)) {
            let codes = &self.codes[row * row_bytes..][..row_bytes];
            let scales = &self.scales[row * scale_bytes..][..scale_bytes];
            self.form.decode(codes, scales, values);
        }
    }

    /// All values, `[rows, columns]`.
    pub(crate) fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.rows * self.columns];
        self.decode_rows(0, &mut values);
        values
    }
}

/// The scales of groups, from little-endian f16.
pub(crate) fn decode_scales(scales: &[u8]) -> impl Iterator<Item = f32> {
    floats(scales, f16::from_le_bytes).map(f16::to_f32)
}

fn floats<const WIDTH: usize, T>(
    bytes: &[u8],
    read: impl Fn([u8; WIDTH]) -> T,
) -> impl Iterator<Item = T> {
    bytes.as_chunks::<WIDTH>().0.iter().map(move |&value| read(value))
}

fn fill(row: &mut [f32], values: impl Iterator<Item = f32>) {
    for (slot, value) in row.iter_mut().zip(values) {
        *slot = value;
    }
}
