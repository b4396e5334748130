//! A model of the exact shape of pplx-embed-v1-0.6b with weights that a hash invents: see
//! `tests/reference/make_large_qwen3.py`, which computes the same weights and, in PyTorch's
//! arithmetic, the vectors.

use half::f16;
use safetensors::{Dtype, View};
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;

/// Consecutive weights that share a scale.
const GROUP: usize = 32;

/// The standard deviation of codes that are spread evenly from -127 to 127.
const SPREAD: f64 = 73.6;

/// What differs in the variant whose residual does not fit into f16.
const LOUD: f64 = 1000.0;
const OUTLIERS: [usize; 3] = [7, 300, 811];
const OUTLIER_LAYERS: std::ops::RangeInclusive<usize> = 2..=5;
const OUTLIER_GAIN: f64 = 200.0;
const OUTLIER_NORM: f32 = 0.05;

/// `tests/data/reference/large-qwen3.json`.
#[derive(Deserialize)]
pub(crate) struct Large {
    pub(crate) dimension: usize,
    pub(crate) config: serde_json::Value,
    pub(crate) variants: Vec<Variant>,
    #[serde(skip)]
    values: Vec<f32>,
}

#[derive(Deserialize)]
pub(crate) struct Variant {
    pub(crate) name: String,
    /// The largest magnitude that leaves each layer.
    pub(crate) peaks: Vec<f32>,
    pub(crate) cases: Vec<Case>,
    pub(crate) weights: Vec<Sample>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) language: String,
    pub(crate) ids: Vec<u32>,
    pub(crate) vector: usize,
    /// Layer, position, row.
    pub(crate) residuals: Vec<(usize, usize, usize)>,
}

/// Eight consecutive weights.
#[derive(Deserialize)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) start: usize,
    /// The bits of f32 in hexadecimal.
    pub(crate) bits: Vec<String>,
}

impl Large {
    pub(crate) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reference");
        let json = std::fs::read(folder.join("large-qwen3.json")).unwrap();
        let bytes = std::fs::read(folder.join("large-qwen3.bin")).unwrap();
        let mut large: Large = serde_json::from_slice(&json).unwrap();
        large.values = bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect();
        large
    }

    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.dimension..][..self.dimension]
    }

    pub(crate) fn variant(&self, name: &str) -> &Variant {
        self.variants.iter().find(|variant| variant.name == name).unwrap()
    }

    fn size(&self, name: &str) -> usize {
        self.config[name].as_u64().unwrap() as usize
    }

    /// Name and shape of every tensor.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (width, inner) = (self.size("hidden_size"), self.size("intermediate_size"));
        let head = self.size("head_dim");
        let asking = self.size("num_attention_heads") * head;
        let asked = self.size("num_key_value_heads") * head;
        let mut tensors = vec![
            ("embed_tokens.weight".to_owned(), vec![self.size("vocab_size"), width]),
            ("norm.weight".to_owned(), vec![width]),
        ];
        for layer in 0..self.size("num_hidden_layers") {
            let parts: [(&str, Vec<usize>); 11] = [
                ("input_layernorm", vec![width]),
                ("self_attn.q_proj", vec![asking, width]),
                ("self_attn.k_proj", vec![asked, width]),
                ("self_attn.v_proj", vec![asked, width]),
                ("self_attn.o_proj", vec![width, asking]),
                ("self_attn.q_norm", vec![head]),
                ("self_attn.k_norm", vec![head]),
                ("post_attention_layernorm", vec![width]),
                ("mlp.gate_proj", vec![inner, width]),
                ("mlp.up_proj", vec![inner, width]),
                ("mlp.down_proj", vec![width, inner]),
            ];
            let named = |(part, shape)| (format!("layers.{layer}.{part}.weight"), shape);
            tensors.extend(parts.map(named));
        }
        tensors
    }
}

/// A tensor as a weights file holds it.
pub(crate) struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Stored {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// How a matrix is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// As the codes and scales it is invented as: q8.
    Codes,
    /// As the f32 that these stand for: the reference's weights.
    Exact,
    /// As f32 spread evenly around these, so that q8 loses what it loses of real weights.
    Between,
}

/// One tensor as a weights file of its own.
pub(crate) fn file(name: &str, shape: &[usize], outliers: bool, values: Values) -> Vec<u8> {
    let floats = |values: Vec<f32>| Stored {
        dtype: Dtype::F32,
        shape: shape.to_vec(),
        bytes: values.into_iter().flat_map(f32::to_le_bytes).collect(),
    };
    let mut tensors = Vec::new();
    if shape.len() == 1 {
        let values = (0..shape[0]).map(|at| gain(name, at, outliers)).collect();
        tensors.push((name.to_owned(), floats(values)));
    } else {
        let seed = crc32fast::hash(name.as_bytes());
        let count = shape[0] * shape[1];
        let scales = (0..count / GROUP).map(|group| scale(name, shape, group, outliers));
        if values != Values::Codes {
            let group = |(group, scale): (usize, f16)| {
                let at = group * GROUP;
                (at..at + GROUP).map(move |at| steps(seed, at, values) * scale.to_f32())
            };
            tensors.push((name.to_owned(), floats(scales.enumerate().flat_map(group).collect())));
        } else {
            let codes = (0..count).map(|at| code(seed, at).cast_unsigned()).collect();
            let codes = Stored { dtype: Dtype::I8, shape: shape.to_vec(), bytes: codes };
            let scales: Vec<u8> = scales.flat_map(f16::to_le_bytes).collect();
            let shape = vec![shape[0], shape[1] / GROUP];
            tensors.push((name.to_owned(), codes));
            tensors.push((
                format!("{name}.scales"),
                Stored { dtype: Dtype::F16, shape, bytes: scales },
            ));
        }
    }
    let views = tensors.iter().map(|(name, stored)| (name.as_str(), stored));
    safetensors::serialize(views, None).unwrap()
}

/// A well mixed number for every index.
fn hashed(seed: u32, index: usize) -> u32 {
    let mut x = (index as u32).wrapping_mul(0x9E37_79B9).wrapping_add(seed);
    x ^= x >> 16;
    x = x.wrapping_mul(0x7FEB_352D);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

fn code(seed: u32, at: usize) -> i8 {
    (((hashed(seed, at) >> 24) as i32 - 128).max(-127)) as i8
}

/// How many scales make a weight.
fn steps(seed: u32, at: usize, values: Values) -> f32 {
    let beside = match values {
        Values::Between => (hashed(seed, at) & 0xFF_FFFF) as f32 / 16_777_216.0 - 0.5,
        Values::Codes | Values::Exact => 0.0,
    };
    f32::from(code(seed, at)) + beside
}

fn scale(name: &str, shape: &[usize], group: usize, outliers: bool) -> f16 {
    let part = name.split('.').rev().nth(1).unwrap();
    let gain = if ["o_proj", "down_proj"].contains(&part) { 0.5 } else { 1.0 };
    let mut base = match part {
        "embed_tokens" => 1.0 / SPREAD,
        _ => gain / (SPREAD * (shape[1] as f64).sqrt()),
    };
    if outliers && ["embed_tokens", "o_proj", "down_proj"].contains(&part) {
        base *= LOUD;
    }
    if outliers && part == "down_proj" {
        let layer: usize = name.split('.').nth(1).unwrap().parse().unwrap();
        if OUTLIER_LAYERS.contains(&layer) && OUTLIERS.contains(&(group * GROUP / shape[1])) {
            base *= OUTLIER_GAIN;
        }
    }
    let seed = crc32fast::hash(name.as_bytes()) ^ 0xA5A5_A5A5;
    f16::from_f64(base * (0.5 + f64::from(hashed(seed, group)) / 4_294_967_296.0))
}

fn gain(name: &str, at: usize, outliers: bool) -> f32 {
    let seed = crc32fast::hash(name.as_bytes());
    let gain = (1.0 + 0.25 * (f64::from(hashed(seed, at)) / 2_147_483_648.0 - 1.0)) as f32;
    let is_head = name.contains("q_norm") || name.contains("k_norm");
    if outliers && !is_head && OUTLIERS.contains(&at) { gain * OUTLIER_NORM } else { gain }
}
