//! Norms on the GPU.

use burn::tensor::Tensor;

use super::{Heads, Shape, Store};
use crate::encoder::gpu;
use crate::encoder::kernels::launch::{GROUP, GpuRows, Program, element};

/// Invocations that make a row: where a processor plays the GPU, waiting for one another costs it more
/// than all the rest.
pub(super) fn row_lanes() -> usize {
    if gpu::facts().software { 1 } else { GROUP as usize }
}

pub(super) fn rms_norm(
    x: &Tensor<2>,
    gain: &Tensor<1>,
    epsilon: f64,
    (lanes, store): (usize, Store),
) -> Tensor<2> {
    let [rows, dimension] = x.dims();
    let (x, gain) = (GpuRows::of(x), GpuRows::of(gain));
    let constants = [
        ("X", x.element()),
        ("Y", element(store)),
        ("SUM_OF", sum_of(lanes)),
        ("LANES", &lanes.to_string()),
        ("DIMENSION", &(dimension / 4).to_string()),
        ("EPSILON", &format!("{:?}", epsilon as f32)),
    ];
    let program = Program::new("rms norm".to_owned(), include_str!("rms.wgsl"), &constants);
    let inputs = [x.handle(), gain.handle()];
    let work = ([rows, 1, 1], 10 * (rows * dimension) as u64);
    x.client.fill(program, work, &inputs, [rows, dimension], store)
}

pub(super) fn layer_norm(
    x: &Tensor<2>,
    gain: &Tensor<1>,
    bias: &Tensor<1>,
    epsilon: f64,
    lanes: usize,
) -> Tensor<2> {
    let [rows, dimension] = x.dims();
    let (x, gain, bias) = (GpuRows::of(x), GpuRows::of(gain), GpuRows::of(bias));
    let constants = [
        ("SUM_OF", sum_of(lanes)),
        ("LANES", &lanes.to_string()),
        ("DIMENSION", &(dimension / 4).to_string()),
        ("EPSILON", &format!("{:?}", epsilon as f32)),
    ];
    let program = Program::new("layer norm".to_owned(), include_str!("layer.wgsl"), &constants);
    let inputs = [x.handle(), gain.handle(), bias.handle()];
    let work = ([rows, 1, 1], 10 * (rows * dimension) as u64);
    x.client.fill(program, work, &inputs, [rows, dimension], Store::Full)
}

pub(super) fn rotated_norm(
    x: &Tensor<2>,
    gains: &Tensor<1>,
    heads: &Heads,
    epsilon: f64,
    turns: &Tensor<2>,
    shape: &Shape,
) -> Tensor<2> {
    // Neighbours read neighbouring values; where a processor plays the GPU, one does it all.
    let lanes =
        if gpu::facts().software { 1 } else { (heads.width / 4).next_power_of_two().min(32) };
    rotated_by(lanes, x, gains, heads, epsilon, turns, shape)
}

pub(super) fn rotated_by(
    lanes: usize,
    x: &Tensor<2>,
    gains: &Tensor<1>,
    heads: &Heads,
    epsilon: f64,
    turns: &Tensor<2>,
    shape: &Shape,
) -> Tensor<2> {
    let [rows, columns] = x.dims();
    let output = [rows, heads.turned() * heads.width];
    let (x, gains, turns) = (GpuRows::of(x), GpuRows::of(gains), GpuRows::of(turns));
    let constants = [
        ("SHARE", if lanes == 1 { "" } else { SHARE }),
        ("E", x.element()),
        ("WIDTH", &(heads.width / 2).to_string()),
        ("ROW", &(columns / 2).to_string()),
        ("ASKING", &heads.asking.to_string()),
        ("HEADS", &heads.turned().to_string()),
        ("LANES", &lanes.to_string()),
        ("THREADS", &GROUP.to_string()),
        ("EPSILON", &format!("{:?}", epsilon as f32)),
    ];
    let label = "norm and rotation".to_owned();
    let program = Program::new(label, include_str!("rotated.wgsl"), &constants);
    let count = [(rows * heads.turned()).div_ceil(GROUP as usize / lanes), 1, 1];
    let inputs = [x.handle(), gains.handle(), turns.handle(), shape.words()];
    x.client.fill(program, (count, 10 * (rows * output[1]) as u64), &inputs, output, x.store())
}

/// The sum of the values of all who make a row.
fn sum_of(lanes: usize) -> &'static str {
    match lanes {
        1 => "fn sum_of(value: f32, lane: u32) -> f32 { return value; }",
        _ => SUM_OF,
    }
}

const SUM_OF: &str = "var<workgroup> parts: array<f32, LANES>;

fn sum_of(value: f32, lane: u32) -> f32 {
    workgroupBarrier();
    parts[lane] = value;
    workgroupBarrier();
    var total = 0.0f;
    for (var i = 0u; i < LANES; i++) {
        total += parts[i];
    }
    return total;
}";

/// The sum of a head's squares from those of its lanes.
const SHARE: &str = "squares[at] = sum;
    workgroupBarrier();
    sum = 0.0f;
    for (var i = at - lane; i < at - lane + LANES; i++) {
        sum += squares[i];
    }";
