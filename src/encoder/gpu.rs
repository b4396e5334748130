//! The WebGPU device of this process, which all encoders share: opened here, and not by burn, so
//! that it keeps to WebGPU's default limits of memory on every adapter.

use std::sync::OnceLock;

use burn::tensor::Device;
use burn::tensor::wgpu::{WgpuSetup, wgpu};

use crate::error::{Error, ErrorKind, Result};

/// The most that one binding of a kernel may see, in bytes: WebGPU's default.
const BINDING_BYTES_MAX: u64 = 128 << 20;

/// The largest buffer, in bytes: WebGPU's default.
const BUFFER_BYTES_MAX: u64 = 256 << 20;

/// What is known of the adapter that was chosen.
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
    /// Whether its shaders know f16.
    pub(crate) half: bool,
}

/// What the choice between kernels depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whether a processor plays the GPU.
    pub(crate) software: bool,
    /// Memory that a workgroup can share.
    pub(crate) workgroup_bytes: usize,
}

static FACTS: OnceLock<Facts> = OnceLock::new();

/// Those of the device that is open; before that, what every device has.
pub(crate) fn facts() -> Facts {
    FACTS.get().copied().unwrap_or(Facts { software: true, workgroup_bytes: 16 << 10 })
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
    let opened = cubecl::future::block_on(request())?;
    Ok(kept.insert(opened).clone())
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
    let opened = request().await?;
    OPENED.set(Some(opened.clone()));
    Ok(opened)
}

async fn request() -> Result<Opened> {
    #[cfg(target_family = "wasm")]
    construct();
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::PRIMARY,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let options = wgpu::RequestAdapterOptions {
        power_preference: wgpu::PowerPreference::HighPerformance,
        ..wgpu::RequestAdapterOptions::default()
    };
    let adapter = instance.request_adapter(&options).await.map_err(refused)?;
    let (device, queue) = adapter.request_device(&descriptor(&adapter)).await.map_err(refused)?;
    let info = adapter.get_info();
    let half = device.features().contains(wgpu::Features::SHADER_F16);
    let workgroup_bytes = device.limits().max_compute_workgroup_storage_size as usize;
    let setup = WgpuSetup { instance, adapter, device, queue, backend: info.backend };
    let device = Device::wgpu_options().setup(setup).init().map_err(refused)?;
    let software = info.device_type == wgpu::DeviceType::Cpu || is_software(&info.name);
    FACTS.get_or_init(|| Facts { software, workgroup_bytes });
    let name = if info.name.is_empty() { "WebGPU".to_owned() } else { info.name };
    Ok(Opened { device, adapter: Adapter { name, software }, half })
}

/// Runs what CubeCL wants run before all else. Who does not do it has it done by the linker, at the
/// beginning of every call from JavaScript, of which there are hundreds in a pass: that took three
/// quarters of the time of a short text.
#[cfg(target_family = "wasm")]
fn construct() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker makes it; what is constructed already stays as it is.
    unsafe { __wasm_call_ctors() }
}

/// All that the adapter can, but for memory: what runs at the default limits runs everywhere.
fn descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    let mut limits = adapter.limits();
    limits.max_buffer_size = limits.max_buffer_size.min(BUFFER_BYTES_MAX);
    limits.max_storage_buffer_binding_size =
        limits.max_storage_buffer_binding_size.min(BINDING_BYTES_MAX);
    // burn asks the adapter, and not the device, what its own kernels may use.
    let features = adapter.features()
        - wgpu::Features::MAPPABLE_PRIMARY_BUFFERS
        - wgpu::Features::all_experimental_mask();
    wgpu::DeviceDescriptor {
        label: Some("burrow"),
        required_features: features,
        required_limits: limits,
        memory_hints: wgpu::MemoryHints::MemoryUsage,
        ..wgpu::DeviceDescriptor::default()
    }
}

/// Browsers do not tell the type of an adapter, but the known software ones by name.
fn is_software(name: &str) -> bool {
    let name = name.to_lowercase();
    ["swiftshader", "llvmpipe", "lavapipe", "basic render"].iter().any(|known| name.contains(known))
}

fn refused(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    let message = "no WebGPU device can be had: encode on the CPU";
    Error::new(ErrorKind::Device, message).with_source(cause)
}
