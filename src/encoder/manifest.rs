//! `burrow.json`: what a model's files must be, and vectors by which a device is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// The file's name.
pub const MANIFEST: &str = "burrow.json";

/// What is known of a model's folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Every file, by its name.
    pub files: BTreeMap<String, FileFacts>,
    /// What `burrow pack` made of the weights; absent where they are the publisher's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<Packed>,
    /// Texts with the vectors that the unpacked weights give in f32 on a CPU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goldens: Vec<Golden>,
}

/// A file's size and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
}

/// How weights were packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packed {
    /// Version of the packed form.
    pub version: u32,
    /// `f16`, `q8` or `q4`.
    pub weights: String,
    /// SHA-256, in hexadecimal, over the SHA-256s of the unpacked weights files.
    pub source: String,
}

/// A text's tokens and its vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Golden {
    /// Token ids, special tokens included.
    pub ids: Vec<u32>,
    /// `[dimension]`: the mean of all hidden states or, for models of that kind, the last.
    pub vector: Vec<f32>,
}

/// The packed form that is written, and the newest that is read.
pub const PACKED_VERSION: u32 = 1;

impl Manifest {
    /// Reads a `burrow.json`.
    ///
    /// # Errors
    ///
    /// `Model` where the bytes are no manifest, or one of a newer version, or a golden vector is
    /// not finite.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let manifest: Manifest = serde_json::from_slice(json).map_err(|cause| {
            let message = format!(
                "{MANIFEST} ({} bytes) is not a list of a model's files: fetch or pack the model \
                 again",
                json.len()
            );
            Error::new(ErrorKind::Model, message).with_source(cause)
        })?;
        match manifest.packed.as_ref().map(|packed| packed.version) {
            Some(version) if version > PACKED_VERSION => {
                let message = format!(
                    "{MANIFEST} is of version {version}, made by a newer Burrow; this one reads up \
                     to {PACKED_VERSION}: update, or pack the model again"
                );
                Err(Error::new(ErrorKind::Model, message))
            }
            _ => manifest.with_finite_goldens(),
        }
    }

    /// A number in JSON may be too large for an f32. With such a golden vector every device would be
    /// found to compute wrongly.
    fn with_finite_goldens(self) -> Result<Self> {
        let mut values = self.goldens.iter().flat_map(|golden| &golden.vector);
        if values.all(|value| value.is_finite()) {
            return Ok(self);
        }
        let message = format!(
            "{MANIFEST} has a golden vector with numbers too large for an f32: fetch or pack the \
             model again"
        );
        Err(Error::new(ErrorKind::Model, message))
    }

    /// Checks a file's size and SHA-256, in hexadecimal; a file that is not listed passes.
    ///
    /// # Errors
    ///
    /// `Model` where it is not the file that is listed.
    pub(crate) fn check(&self, file: &str, bytes: u64, sha256: &str) -> Result<()> {
        match self.files.get(file) {
            Some(facts) if facts.bytes != bytes || !facts.sha256.eq_ignore_ascii_case(sha256) => {
                let message = format!(
                    "{file} ({bytes} bytes, SHA-256 {sha256}) is not the file that {MANIFEST} \
                     lists ({} bytes, SHA-256 {}). Fetch the file again",
                    facts.bytes, facts.sha256
                );
                Err(Error::new(ErrorKind::Model, message))
            }
            _ => Ok(()),
        }
    }
}
