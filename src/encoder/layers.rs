//! The two things every transformer layer is made of: linear maps and layer norms.

use burn::tensor::{Device, Tensor, TensorData, module};

use super::weights::Weights;
use crate::error::Result;

/// `x · weight + bias`.
pub(crate) struct Linear {
    /// `[inputs, outputs]`: turned over from the file's order once, at load.
    weight: Tensor<2>,
    /// `[outputs]`
    bias: Tensor<1>,
}

impl Linear {
    /// Loads `<name>.weight`, `[outputs, inputs]` in the file, and `<name>.bias`, both times
    /// `scale`.
    ///
    /// # Errors
    ///
    /// As [`Weights::values`].
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        [outputs, inputs]: [usize; 2],
        scale: f32,
        device: &Device,
    ) -> Result<Self> {
        let weight = weights.values(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = weights.values(&format!("{name}.bias"), &[outputs])?;
        let scaled =
            |values: Vec<f32>| values.into_iter().map(|value| value * scale).collect::<Vec<f32>>();
        let weight = transposed(&scaled(weight), inputs);
        Ok(Linear {
            weight: Tensor::from_data(TensorData::new(weight, [inputs, outputs]), device),
            bias: vector(scaled(bias), device),
        })
    }

    /// `[rows, inputs]` → `[rows, outputs]`
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        module::linear(x, self.weight.clone(), Some(self.bias.clone()))
    }
}

/// Mean 0 and variance 1 in every row, then times `gain` plus `bias`.
pub(crate) struct Norm {
    gain: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

impl Norm {
    /// Loads `<name>.weight` and `<name>.bias`, `[dimension]` each.
    ///
    /// # Errors
    ///
    /// As [`Weights::values`].
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        dimension: usize,
        epsilon: f64,
        device: &Device,
    ) -> Result<Self> {
        let gain = weights.values(&format!("{name}.weight"), &[dimension])?;
        let bias = weights.values(&format!("{name}.bias"), &[dimension])?;
        Ok(Norm { gain: vector(gain, device), bias: vector(bias, device), epsilon })
    }

    /// `[rows, dimension]` → the same
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        module::layer_norm(x, self.gain.clone(), Some(self.bias.clone()), self.epsilon)
    }
}

fn vector(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

/// `[rows, columns]` → `[columns, rows]`
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let column = |column: usize| values.iter().skip(column).step_by(columns).copied();
    (0..columns).flat_map(column).collect()
}
