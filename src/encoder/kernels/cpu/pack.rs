//! A matrix in the order in which a product reads it.

use super::simd::Level;
use crate::encoder::matrix::{Form, GROUP, Matrix};

/// A matrix as panels of neighbouring outputs, so many as a tile of the product makes. Within a panel
/// the outputs lie side by side, so that they are read as vectors; the last one is filled with zeros.
pub(crate) struct Packed {
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    /// Outputs of a panel.
    pub(super) width: usize,
    pub(super) level: Level,
    pub(super) codes: Codes,
    /// f16, `[panels, groups, width]`; for the float forms nothing.
    pub(super) scales: Vec<u16>,
}

/// The weights in their stored form.
pub(super) enum Codes {
    /// `[panels, inputs, width]`
    Floats(Vec<f32>),
    /// The same.
    F16(Vec<u16>),
    /// The same.
    Bf16(Vec<u16>),
    /// `[panels, inputs / 2, width, 2]`: two inputs of an output side by side.
    Bytes(Vec<i8>),
    /// The same two inputs in a byte, the first in the low half, less 8.
    Nibbles(Vec<u8>),
}

impl Packed {
    /// For the fastest instructions of this processor.
    pub(crate) fn new(matrix: &Matrix) -> Self {
        Packed::at(Level::best(), matrix)
    }

    /// For these instructions.
    pub(super) fn at(level: Level, matrix: &Matrix) -> Self {
        let width = panel_width(level);
        let bytes = &matrix.codes;
        let turn = |row: usize, unit: usize| Order { row, unit, width, rows: matrix.rows };
        let halves = |bytes: &[u8]| turn(2 * matrix.columns, 2).words(bytes);
        let codes = match matrix.form {
            Form::F32 => {
                let order = turn(4 * matrix.columns, 4);
                Codes::Floats(order.turned(bytes, f32::from_le_bytes))
            }
            Form::F16 => Codes::F16(halves(bytes)),
            Form::Bf16 => Codes::Bf16(halves(bytes)),
            Form::Q8 => {
                let order = turn(matrix.columns, 2);
                let pairs = order.turned(bytes, |pair: [u8; 2]| pair.map(u8::cast_signed));
                Codes::Bytes(pairs.into_flattened())
            }
            Form::Q4 => Codes::Nibbles(turn(matrix.columns / 2, 1).turned(bytes, |[byte]| byte)),
        };
        let scales = match matrix.form {
            Form::Q8 | Form::Q4 => turn(2 * (matrix.columns / GROUP), 2).words(&matrix.scales),
            Form::F32 | Form::F16 | Form::Bf16 => Vec::new(),
        };
        let (outputs, inputs) = (matrix.rows, matrix.columns);
        Packed { outputs, inputs, width, level, codes, scales }
    }

    /// How many panels there are.
    pub(super) fn panels(&self) -> usize {
        self.outputs.div_ceil(self.width)
    }
}

/// Outputs of a panel: two vectors.
pub(super) fn panel_width(level: Level) -> usize {
    2 * level.lanes()
}

/// From rows of so many bytes, in units of so many, to panels of `width` rows.
struct Order {
    row: usize,
    unit: usize,
    width: usize,
    rows: usize,
}

impl Order {
    fn turned<const UNIT: usize, T: Clone + Default>(
        &self,
        bytes: &[u8],
        read: impl Fn([u8; UNIT]) -> T,
    ) -> Vec<T> {
        let units = self.row / self.unit;
        let panels = self.rows.div_ceil(self.width);
        let mut turned = vec![T::default(); panels * units * self.width];
        for (at, row) in bytes.chunks_exact(self.row.max(1)).enumerate() {
            let first = at / self.width * units * self.width + at % self.width;
            let places = turned[first..].iter_mut().step_by(self.width);
            for (place, &unit) in places.zip(row.as_chunks::<UNIT>().0) {
                *place = read(unit);
            }
        }
        turned
    }

    fn words(&self, bytes: &[u8]) -> Vec<u16> {
        self.turned(bytes, u16::from_le_bytes)
    }
}
