//! The one WebGPU device of this process. burn opens a device once and never again, so it is kept
//! and shared by all encoders.

use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuInitError, WgpuSetup, wgpu};

use crate::error::{Error, ErrorKind, Result};

/// What is known of the adapter that burn chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// The name to show, `WebGPU` where the adapter tells none.
    pub name: String,
    /// Whether it only pretends to be a GPU: then the CPU itself is quicker.
    pub software: bool,
}

/// An open device and what it runs on.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) device: Device,
    pub(crate) adapter: Adapter,
}

/// Opens the WebGPU device, Vulkan, Metal or DX12 natively, and tells what it runs on.
///
/// # Errors
///
/// `Device` where there is no adapter or it gives no device.
pub async fn adapter() -> Result<Adapter> {
    Ok(open().await?.adapter)
}

/// Natively several threads may ask at once: the first opens, the others wait for it.
#[cfg(not(target_family = "wasm"))]
pub(crate) async fn open() -> Result<Opened> {
    use std::sync::{Mutex, PoisonError};

    static OPENED: Mutex<Option<Opened>> = Mutex::new(None);
    let mut kept = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(opened) = kept.as_ref() {
        return Ok(opened.clone());
    }
    let (device, setup) = Device::wgpu_options().init_with_setup().map_err(refused)?;
    Ok(kept.insert(opened(device, &setup)).clone())
}

/// In a browser one worker is one thread, and its one encoder asks once at a time.
#[cfg(target_family = "wasm")]
pub(crate) async fn open() -> Result<Opened> {
    use std::cell::RefCell;

    thread_local! {
        static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
    }
    if let Some(opened) = OPENED.with_borrow(Clone::clone) {
        return Ok(opened);
    }
    let (device, setup) = Device::wgpu_options().init_with_setup_async().await.map_err(refused)?;
    let opened = opened(device, &setup);
    OPENED.set(Some(opened.clone()));
    Ok(opened)
}

fn opened(device: Device, setup: &WgpuSetup) -> Opened {
    let info = setup.adapter.get_info();
    let software = info.device_type == wgpu::DeviceType::Cpu || is_software(&info.name);
    let name = if info.name.is_empty() { "WebGPU".to_owned() } else { info.name };
    Opened { device, adapter: Adapter { name, software } }
}

/// Browsers do not tell the type of an adapter, but the known software ones by name.
fn is_software(name: &str) -> bool {
    let name = name.to_lowercase();
    ["swiftshader", "llvmpipe", "lavapipe", "basic render"].iter().any(|known| name.contains(known))
}

fn refused(cause: WgpuInitError) -> Error {
    let message = "no WebGPU device can be had: encode on the CPU";
    Error::new(ErrorKind::Device, message).with_source(cause)
}
