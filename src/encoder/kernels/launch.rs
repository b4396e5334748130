//! Runs WGSL kernels on the device that burn computes on.

use burn::tensor::{Device, Tensor};
use burn_wgpu::{CubeTensor, Wgpu};
use cubecl::ir::metadata::Info;
use cubecl::ir::settings::Dim3;
use cubecl::ir::{ElemType, Scope, UIntKind};
use cubecl::prelude::{AddressType, ExecutionMode, KernelId, KernelMetadata, KernelSettings};
use cubecl::server::{Handle, KernelArguments};
use cubecl::{CubeCount, CubeKernel, PrecompiledSource};

use super::Store;

/// Invocations of a workgroup, in every kernel here.
pub(super) const GROUP: u32 = 64;

/// How a kernel's inputs are declared. Natively several tensors may share a buffer, and one buffer
/// must be used in one way; in a browser each tensor has its own.
const READ: &str = if cfg!(target_family = "wasm") { "read" } else { "read_write" };

/// A kernel's text with all its constants filled in.
pub(super) struct Program {
    pub(super) source: String,
}

impl Program {
    /// Fills `{{NAME}}`s in.
    pub(super) fn new(template: &str, constants: &[(&str, &str)]) -> Self {
        let mut source = template.replace("{{READ}}", READ);
        for (name, value) in constants {
            source = source.replace(&format!("{{{{{name}}}}}"), value);
        }
        let half = source.contains("f16>");
        Program { source: if half { format!("enable f16;\n{source}") } else { source } }
    }
}

impl KernelMetadata for Program {
    fn id(&self) -> KernelId {
        // What is compiled once is known again by its text.
        KernelId::new::<Self>().info(self.source.clone())
    }

    fn address_type(&self) -> ElemType {
        ElemType::UInt(UIntKind::U32)
    }
}

impl CubeKernel for Program {
    fn define(&self) -> cubecl::prelude::KernelDefinition {
        let cube = Dim3 { x: GROUP, y: 1, z: 1 };
        let settings = KernelSettings::new(cube, ExecutionMode::Checked, AddressType::U32);
        let body = Scope::root(settings.clone());
        cubecl::prelude::KernelDefinition { body, settings, info: Info::default() }
    }

    fn source(&self) -> Option<PrecompiledSource> {
        let (source, entrypoint_name) = (self.source.clone(), "main".to_owned());
        Some(PrecompiledSource { source, entrypoint_name, lang: "wgsl" })
    }
}

/// The way to a GPU.
#[derive(Clone)]
pub(super) struct Client {
    client: cubecl::client::Client,
    device: cubecl::Device,
}

/// Words that a kernel reads.
pub(super) struct Words(Handle);

impl Client {
    pub(super) fn of(device: &Device) -> Self {
        Client::of_tensor(&primitive(Tensor::<1>::empty([1], device)))
    }

    fn of_tensor(tensor: &CubeTensor) -> Self {
        Client { client: tensor.client.clone(), device: tensor.device.clone() }
    }

    /// Puts words on the GPU.
    pub(super) fn words(&self, words: impl Iterator<Item = u32>) -> Words {
        let bytes: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        self.bytes(&bytes)
    }

    /// Puts bytes on the GPU, a multiple of four.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Words {
        Words(self.client.create_from_slice(bytes))
    }

    /// Runs a kernel that fills a new tensor `[rows, columns]`, its last argument.
    pub(super) fn fill(
        &self,
        program: Program,
        count: [usize; 3],
        inputs: &[&Handle],
        shape: [usize; 2],
        store: Store,
    ) -> Tensor<2> {
        let dtype = match store {
            Store::Full => burn::tensor::DType::F32,
            Store::Half => burn::tensor::DType::F16,
        };
        let output = self.client.empty(shape[0] * shape[1] * dtype.size());
        let buffers =
            inputs.iter().copied().chain([&output]).map(|handle| handle.clone().binding());
        let arguments = KernelArguments::new().with_buffers(buffers.collect());
        let [x, y, z] = count.map(|count| count as u32);
        self.client.launch(Box::new(program), CubeCount::Static(x, y, z), arguments);
        let (client, device) = (self.client.clone(), self.device.clone());
        let output = CubeTensor::new_contiguous(client, device, shape.into(), output, dtype);
        Tensor::from_primitive::<Wgpu>(output)
    }
}

impl Words {
    pub(super) fn handle(&self) -> &Handle {
        &self.0
    }
}

/// A tensor on the GPU, row after row, and how it is stored there.
pub(super) struct GpuRows {
    pub(super) client: Client,
    tensor: CubeTensor,
}

/// What lies under burn's tensor.
fn primitive<const D: usize>(tensor: Tensor<D>) -> CubeTensor {
    let Ok(cube) = tensor.try_into_primitive::<Wgpu>() else {
        unreachable!("burn is built for no other device")
    };
    cube
}

impl GpuRows {
    pub(super) fn of<const D: usize>(tensor: &Tensor<D>) -> Self {
        let mut cube = primitive(tensor.clone());
        if !cube.is_contiguous() {
            // An operation on every value leaves them in order.
            cube = primitive(tensor.clone().mul_scalar(1.0));
        }
        GpuRows { client: Client::of_tensor(&cube), tensor: cube }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.tensor.handle
    }

    /// The element's name in WGSL.
    pub(super) fn element(&self) -> &'static str {
        match self.store() {
            Store::Full => "f32",
            Store::Half => "f16",
        }
    }

    pub(super) fn store(&self) -> Store {
        match self.tensor.dtype {
            burn::tensor::DType::F16 => Store::Half,
            _ => Store::Full,
        }
    }
}

/// The element's name in WGSL.
pub(super) fn element(store: Store) -> &'static str {
    match store {
        Store::Full => "f32",
        Store::Half => "f16",
    }
}
