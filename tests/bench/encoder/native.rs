//! Burrow as a native contestant of `make bench-encoder`, driven over standard input.
//!
//! `bench_encoder FOLDER cpu|webgpu` prints a line of JSON once the model is there, and one for
//! every line of JSON that it reads: `{"ids": [...], "calls": n}` → `{"ms": [...], "vector": [...]}`,
//! as `native_peers.py` does; and `{"ids": [...], "kernels": true}` → `{"kernels": [{"kernel": ...,
//! "operations": n, "seconds": s}, ...]}`, the parts of one pass.

use std::io::{BufRead, stdin};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use burrow::encoder::{DeviceKind, Encoder, Loader, MANIFEST, Manifest, ModelInfo};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is to be encoded, and how often; or whether its parts are to be told.
#[derive(Deserialize)]
struct Asked {
    ids: Vec<u32>,
    #[serde(default)]
    calls: usize,
    #[serde(default)]
    kernels: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, device] = &arguments[..] else { panic!("give a folder, and cpu or webgpu") };
    let device = if device == "webgpu" { DeviceKind::WebGpu } else { DeviceKind::Cpu };
    let start = Instant::now();
    let encoder = load(Path::new(folder), device);
    let load_ms = milliseconds(start.elapsed());
    let device =
        format!("{}, weights {}, {}", encoder.device().1, encoder.weights(), encoder.precision());
    println!("{}", json!({ "name": "Burrow", "device": device, "loadMs": load_ms }));
    for line in stdin().lock().lines() {
        let asked: Asked = serde_json::from_str(&line.unwrap()).unwrap();
        let answer =
            if asked.kernels { kernels(&encoder, &asked) } else { vector(&encoder, &asked) };
        println!("{answer}");
    }
}

fn vector(encoder: &Encoder, asked: &Asked) -> Value {
    let sequence = [encoder.whole(&asked.ids)];
    let mut times = Vec::new();
    let mut vector = Vec::new();
    for _ in 0..asked.calls {
        let start = Instant::now();
        vector = pollster::block_on(encoder.embed(&sequence)).unwrap().concat();
        times.push(milliseconds(start.elapsed()));
    }
    json!({ "ms": times, "vector": vector })
}

fn kernels(encoder: &Encoder, asked: &Asked) -> Value {
    let profile = pollster::block_on(encoder.profile(&asked.ids, clock)).unwrap();
    let told = profile.kernels.iter().map(|time| {
        json!({ "kernel": time.kernel, "operations": time.operations, "seconds": time.seconds })
    });
    json!({ "kernels": told.collect::<Vec<Value>>() })
}

/// Seconds since the first call.
fn clock() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A model's folder on a device, file by file.
fn load(folder: &Path, device: DeviceKind) -> Encoder {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let manifest = folder.join(MANIFEST).exists().then(|| read(MANIFEST));
    let files = match &manifest {
        Some(manifest) => Manifest::from_json(manifest).unwrap().files.into_keys().collect(),
        None => vec!["model.safetensors".to_owned()],
    };
    let name = "bench".to_owned();
    let info = ModelInfo {
        name,
        config: read("config.json"),
        tokenizer: read("tokenizer.json"),
        manifest,
    };
    let mut loader = pollster::block_on(Loader::start(info, device)).unwrap();
    for file in files.iter().filter(|file| file.ends_with(".safetensors")) {
        loader.add(file, &read(file), None).unwrap();
        pollster::block_on(loader.settle()).unwrap();
    }
    pollster::block_on(loader.finish()).unwrap()
}
