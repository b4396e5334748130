//! What does it mean? Token ids → hidden states → one vector a span. The only place that knows burn, and
//! only for the GPU.

mod batch;
mod bert;
mod check;
mod config;
mod device;
#[cfg(feature = "gpu")]
mod gpu;
mod kernels;
mod layers;
mod loader;
mod manifest;
mod matrix;
pub mod pack;
mod parameters;
mod pass;
mod pause;
mod plan;
mod profile;
mod qwen3;
mod recipe;
mod rows;
mod spare;
mod table;
#[cfg(feature = "gpu")]
mod warm;
mod weights;

use std::ops::Range;

use self::config::Config;
use self::device::Place;
use self::kernels::Store;
use self::matrix::Form;
use self::pass::Network;
use self::table::Table;
use crate::chunks::ChunkLimits;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::tokens::Tokenizer;

#[cfg(feature = "gpu")]
pub use self::gpu::{Adapter, adapter};
pub(crate) use self::kernels::cpu::threads;
#[cfg(feature = "gpu")]
pub use self::kernels::parity::{KernelCheck, KernelRun, check_kernels};
pub use self::kernels::profile::KernelTime;
pub use self::loader::{Loader, ModelInfo};
pub use self::manifest::{FileFacts, Golden, MANIFEST, Manifest, PACKED_VERSION, Packed};
pub use self::pause::Pause;
pub use self::profile::Profile;
pub use self::recipe::Recipe;

/// Tokens that a chunk may hold: about a long paragraph, which one vector can still stand for.
const CHUNK_TOKENS_MAX: usize = 256;

/// The least that [`ChunkLimits`] allows for a chunk.
const CHUNK_TOKENS_MIN: usize = 8;

/// Tokens of a window, whatever more the model could read: 16 chunks of 256, as pplx-embed-context
/// was trained, and as much as one pass should ask of a small GPU.
const WINDOW_TOKENS_MAX: usize = 4096;

/// Chunks of a window.
const WINDOW_CHUNKS_MAX: usize = 16;

/// Tokens set aside for every chunk where chunks are tokenized on their own: a separator, and two
/// by which a text alone may differ from the same text within another.
const CHUNK_TOKENS_SPARE: usize = 3;

/// Where an encoder computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Kernels of our own: SIMD, and threads natively.
    Cpu,
    /// burn on wgpu.
    WebGpu,
}

/// Token ids of one sequence, special tokens included, and the spans that get a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Rows of the embedding table.
    pub ids: Vec<u32>,
    /// Positions in `ids`; may overlap (a chunk and its sentences), must not be empty.
    pub spans: Vec<Range<usize>>,
}

/// A loaded model on a device.
pub struct Encoder {
    fingerprint: Fingerprint,
    tokenizer: Tokenizer,
    recipe: Recipe,
    config: Config,
    table: Table,
    network: Network,
    place: Place,
    kind: DeviceKind,
    form: Form,
    store: Store,
    reasons: Vec<String>,
}

impl Encoder {
    /// What vectors of this encoder may be compared with.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The model's own tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How chunks become vectors.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// How much one chunk and one window may hold.
    pub fn limits(&self) -> ChunkLimits {
        let positions = self.config.positions - special_tokens(&self.tokenizer);
        let window = positions.min(WINDOW_TOKENS_MAX);
        let (window, context) = match self.recipe {
            Recipe::Late => (window, 2),
            Recipe::Separated { .. } => {
                (window.saturating_sub(WINDOW_CHUNKS_MAX * CHUNK_TOKENS_SPARE), 2)
            }
            // Each chunk is on its own: there is nothing to repeat.
            Recipe::LastToken { .. } => (window - 1, 0),
        };
        ChunkLimits {
            chunk_tokens_max: CHUNK_TOKENS_MAX.min(window),
            window_tokens_max: window,
            window_chunks_max: WINDOW_CHUNKS_MAX,
            context_chunks_max: context,
        }
    }

    /// The device in use and its name, where the adapter tells one.
    pub fn device(&self) -> (DeviceKind, &str) {
        (self.kind, &self.place.name)
    }

    /// How values between the layers are stored on the device: `f32` or `f16`.
    pub fn precision(&self) -> &'static str {
        match self.store {
            Store::Full => "f32",
            Store::Half => "f16",
        }
    }

    /// How the weights are stored: `f32`, `f16`, `bf16`, `q8` or `q4`.
    pub fn weights(&self) -> &'static str {
        self.form.name()
    }

    /// In which ways this is less than was asked for, as sentences to show.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// The least cosine to the unpacked model's vectors that is taken for right: coarser weights
    /// are allowed more.
    pub fn least_cosine(&self) -> f64 {
        check::least_cosine(self.form)
    }

    /// The tokens of a text with what the model wants before and after it.
    pub fn closed(&self, ids: &[u32]) -> Vec<u32> {
        match self.recipe {
            Recipe::LastToken { end } => [ids, &[end]].concat(),
            Recipe::Late | Recipe::Separated { .. } => {
                [self.tokenizer.prefix(), ids, self.tokenizer.suffix()].concat()
            }
        }
    }

    /// All ids as one span, or, for a model whose vector is that of the last token, that one.
    pub fn whole(&self, ids: &[u32]) -> Sequence {
        let first = match self.recipe {
            Recipe::LastToken { .. } => ids.len().saturating_sub(1),
            Recipe::Late | Recipe::Separated { .. } => 0,
        };
        Sequence { ids: ids.to_vec(), spans: vec![first..ids.len()] }
    }
}

fn special_tokens(tokenizer: &Tokenizer) -> usize {
    tokenizer.prefix().len() + tokenizer.suffix().len()
}

fn room_for_text(config: &Config, tokenizer: &Tokenizer) -> Result<()> {
    let special = special_tokens(tokenizer);
    if config.positions < special + CHUNK_TOKENS_MIN {
        let message = format!(
            "config.json: max_position_embeddings is {}, which beside {special} special tokens \
             leaves no room for text. Fetch the model's files again",
            config.positions
        );
        return Err(Error::new(ErrorKind::Model, message));
    }
    Ok(())
}
