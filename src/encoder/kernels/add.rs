//! What a layer adds to the rows that pass through it.

use super::cpu;
use crate::encoder::rows::Rows;

/// `x + y`, value by value: `[rows, dimension]` twice → the same.
pub(crate) fn add(x: Rows, y: &Rows) -> Rows {
    match (x, y) {
        (Rows::Cpu(x), Rows::Cpu(y)) => Rows::Cpu(cpu::add(x, y)),
        #[cfg(feature = "gpu")]
        (Rows::Gpu(x), Rows::Gpu(y)) => Rows::Gpu(x + y.clone()),
        #[cfg(feature = "gpu")]
        _ => super::apart(),
    }
}
