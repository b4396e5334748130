//! A model's folder, read and checked.

use std::collections::BTreeMap;
use std::path::Path;

use burrow::encoder::{DeviceKind, Encoder, ModelFiles};
use burrow::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};

use crate::{DeviceArg, ModelArgs};

/// What `burrow.json` says of each file, where a model's folder has one.
#[derive(serde::Deserialize)]
struct Manifest {
    files: BTreeMap<String, Listed>,
}

#[derive(serde::Deserialize)]
struct Listed {
    bytes: u64,
    sha256: String,
}

/// Loads the model on the device asked for, and says on standard error which that is.
pub(crate) fn load(args: &ModelArgs) -> Result<Encoder> {
    let manifest = manifest(&args.model)?;
    let read = |name: &str| read(&args.model, name, manifest.as_ref());
    let files = ModelFiles {
        name: name_of(&args.model),
        config: read("config.json")?,
        tokenizer: read("tokenizer.json")?,
        weights: read("model.safetensors")?,
    };
    let encoder = pollster::block_on(Encoder::load(files, device(args.device)))?;
    let (kind, name) = encoder.device();
    eprintln!("{} on {kind:?} {name}", encoder.fingerprint().model);
    Ok(encoder)
}

fn name_of(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn manifest(folder: &Path) -> Result<Option<Manifest>> {
    let path = folder.join("burrow.json");
    if !path.exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(&path).map_err(|cause| unreadable(&path, cause))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|cause| {
        let message = format!("{} is not a list of files: fetch the model again", path.display());
        Error::new(ErrorKind::Model, message).with_source(cause)
    })
}

fn read(folder: &Path, name: &str, manifest: Option<&Manifest>) -> Result<Vec<u8>> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path).map_err(|cause| unreadable(&path, cause))?;
    let Some(listed) = manifest.and_then(|manifest| manifest.files.get(name)) else {
        return Ok(bytes);
    };
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() as u64 == listed.bytes && sha256 == listed.sha256 {
        return Ok(bytes);
    }
    let message = format!(
        "{} is not the file that burrow.json lists ({} bytes, {} expected): fetch the model again",
        path.display(),
        bytes.len(),
        listed.bytes
    );
    Err(Error::new(ErrorKind::Model, message))
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    let message = format!("{} cannot be read: a model's folder holds it", path.display());
    Error::new(ErrorKind::Model, message).with_source(cause)
}

#[cfg(feature = "gpu")]
fn device(asked: DeviceArg) -> DeviceKind {
    match asked {
        DeviceArg::Cpu => DeviceKind::Cpu,
        DeviceArg::Webgpu => DeviceKind::WebGpu,
        // A software adapter is the CPU in disguise, and slower than burn's own SIMD on it.
        DeviceArg::Auto => match pollster::block_on(burrow::encoder::adapter()) {
            Ok(adapter) if !adapter.software => DeviceKind::WebGpu,
            _ => DeviceKind::Cpu,
        },
    }
}

#[cfg(not(feature = "gpu"))]
fn device(asked: DeviceArg) -> DeviceKind {
    // Without the feature, loading on WebGPU fails with an error that says so.
    if asked == DeviceArg::Webgpu { DeviceKind::WebGpu } else { DeviceKind::Cpu }
}
