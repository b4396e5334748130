//! Layer norm; RMS norm, alone and with the rotation that tells a token's position. In f32 in every
//! precision: squares of what f16 can hold do not fit into f16.

#[cfg(feature = "gpu")]
mod gpu;
#[cfg(feature = "gpu")]
pub(super) mod parity;

use super::attention::Heads;
use super::{Shape, Store, cpu, profile};
use crate::encoder::rows::{Rows, Vector};

/// Every row divided by the root of its mean square, then times `gain`: `[rows, dimension]` → the
/// same.
pub(crate) fn rms_norm(x: &Rows, gain: &Vector, epsilon: f64, store: Store) -> Rows {
    let _ = store;
    match (x, gain) {
        (Rows::Cpu(x), Vector::Cpu(gain)) => {
            timed("rms norm", x.values.len(), || Rows::Cpu(cpu::rms_norm(x, gain, epsilon)))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Vector::Gpu(gain)) => {
            Rows::Gpu(gpu::rms_norm(x, gain, epsilon, (gpu::row_lanes(), store)))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

/// Mean 0 and variance 1 in every row, then times `gain` plus `bias`: `[rows, dimension]` → the
/// same.
pub(crate) fn layer_norm(x: Rows, gain: &Vector, bias: &Vector, epsilon: f64) -> Rows {
    match (x, gain, bias) {
        (Rows::Cpu(x), Vector::Cpu(gain), Vector::Cpu(bias)) => {
            let values = x.values.len();
            timed("layer norm", values, || Rows::Cpu(cpu::layer_norm(x, gain, bias, epsilon)))
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Vector::Gpu(gain), Vector::Gpu(bias)) => {
            Rows::Gpu(gpu::layer_norm(&x, gain, bias, epsilon, gpu::row_lanes()))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

/// The cosines and sines of rotary positions.
pub(crate) struct Rotation {
    /// `[tokens, width]`: the cosines of half a head, then the sines.
    turns: Rows,
}

impl Rotation {
    /// For positions `0..tokens` and heads of a width, beside `rows`. Pair `i` of a head turns by
    /// `theta^(-2i / width)` a position.
    pub(crate) fn new(tokens: usize, width: usize, theta: f64, rows: &Rows) -> Self {
        let half = width / 2;
        let angle =
            |at: usize, pair: usize| at as f64 * theta.powf(-2.0 * pair as f64 / width as f64);
        let row = |at: usize| {
            let cosines = (0..half).map(move |pair| angle(at, pair).cos() as f32);
            cosines.chain((0..half).map(move |pair| angle(at, pair).sin() as f32))
        };
        let turns = (0..tokens).flat_map(row).collect();
        Rotation { turns: rows.beside(turns, width) }
    }
}

/// The RMS norm of every query and key by itself, then its rotation by the token's position. Rows that
/// begin with `asking` heads, and go on with `asked` → these, `[rows, (asking + asked) × width]`.
/// `gains` are two heads wide: those of the queries, then those of the keys.
pub(crate) fn rotated_norm(
    x: &Rows,
    gains: &Vector,
    heads: &Heads,
    epsilon: f64,
    rotation: &Rotation,
    shape: &Shape,
) -> Rows {
    match (x, gains, &rotation.turns) {
        (Rows::Cpu(x), Vector::Cpu(gains), Rows::Cpu(turns)) => {
            timed("norm and rotation", x.count() * heads.turned() * heads.width, || {
                Rows::Cpu(cpu::rotated_norm(x, gains, heads, epsilon, turns, shape))
            })
        }
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Vector::Gpu(gains), Rows::Gpu(turns)) => {
            Rows::Gpu(gpu::rotated_norm(x, gains, heads, epsilon, turns, shape))
        }
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}

/// About ten operations a value, and most of the time in reading them.
fn timed<T>(label: &str, values: usize, body: impl FnOnce() -> T) -> T {
    profile::timed(body, |_| (label.to_owned(), 10 * values as u64))
}
