//! Attention on the GPU.

use burn::tensor::Tensor;
use cubecl::server::Handle;

use super::{Columns, Heads, Shape};
use crate::encoder::gpu;
use crate::encoder::kernels::launch::{GROUP, GpuRows, Program, unrolled};

/// Keys that a tile looks at together.
const BLOCK: usize = 32;

/// Fours of the keys that lie in memory at a time.
const PIECE: usize = 8;

/// How the work is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// An invocation makes one head of one row on its own.
    Direct,
    /// A workgroup makes one head of 16 rows, so many times.
    Tile(usize),
}

impl Work {
    fn of(heads: &Heads, element_bytes: usize, facts: gpu::Facts) -> Self {
        // Barriers and workgroup memory cost a processor far more than they save.
        if facts.software || !matches!(heads.width, 32 | 64 | 128) {
            return Work::Direct;
        }
        let fits =
            |times: &usize| tile_bytes(*times, heads.width, element_bytes) <= facts.workgroup_bytes;
        Work::Tile([2, 1].into_iter().find(fits).unwrap_or(1))
    }
}

/// Workgroup memory of a tile.
fn tile_bytes(times: usize, width: usize, element_bytes: usize) -> usize {
    let (rows, threads) = (16 * times, 64 * times);
    let keys = 16 * PIECE * (BLOCK + 1);
    rows * width * element_bytes + keys + 4 * rows * (BLOCK + 1) + 8 * threads + 12 * rows + 8
}

pub(super) fn attention(
    inputs: [Columns<'_, GpuRows>; 3],
    heads: &Heads,
    shape: &Shape,
) -> Tensor<2> {
    let work = Work::of(heads, inputs[0].rows.store().bytes(), gpu::facts());
    let operations = heads.operations(shape);
    shared_out(inputs, heads, (shape.words(), operations), work)
}

pub(super) fn shared_out(
    inputs: [Columns<'_, GpuRows>; 3],
    heads: &Heads,
    (shape, operations): (&Handle, u64),
    work: Work,
) -> Tensor<2> {
    let [query, key, value] = inputs.map(|columns| columns.rows);
    let output = [query.count(), heads.asking * heads.width];
    let rows = match work {
        Work::Direct => GROUP as usize,
        Work::Tile(times) => 16 * times,
    };
    let count = [query.count().div_ceil(rows), heads.asking, 1];
    let program = program(inputs, heads, work);
    let handles = [query.handle(), key.handle(), value.handle(), shape];
    query.client.fill(program, (count, operations), &handles, output, query.store())
}

fn program(inputs: [Columns<'_, GpuRows>; 3], heads: &Heads, work: Work) -> Program {
    let label = format!("attention {} × {}", heads.asking, heads.width);
    let times = match work {
        Work::Direct => 1,
        Work::Tile(times) => times,
    };
    let (rows, threads) = (16 * times, 64 * times);
    let columns = inputs.map(|columns| (columns.rows.columns() / 4).to_string());
    let firsts = inputs.map(|columns| (columns.first / 4).to_string());
    let constants = [
        ("E", inputs[0].rows.element()),
        ("QUERY_ROW", &columns[0][..]),
        ("KEY_ROW", &columns[1]),
        ("VALUE_ROW", &columns[2]),
        ("QUERY_FIRST", &firsts[0]),
        ("KEY_FIRST", &firsts[1]),
        ("VALUE_FIRST", &firsts[2]),
        ("WIDTH", &(heads.width / 4).to_string()),
        ("ASKING", &heads.asking.to_string()),
        ("ASKED", &heads.asked.to_string()),
        ("SCALE", &format!("{:?}", 1.0 / (heads.width as f32).sqrt())),
        ("CAUSAL", if heads.causal { "true" } else { "false" }),
        ("ROWS", &rows.to_string()),
        ("THREADS", &threads.to_string()),
        ("BLOCK", &BLOCK.to_string()),
        ("EACH", &(heads.width / 16).to_string()),
        ("QUERIES", &(rows * heads.width / 4).to_string()),
        ("KEYS", &(PIECE * (BLOCK + 1)).to_string()),
        ("SCORES", &(rows * (BLOCK + 1)).to_string()),
    ];
    match work {
        Work::Direct => Program::new(label, include_str!("direct.wgsl"), &constants),
        Work::Tile(_) => {
            let template = unrolled(include_str!("tile.wgsl"), '~', 8);
            let template = unrolled(&template, '#', heads.width / 16);
            Program::new(label, &template, &constants)
        }
    }
}
