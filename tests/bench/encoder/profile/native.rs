//! Where the time of one window goes, on the CPU or on a GPU, kernel by kernel.
//!
//! `make profile [MODEL=folder] [TOKENS=n] [DEVICE=cpu|webgpu]`

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Instant;

use burrow::encoder::{DeviceKind, Encoder, Loader, Manifest, ModelInfo};

#[path = "text.rs"]
mod text;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, tokens, device] = &arguments[..] else {
        eprintln!("profile <model folder> <tokens> <cpu|webgpu>");
        std::process::exit(2);
    };
    let kind = if device == "cpu" { DeviceKind::Cpu } else { DeviceKind::WebGpu };
    let start = clock();
    let encoder = match pollster::block_on(load(&PathBuf::from(model), kind)) {
        Ok(encoder) => encoder,
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    };
    println!("{:?}, {}, loaded in {:.2} s", encoder.device(), encoder.weights(), clock() - start);
    for tokens in tokens.split(',') {
        let tokens: u32 = tokens.parse().expect("TOKENS are numbers, with commas between");
        // Any tokens of the table but the first, which are special ones.
        let ids: Vec<u32> = (1000..1000 + tokens).collect();
        match pollster::block_on(encoder.profile(&ids, clock)) {
            Ok(profile) => print!("{}", text::told(tokens, &profile)),
            Err(error) => eprintln!("{tokens} tokens: {error}"),
        }
    }
}

/// Seconds since the first call.
fn clock() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_secs_f64()
}

async fn load(folder: &Path, kind: DeviceKind) -> burrow::Result<Encoder> {
    let read = |name: &str| std::fs::read(folder.join(name)).expect("the model's folder is whole");
    let manifest = std::fs::read(folder.join("burrow.json")).ok();
    let listed = manifest.as_deref().map(Manifest::from_json).transpose()?;
    let files = listed.map(|manifest| manifest.files.into_keys().collect()).unwrap_or_default();
    let mut files: Vec<String> = files;
    files.retain(|file| file.ends_with(".safetensors"));
    if files.is_empty() {
        files.push("model.safetensors".to_owned());
    }
    let (config, tokenizer) = (read("config.json"), read("tokenizer.json"));
    let info = ModelInfo { name: "profiled".to_owned(), config, tokenizer, manifest };
    let mut loader = Loader::start(info, kind).await?;
    for file in files {
        loader.add(&file, &read(&file), None)?;
    }
    loader.finish().await
}
