//! `burrow pack`: a publisher's folder → a folder that a browser can stream.

use std::path::{Path, PathBuf};

use burrow::encoder::pack::{GOLDEN_TEXTS, PackedWeights, Packer, Shard};
use burrow::encoder::{DeviceKind, Encoder, FileFacts, Golden, Loader, MANIFEST, Manifest};
use burrow::{Error, ErrorKind, Result};

use crate::model;

/// Packs the model in `source` into the new folder `target`.
pub(crate) fn run(
    source: &Path,
    target: &Path,
    weights: PackedWeights,
    shard_bytes: usize,
) -> Result<()> {
    refuse_full(target)?;
    // A folder that is not whole never bears the name asked for.
    let partial = partial_of(target)?;
    std::fs::create_dir_all(&partial).map_err(|cause| unwritable(&partial, cause))?;
    let packed = pack(source, &partial, weights, shard_bytes);
    let done = packed.and_then(|()| {
        std::fs::rename(&partial, target).map_err(|cause| unwritable(target, cause))
    });
    if done.is_err() {
        // What is left of it is of no use to anyone.
        let _ = std::fs::remove_dir_all(&partial);
    }
    done?;
    report(target)
}

fn pack(source: &Path, target: &Path, weights: PackedWeights, shard_bytes: usize) -> Result<()> {
    let info = model::info(source)?;
    let small = [("config.json", info.config.clone()), ("tokenizer.json", info.tokenizer.clone())];
    let mut packer = Packer::new(&info.config, weights, shard_bytes)?;
    let files = model::weights(source, info.manifest.as_deref())?;
    // In f32 on the CPU: what every device and every form is measured against.
    let mut loader = pollster::block_on(Loader::start(info, DeviceKind::Cpu))?;
    for file in files {
        eprintln!("packing {file}");
        let bytes = model::read(&source.join(&file))?;
        write_all(target, packer.add(&file, &bytes)?)?;
        loader.add(&file, &bytes, None)?;
    }
    let (last, mut facts, packed) = packer.finish()?;
    write_all(target, last)?;
    for (name, bytes) in small {
        facts.insert(
            name.to_owned(),
            FileFacts { bytes: bytes.len() as u64, sha256: sha256(&bytes) },
        );
        write_all(target, vec![Shard { name: name.to_owned(), bytes }])?;
    }
    eprintln!("computing the golden vectors");
    let encoder = pollster::block_on(loader.finish())?;
    let goldens = GOLDEN_TEXTS.map(|text| golden(&encoder, text));
    let goldens = goldens.into_iter().collect::<Result<_>>()?;
    let manifest = Manifest { files: facts, packed: Some(packed), goldens };
    let json = serde_json::to_vec(&manifest)
        .map_err(|cause| Error::new(ErrorKind::Model, "no manifest").with_source(cause))?;
    write_all(target, vec![Shard { name: MANIFEST.to_owned(), bytes: json }])
}

fn golden(encoder: &Encoder, text: &str) -> Result<Golden> {
    let tokens = encoder.tokenizer().tokens(text)?;
    let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    let ids = encoder.closed(&ids);
    let vector = pollster::block_on(encoder.embed(&[encoder.whole(&ids)]))?.concat();
    Ok(Golden { ids, vector })
}

/// Loads what was packed, which checks it against its golden vectors, and says how near it comes.
fn report(target: &Path) -> Result<()> {
    let encoder = model::load_on(target, DeviceKind::Cpu)?;
    let manifest = Manifest::from_json(&model::read(&target.join(MANIFEST))?)?;
    let bytes: u64 = manifest.files.values().map(|facts| facts.bytes).sum();
    let (files, weights) = (manifest.files.len(), encoder.weights());
    println!("{}: {weights}, {files} files, {:.1} MB", target.display(), bytes as f64 / 1e6);
    for golden in &manifest.goldens {
        let vector = pollster::block_on(encoder.embed(&[encoder.whole(&golden.ids)]))?.concat();
        let cosine = crate::verify::cosine(&vector, &golden.vector);
        println!("  {} tokens: cosine {cosine:.6} to the unpacked model", golden.ids.len());
    }
    Ok(())
}

fn refuse_full(target: &Path) -> Result<()> {
    let is_full = std::fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_some());
    if is_full || target.is_file() {
        let message = format!("{} is there already: name another folder", target.display());
        return Err(Error::new(ErrorKind::Input, message));
    }
    Ok(())
}

fn partial_of(target: &Path) -> Result<PathBuf> {
    let name = target.file_name().ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("{} is no name of a folder", target.display()))
    })?;
    Ok(target.with_file_name(format!("{}.partial", name.to_string_lossy())))
}

fn write_all(folder: &Path, shards: Vec<Shard>) -> Result<()> {
    for shard in shards {
        let path = folder.join(&shard.name);
        std::fs::write(&path, &shard.bytes).map_err(|cause| unwritable(&path, cause))?;
    }
    Ok(())
}

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    let kind = match cause.kind() {
        std::io::ErrorKind::StorageFull => ErrorKind::StorageFull,
        _ => ErrorKind::Storage,
    };
    Error::new(kind, format!("{} cannot be written", path.display())).with_source(cause)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
