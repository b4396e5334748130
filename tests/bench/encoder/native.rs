//! Burrow as a native contestant of `make bench-encoder`, driven over standard input.
//!
//! `bench_encoder FOLDER cpu|webgpu` prints a line of JSON once the model is there, and one for
//! every line of JSON that it reads: `{"ids": [...], "calls": n}` → `{"ms": [...], "vector": [...]}`,
//! as `native_peers.py` does.

use std::io::{BufRead, stdin};
use std::path::Path;
use std::time::{Duration, Instant};

use burrow::encoder::{DeviceKind, Encoder, Loader, MANIFEST, Manifest, ModelInfo};
use serde::Deserialize;
use serde_json::json;

/// What is to be encoded, and how often.
#[derive(Deserialize)]
struct Asked {
    ids: Vec<u32>,
    calls: usize,
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
        let sequence = [encoder.whole(&asked.ids)];
        let mut times = Vec::new();
        let mut vector = Vec::new();
        for _ in 0..asked.calls {
            let start = Instant::now();
            vector = pollster::block_on(encoder.embed(&sequence)).unwrap().concat();
            times.push(milliseconds(start.elapsed()));
        }
        println!("{}", json!({ "ms": times, "vector": vector }));
    }
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
