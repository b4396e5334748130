//! The encoder equals PyTorch, is not moved by padding or company, and refuses damaged files.
#![cfg(feature = "encoder")]

#[path = "../support/mod.rs"]
mod support;

#[allow(dead_code, reason = "the benchmarks use the rest")]
#[path = "../support/large.rs"]
mod invented;

mod files;
#[cfg(feature = "gpu")]
mod gpu;
mod goldens;
mod inputs;
#[cfg(feature = "gpu")]
mod kernels;
mod large;
mod long;
mod packed;
mod parity;
mod qwen3;
mod reference;
