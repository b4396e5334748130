//! Make it small: a vector of f32 → INT8 and bits, the same on every target, bit for bit.

use serde::{Deserialize, Serialize};

/// How the components of a vector become INT8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantizer {
    /// `round(127 · tanh(x))`: what pplx-embed was trained for.
    Tanh,
    /// `round(127 · x / max|x|)`: for models that were not trained to be quantized. The scale is
    /// each vector's own and is not kept, since a cosine does not see it.
    MaxAbs,
}

/// The INT8 code of a vector, as many components as it has.
///
/// Halves are rounded to even, as PyTorch rounds. The arithmetic is in f64 with its own `tanh`:
/// the standard library's `tanh` is the platform's, and native and wasm builds would differ in the
/// last place, which is enough to move a code. A component that is not a number becomes 0.
pub fn int8(quantizer: Quantizer, vector: &[f32]) -> Vec<i8> {
    match quantizer {
        Quantizer::Tanh => vector.iter().map(|&x| code(127.0 * libm::tanh(f64::from(x)))).collect(),
        Quantizer::MaxAbs => {
            let largest = vector.iter().fold(0f32, |largest, x| largest.max(x.abs()));
            if largest == 0.0 {
                return vec![0; vector.len()];
            }
            let largest = f64::from(largest);
            vector.iter().map(|&x| code(f64::from(x) * 127.0 / largest)).collect()
        }
    }
}

/// Rounds half to even; the cast clamps to -128..=127 and makes 0 of what is not a number.
fn code(value: f64) -> i8 {
    value.round_ties_even() as i8
}

/// One bit a component, 1 where it is at least 0, the first component in the highest bit.
///
/// Taken from the vector and not from its INT8 code, where small negative numbers are 0. A
/// dimension that is not a multiple of 8 fills its last byte with zeros.
pub fn bits(vector: &[f32]) -> Vec<u8> {
    let byte = |components: &[f32]| {
        let bits = components.iter().enumerate();
        bits.fold(0, |byte, (place, &x)| byte | (u8::from(x >= 0.0) << (7 - place)))
    };
    vector.chunks(8).map(byte).collect()
}
