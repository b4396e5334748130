//! Writes a packed model of the exact shape of pplx-embed-v1-0.6b with invented weights, for tests
//! at the true size: its golden vectors are PyTorch's.
//!
//! `cargo run --features cli,gpu --example random_model -- FOLDER [q8|q4|f16] [plain|outliers]`

#[path = "../support/large.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod invented;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burrow::encoder::pack::{PackedWeights, Packer, SHARD_BYTES, Shard};
use burrow::encoder::{FileFacts, Golden, MANIFEST, Manifest};
use invented::{Large, Values};
use sha2::{Digest, Sha256};

/// Golden texts are short: a load encodes them all.
const GOLDEN_TOKENS_MAX: usize = 8;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(arguments.first().expect("the folder to make"));
    let weights = match arguments.get(1).map_or("q8", String::as_str) {
        "q8" => PackedWeights::Q8,
        "q4" => PackedWeights::Q4,
        "f16" => PackedWeights::F16,
        other => panic!("{other}: give q8, q4 or f16"),
    };
    let variant = arguments.get(2).map_or("outliers", String::as_str);
    write_model(&folder, weights, variant);
    println!("{}", folder.display());
}

fn write_model(folder: &Path, weights: PackedWeights, variant: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let large = Large::read();
    let config = serde_json::to_vec(&large.config).unwrap();
    let mut packer = Packer::new(&config, weights, SHARD_BYTES).unwrap();
    for (name, shape) in large.tensors() {
        // In the invented form itself where that is what is asked for: then nothing is rounded.
        let values = match weights {
            PackedWeights::Q8 => Values::Codes,
            PackedWeights::F16 | PackedWeights::Q4 => Values::Exact,
        };
        let file = invented::file(&name, &shape, variant == "outliers", values);
        write_all(folder, packer.add(&name, &file).unwrap());
    }
    let (last, mut files, packed) = packer.finish().unwrap();
    write_all(folder, last);
    for (name, bytes) in [("config.json", config), ("tokenizer.json", tokenizer())] {
        files.insert(name.to_owned(), facts(&bytes));
        write_all(folder, vec![Shard { name: name.to_owned(), bytes }]);
    }
    let short = large.variant(variant).cases.iter();
    let short = short.filter(|case| case.ids.len() <= GOLDEN_TOKENS_MAX);
    let golden = |case: &invented::Case| Golden {
        ids: case.ids.clone(),
        vector: large.row(case.vector).to_vec(),
    };
    let goldens = short.map(golden).collect();
    let manifest = Manifest { files, packed: Some(packed), goldens };
    let bytes = serde_json::to_vec(&manifest).unwrap();
    write_all(folder, vec![Shard { name: MANIFEST.to_owned(), bytes }]);
}

/// Qwen3's own where the machine has it, else that of the tiny models.
fn tokenizer() -> Vec<u8> {
    let tiny =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny-qwen3/gqa/tokenizer.json");
    let path = support::data("qwen3-tokenizer/tokenizer.json").unwrap_or(tiny);
    std::fs::read(path).unwrap()
}

fn facts(bytes: &[u8]) -> FileFacts {
    let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    FileFacts { bytes: bytes.len() as u64, sha256 }
}

fn write_all(folder: &Path, shards: Vec<Shard>) {
    let files: BTreeMap<String, Vec<u8>> =
        shards.into_iter().map(|shard| (shard.name, shard.bytes)).collect();
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}
