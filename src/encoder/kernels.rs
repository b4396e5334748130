//! What the layers compute. Each operation has two bodies under one name: `cpu`, and `gpu`, a WGSL
//! kernel or burn's own operation.
//!
//! The kernels are written in WGSL, and not in burn's own kernel language, because the browser runs
//! WGSL: what is read here is what Chromium compiles, with no generator between.

pub(crate) mod add;
pub(crate) mod attention;
pub(crate) mod cpu;
pub(crate) mod gelu;
#[cfg(feature = "gpu")]
mod launch;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod means;
pub(crate) mod norm;
pub(crate) mod swiglu;

use super::device::Place;

/// How the GPU stores a result. On the CPU everything is f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// f32
    Full,
    /// f16: half the memory to read and write. Sums are f32 all the same.
    Half,
}

/// The sequences of one forward pass. On the CPU one follows the other; on the GPU they are padded
/// to one length.
pub(crate) struct Shape {
    /// Tokens of the longest.
    pub(crate) tokens: usize,
    /// Tokens of each, without padding.
    pub(crate) lengths: Vec<usize>,
    /// The row of each one's first token.
    pub(crate) starts: Vec<usize>,
    rows: usize,
    /// The same for the kernels: rows, tokens, lengths.
    #[cfg(feature = "gpu")]
    words: Option<launch::Words>,
}

impl Shape {
    /// Sequences of these lengths.
    pub(crate) fn new(lengths: Vec<usize>, place: &Place) -> Self {
        let tokens = lengths.iter().copied().max().unwrap_or(0);
        #[cfg(feature = "gpu")]
        if let Some(device) = &place.gpu {
            let rows = lengths.len() * tokens;
            let words = [rows, tokens].into_iter().chain(lengths.iter().copied());
            let words = launch::Client::of(device).words(words.map(|word| word as u32));
            let starts = (0..lengths.len()).map(|at| at * tokens).collect();
            return Shape { tokens, lengths, starts, rows, words: Some(words) };
        }
        let _ = place;
        let starts = lengths.iter().scan(0, |next, &length| {
            *next += length;
            Some(*next - length)
        });
        Shape {
            tokens,
            starts: starts.collect(),
            rows: lengths.iter().sum(),
            lengths,
            #[cfg(feature = "gpu")]
            words: None,
        }
    }

    /// What the GPU kernels read of this.
    #[cfg(feature = "gpu")]
    fn words(&self) -> &cubecl::server::Handle {
        match &self.words {
            Some(words) => words.handle(),
            None => apart(),
        }
    }

    /// Rows of all sequences, padding included.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }
}

/// Where values that belong together lie on different devices, which no pass lets happen.
#[cfg(feature = "gpu")]
fn apart() -> ! {
    unreachable!("all values of a pass lie on one device")
}
