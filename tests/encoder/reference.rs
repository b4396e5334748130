//! Models and the numbers that `tests/reference/make_reference.py` made with them.

use std::path::{Path, PathBuf};

use burrow::encoder::{DeviceKind, Encoder, Loader, ModelInfo};
use serde::Deserialize;

use crate::support;

/// See `tests/reference/make_reference.py` for the format.
#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) dimension: usize,
    rows: usize,
    pub(crate) cases: Vec<Case>,
    #[serde(skip)]
    values: Vec<f32>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) language: String,
    pub(crate) text: String,
    pub(crate) special: bool,
    pub(crate) ids: Vec<u32>,
    pub(crate) vector: usize,
    pub(crate) states: Vec<(usize, usize)>,
    /// The rows that leave each layer, where they are kept.
    #[serde(default)]
    pub(crate) layers: Vec<Vec<(usize, usize)>>,
}

impl Reference {
    pub(crate) fn read(name: &str) -> Self {
        let folder = data().join("reference");
        let json = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let bytes = std::fs::read(folder.join(format!("{name}.bin"))).unwrap();
        let mut reference: Reference = serde_json::from_slice(&json).unwrap();
        reference.values =
            bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect();
        assert_eq!(reference.values.len(), reference.rows * reference.dimension);
        reference
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimension..][..self.dimension]
    }
}

pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A model's files, to be changed before they are loaded.
pub(crate) struct ModelFiles {
    pub(crate) name: String,
    pub(crate) config: Vec<u8>,
    pub(crate) tokenizer: Vec<u8>,
    pub(crate) weights: Vec<u8>,
}

pub(crate) fn files(folder: &Path) -> ModelFiles {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    ModelFiles {
        name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
        config: read("config.json"),
        tokenizer: read("tokenizer.json"),
        weights: read("model.safetensors"),
    }
}

pub(crate) fn tiny_files() -> ModelFiles {
    files(&data().join("tiny-bert"))
}

pub(crate) fn load(files: ModelFiles) -> burrow::Result<Encoder> {
    load_on(files, DeviceKind::Cpu)
}

pub(crate) fn load_on(files: ModelFiles, device: DeviceKind) -> burrow::Result<Encoder> {
    let ModelFiles { name, config, tokenizer, weights } = files;
    let info = ModelInfo { name, config, tokenizer, manifest: None };
    let mut loader = pollster::block_on(Loader::start(info, device))?;
    loader.add("model.safetensors", &weights, None)?;
    pollster::block_on(loader.finish())
}

/// One of the shapes in `tests/data/tiny-qwen3`.
pub(crate) fn qwen3_files(shape: &str) -> ModelFiles {
    files(&data().join("tiny-qwen3").join(shape))
}

pub(crate) fn tiny() -> Encoder {
    load(tiny_files()).unwrap()
}

/// The real model's folder, where the machine has it.
pub(crate) fn real_folder() -> Option<PathBuf> {
    Some(support::model("model.safetensors")?.parent().unwrap().to_owned())
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The greatest difference of two values at one place.
pub(crate) fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
