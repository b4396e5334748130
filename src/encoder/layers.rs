//! What every transformer layer is made of: linear maps and norms.

use burn::tensor::{Device, Tensor, TensorData, module};

use super::device::Place;
use super::kernels::{self, Shape, Store};
use super::matrix::{Form, Matrix};
use super::parameters::Parameters;
use crate::error::Result;

/// Rows of a compact matrix that are decoded at a time: enough to keep the product busy, few enough
/// to stay in the cache.
const PANEL_ROWS: usize = 256;

/// The matrix of a linear map, where it computes.
pub(crate) enum Weight {
    /// `[outputs, inputs]` in f32, on the CPU.
    Dense(Box<Tensor<2>>),
    /// In its stored form, on the CPU: decoded panel by panel.
    Compact(Matrix),
    /// On the GPU, in its stored form: decoded within the product.
    #[cfg(feature = "gpu")]
    Gpu(kernels::linear::GpuMatrix),
}

impl Weight {
    /// Puts a matrix where it computes.
    pub(crate) fn new(matrix: Matrix, place: &Place) -> Self {
        #[cfg(feature = "gpu")]
        if place.gpu {
            return Weight::Gpu(kernels::linear::GpuMatrix::new(&matrix, &place.device));
        }
        match matrix.form {
            Form::F32 => {
                let shape = [matrix.rows, matrix.columns];
                let values = TensorData::new(matrix.values(), shape);
                Weight::Dense(Box::new(Tensor::from_data(values, &place.device)))
            }
            _ => Weight::Compact(matrix),
        }
    }
}

/// `x · weightᵀ + bias`.
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Tensor<1>>,
}

impl Linear {
    /// Takes `<name>.weight`.
    ///
    /// # Errors
    ///
    /// `Model` where it is missing.
    pub(crate) fn load(parameters: &mut Parameters, name: &str) -> Result<Self> {
        Ok(Linear { weight: parameters.weight(&format!("{name}.weight"))?, bias: None })
    }

    /// Takes `<name>.weight` and `<name>.bias`.
    ///
    /// # Errors
    ///
    /// As [`Linear::load`].
    pub(crate) fn load_biased(
        parameters: &mut Parameters,
        name: &str,
        device: &Device,
    ) -> Result<Self> {
        let bias = Some(parameters.vector(&format!("{name}.bias"), device)?);
        Ok(Linear { bias, ..Linear::load(parameters, name)? })
    }

    /// `[rows, inputs]` → `[rows, outputs]`. `store` is how the GPU stores the result.
    pub(crate) fn forward(&self, x: Tensor<2>, shape: &Shape, store: Store) -> Tensor<2> {
        let product = match &self.weight {
            Weight::Dense(weight) => x.matmul(weight.as_ref().clone().transpose()),
            Weight::Compact(matrix) => compact_product(x, matrix),
            #[cfg(feature = "gpu")]
            Weight::Gpu(matrix) => kernels::linear::product(x, matrix, shape, store),
        };
        let _ = (shape, store);
        match &self.bias {
            Some(bias) => product + bias.clone().unsqueeze(),
            None => product,
        }
    }
}

/// `x · matrixᵀ` without ever having all of the matrix in f32.
fn compact_product(x: Tensor<2>, matrix: &Matrix) -> Tensor<2> {
    let device = x.device();
    let panels = (0..matrix.rows).step_by(PANEL_ROWS).map(|first| {
        let rows = PANEL_ROWS.min(matrix.rows - first);
        let mut values = vec![0.0; rows * matrix.columns];
        matrix.decode_rows(first, &mut values);
        let panel = TensorData::new(values, [rows, matrix.columns]);
        x.clone().matmul(Tensor::<2>::from_data(panel, &device).transpose())
    });
    Tensor::cat(panels.collect(), 1)
}

/// Mean 0 and variance 1 in every row, then times `gain` plus `bias`.
pub(crate) struct LayerNorm {
    gain: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
}

impl LayerNorm {
    /// Takes `<name>.weight` and `<name>.bias`, `[dimension]` each.
    ///
    /// # Errors
    ///
    /// `Model` where one is missing.
    pub(crate) fn load(
        parameters: &mut Parameters,
        name: &str,
        epsilon: f64,
        device: &Device,
    ) -> Result<Self> {
        let gain = parameters.vector(&format!("{name}.weight"), device)?;
        let bias = parameters.vector(&format!("{name}.bias"), device)?;
        Ok(LayerNorm { gain, bias, epsilon })
    }

    /// `[rows, dimension]` → the same
    pub(crate) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        module::layer_norm(x, self.gain.clone(), Some(self.bias.clone()), self.epsilon)
    }
}
