//! What does it mean? Token ids → hidden states → one vector a span. The only place that knows burn.

use std::ops::Range;

use crate::chunks::ChunkLimits;
use crate::error::Result;
use crate::fingerprint::Fingerprint;
use crate::tokens::Tokenizer;

/// The files of a model, as they lie in its folder.
pub struct ModelFiles {
    /// The model's name for people, by custom its folder's: `all-MiniLM-L6-v2`.
    pub name: String,
    /// `config.json`.
    pub config: Vec<u8>,
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `model.safetensors`.
    pub weights: Vec<u8>,
}

/// Where an encoder computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// burn-flex: SIMD, and threads natively.
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
pub struct Encoder {}

impl Encoder {
    /// Checks the files and puts the weights on the device.
    ///
    /// # Errors
    ///
    /// `Model` where a file is cut off, altered or of an unknown family; `Device` where the
    /// device cannot be had.
    pub async fn load(files: ModelFiles, device: DeviceKind) -> Result<Self> {
        let _ = (files, device);
        todo!()
    }

    /// What vectors of this encoder may be compared with.
    pub fn fingerprint(&self) -> &Fingerprint {
        todo!()
    }

    /// The model's own tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        todo!()
    }

    /// How much one chunk and one window may hold.
    pub fn limits(&self) -> ChunkLimits {
        todo!()
    }

    /// The device in use and its name, where the adapter tells one.
    pub fn device(&self) -> (DeviceKind, &str) {
        todo!()
    }

    /// Last hidden states, `[tokens, dimension]` a sequence, padding left out.
    ///
    /// # Errors
    ///
    /// `Limit` where a sequence is longer than the model's positions, `Device` on failure or
    /// values that are not finite.
    pub async fn hidden_states(&self, batch: &[Vec<u32>]) -> Result<Vec<Vec<f32>>> {
        let _ = batch;
        todo!()
    }

    /// The mean of the hidden states over every span, `[spans, dimension]` a sequence.
    ///
    /// # Errors
    ///
    /// As [`Encoder::hidden_states`].
    pub async fn embed(&self, batch: &[Sequence]) -> Result<Vec<Vec<f32>>> {
        let _ = batch;
        todo!()
    }
}
