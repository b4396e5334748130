//! A model's folder, read file by file.

use std::path::{Path, PathBuf};

use burrow::encoder::{DeviceKind, Encoder, Loader, MANIFEST, Manifest, ModelInfo};
use burrow::{Error, ErrorKind, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{DeviceArg, ModelArgs};

/// The one weights file of a model that has one, and the list of files of a model that has several.
const WEIGHTS: &str = "model.safetensors";
const WEIGHTS_INDEX: &str = "model.safetensors.index.json";

/// The part of `model.safetensors.index.json` that is looked at.
#[derive(serde::Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

/// Loads the model on the device asked for, and says on standard error which that is.
pub(crate) fn load(args: &ModelArgs) -> Result<Encoder> {
    let encoder = load_on(&args.model, device(args.device))?;
    let (kind, name) = encoder.device();
    let (weights, precision) = (encoder.weights(), encoder.precision());
    let model = &encoder.fingerprint().model;
    eprintln!("{model} ({weights}) on {kind:?} {name}, in {precision}");
    encoder.reasons().iter().for_each(|reason| eprintln!("{reason}"));
    Ok(encoder)
}

/// Loads the model on a device.
pub(crate) fn load_on(folder: &Path, device: DeviceKind) -> Result<Encoder> {
    let info = info(folder)?;
    let files = weights(folder, info.manifest.as_deref())?;
    let mut loader = pollster::block_on(Loader::start(info, device))?;
    let bar = progress(&files);
    for file in &files {
        let bytes = read(&folder.join(file))?;
        loader.add(file, &bytes, None)?;
        bar.inc(bytes.len() as u64);
    }
    bar.finish_and_clear();
    pollster::block_on(loader.finish())
}

/// The small files.
pub(crate) fn info(folder: &Path) -> Result<ModelInfo> {
    let manifest = folder.join(MANIFEST);
    Ok(ModelInfo {
        name: name_of(folder),
        config: read(&folder.join("config.json"))?,
        tokenizer: read(&folder.join("tokenizer.json"))?,
        manifest: if manifest.exists() { Some(read(&manifest)?) } else { None },
    })
}

/// The names of the weights files.
pub(crate) fn weights(folder: &Path, manifest: Option<&[u8]>) -> Result<Vec<String>> {
    if let Some(manifest) = manifest {
        let files = Manifest::from_json(manifest)?.files.into_keys();
        return Ok(files.filter(|file| file.ends_with(".safetensors")).collect());
    }
    if folder.join(WEIGHTS).exists() || !folder.join(WEIGHTS_INDEX).exists() {
        return Ok(vec![WEIGHTS.to_owned()]);
    }
    let path = folder.join(WEIGHTS_INDEX);
    let index: Index = serde_json::from_slice(&read(&path)?).map_err(|cause| {
        let message = format!("{} lists no weights: fetch the model again", path.display());
        Error::new(ErrorKind::Model, message).with_source(cause)
    })?;
    let mut files: Vec<String> = index.weight_map.into_values().collect();
    files.sort();
    files.dedup();
    match files.iter().find(|file| Path::new(file).file_name() != Some(file.as_ref())) {
        None => Ok(files),
        Some(file) => {
            let message = format!("{}: \"{file}\" is not the name of a file", path.display());
            Err(Error::new(ErrorKind::Model, message))
        }
    }
}

/// The name of a model is its folder's.
pub(crate) fn name_of(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A bar in files' bytes; hidden where standard error is no terminal.
fn progress(files: &[String]) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if let Ok(style) = ProgressStyle::with_template("reading the weights {bytes} {bytes_per_sec}") {
        bar.set_style(style);
    }
    if files.len() < 2 {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    bar
}

/// A file's bytes.
pub(crate) fn read(path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|cause| {
        let message = format!("{} cannot be read: a model's folder holds it", path.display());
        Error::new(ErrorKind::Model, message).with_source(cause)
    })
}

#[cfg(feature = "gpu")]
pub(crate) fn device(asked: DeviceArg) -> DeviceKind {
    match asked {
        DeviceArg::Cpu => DeviceKind::Cpu,
        DeviceArg::Webgpu => DeviceKind::WebGpu,
        // A software adapter is the CPU in disguise, and slower than our own SIMD on it.
        DeviceArg::Auto => match pollster::block_on(burrow::encoder::adapter()) {
            Ok(adapter) if !adapter.software => DeviceKind::WebGpu,
            _ => DeviceKind::Cpu,
        },
    }
}

#[cfg(not(feature = "gpu"))]
pub(crate) fn device(asked: DeviceArg) -> DeviceKind {
    // Without the feature, loading on WebGPU fails with an error that says so.
    if asked == DeviceArg::Webgpu { DeviceKind::WebGpu } else { DeviceKind::Cpu }
}
