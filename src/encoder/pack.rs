//! Makes the packed form of a model: small shards that a browser can stream, check and keep one by
//! one, weights in f16, q8 or q4.

mod encode;
mod shard;

use std::collections::BTreeMap;

use super::config::Config;
use super::loader::sha256;
use super::manifest::{FileFacts, PACKED_VERSION, Packed};
use super::matrix::{Form, GROUP};
use super::plan::{self, Plan, Role};
use super::weights::{Piece, Weights, damaged};
use crate::error::{Error, ErrorKind, Result};
use shard::Builder;

/// The largest shard, in bytes: several are in flight at a time, and a reader's memory holds them.
pub const SHARD_BYTES_MAX: usize = 32 << 20;

/// Bytes of a shard where nothing else is asked for: three in flight, and the one that is put on
/// the device, stay below 96 MiB.
pub const SHARD_BYTES: usize = 16 << 20;

/// Texts whose vectors go into the manifest: a word, since the shortest texts suffer most from
/// coarse arithmetic, and two sentences.
pub const GOLDEN_TEXTS: [&str; 3] = [
    "River",
    "What is Deep Learning?",
    "Green leaves catch sunlight, and turn water and air into sugar; 植物用阳光制造食物。",
];

/// How the packed weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackedWeights {
    /// Half precision: as good as the original, half its size.
    F16,
    /// One byte a weight: a quarter.
    Q8,
    /// Half a byte a weight: an eighth, and no longer quite the same vectors.
    Q4,
}

impl PackedWeights {
    fn form(self) -> Form {
        match self {
            PackedWeights::F16 => Form::F16,
            PackedWeights::Q8 => Form::Q8,
            PackedWeights::Q4 => Form::Q4,
        }
    }

    /// The name in the manifest.
    pub fn name(self) -> &'static str {
        self.form().name()
    }
}

/// A file of the packed form.
pub struct Shard {
    /// `shard-00001.safetensors` and so on.
    pub name: String,
    /// The file's content.
    pub bytes: Vec<u8>,
}

/// Packs a model, weights file by weights file.
pub struct Packer {
    plan: Plan,
    weights: PackedWeights,
    /// Rows of each tensor that have come.
    rows: BTreeMap<String, usize>,
    builder: Builder,
    sources: Vec<(String, String)>,
    files: BTreeMap<String, FileFacts>,
}

impl Packer {
    /// For a model with this `config.json`; no shard holds more than `shard_bytes` of tensors.
    ///
    /// # Errors
    ///
    /// `Model` where the configuration cannot be read; `Limit` where shards would be too large.
    pub fn new(config: &[u8], weights: PackedWeights, shard_bytes: usize) -> Result<Self> {
        // The header takes some room too.
        if !(64 * 1024..=SHARD_BYTES_MAX - 64 * 1024).contains(&shard_bytes) {
            let message = format!(
                "shards of {shard_bytes} bytes: give a size between 64 KiB and a little under {} MiB",
                SHARD_BYTES_MAX >> 20
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(Packer {
            plan: plan::plan(&Config::from_json(config)?),
            weights,
            rows: BTreeMap::new(),
            builder: Builder::new(shard_bytes),
            sources: Vec::new(),
            files: BTreeMap::new(),
        })
    }

    /// Takes a weights file; gives the shards that are full.
    ///
    /// # Errors
    ///
    /// `Model` where the file is damaged, or its weights do not fit into the packed form.
    pub fn add(&mut self, file: &str, bytes: &[u8]) -> Result<Vec<Shard>> {
        self.sources.push((file.to_owned(), sha256(bytes)));
        let plan = std::mem::take(&mut self.plan);
        let added = Weights::open(file, bytes).and_then(|weights| {
            weights.pieces(&plan).try_for_each(|piece| self.put(file, &piece?))
        });
        self.plan = plan;
        added?;
        let full = self.builder.take_full();
        Ok(self.listed(full))
    }

    /// The last shard, and what the manifest says of all.
    ///
    /// # Errors
    ///
    /// `Model` where a tensor is missing.
    pub fn finish(mut self) -> Result<(Vec<Shard>, BTreeMap<String, FileFacts>, Packed)> {
        for (name, expected) in &self.plan {
            if self.rows.get(name) != expected.shape.first() {
                let message = format!(
                    "the weights files lack \"{name}\", or a part of it: fetch the model again"
                );
                return Err(Error::new(ErrorKind::Model, message));
            }
        }
        self.builder.close();
        let last = self.builder.take_full();
        let last = self.listed(last);
        self.sources.sort();
        let sources: String = self.sources.iter().map(|(_, sha256)| sha256.as_str()).collect();
        let packed = Packed {
            version: PACKED_VERSION,
            weights: self.weights.name().to_owned(),
            source: sha256(sources.as_bytes()),
        };
        Ok((last, self.files, packed))
    }

    fn put(&mut self, file: &str, piece: &Piece<'_>) -> Result<()> {
        let rows = self.rows.entry(piece.name.to_owned()).or_default();
        *rows += piece.rows;
        if *rows > piece.expected.shape[0] {
            return Err(damaged(file, &format!("\"{}\" is there twice", piece.name)));
        }
        let form = self.form_of(piece);
        let quantized = |form: Form| matches!(form, Form::Q8 | Form::Q4);
        if quantized(piece.form) && piece.form != form {
            let message = format!(
                "{file}: its weights are packed as {} already. Pack the publisher's own files: what \
                 was rounded once is not rounded again",
                piece.form.name()
            );
            return Err(Error::new(ErrorKind::Model, message));
        }
        let columns: usize = piece.expected.shape[1..].iter().product();
        self.builder.put(piece, form, columns).map_err(|name| {
            let message = format!(
                "{file}: \"{name}\" holds values that {} cannot. Choose other weights",
                form.name()
            );
            Error::new(ErrorKind::Model, message)
        })
    }

    /// Gains and biases are small and stay as they are; rows that cannot be cut into groups are
    /// left in f16.
    fn form_of(&self, piece: &Piece<'_>) -> Form {
        match piece.expected.role {
            Role::Small => Form::F32,
            Role::Table | Role::Matrix if piece.expected.shape[1].is_multiple_of(GROUP) => {
                self.weights.form()
            }
            Role::Table | Role::Matrix => Form::F16,
        }
    }

    fn listed(&mut self, shards: Vec<Shard>) -> Vec<Shard> {
        for shard in &shards {
            let facts = FileFacts { bytes: shard.bytes.len() as u64, sha256: sha256(&shard.bytes) };
            self.files.insert(shard.name.clone(), facts);
        }
        shards
    }
}
