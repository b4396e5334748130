//! Runs WGSL kernels on the device that burn computes on.

use burn::tensor::{Device, Tensor};
use burn_wgpu::{CubeTensor, Wgpu};
use cubecl::ir::metadata::Info;
use cubecl::ir::settings::Dim3;
use cubecl::ir::{ElemType, Scope, UIntKind};
use cubecl::prelude::{AddressType, ExecutionMode, KernelId, KernelMetadata, KernelSettings};
use cubecl::server::{Handle, KernelArguments};
use cubecl::{CubeCount, CubeKernel, PrecompiledSource};

use super::parity::KernelRun;
use super::{Store, pace, profile};

/// Invocations of a workgroup, in every kernel here.
pub(super) const GROUP: u32 = 64;

/// How a kernel's inputs are declared. Natively several tensors may share a buffer, and one buffer
/// must be used in one way; in a browser each tensor has its own.
const READ: &str = if cfg!(target_family = "wasm") { "read" } else { "read_write" };

/// A kernel's text with all its constants filled in.
#[derive(Clone)]
pub(super) struct Program {
    /// What it computes, for those who measure.
    pub(super) label: String,
    pub(super) source: String,
}

impl Program {
    /// Fills `{{NAME}}`s in.
    pub(super) fn new(label: String, template: &str, constants: &[(&str, &str)]) -> Self {
        let mut source = template.replace("{{READ}}", READ);
        for (name, value) in constants {
            source = source.replace(&format!("{{{{{name}}}}}"), value);
        }
        let half = source.contains("f16>");
        let source = if half { format!("enable f16;\n{source}") } else { source };
        Program { label, source }
    }
}

/// Repeats lines that begin with the mark so many times, with `$` as the number: compilers keep what
/// has a name of its own in registers.
pub(super) fn unrolled(template: &str, mark: char, count: usize) -> String {
    let mut source = String::new();
    for line in template.lines() {
        match line.trim_start().strip_prefix(mark) {
            Some(repeated) => {
                for at in 0..count {
                    source += &repeated.replace('$', &at.to_string());
                    source.push('\n');
                }
            }
            None => {
                source += line;
                source.push('\n');
            }
        }
    }
    source
}

/// Lines that begin with the mark, without it, or without these lines.
pub(super) fn marked(template: &str, mark: char, are_kept: bool) -> String {
    let kept = template.lines().filter_map(|line| match line.trim_start().strip_prefix(mark) {
        Some(marked) => are_kept.then_some(marked),
        None => Some(line),
    });
    kept.flat_map(|line| [line, "\n"]).collect()
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
        // Every loop here ends, and no index leaves its buffer: nothing need be watched.
        let settings = KernelSettings::new(cube, ExecutionMode::Unchecked, AddressType::U32);
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

    /// Room on the GPU, in bytes.
    pub(super) fn blank(&self, bytes: usize) -> Words {
        Words(self.client.empty(bytes))
    }

    /// Puts bytes on the GPU, a multiple of four.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Words {
        Words(self.client.create_from_slice(bytes))
    }

    /// Runs a kernel that fills a new tensor `[rows, columns]`, its last argument, with so many
    /// operations.
    pub(super) fn fill(
        &self,
        program: Program,
        (count, operations): ([usize; 3], u64),
        inputs: &[&Handle],
        shape: [usize; 2],
        store: Store,
    ) -> Tensor<2> {
        let dtype = match store {
            Store::Full => burn::tensor::DType::F32,
            Store::Half => burn::tensor::DType::F16,
        };
        let output = self.client.empty(shape[0] * shape[1] * dtype.size());
        let buffers = inputs.iter().copied().chain([&output]).cloned().collect();
        let launch = Launch { client: self.clone(), program, count, operations, buffers };
        launch.run();
        pace::spent(&self.client, operations);
        profile::note(launch);
        let (client, device) = (self.client.clone(), self.device.clone());
        let output = CubeTensor::new_contiguous(client, device, shape.into(), output, dtype);
        Tensor::from_primitive::<Wgpu>(output)
    }

    /// Waits until the device has done all that it was given.
    pub(super) async fn settle(&self) -> Result<(), String> {
        self.client.sync().await.map_err(|cause| cause.to_string())
    }
}

/// One run of a kernel.
pub(super) struct Launch {
    pub(super) client: Client,
    pub(super) program: Program,
    /// Workgroups.
    count: [usize; 3],
    /// Multiplications and additions.
    pub(super) operations: u64,
    buffers: Vec<Handle>,
}

impl Launch {
    /// The same run of a kernel of another text.
    pub(super) fn with_source(&self, source: String) -> Launch {
        let program = Program { label: self.program.label.clone(), source };
        let (client, buffers) = (self.client.clone(), self.buffers.clone());
        Launch { client, program, count: self.count, operations: self.operations, buffers }
    }

    /// All that another device needs to do the same.
    pub(super) async fn kept(&self) -> Result<KernelRun, String> {
        let read = self.client.client.read_async(self.buffers.clone()).await;
        let buffers = read.map_err(|cause| cause.to_string())?;
        Ok(KernelRun {
            source: self.program.source.clone(),
            workgroups: self.count,
            buffers: buffers.iter().map(|bytes| bytes.to_vec()).collect(),
        })
    }

    pub(super) fn run(&self) {
        let buffers = self.buffers.iter().map(|handle| handle.clone().binding());
        let arguments = KernelArguments::new().with_buffers(buffers.collect());
        let count = if pace::is_held_back() { [1; 3] } else { self.count };
        let [x, y, z] = count.map(|count| count as u32);
        let program = Box::new(self.program.clone());
        self.client.client.launch(program, CubeCount::Static(x, y, z), arguments);
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
        let cube = primitive(tensor.clone());
        // What kernels fill and what comes from data lies row after row; no operation here turns it.
        debug_assert!(cube.is_contiguous());
        GpuRows { client: Client::of_tensor(&cube), tensor: cube }
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.tensor.handle
    }

    /// How many rows there are.
    pub(super) fn count(&self) -> usize {
        self.tensor.meta.shape()[0]
    }

    /// How long a row is.
    pub(super) fn columns(&self) -> usize {
        self.tensor.meta.shape()[1]
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
