//! Where a model computes: on the CPU, or on a WebGPU device.

#[cfg(feature = "gpu")]
use burn::tensor::{Device, Tensor, TensorData};

use super::DeviceKind;
use super::kernels::cpu;
use super::matrix::Matrix;
use super::rows::{CpuRows, Rows, Vector, Weight};
use crate::error::{Error, ErrorKind, Result};

/// A device and what is known of it.
pub(crate) struct Place {
    /// The name to show.
    pub(crate) name: String,
    /// Whether its shaders know f16.
    pub(crate) half: bool,
    /// None where the CPU computes.
    #[cfg(feature = "gpu")]
    pub(crate) gpu: Option<Device>,
}

/// Opens a device, or gives the one that is open already.
///
/// # Errors
///
/// `Device` where there is none, or the build has no support for it.
pub(crate) async fn open(kind: DeviceKind) -> Result<Place> {
    match kind {
        DeviceKind::Cpu => Ok(Place::cpu()),
        DeviceKind::WebGpu => web_gpu().await,
    }
}

#[cfg(feature = "gpu")]
async fn web_gpu() -> Result<Place> {
    let opened = super::gpu::open().await?;
    let (name, half) = (opened.adapter.name, opened.half);
    Ok(Place { name, half, gpu: Some(opened.device) })
}

#[cfg(not(feature = "gpu"))]
async fn web_gpu() -> Result<Place> {
    let message = "this build of Burrow has no WebGPU: encode on the CPU, or build with the \
                   feature \"gpu\"";
    Err(Error::new(ErrorKind::Device, message))
}

impl Place {
    /// This machine's processor.
    pub(crate) fn cpu() -> Self {
        Place {
            name: cpu::name().to_owned(),
            half: false,
            #[cfg(feature = "gpu")]
            gpu: None,
        }
    }

    /// Puts `[rows, columns]` there.
    pub(crate) fn rows(&self, values: Vec<f32>, columns: usize) -> Rows {
        #[cfg(feature = "gpu")]
        if let Some(device) = &self.gpu {
            return Rows::on_gpu(values, columns, device);
        }
        Rows::Cpu(CpuRows { values: values.into(), columns })
    }

    /// Puts gains or biases there.
    pub(crate) fn vector(&self, values: Vec<f32>) -> Vector {
        #[cfg(feature = "gpu")]
        if let Some(device) = &self.gpu {
            let length = values.len();
            return Vector::Gpu(Tensor::from_data(TensorData::new(values, [length]), device));
        }
        Vector::Cpu(values)
    }

    /// Puts the matrix of a linear map there, in its own form.
    pub(crate) fn weight(&self, matrix: &Matrix) -> Weight {
        #[cfg(feature = "gpu")]
        if let Some(device) = &self.gpu {
            use super::kernels::linear::GpuMatrix;
            return Weight::Gpu(Box::new(GpuMatrix::new(matrix, device)));
        }
        Weight::Cpu(Box::new(cpu::Packed::new(matrix)))
    }

    /// Waits until the device has taken all that was put there.
    ///
    /// # Errors
    ///
    /// `Device` where it fails.
    pub(crate) async fn settle(&self) -> Result<()> {
        #[cfg(feature = "gpu")]
        if let Some(device) = &self.gpu {
            return super::kernels::settle(device).await.map_err(|cause| self.failed(cause));
        }
        Ok(())
    }

    /// Brings values back.
    ///
    /// # Errors
    ///
    /// `Device` where it fails, or gives values that are not finite.
    pub(crate) async fn read(&self, rows: Rows) -> Result<Vec<f32>> {
        let values = match rows {
            Rows::Cpu(rows) => rows.values.into_vec(),
            #[cfg(feature = "gpu")]
            Rows::Gpu(rows) => {
                let data =
                    rows.into_data_async().await.map_err(|cause| self.failed(cause.to_string()))?;
                data.try_into_vec::<f32>().map_err(|cause| self.failed(format!("{cause:?}")))?
            }
        };
        if !values.iter().all(|value| value.is_finite()) {
            let message =
                format!("the device {} gave values that are not finite: use another", self.name);
            return Err(Error::new(ErrorKind::Device, message));
        }
        Ok(values)
    }

    #[cfg(feature = "gpu")]
    pub(crate) fn failed(&self, cause: String) -> Error {
        let message = format!("the device {} failed: use another", self.name);
        Error::new(ErrorKind::Device, message).with_source(cause)
    }
}
