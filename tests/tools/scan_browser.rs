//! Scanning and rescoring as WebAssembly, against their naive twins there.
//!
//! `tests/browser/search.test.mjs` runs it. It is built with the search module's flags, and is no part
//! of the package.

#[path = "../oracle/mod.rs"]
mod oracle;

use burrow::index::hamming::Kernel;
use oracle::scan::{self, Compared};
use wasm_bindgen::prelude::*;

/// The names of the kernels that this browser has, the fastest first.
#[wasm_bindgen]
pub fn kernels() -> Vec<String> {
    Kernel::available().iter().map(|kernel| kernel.name().to_owned()).collect()
}

/// How often something was compared with its twin, and what was not the same.
#[wasm_bindgen(getter_with_clone)]
pub struct Outcome {
    /// Comparisons.
    pub times: usize,
    /// A line for each that failed.
    pub wrong: Vec<String>,
}

impl From<Compared> for Outcome {
    fn from(Compared { times, wrong }: Compared) -> Self {
        Outcome { times, wrong }
    }
}

/// See [`scan::distances`].
#[wasm_bindgen]
pub fn distances() -> Outcome {
    scan::distances(&Kernel::available()).into()
}

/// See [`scan::nearest`].
#[wasm_bindgen]
pub fn nearest() -> Outcome {
    scan::nearest(&Kernel::available()).into()
}

/// See [`scan::cosines`].
#[wasm_bindgen]
pub fn cosines() -> Outcome {
    scan::cosines().into()
}
