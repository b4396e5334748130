//! The operations that burn has no fitting kernel for. Each has two bodies under one name: on the
//! CPU, burn's own operations; on the GPU, a WGSL kernel.
//!
//! The kernels are written in WGSL, and not in burn's own kernel language, because the browser runs
//! WGSL: what is read here is what Chromium compiles, with no generator between.

pub(crate) mod attention;
#[cfg(feature = "gpu")]
mod launch;
#[cfg(feature = "gpu")]
pub(crate) mod linear;
pub(crate) mod means;
pub(crate) mod norm;
pub(crate) mod swiglu;

use burn::tensor::Device;

/// How the GPU stores a result. On the CPU everything is f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// f32
    Full,
    /// f16: half the memory to read and write. Sums are f32 all the same.
    Half,
}

/// The sequences of one forward pass, padded to one length.
pub(crate) struct Shape {
    /// How many there are.
    pub(crate) batch: usize,
    /// Tokens of each, padding included.
    pub(crate) tokens: usize,
    /// Tokens of each, without padding.
    pub(crate) lengths: Vec<usize>,
    /// The same for the kernels: rows, tokens, lengths.
    #[cfg(feature = "gpu")]
    words: Option<launch::Words>,
}

impl Shape {
    /// Sequences of these lengths, padded to `tokens`.
    pub(crate) fn new(lengths: Vec<usize>, tokens: usize, device: &Device) -> Self {
        #[cfg(feature = "gpu")]
        let words = launch::Client::of(device).map(|client| {
            let rows = lengths.len() * tokens;
            let words = [rows, tokens].into_iter().chain(lengths.iter().copied());
            client.words(words.map(|word| word as u32))
        });
        #[cfg(not(feature = "gpu"))]
        let _ = device;
        Shape {
            batch: lengths.len(),
            tokens,
            lengths,
            #[cfg(feature = "gpu")]
            words,
        }
    }

    /// Whether all sequences are of one length.
    fn is_even(&self) -> bool {
        self.lengths.iter().all(|&length| length == self.tokens)
    }
}
