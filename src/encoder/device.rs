//! Where tensors live: the CPU, or a WebGPU device.

use burn::tensor::Device;

use super::DeviceKind;
use crate::error::Result;

/// A device and what is known of it.
pub(crate) struct Place {
    pub(crate) device: Device,
    /// The name to show.
    pub(crate) name: String,
    /// Whether the kernels of `kernels` run there.
    pub(crate) gpu: bool,
    /// Whether its shaders know f16.
    pub(crate) half: bool,
}

/// Opens a device, or gives the one that is open already.
///
/// # Errors
///
/// `Device` where there is none, or the build has no support for it.
pub(crate) async fn open(kind: DeviceKind) -> Result<Place> {
    match kind {
        DeviceKind::Cpu => {
            let (device, name) = (Device::flex(), "SIMD".to_owned());
            Ok(Place { device, name, gpu: false, half: false })
        }
        DeviceKind::WebGpu => web_gpu().await,
    }
}

#[cfg(feature = "gpu")]
async fn web_gpu() -> Result<Place> {
    let opened = super::gpu::open().await?;
    let (name, half) = (opened.adapter.name, opened.half);
    Ok(Place { device: opened.device, name, gpu: true, half })
}

#[cfg(not(feature = "gpu"))]
async fn web_gpu() -> Result<Place> {
    let message = "this build of Burrow has no WebGPU: encode on the CPU, or build with the \
                   feature \"gpu\"";
    Err(crate::error::Error::new(crate::error::ErrorKind::Device, message))
}
