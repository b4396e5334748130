//! The encoder's threads: workers that have this module on the same memory.

#![allow(unreachable_pub, reason = "wasm-bindgen exports what is public alone")]

use wasm_bindgen::prelude::*;

use crate::encoder;

/// The life of a worker beside the one that encodes: it shares the work, and comes back when another
/// one has died.
#[wasm_bindgen(js_name = threadRun)]
pub fn thread_run() {
    encoder::threads::help();
}

/// A worker has died: to be called in it, or in any other. What is being encoded fails as `device`.
#[wasm_bindgen(js_name = threadDied)]
pub fn thread_died() {
    encoder::threads::died();
}

/// How many threads share the work, the one that encodes among them.
#[wasm_bindgen(js_name = threads)]
pub fn threads() -> usize {
    encoder::threads::threads()
}
