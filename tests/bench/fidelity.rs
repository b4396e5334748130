//! How near every form and device comes to the f32 vectors of PyTorch: one table.
//!
//! `make fidelity`, or `cargo bench --features cli,gpu --bench fidelity [-- tiny|minilm|large …]`

#[path = "../support/large.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod invented;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use burrow::encoder::pack::{PackedWeights, Packer, SHARD_BYTES, Shard};
use burrow::encoder::{DeviceKind, Encoder, Golden, Loader, Manifest, ModelInfo};
use burrow::quantize;
use invented::{Large, Values};
use serde::Deserialize;

/// A model's shards, and sequences with the vectors they should have.
struct Model {
    name: String,
    info: ModelInfo,
    shards: Vec<Shard>,
    cases: Vec<(Vec<u32>, Vec<f32>)>,
}

/// See `tests/reference/make_reference.py`.
#[derive(Deserialize)]
struct Reference {
    dimension: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    ids: Vec<u32>,
    vector: usize,
}

/// Sequences of a model that are looked at: on a software adapter each takes its time.
const CASES_MAX: usize = 12;

/// Longer sequences are left out, for the same reason.
const TOKENS_MAX: usize = 70;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with('-')).collect();
    let wants = |name: &str| asked.is_empty() || asked.iter().any(|one| one == name);
    println!(
        "| model | weights | device | arithmetic | cosine min | mean | INT8 equal | most apart | bits equal |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    if wants("tiny") {
        for shape in ["gqa", "context", "causal"] {
            small(&tests().join("tiny-qwen3").join(shape), &format!("tiny-qwen3-{shape}"));
        }
    }
    if wants("minilm")
        && let Some(path) = support::model("model.safetensors")
    {
        small(path.parent().unwrap(), "all-MiniLM-L6-v2");
    }
    if wants("large") {
        let original = large(None, Vec::new());
        let cases = exact(&original);
        rows(&Model { cases: cases.clone(), ..original });
        for weights in [PackedWeights::F16, PackedWeights::Q8, PackedWeights::Q4] {
            rows(&large(Some(weights), cases.clone()));
        }
    }
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A model that fits into memory several times, in all forms.
fn small(folder: &Path, reference: &str) {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let cases = cases(reference);
    let weights = read("model.safetensors");
    let model = |form: Option<PackedWeights>| {
        let (config, tokenizer) = (read("config.json"), read("tokenizer.json"));
        let shards = match form {
            None => vec![Shard { name: "model.safetensors".to_owned(), bytes: weights.clone() }],
            Some(form) => {
                let mut packer = Packer::new(&config, form, SHARD_BYTES).unwrap();
                let mut shards = packer.add("model.safetensors", &weights).unwrap();
                shards.extend(packer.finish().unwrap().0);
                shards
            }
        };
        let name = reference.to_owned();
        let info = ModelInfo { name: name.clone(), config, tokenizer, manifest: None };
        Model { name, info, shards, cases: cases.clone() }
    };
    for form in [None, Some(PackedWeights::F16), Some(PackedWeights::Q8), Some(PackedWeights::Q4)] {
        rows(&model(form));
    }
}

fn cases(reference: &str) -> Vec<(Vec<u32>, Vec<f32>)> {
    let folder = tests().join("reference");
    let json = std::fs::read(folder.join(format!("{reference}.json"))).unwrap();
    let bytes = std::fs::read(folder.join(format!("{reference}.bin"))).unwrap();
    let reference: Reference = serde_json::from_slice(&json).unwrap();
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|&one| f32::from_le_bytes(one)).collect();
    let row = |row: usize| values[row * reference.dimension..][..reference.dimension].to_vec();
    let short = reference.cases.into_iter().filter(|case| case.ids.len() <= TOKENS_MAX);
    short.take(CASES_MAX).map(|case| (case.ids, row(case.vector))).collect()
}

/// The 0.6B shape with planted outliers.
fn large(form: Option<PackedWeights>, cases: Vec<(Vec<u32>, Vec<f32>)>) -> Model {
    let large = Large::read();
    let config = serde_json::to_vec(&large.config).unwrap();
    let mut packer = form.map(|form| Packer::new(&config, form, SHARD_BYTES).unwrap());
    let mut shards = Vec::new();
    for (name, shape) in large.tensors() {
        let bytes = invented::file(&name, &shape, true, Values::Between);
        match &mut packer {
            Some(packer) => shards.extend(packer.add(&name, &bytes).unwrap()),
            None => shards.push(Shard { name, bytes }),
        }
    }
    shards.extend(packer.map(|packer| packer.finish().unwrap().0).unwrap_or_default());
    let tokenizer = std::fs::read(tests().join("tiny-qwen3/gqa/tokenizer.json")).unwrap();
    let name = "0.6B shape, outliers".to_owned();
    let info = ModelInfo { name: name.clone(), config, tokenizer, manifest: None };
    Model { name, info, shards, cases }
}

/// What the model gives in f32 on the CPU, which for weights that the reference has is PyTorch's to
/// ten digits: `tests/encoder/large.rs`.
fn exact(model: &Model) -> Vec<(Vec<u32>, Vec<f32>)> {
    let encoder = load(model, DeviceKind::Cpu, None).unwrap();
    let large = Large::read();
    let short = large.variant("outliers").cases.iter().filter(|case| case.ids.len() <= 16);
    let vector =
        |ids: &[u32]| pollster::block_on(encoder.embed(&[encoder.whole(ids)])).unwrap().concat();
    short.map(|case| (case.ids.clone(), vector(&case.ids))).collect()
}

fn load(model: &Model, device: DeviceKind, manifest: Option<Vec<u8>>) -> burrow::Result<Encoder> {
    let info = ModelInfo { manifest, ..model.info.clone() };
    let mut loader = pollster::block_on(Loader::start(info, device))?;
    for shard in &model.shards {
        loader.add(&shard.name, &shard.bytes, Some(String::new()))?;
    }
    pollster::block_on(loader.finish())
}

/// The model on every device and in every arithmetic that is to be had.
fn rows(model: &Model) {
    row(model, DeviceKind::Cpu, false);
    if pollster::block_on(burrow::encoder::adapter()).is_err() {
        println!("| {} | | no WebGPU adapter | | | | | | |", model.name);
        return;
    }
    row(model, DeviceKind::WebGpu, false);
    row(model, DeviceKind::WebGpu, true);
}

/// `half`: in f16, for which there must be golden vectors: those of the reference.
fn row(model: &Model, device: DeviceKind, half: bool) {
    let golden =
        |(ids, vector): &(Vec<u32>, Vec<f32>)| Golden { ids: ids.clone(), vector: vector.clone() };
    let goldens = model.cases.iter().take(if half { 1 } else { 0 }).map(golden).collect();
    let manifest = Manifest { goldens, ..Manifest::default() };
    let manifest = Some(serde_json::to_vec(&manifest).unwrap());
    let encoder = match load(model, device, manifest) {
        Ok(encoder) => encoder,
        Err(error) => {
            return println!("| {} | | {device:?} | refused | {error} | | | | |", model.name);
        }
    };
    if half && encoder.precision() != "f16" {
        // The adapter has no f16, or the model's family does not use it.
        return;
    }
    print_row(model, &encoder);
}

fn print_row(model: &Model, encoder: &Encoder) {
    let quantizer = encoder.fingerprint().quantizer;
    let (mut cosines, mut equal, mut apart, mut bits, mut all) = (Vec::new(), 0, 0u8, 0u32, 0);
    for (ids, expected) in &model.cases {
        let vector = pollster::block_on(encoder.embed(&[encoder.whole(ids)])).unwrap().concat();
        cosines.push(cosine(&vector, expected));
        let codes =
            quantize::int8(quantizer, &vector).into_iter().zip(quantize::int8(quantizer, expected));
        for (found, expected) in codes {
            equal += usize::from(found == expected);
            apart = apart.max(found.abs_diff(expected));
        }
        let pairs = quantize::bits(&vector).into_iter().zip(quantize::bits(expected));
        bits += pairs.map(|(a, b)| (a ^ b).count_ones()).sum::<u32>();
        all += vector.len();
    }
    let least = cosines.iter().copied().fold(1.0, f64::min);
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    let (kind, _) = encoder.device();
    println!(
        "| {} | {} | {kind:?} | {} | {least:.6} | {mean:.6} | {:.2} % | {apart} | {:.2} % |",
        model.name,
        encoder.weights(),
        encoder.precision(),
        100.0 * equal as f64 / all as f64,
        100.0 * (1.0 - f64::from(bits) / all as f64),
    );
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
