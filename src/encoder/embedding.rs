//! Token ids → the rows that go into the first layer. The token table stays off the device: it is
//! by far the largest tensor and only a few rows of it are needed at a time.

use std::ops::Range;

use super::config::Config;
use super::weights::{Precision, Weights};
use crate::error::{Error, ErrorKind, Result};

/// The token table's name in the file.
pub(crate) const TOKENS: &str = "embeddings.word_embeddings.weight";
const POSITIONS: &str = "embeddings.position_embeddings.weight";
const SEGMENTS: &str = "embeddings.token_type_embeddings.weight";

/// The checked parts of the file that the embedding is made of.
pub(crate) struct Parts {
    /// Which bytes of the file are the token table.
    table: Range<usize>,
    precision: Precision,
    places: Vec<f32>,
}

/// The token table and what is added to its rows.
pub(crate) struct Embedding {
    /// `[vocabulary, dimension]` in the file's own precision.
    table: Vec<u8>,
    precision: Precision,
    /// Position embedding plus that of the first segment: `[positions, dimension]`.
    places: Vec<f32>,
    dimension: usize,
}

impl Parts {
    /// Finds the parts in `file`, of which `weights` is the header.
    ///
    /// # Errors
    ///
    /// As [`Weights::values`].
    pub(crate) fn find(file: &[u8], weights: &Weights<'_>, config: &Config) -> Result<Self> {
        let (precision, table) = weights.bytes(TOKENS, &[config.vocabulary, config.dimension])?;
        let start = table.as_ptr() as usize - file.as_ptr() as usize;
        let mut places = weights.values(POSITIONS, &[config.positions, config.dimension])?;
        let segments = weights.values(SEGMENTS, &[config.segments, config.dimension])?;
        for place in places.chunks_exact_mut(config.dimension) {
            add(place, &segments[..config.dimension]);
        }
        Ok(Parts { table: start..start + table.len(), precision, places })
    }
}

impl Embedding {
    /// Cuts the file down to its token table instead of copying it: in a browser memory that was
    /// once taken is never given back.
    pub(crate) fn new(mut file: Vec<u8>, parts: Parts, config: &Config) -> Self {
        file.truncate(parts.table.end);
        file.drain(..parts.table.start);
        file.shrink_to_fit();
        let Parts { precision, places, .. } = parts;
        Embedding { table: file, precision, places, dimension: config.dimension }
    }

    /// Token, position and segment embeddings added up, `[sequences × tokens, dimension]`, where
    /// every sequence is filled with rows of zeros up to `tokens`.
    ///
    /// # Errors
    ///
    /// `Model` where an id is not in the table: then the tokenizer is another model's.
    pub(crate) fn rows(&self, sequences: &[&[u32]], tokens: usize) -> Result<Vec<f32>> {
        let mut rows = vec![0.0; sequences.len() * tokens * self.dimension];
        let padded = rows.chunks_exact_mut(tokens * self.dimension);
        for (ids, sequence) in sequences.iter().zip(padded) {
            let places = self.places.chunks_exact(self.dimension);
            let slots = sequence.chunks_exact_mut(self.dimension).zip(places);
            for (&id, (row, place)) in ids.iter().zip(slots) {
                row.copy_from_slice(&self.row(id)?);
                add(row, place);
            }
        }
        Ok(rows)
    }

    fn row(&self, id: u32) -> Result<Vec<f32>> {
        let bytes = self.dimension * self.precision.width();
        let row = self.table.chunks_exact(bytes).nth(id as usize).ok_or_else(|| {
            let message = format!(
                "token {id} is not among the model's {} tokens: tokenizer.json and \
                 model.safetensors are not of one model, fetch both again",
                self.table.len() / bytes
            );
            Error::new(ErrorKind::Model, message)
        })?;
        Ok(self.precision.decode(row))
    }
}

fn add(row: &mut [f32], other: &[f32]) {
    for (value, other) in row.iter_mut().zip(other) {
        *value += other;
    }
}
