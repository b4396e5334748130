//! The product on the GPU.

use burn::tensor::{Device, Tensor};

use crate::encoder::kernels::launch::{Client, GROUP, GpuRows, Program, Words, element};
use crate::encoder::kernels::{Shape, Store};
use crate::encoder::matrix::{self, Form, Matrix, decode_scales};

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

/// `[rows, inputs]` → `[rows, outputs]`
pub(super) fn linear(x: &Tensor<2>, matrix: &GpuMatrix, shape: &Shape, store: Store) -> Tensor<2> {
    let [rows, _] = x.dims();
    let x = GpuRows::of(x);
    // Rows that an invocation makes: each weight that it reads serves them all.
    let tile = if rows == 1 {
        1
    } else if rows <= 32 {
        4
    } else {
        8
    };
    let program = program(matrix, &x, tile, store);
    let outputs = matrix.rows / 4;
    let count = [outputs.div_ceil(GROUP as usize), rows.div_ceil(tile), 1];
    let mut inputs = vec![x.handle(), matrix.codes.handle(), shape.words()];
    inputs.extend(matrix.scales.as_ref().map(Words::handle));
    x.client.fill(program, count, &inputs, [rows, matrix.rows], store)
}

fn program(matrix: &GpuMatrix, x: &GpuRows, tile: usize, store: Store) -> Program {
    let quantized = matrix.scales.is_some();
    let body = if quantized { QUANTIZED } else { FLOAT };
    let template = include_str!("../linear.wgsl")
        .replace("{{BODY}}", body)
        .replace("{{COLUMNS}}", columns(matrix.form))
        .replace("{{SCALES}}", if quantized { SCALES } else { "" });
    let constants = [
        ("X", x.element()),
        ("Y", element(store)),
        ("INPUTS", &(matrix.columns / 4).to_string()),
        ("OUTPUTS", &(matrix.rows / 4).to_string()),
        ("TILE", &tile.to_string()),
        ("OUT", if quantized { "4" } else { "3" }),
    ];
    Program::new(&unrolled(&template, tile), &constants)
}

const SCALES: &str = "@group(0) @binding(3) var<storage, {{READ}}> scales: array<vec4<f32>>;";

const FLOAT: &str = "    for (var k = 0u; k < INPUTS; k++) {
        let w = columns(k, n);
        #sum$ += vec4f(x[row$ + k]) * w;
    }";

/// A group's sum is scaled once.
const QUANTIZED: &str = "    for (var group = 0u; group < INPUTS / 8u; group++) {
        #var part$ = vec4f();
        for (var k = group * 8u; k < group * 8u + 8u; k++) {
            let w = columns(k, n);
            #part$ += vec4f(x[row$ + k]) * w;
        }
        let scale = scales[group * OUTPUTS + n];
        #sum$ += part$ * scale;
    }";

/// How the weights `4k..4k+4` of outputs `4n..4n+4` are read: one output a column.
fn columns(form: Form) -> &'static str {
    match form {
        Form::F32 => {
            "let at = (k * OUTPUTS + n) * 4u;
    return mat4x4f(
        bitcast<vec4f>(codes[at]), bitcast<vec4f>(codes[at + 1u]),
        bitcast<vec4f>(codes[at + 2u]), bitcast<vec4f>(codes[at + 3u]));"
        }
        Form::F16 => {
            "let at = (k * OUTPUTS + n) * 2u;
    let a = codes[at];
    let b = codes[at + 1u];
    return mat4x4f(
        vec4f(unpack2x16float(a.x), unpack2x16float(a.y)),
        vec4f(unpack2x16float(a.z), unpack2x16float(a.w)),
        vec4f(unpack2x16float(b.x), unpack2x16float(b.y)),
        vec4f(unpack2x16float(b.z), unpack2x16float(b.w)));"
        }
        Form::Bf16 => {
            "let at = (k * OUTPUTS + n) * 2u;
    let a = codes[at];
    let b = codes[at + 1u];
    let low = vec4u(16u, 0u, 16u, 0u);
    let high = vec4u(0xffffu, 0xffff0000u, 0xffffu, 0xffff0000u);
    return mat4x4f(
        bitcast<vec4f>((a.xxyy & high) << low), bitcast<vec4f>((a.zzww & high) << low),
        bitcast<vec4f>((b.xxyy & high) << low), bitcast<vec4f>((b.zzww & high) << low));"
        }
        Form::Q8 => {
            "let words = bitcast<vec4i>(codes[k * OUTPUTS + n]);
    let up = vec4u(24u, 16u, 8u, 0u);
    let down = vec4u(24u);
    return mat4x4f(
        vec4f((words.xxxx << up) >> down), vec4f((words.yyyy << up) >> down),
        vec4f((words.zzzz << up) >> down), vec4f((words.wwww << up) >> down));"
        }
        Form::Q4 => {
            "let words = codes[(k / 2u) * OUTPUTS + n];
    let down = vec4u(0u, 4u, 8u, 12u) + vec4u((k & 1u) * 16u);
    let low = vec4u(15u);
    let zero = vec4f(8.0);
    return mat4x4f(
        vec4f((words.xxxx >> down) & low) - zero, vec4f((words.yyyy >> down) & low) - zero,
        vec4f((words.zzzz >> down) & low) - zero, vec4f((words.wwww >> down) & low) - zero);"
        }
    }
}

/// Repeats lines that begin with `#` for every row of the tile, with `$` as its number: compilers
/// keep what has a name of its own in registers.
fn unrolled(template: &str, tile: usize) -> String {
    let mut source = String::new();
    for line in template.lines() {
        match line.trim_start().strip_prefix('#') {
            Some(repeated) => {
                for row in 0..tile {
                    source += &repeated.replace('$', &row.to_string());
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
