//! Norms against their twins.

use super::{Heads, Rotation, Shape, Store, gpu};
use crate::encoder::device::Place;
use crate::encoder::kernels::parity::{KernelCheck, compare, rows, values};
use crate::encoder::kernels::{apart, cpu};
use crate::encoder::rows::{CpuRows, Rows, Vector};
use crate::error::Result;

/// Less than all invocations have a part, and more.
const DIMENSIONS: [usize; 2] = [76, 392];

pub(in crate::encoder::kernels) async fn checks(place: &Place) -> Result<Vec<KernelCheck>> {
    let mut checks = Vec::new();
    for (dimension, lanes) in DIMENSIONS.into_iter().flat_map(|width| [(width, 1), (width, 64)]) {
        checks.extend(whole(dimension, lanes, place).await?);
    }
    for (width, lanes) in [(20, 1), (20, 8), (128, 32), (128, 1), (64, 16)] {
        checks.push(rotated(width, lanes, place).await?);
    }
    Ok(checks)
}

/// RMS norm and layer norm of whole rows.
async fn whole(dimension: usize, lanes: usize, place: &Place) -> Result<[KernelCheck; 2]> {
    let (x, gain, bias) = (rows(1, 5, dimension), values(2, dimension), values(3, dimension));
    let (Rows::Gpu(on), Vector::Gpu(on_gain), Vector::Gpu(on_bias)) =
        (place.put(&x), place.vector(gain.clone()), place.vector(bias.clone()))
    else {
        apart()
    };
    let found = gpu::rms_norm(&on, &on_gain, 1e-6, (lanes, Store::Full));
    let expected = cpu::rms_norm(&x, &gain, 1e-6);
    let name = format!("rms norm {dimension} by {lanes}");
    let rms = compare(name, place, Rows::Gpu(found), &expected).await?;
    let found = gpu::layer_norm(&on, &on_gain, &on_bias, 1e-12, lanes);
    let expected = cpu::layer_norm(x, &gain, &bias, 1e-12);
    let name = format!("layer norm {dimension} by {lanes}");
    Ok([rms, compare(name, place, Rows::Gpu(found), &expected).await?])
}

async fn rotated(width: usize, lanes: usize, place: &Place) -> Result<KernelCheck> {
    let (heads, lengths) = (Heads { asking: 2, asked: 1, width, causal: false }, vec![5, 1, 30]);
    let shape = Shape::new(lengths, place);
    // With the values behind, as one product makes them.
    let (x, gains) = (rows(1, shape.rows(), 4 * width), values(2, 2 * width));
    let beside = Rows::Cpu(CpuRows { values: vec![0.0].into(), columns: 1 });
    let Rows::Cpu(turns) = Rotation::new(shape.tokens, width, 1e4, &beside).turns else { apart() };
    let (Rows::Gpu(on), Vector::Gpu(on_gains), Rows::Gpu(on_turns)) =
        (place.put(&x), place.vector(gains.clone()), place.put(&turns))
    else {
        apart()
    };
    let found = gpu::rotated_by(lanes, &on, &on_gains, &heads, 1e-6, &on_turns, &shape);
    let expected = cpu::rotated_norm(&x, &gains, &heads, 1e-6, &turns, &shape);
    compare(format!("rotated norm {width} by {lanes}"), place, Rows::Gpu(found), &expected).await
}
