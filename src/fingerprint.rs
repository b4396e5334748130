//! What an index was made with. Vectors of two fingerprints never meet.

use serde::{Deserialize, Serialize};

use crate::quantize::Quantizer;

/// The space in which an index's vectors live: everything that changes a vector changes this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The model's name as a person knows it, for messages only: `all-MiniLM-L6-v2`.
    pub model: String,
    /// Width of a vector. A multiple of 8.
    pub dimension: usize,
    /// How vectors are made small.
    pub quantizer: Quantizer,
    /// SHA-256, in hexadecimal, over weights, configuration, tokenizer, pooling and chunking.
    pub digest: String,
}

impl Fingerprint {
    /// Whether vectors of the two may be compared. The name is for people and does not count.
    pub fn same_space(&self, other: &Fingerprint) -> bool {
        self.digest == other.digest
            && self.dimension == other.dimension
            && self.quantizer == other.quantizer
    }
}
