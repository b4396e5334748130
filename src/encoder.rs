//! What does it mean? Token ids → hidden states → one vector a span. The only place that knows burn.

mod attention;
mod batch;
mod bert;
mod config;
mod device;
mod embedding;
#[cfg(feature = "gpu")]
mod gpu;
mod layers;
mod pool;
mod weights;

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use self::bert::Bert;
use self::config::Config;
use self::embedding::Embedding;
use self::weights::Weights;
use crate::chunks::{CHUNKER_VERSION, ChunkLimits};
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::page::content_hash;
use crate::quantize::Quantizer;
use crate::tokens::Tokenizer;

#[cfg(feature = "gpu")]
pub use self::gpu::{Adapter, adapter};

/// Tokens that a chunk may hold: about a long paragraph, which one vector can still stand for.
const CHUNK_TOKENS_MAX: usize = 256;

/// The least that [`ChunkLimits`] allows for a chunk.
const CHUNK_TOKENS_MIN: usize = 8;

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
pub struct Encoder {
    fingerprint: Fingerprint,
    tokenizer: Tokenizer,
    config: Config,
    embedding: Embedding,
    bert: Bert,
    device: Device,
    device_kind: DeviceKind,
    device_name: String,
}

impl Encoder {
    /// Checks the files, puts the weights on the device and encodes one word to see that it works.
    ///
    /// # Errors
    ///
    /// `Model` where a file is cut off, altered or of an unknown family; `Device` where the
    /// device cannot be had or computes nonsense.
    pub async fn load(files: ModelFiles, device: DeviceKind) -> Result<Self> {
        let config = Config::from_json(&files.config)?;
        let tokenizer = Tokenizer::from_json(&files.tokenizer)?;
        room_for_text(&config, &tokenizer)?;
        let fingerprint = fingerprint(&files, &config);
        let place = device::open(device).await?;
        let weights = Weights::open(&files.weights, embedding::TOKENS)?;
        let bert = Bert::load(&weights, &config, &place.device)?;
        let parts = embedding::Parts::find(&files.weights, &weights, &config)?;
        let encoder = Encoder {
            fingerprint,
            tokenizer,
            embedding: Embedding::new(files.weights, parts, &config),
            config,
            bert,
            device: place.device,
            device_kind: device,
            device_name: place.name,
        };
        encoder.try_out().await?;
        Ok(encoder)
    }

    /// What vectors of this encoder may be compared with.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The model's own tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How much one chunk and one window may hold.
    pub fn limits(&self) -> ChunkLimits {
        let window = self.config.positions - special_tokens(&self.tokenizer);
        ChunkLimits {
            chunk_tokens_max: CHUNK_TOKENS_MAX.min(window),
            window_tokens_max: window,
            window_chunks_max: 16,
            context_chunks_max: 2,
        }
    }

    /// The device in use and its name, where the adapter tells one.
    pub fn device(&self) -> (DeviceKind, &str) {
        (self.device_kind, &self.device_name)
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
            let padded = self.read(self.forward(&sequences, &pass)?).await?;
            let rows = padded.chunks_exact(pass.tokens * self.config.dimension);
            for (&index, rows) in pass.members.iter().zip(rows) {
                states[index] = rows[..batch[index].len() * self.config.dimension].to_vec();
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
            let members = pass.members.iter();
            let spans: Vec<&[Range<usize>]> =
                members.map(|&index| &batch[index].spans[..]).collect();
            if spans.iter().all(|spans| spans.is_empty()) {
                continue;
            }
            let means = pool::means(self.forward(&sequences, &pass)?, &spans, &self.device);
            let [_, most, dimension] = means.dims();
            let padded = self.read(means).await?;
            for (&index, rows) in pass.members.iter().zip(padded.chunks_exact(most * dimension)) {
                vectors[index] = rows[..batch[index].spans.len() * dimension].to_vec();
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

    /// The last hidden states of one pass, `[members, tokens, dimension]`.
    fn forward(&self, sequences: &[&[u32]], pass: &batch::Pass) -> Result<Tensor<3>> {
        let members: Vec<&[u32]> = pass.members.iter().map(|&index| sequences[index]).collect();
        let lengths: Vec<usize> = members.iter().map(|ids| ids.len()).collect();
        let (batch, dimension) = (members.len(), self.config.dimension);
        let rows = self.embedding.rows(&members, pass.tokens)?;
        let rows = TensorData::new(rows, [batch * pass.tokens, dimension]);
        let mask = attention::mask(&lengths, pass.tokens, &self.device);
        let states = self.bert.forward(Tensor::from_data(rows, &self.device), batch, mask.as_ref());
        Ok(states.reshape([batch, pass.tokens, dimension]))
    }

    /// Brings values back from the device.
    async fn read(&self, tensor: Tensor<3>) -> Result<Vec<f32>> {
        let failed = |cause: String| {
            let message = format!("the device {} failed: use another", self.device_name);
            Error::new(ErrorKind::Device, message).with_source(cause)
        };
        let data = tensor.into_data_async().await.map_err(|cause| failed(cause.to_string()))?;
        let values = data.try_into_vec::<f32>().map_err(|cause| failed(format!("{cause:?}")))?;
        if !values.iter().all(|value| value.is_finite()) {
            let message = format!(
                "the device {} gave values that are not finite: use another",
                self.device_name
            );
            return Err(Error::new(ErrorKind::Device, message));
        }
        Ok(values)
    }

    /// Encodes a word: a device that cannot do that is not used.
    async fn try_out(&self) -> Result<()> {
        let tokens = self.tokenizer.tokens("Burrow")?;
        let ids = tokens.iter().map(|token| token.id);
        let (prefix, suffix) = (self.tokenizer.prefix(), self.tokenizer.suffix());
        let ids: Vec<u32> =
            prefix.iter().copied().chain(ids).chain(suffix.iter().copied()).collect();
        let spans = vec![0..ids.len()];
        let vector = self.embed(&[Sequence { ids, spans }]).await?.concat();
        if vector.iter().all(|&value| value == 0.0) {
            let message = format!("the device {} gives zeros: use another", self.device_name);
            return Err(Error::new(ErrorKind::Device, message));
        }
        Ok(())
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

fn fingerprint(files: &ModelFiles, config: &Config) -> Fingerprint {
    let chunker = CHUNKER_VERSION.to_le_bytes();
    let parts: [&[u8]; 5] =
        [&files.weights, &files.config, &files.tokenizer, pool::POOLING.as_bytes(), &chunker];
    let digest = content_hash(&parts).iter().map(|byte| format!("{byte:02x}")).collect();
    Fingerprint {
        model: files.name.clone(),
        dimension: config.dimension,
        quantizer: Quantizer::MaxAbs,
        digest,
    }
}
