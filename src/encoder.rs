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
mod plan;
mod profile;
mod qwen3;
mod recipe;
mod rows;
mod table;
#[cfg(feature = "gpu")]
mod warm;
mod weights;

use std::ops::Range;

use self::bert::Bert;
use self::config::Config;
use self::device::Place;
use self::kernels::{Shape, Store};
use self::matrix::Form;
use self::qwen3::Qwen3;
use self::rows::Rows;
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

/// The layers, by family.
enum Network {
    Bert(Box<Bert>),
    Qwen3(Box<Qwen3>),
}

impl Network {
    /// Embedded rows → last hidden states, `[rows, dimension]` both.
    fn forward(&self, rows: Rows, shape: &Shape, store: Store) -> Rows {
        match self {
            Network::Bert(bert) => bert.forward(rows, shape),
            Network::Qwen3(qwen3) => qwen3.forward(rows, shape, store),
        }
    }

    /// Whether what lies between its layers can be stored in f16.
    fn knows_half(&self) -> bool {
        matches!(self, Network::Qwen3(_))
    }
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

    /// Last hidden states, `[tokens, dimension]` a sequence, padding left out.
    ///
    /// # Errors
    ///
    /// `Limit` where a sequence is longer than the model's positions, `Input` where one is empty,
    /// `Device` on failure or values that are not finite.
    pub async fn hidden_states(&self, batch: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let sequences: Vec<&[u32]> = batch.iter().map(Vec::as_slice).collect();
        let mut states = vec![Vec::new(); batch.len()];
        for pass in self.passes(&sequences)? {
            let (rows, shape) = self.forward(&sequences, &pass)?;
            let rows = self.place.read(rows).await?;
            for (&index, &start) in pass.members.iter().zip(&shape.starts) {
                let first = start * self.config.dimension;
                states[index] =
                    rows[first..][..batch[index].len() * self.config.dimension].to_vec();
            }
        }
        Ok(states)
    }

    /// The mean of the hidden states over every span, `[spans, dimension]` a sequence.
    ///
    /// # Errors
    ///
    /// As [`Encoder::hidden_states`]; `Input` also where a span is empty or not in its sequence.
    pub async fn embed(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        batch.iter().try_for_each(check_spans)?;
        let sequences: Vec<&[u32]> = batch.iter().map(|sequence| &sequence.ids[..]).collect();
        let mut vectors = vec![Vec::new(); batch.len()];
        for pass in self.passes(&sequences)? {
            if pass.members.iter().all(|&index| batch[index].spans.is_empty()) {
                continue;
            }
            let (states, shape) = self.forward(&sequences, &pass)?;
            let means = kernels::means::means(&states, &spans_of(batch, &pass, &shape));
            let mut means = &self.place.read(means).await?[..];
            for &index in &pass.members {
                let (own, rest) = means.split_at(batch[index].spans.len() * self.config.dimension);
                vectors[index] = own.to_vec();
                means = rest;
            }
        }
        Ok(vectors)
    }

    /// Checks the sequences' lengths and groups them.
    fn passes(&self, sequences: &[&[u32]]) -> Result<Vec<batch::Pass>> {
        let lengths: Vec<usize> = sequences.iter().map(|ids| ids.len()).collect();
        if lengths.contains(&0) {
            return Err(Error::new(ErrorKind::Input, "a sequence to encode has no tokens"));
        }
        match lengths.iter().find(|&&length| length > self.config.positions) {
            Some(length) => {
                let message = format!(
                    "a sequence of {length} tokens is longer than the {} that {} can read: cut it \
                     into windows",
                    self.config.positions, self.fingerprint.model
                );
                Err(Error::new(ErrorKind::Limit, message))
            }
            None => Ok(batch::passes(&lengths)),
        }
    }

    /// The last hidden states of one pass, and which sequence's they are.
    fn forward(&self, sequences: &[&[u32]], pass: &batch::Pass) -> Result<(Rows, Shape)> {
        let members: Vec<&[u32]> = pass.members.iter().map(|&index| sequences[index]).collect();
        let (rows, shape) = self.embedded(&members)?;
        let forward = || self.network.forward(rows, &shape, self.store);
        let states = match self.kind {
            DeviceKind::Cpu => threads::among(forward),
            // A GPU's work is queued by thread.
            DeviceKind::WebGpu => forward(),
        };
        #[cfg(target_feature = "atomics")]
        threads::check()?;
        Ok((states, shape))
    }

    /// What goes into the first layer, on the device.
    fn embedded(&self, members: &[&[u32]]) -> Result<(Rows, Shape)> {
        let shape = Shape::new(members.iter().map(|ids| ids.len()).collect(), &self.place);
        let rows = self.table.rows(members, &shape)?;
        Ok((self.place.rows(rows, self.config.dimension), shape))
    }

    /// The rows that leave each layer, `[layers]` of `[tokens, dimension]`, before the last norm:
    /// to find the layer in which two implementations part. None for models whose layers are not
    /// looked into.
    ///
    /// # Errors
    ///
    /// As [`Encoder::hidden_states`].
    pub async fn trace(&self, ids: &[u32]) -> Result<Option<Vec<Vec<f32>>>> {
        let Network::Qwen3(qwen3) = &self.network else { return Ok(None) };
        self.passes(&[ids])?;
        let (rows, shape) = self.embedded(&[ids])?;
        let mut layers = Vec::new();
        for states in qwen3.trace(rows, &shape, self.store) {
            layers.push(self.place.read(states).await?);
        }
        Ok(Some(layers))
    }
}

/// The spans of a pass's members, one after the other, in rows of the pass.
fn spans_of(batch: &[Sequence], pass: &batch::Pass, shape: &Shape) -> Vec<Range<usize>> {
    let members = pass.members.iter().zip(&shape.starts);
    let moved = |(&index, &row): (&usize, &usize)| {
        batch[index].spans.iter().map(move |span| span.start + row..span.end + row)
    };
    members.flat_map(moved).collect()
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

fn check_spans(sequence: &Sequence) -> Result<()> {
    let tokens = sequence.ids.len();
    match sequence.spans.iter().find(|span| span.is_empty() || span.end > tokens) {
        Some(span) => {
            let message = format!("the span {span:?} is empty or not within the {tokens} tokens");
            Err(Error::new(ErrorKind::Input, message))
        }
        None => Ok(()),
    }
}
