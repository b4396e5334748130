//! How many tokens a second the encoder reads on the CPU, for one window and for a batch.
//!
//! `BURROW_MODEL=<folder> cargo bench --features encoder --bench encoder`

#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use burrow::encoder::{DeviceKind, Encoder, Loader, ModelInfo, Sequence};

/// Sequences and their length: a query, windows of growing length, a batch of passages.
const SHAPES: [(usize, usize); 6] = [(1, 16), (1, 128), (1, 256), (1, 512), (8, 128), (32, 16)];

/// Multiplications and additions of all-MiniLM-L6-v2's linear maps, for one token.
const OPERATIONS: f64 = 2.0 * 10.6e6;

fn main() {
    let Some(path) = support::model("model.safetensors") else { return };
    let read = |name: &str| std::fs::read(path.with_file_name(name)).unwrap();
    let (config, tokenizer) = (read("config.json"), read("tokenizer.json"));
    let info = ModelInfo { name: "all-MiniLM-L6-v2".to_owned(), config, tokenizer, manifest: None };
    let weights = read("model.safetensors");
    let start = Instant::now();
    let mut loader = pollster::block_on(Loader::start(info, DeviceKind::Cpu)).unwrap();
    loader.add("model.safetensors", &weights, None).unwrap();
    let encoder = pollster::block_on(loader.finish()).unwrap();
    println!("load {:?}", start.elapsed());
    for (sequences, tokens) in SHAPES {
        let one = Sequence { ids: (2000..2000 + tokens as u32).collect(), spans: vec![0..tokens] };
        let (passes, time) = measure(&encoder, &vec![one; sequences]);
        let second = (passes * sequences * tokens) as f64 / time.as_secs_f64();
        println!(
            "{sequences} × {tokens} tokens: {:.1} ms, {second:.0} tokens/s, {:.1} GFLOP/s",
            time.as_secs_f64() * 1000.0 / passes as f64,
            second * OPERATIONS / 1e9
        );
    }
}

/// Encodes for two seconds and checks that all sequences get the same vector.
fn measure(encoder: &Encoder, batch: &[Sequence]) -> (usize, Duration) {
    let start = Instant::now();
    let mut passes = 0;
    while passes < 3 || start.elapsed() < Duration::from_secs(2) {
        let vectors = pollster::block_on(encoder.embed(batch)).unwrap();
        assert!(vectors.iter().all(|vector| vector.len() == 384));
        let close =
            |vector: &Vec<f32>| vector.iter().zip(&vectors[0]).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(vectors.iter().all(close));
        passes += 1;
    }
    (passes, start.elapsed())
}
