//! Does every kernel give what its twin on the CPU gives? All forms and shares of work, on the
//! device that is open, whichever of them it would use itself.

use super::{Shape, apart, profile};
use crate::encoder::DeviceKind;
use crate::encoder::device::{self, Place};
use crate::encoder::rows::{CpuRows, Rows};
use crate::error::Result;

/// One comparison.
#[derive(Debug, Clone)]
pub struct KernelCheck {
    /// Which kernel, how it shares out the work, and the shape.
    pub name: String,
    /// The greatest error, relative to the greatest value.
    pub error: f32,
    /// What was run.
    pub run: KernelRun,
}

/// One run of a kernel, to be repeated elsewhere.
#[derive(Debug, Clone)]
pub struct KernelRun {
    /// WGSL, whose function is `main`.
    pub source: String,
    /// How many there are, in three dimensions.
    pub workgroups: [usize; 3],
    /// What is bound, in order; the last is the result.
    pub buffers: Vec<Vec<u8>>,
}

/// Runs all comparisons on the WebGPU device.
///
/// # Errors
///
/// `Device` where there is none or it fails.
pub async fn check_kernels() -> Result<Vec<KernelCheck>> {
    let place = device::open(DeviceKind::WebGpu).await?;
    // Runs are kept for what is asked of them here; their time is not.
    profile::keep(|| 0.0);
    let checks = all(&place).await;
    profile::taken();
    checks
}

async fn all(place: &Place) -> Result<Vec<KernelCheck>> {
    let mut checks = super::linear::parity::checks(place).await?;
    checks.extend(super::attention::parity::checks(place).await?);
    checks.extend(super::norm::parity::checks(place).await?);
    checks.extend(rest(place).await?);
    Ok(checks)
}

/// Kernels of one form.
async fn rest(place: &Place) -> Result<Vec<KernelCheck>> {
    let mut checks = Vec::new();
    for rows in [1, 67] {
        let states = self::rows(3, rows, 76);
        let spans = [0..rows, rows - 1..rows, rows / 3..rows / 2 + 1];
        let found = super::means::means(&place.put(&states), &spans);
        let expected = super::cpu::means(&states, &spans);
        checks.push(compare(format!("means of {rows}"), place, found, &expected).await?);
    }
    Ok(checks)
}

impl Place {
    /// Puts rows there.
    pub(super) fn put(&self, rows: &CpuRows) -> Rows {
        self.rows(rows.values.to_vec(), rows.columns)
    }
}

/// Values in -1..1 that are the same everywhere.
pub(super) fn values(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32 * 2.0 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// So many rows of such values.
pub(super) fn rows(seed: u32, count: usize, columns: usize) -> CpuRows {
    CpuRows { values: values(seed, count * columns).into(), columns }
}

/// One sequence of so many rows.
pub(super) fn alone(rows: usize, place: &Place) -> Shape {
    Shape::new(vec![rows], place)
}

/// Compares a result with what it should be.
pub(super) async fn compare(
    name: String,
    place: &Place,
    found: Rows,
    expected: &CpuRows,
) -> Result<KernelCheck> {
    let run = match profile::last() {
        Some(launch) => launch.kept().await.map_err(|cause| place.failed(cause))?,
        None => apart(),
    };
    let found = place.read(found).await?;
    let greatest =
        expected.values.iter().fold(1e-30f32, |greatest, value| greatest.max(value.abs()));
    let apart = |(found, expected): (&f32, &f32)| (found - expected).abs();
    let worst = found.iter().zip(&*expected.values).map(apart).fold(0.0, f32::max);
    // What is not there is as wrong as can be.
    let is_whole = found.len() == expected.values.len();
    let error = if is_whole { worst / greatest } else { f32::INFINITY };
    Ok(KernelCheck { name, error, run })
}
