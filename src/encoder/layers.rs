//! What every transformer layer is made of: linear maps and norms.

use super::device::Place;
use super::kernels::linear::{Finish, gated, linear};
use super::kernels::norm::layer_norm;
use super::kernels::{Shape, Store};
use super::parameters::Parameters;
use super::rows::{Rows, Vector, Weight};
use crate::error::Result;

/// `x · weightᵀ + bias`.
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Vector>,
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
        place: &Place,
    ) -> Result<Self> {
        let bias = Some(parameters.vector(&format!("{name}.bias"), place)?);
        Ok(Linear { bias, ..Linear::load(parameters, name)? })
    }

    /// Takes `<name>.weight`, which is joined of several, and `<part>.bias` of each.
    ///
    /// # Errors
    ///
    /// As [`Linear::load`].
    pub(crate) fn load_joined(
        parameters: &mut Parameters,
        name: &str,
        parts: &[String],
        place: &Place,
    ) -> Result<Self> {
        let bias = |part: &String| parameters.values(&format!("{part}.bias"));
        let biases: Vec<Vec<f32>> = parts.iter().map(bias).collect::<Result<_>>()?;
        let bias = Some(place.vector(biases.concat()));
        Ok(Linear { bias, ..Linear::load(parameters, name)? })
    }

    /// `[rows, inputs]` → `[rows, outputs]`. `store` is how the GPU stores the result.
    pub(crate) fn forward(&self, x: &Rows, shape: &Shape, store: Store) -> Rows {
        self.finished(x, Finish::default(), shape, store)
    }

    /// The same, and then the exact GELU.
    pub(crate) fn forward_gelu(&self, x: &Rows, shape: &Shape, store: Store) -> Rows {
        self.finished(x, Finish { gelu: true, ..Finish::default() }, shape, store)
    }

    /// The same, added to `residual`, `[rows, outputs]`, in f32.
    pub(crate) fn forward_onto(&self, residual: &Rows, x: &Rows, shape: &Shape) -> Rows {
        let finish = Finish { residual: Some(residual), ..Finish::default() };
        self.finished(x, finish, shape, Store::Full)
    }

    /// `silu(gate(x)) · self(x)`, in one pass over x on the GPU.
    pub(crate) fn forward_gated(
        &self,
        gate: &Linear,
        x: &Rows,
        shape: &Shape,
        store: Store,
    ) -> Rows {
        gated(x, &gate.weight, &self.weight, shape, store)
    }

    fn finished(&self, x: &Rows, finish: Finish<'_>, shape: &Shape, store: Store) -> Rows {
        let finish = Finish { bias: self.bias.as_ref(), ..finish };
        linear(x, &self.weight, &finish, shape, store)
    }
}

/// Mean 0 and variance 1 in every row, then times `gain` plus `bias`.
pub(crate) struct LayerNorm {
    gain: Vector,
    bias: Vector,
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
        place: &Place,
    ) -> Result<Self> {
        let gain = parameters.vector(&format!("{name}.weight"), place)?;
        let bias = parameters.vector(&format!("{name}.bias"), place)?;
        Ok(LayerNorm { gain, bias, epsilon })
    }

    /// `[rows, dimension]` → the same
    pub(crate) fn forward(&self, x: Rows) -> Rows {
        layer_norm(x, &self.gain, &self.bias, self.epsilon)
    }
}
