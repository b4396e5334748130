//! Where tensors live: the CPU, or the one WebGPU device of this process.

use burn::tensor::Device;

use super::DeviceKind;
use crate::error::Result;

/// A device and the name to show for it.
pub(crate) struct Place {
    pub(crate) device: Device,
    pub(crate) name: String,
}

/// Opens a device, or gives the one that is open already.
///
/// # Errors
///
/// `Device` where there is none, or the build has no support for it.
pub(crate) async fn open(kind: DeviceKind) -> Result<Place> {
    match kind {
        DeviceKind::Cpu => Ok(Place { device: Device::flex(), name: "SIMD".to_owned() }),
        DeviceKind::WebGpu => web_gpu().await,
    }
}

#[cfg(feature = "gpu")]
async fn web_gpu() -> Result<Place> {
    let opened = super::gpu::open().await?;
    Ok(Place { device: opened.device, name: opened.adapter.name })
}

#[cfg(not(feature = "gpu"))]
async fn web_gpu() -> Result<Place> {
    let message = "this build of Burrow has no WebGPU: encode on the CPU, or build with the \
                   feature \"gpu\"";
    Err(crate::error::Error::new(crate::error::ErrorKind::Device, message))
}
