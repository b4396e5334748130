//! The product on the GPU.

use burn::tensor::{Device, Tensor};
use cubecl::server::Handle;

use super::Finish;
use super::source::{SPLIT_LANES, SPLIT_THREADS, Source};
use crate::encoder::gpu;
use crate::encoder::kernels::launch::{Client, GpuRows, Words};
use crate::encoder::kernels::{Shape, Store, apart};
use crate::encoder::matrix::{self, Form, Matrix, decode_scales};
use crate::encoder::rows::{Rows, Vector};

/// A matrix on the GPU.
pub(crate) struct GpuMatrix {
    rows: usize,
    columns: usize,
    form: Form,
    /// Blocks of four consecutive weights of a row (eight in q4), the same block of all rows side
    /// by side: neighbouring invocations, which make neighbouring outputs, read neighbouring words.
    codes: Words,
    /// f32, `[groups, rows]`; for the float forms nothing.
    scales: Option<Words>,
}

impl GpuMatrix {
    /// Puts a matrix on the GPU in its own form.
    pub(crate) fn new(matrix: &Matrix, device: &Device) -> Self {
        let client = Client::of(device);
        let block = block_bytes(matrix.form);
        let codes = turned(&matrix.codes, matrix.form.row_bytes(matrix.columns), block);
        let scales = (!matrix.scales.is_empty()).then(|| {
            let groups = matrix.columns / matrix::GROUP;
            let scales = turned(&matrix.scales, 2 * groups, 2);
            client.words(decode_scales(&scales).map(f32::to_bits))
        });
        Self {
            rows: matrix.rows,
            columns: matrix.columns,
            form: matrix.form,
            codes: client.bytes(&codes),
            scales,
        }
    }
}

impl GpuMatrix {
    /// A matrix of whatever values lie there.
    pub(crate) fn blank(rows: usize, columns: usize, form: Form, device: &Device) -> Self {
        let client = Client::of(device);
        let scales = 4 * rows * form.scale_bytes(columns) / 2;
        let scales = (scales > 0).then(|| client.blank(scales));
        let codes = client.blank(rows * form.row_bytes(columns));
        GpuMatrix { rows, columns, form, codes, scales }
    }
}

/// Bytes of a block: a word for the quantized forms, else four weights.
fn block_bytes(form: Form) -> usize {
    match form {
        Form::F32 => 16,
        Form::F16 | Form::Bf16 => 8,
        Form::Q8 | Form::Q4 => 4,
    }
}

/// Rows of blocks → columns of blocks.
fn turned(bytes: &[u8], row_bytes: usize, block: usize) -> Vec<u8> {
    let rows = bytes.len() / row_bytes;
    let mut turned = vec![0; bytes.len()];
    for (row, codes) in bytes.chunks_exact(row_bytes).enumerate() {
        for (at, code) in codes.chunks_exact(block).enumerate() {
            turned[(at * rows + row) * block..][..block].copy_from_slice(code);
        }
    }
    turned
}

/// How the work is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// An invocation makes four outputs of so many rows on its own.
    Direct { tile: usize },
    /// A workgroup makes few outputs of so many rows, and shares out the inputs.
    Split { tile: usize },
    /// A workgroup makes a tile through its own memory.
    Tile(TileSize),
}

/// Sizes of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TileSize {
    /// Rows of the tile.
    pub(super) rows: usize,
    /// Fours of outputs of the tile.
    pub(super) lanes: usize,
    /// Rows of an invocation, each of one four of outputs.
    pub(super) each: usize,
}

/// For products that fill a GPU: 32 outputs an invocation, 16 KiB of workgroup memory, which is what
/// every device has.
pub(super) const LARGE: TileSize = TileSize { rows: 64, lanes: 16, each: 8 };

/// For those that would leave most of it idle.
pub(super) const SMALL: TileSize = TileSize { rows: 32, lanes: 8, each: 4 };

/// Workgroups of large tiles that are enough to be worth it.
const LARGE_COUNT_MIN: usize = 64;

/// Up to so many rows, reading the weights takes longer than all else.
const SPLIT_ROWS_MAX: usize = 16;

impl Work {
    fn of(rows: usize, outputs: usize, facts: gpu::Facts) -> Self {
        // Barriers and workgroup memory cost a processor far more than they save.
        if facts.software {
            // Rows that an invocation makes: each weight that it reads serves them all.
            let tile = if rows == 1 {
                1
            } else if rows <= 32 {
                4
            } else {
                8
            };
            return Work::Direct { tile };
        }
        if rows <= SPLIT_ROWS_MAX {
            return Work::Split { tile: rows.next_power_of_two().min(8) };
        }
        let large = rows.div_ceil(LARGE.rows) * outputs.div_ceil(4 * LARGE.lanes);
        Work::Tile(if large >= LARGE_COUNT_MIN { LARGE } else { SMALL })
    }

    /// The same work of two products: half as many outputs of each.
    pub(super) fn halved(self) -> Self {
        match self {
            Work::Direct { tile } => Work::Direct { tile: tile.div_ceil(2) },
            Work::Split { tile } => Work::Split { tile: tile.div_ceil(2) },
            Work::Tile(size) => {
                Work::Tile(TileSize { lanes: size.lanes / 2, each: size.each / 2, ..size })
            }
        }
    }

    /// Invocations of a workgroup.
    pub(super) fn threads(self) -> usize {
        match self {
            Work::Direct { .. } => 64,
            Work::Split { .. } => SPLIT_THREADS,
            Work::Tile(size) => size.rows / size.each * size.lanes,
        }
    }

    /// Rows and fours of outputs that a workgroup makes.
    fn made(self) -> (usize, usize) {
        match self {
            Work::Direct { tile } => (tile, self.threads()),
            Work::Split { tile } => (tile, SPLIT_LANES),
            Work::Tile(size) => (size.rows, size.lanes),
        }
    }
}

/// `[rows, inputs]` → `[rows, outputs]`
pub(super) fn linear(
    x: &Tensor<2>,
    matrix: &GpuMatrix,
    finish: &Finish<'_>,
    shape: &Shape,
    store: Store,
) -> Tensor<2> {
    let x = GpuRows::of(x);
    let work = Work::of(x.count(), matrix.rows, gpu::facts());
    shared_out(&x, (matrix, None), finish, shape.words(), store, work)
}

/// `silu(gate(x)) · up(x)`: `[rows, inputs]` → `[rows, outputs]`
pub(super) fn gated(
    x: &Tensor<2>,
    [gate, up]: [&GpuMatrix; 2],
    shape: &Shape,
    store: Store,
) -> Tensor<2> {
    let x = GpuRows::of(x);
    let work = Work::of(x.count(), up.rows, gpu::facts()).halved();
    shared_out(&x, (up, Some(gate)), &Finish::default(), shape.words(), store, work)
}

pub(super) fn shared_out(
    x: &GpuRows,
    (matrix, gate): (&GpuMatrix, Option<&GpuMatrix>),
    finish: &Finish<'_>,
    shape: &Handle,
    store: Store,
    work: Work,
) -> Tensor<2> {
    let bias = finish.bias.map(vector);
    let residual = finish.residual.map(tensor);
    let source = Source {
        work,
        form: matrix.form,
        inputs: matrix.columns,
        outputs: matrix.rows,
        x: x.element(),
        store,
        gate: gate.map(|gate| gate.form),
        bias: bias.is_some(),
        gelu: finish.gelu,
        residual: residual.is_some(),
    };
    let mut inputs = vec![x.handle(), matrix.codes.handle(), shape];
    inputs.extend(matrix.scales.as_ref().map(Words::handle));
    if let Some(gate) = gate {
        inputs.push(gate.codes.handle());
        inputs.extend(gate.scales.as_ref().map(Words::handle));
    }
    inputs.extend(bias.iter().chain(&residual).map(GpuRows::handle));
    let (rows, lanes) = work.made();
    let count = [(matrix.rows / 4).div_ceil(lanes), x.count().div_ceil(rows), 1];
    let matrices = if gate.is_some() { 2 } else { 1 };
    let operations =
        [2, matrices, x.count(), matrix.rows, matrix.columns].map(|x| x as u64).iter().product();
    x.client.fill(source.program(), (count, operations), &inputs, [x.count(), matrix.rows], store)
}

fn vector(vector: &Vector) -> GpuRows {
    match vector {
        Vector::Gpu(vector) => GpuRows::of(vector),
        Vector::Cpu(_) => apart(),
    }
}

fn tensor(rows: &Rows) -> GpuRows {
    match rows {
        Rows::Gpu(rows) => GpuRows::of(rows),
        Rows::Cpu(_) => apart(),
    }
}
