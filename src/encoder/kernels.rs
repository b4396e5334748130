//! What the layers compute. Each operation has two bodies under one name: `cpu`, and `gpu`, a WGSL
//! kernel.
//!
//! The kernels are written in WGSL, and not in burn's own kernel language, because the browser runs
//! WGSL: what is read here is what Chromium compiles, with no generator between.

pub(crate) mod attention;
pub(crate) mod cpu;
#[cfg(feature = "gpu")]
mod launch;
pub(crate) mod linear;
pub(crate) mod means;
pub(crate) mod norm;
#[cfg(feature = "gpu")]
pub(crate) mod pace;
#[cfg(feature = "gpu")]
pub(crate) mod parity;
pub(crate) mod profile;

use super::device::Place;

/// How the GPU stores a result. On the CPU everything is f32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// f32
    Full,
    /// f16: half the memory to read and write. Sums are f32 all the same.
    Half,
}

#[cfg(feature = "gpu")]
impl Store {
    /// Bytes of a value.
    fn bytes(self) -> usize {
        match self {
            Store::Full => 4,
            Store::Half => 2,
        }
    }
}

/// The sequences of one forward pass, one after the other: nothing is padded.
pub(crate) struct Shape {
    /// Tokens of the longest.
    pub(crate) tokens: usize,
    /// Tokens of each.
    pub(crate) lengths: Vec<usize>,
    /// The row of each one's first token.
    pub(crate) starts: Vec<usize>,
    rows: usize,
    /// The same for the kernels: rows, then for each row the first row of its sequence, and the row
    /// after its last.
    #[cfg(feature = "gpu")]
    words: Option<launch::Words>,
}

impl Shape {
    /// Sequences of these lengths.
    pub(crate) fn new(lengths: Vec<usize>, place: &Place) -> Self {
        let starts: Vec<usize> = lengths
            .iter()
            .scan(0, |next, &length| {
                *next += length;
                Some(*next - length)
            })
            .collect();
        let rows = lengths.iter().sum();
        #[cfg(feature = "gpu")]
        let words = place.gpu.as_ref().map(|device| {
            let sequences = starts.iter().zip(&lengths);
            let ends = sequences.flat_map(|(&start, &length)| {
                std::iter::repeat_n([start, start + length], length).flatten()
            });
            let words = std::iter::once(rows).chain(ends).map(|word| word as u32);
            launch::Client::of(device).words(words)
        });
        let _ = place;
        let tokens = lengths.iter().copied().max().unwrap_or(0);
        Shape {
            tokens,
            lengths,
            starts,
            rows,
            #[cfg(feature = "gpu")]
            words,
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

    /// Rows of all sequences.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Pairs of tokens of which one looks at the other.
    fn pairs(&self, causal: bool) -> usize {
        let pairs =
            |&length: &usize| if causal { length * (length + 1) / 2 } else { length * length };
        self.lengths.iter().map(pairs).sum()
    }
}

/// Waits until a device has done all that it was given.
///
/// # Errors
///
/// The device's own words where it fails.
#[cfg(feature = "gpu")]
pub(crate) async fn settle(device: &burn::tensor::Device) -> Result<(), String> {
    launch::Client::of(device).settle().await
}

/// Where values that belong together lie on different devices, which no pass lets happen.
#[cfg(feature = "gpu")]
fn apart() -> ! {
    unreachable!("all values of a pass lie on one device")
}
