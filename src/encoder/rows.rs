//! What passes from layer to layer, and what stays in a layer, on the CPU or on the GPU.

#[cfg(feature = "gpu")]
use burn::tensor::{Device, Tensor, TensorData};

use super::kernels::cpu::Packed;
#[cfg(feature = "gpu")]
use super::kernels::linear::GpuMatrix;
use super::spare::Values;

/// `[rows, columns]` of f32 on the CPU, row after row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CpuRows {
    pub(crate) values: Values,
    pub(crate) columns: usize,
}

impl CpuRows {
    /// `[rows, columns]`, all of which are to be written before any is read.
    pub(crate) fn unwritten(rows: usize, columns: usize) -> Self {
        CpuRows { values: Values::unwritten(rows * columns), columns }
    }

    /// How many rows there are.
    pub(crate) fn count(&self) -> usize {
        self.values.len() / self.columns
    }
}

/// `[rows, columns]`, where they are computed.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a pass has a few, and moves them seldom")]
pub(crate) enum Rows {
    Cpu(CpuRows),
    /// Cheap to clone: a handle.
    #[cfg(feature = "gpu")]
    Gpu(Tensor<2>),
}

impl Rows {
    /// Puts `[rows, columns]` where these rows are.
    pub(crate) fn beside(&self, values: Vec<f32>, columns: usize) -> Rows {
        match self {
            Rows::Cpu(_) => Rows::Cpu(CpuRows { values: values.into(), columns }),
            #[cfg(feature = "gpu")]
            Rows::Gpu(rows) => Rows::on_gpu(values, columns, &rows.device()),
        }
    }

    /// Puts `[rows, columns]` on a GPU.
    #[cfg(feature = "gpu")]
    pub(crate) fn on_gpu(values: Vec<f32>, columns: usize, device: &Device) -> Rows {
        let shape = [values.len() / columns, columns];
        Rows::Gpu(Tensor::from_data(TensorData::new(values, shape), device))
    }
}

/// Gains or biases, one a column.
#[allow(clippy::large_enum_variant, reason = "a model has a few hundred")]
pub(crate) enum Vector {
    Cpu(Vec<f32>),
    #[cfg(feature = "gpu")]
    Gpu(Tensor<1>),
}

/// The matrix of a linear map, in its stored form.
pub(crate) enum Weight {
    /// Boxed, as a plan of a model holds many.
    Cpu(Box<Packed>),
    #[cfg(feature = "gpu")]
    Gpu(Box<GpuMatrix>),
}
