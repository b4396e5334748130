//! A model on its way to a device: weights file by weights file, so that none is kept whole.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::bert::Bert;
use super::config::{Config, Family};
use super::device::{self, Place};
use super::manifest::Manifest;
use super::parameters::Parameters;
use super::qwen3::Qwen3;
use super::recipe::Recipe;
use super::{DeviceKind, Encoder, Network, plan};
use crate::chunks::CHUNKER_VERSION;
use crate::error::Result;
use crate::fingerprint::Fingerprint;
use crate::page::content_hash;
use crate::tokens::Tokenizer;

/// The small files of a model, as they lie in its folder.
#[derive(Debug, Clone, Default)]
pub struct ModelInfo {
    /// The model's name for people, by custom its folder's: `all-MiniLM-L6-v2`.
    pub name: String,
    /// `config.json`.
    pub config: Vec<u8>,
    /// `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// `burrow.json`, where the folder has one.
    pub manifest: Option<Vec<u8>>,
}

/// A model that is being loaded.
pub struct Loader {
    name: String,
    config: Config,
    recipe: Recipe,
    tokenizer: Tokenizer,
    manifest: Manifest,
    place: Place,
    kind: DeviceKind,
    parameters: Parameters,
    /// Whether the kernels are compiled.
    #[cfg(feature = "gpu")]
    is_warm: bool,
    /// SHA-256 of everything that has a say in the vectors, by file name.
    hashes: BTreeMap<String, String>,
}

impl Loader {
    /// Reads the small files and opens the device.
    ///
    /// # Errors
    ///
    /// `Model` where a file is cut off, altered or of an unknown family; `Device` where the device
    /// cannot be had.
    pub async fn start(info: ModelInfo, device: DeviceKind) -> Result<Self> {
        let hashes = [&info.config, &info.tokenizer].map(|bytes| sha256(bytes));
        Self::start_hashed(info, hashes, device).await
    }

    /// The same where the SHA-256 of `config.json` and `tokenizer.json`, in hexadecimal, are known.
    ///
    /// # Errors
    ///
    /// As [`Loader::start`].
    pub async fn start_hashed(
        info: ModelInfo,
        hashes: [String; 2],
        device: DeviceKind,
    ) -> Result<Self> {
        let manifest = info.manifest.as_deref().map(Manifest::from_json).transpose()?;
        let manifest = manifest.unwrap_or_default();
        let small = [("config.json", &info.config), ("tokenizer.json", &info.tokenizer)];
        let mut found = BTreeMap::new();
        for ((file, bytes), sha256) in small.into_iter().zip(hashes) {
            manifest.check(file, bytes.len() as u64, &sha256)?;
            found.insert(file.to_owned(), sha256);
        }
        let config = Config::from_json(&info.config)?;
        let tokenizer = Tokenizer::from_json(&info.tokenizer)?;
        super::room_for_text(&config, &tokenizer)?;
        let recipe = Recipe::of(&config, &tokenizer)?;
        let place = device::open(device).await?;
        let parameters = Parameters::new(&config);
        let (name, kind) = (info.name, device);
        Ok(Loader {
            name,
            config,
            recipe,
            tokenizer,
            manifest,
            place,
            kind,
            parameters,
            #[cfg(feature = "gpu")]
            is_warm: false,
            hashes: found,
        })
    }

    /// Checks a weights file and puts what the model needs of it on the device. Files may come in
    /// any order. `sha256`, in hexadecimal, is computed here where the caller has not done it.
    ///
    /// # Errors
    ///
    /// `Model` where the file is cut off, altered, or not the one that `burrow.json` lists.
    pub fn add(&mut self, file: &str, bytes: &[u8], sha256: Option<String>) -> Result<()> {
        let sha256 = sha256.unwrap_or_else(|| self::sha256(bytes));
        self.manifest.check(file, bytes.len() as u64, &sha256)?;
        self.parameters.add(file, bytes, &self.place)?;
        #[cfg(feature = "gpu")]
        self.warm_up()?;
        self.hashes.insert(file.to_owned(), sha256);
        Ok(())
    }

    /// Has the kernels compiled as soon as the form of the weights is known; in a browser this goes on
    /// while the next file comes.
    #[cfg(feature = "gpu")]
    fn warm_up(&mut self) -> Result<()> {
        use super::kernels::Store;

        let Some(form) = self.parameters.known_form().filter(|_| !self.is_warm) else {
            return Ok(());
        };
        self.is_warm = true;
        let is_qwen3 = matches!(self.config.family, Family::Qwen3 { .. });
        // What is tried first: see `Encoder::choose_precision`.
        let half = self.place.half && is_qwen3 && !self.manifest.goldens.is_empty();
        let store = if half { Store::Half } else { Store::Full };
        super::warm::up(&self.config, form, store, &self.place)
    }

    /// Waits until the device has taken all that was added: what waits for it lies in memory.
    ///
    /// # Errors
    ///
    /// `Device` where the device fails.
    pub async fn settle(&self) -> Result<()> {
        self.place.settle().await
    }

    /// Puts the layers together, and encodes the model's golden texts, or a word where it has none,
    /// to see that the device computes what it should.
    ///
    /// # Errors
    ///
    /// `Model` where a tensor is missing; `Device` where the device computes nonsense.
    pub async fn finish(mut self) -> Result<Encoder> {
        let goldens = std::mem::take(&mut self.manifest.goldens);
        let mut encoder = self.finish_proven()?;
        encoder.choose_precision(&goldens).await?;
        Ok(encoder)
    }

    /// Puts the layers together where it is known that they compute what they should: only on the CPU
    /// does one time say anything of the next.
    ///
    /// # Errors
    ///
    /// `Model` where a tensor is missing.
    pub fn finish_proven(self) -> Result<Encoder> {
        self.parameters.check()?;
        let fingerprint = self.fingerprint();
        let Loader { config, recipe, tokenizer, place, kind, mut parameters, .. } = self;
        let mut table = parameters.table(plan::table(&config.family))?;
        let network = match config.family {
            Family::Bert { .. } => {
                let positions = parameters.values("embeddings.position_embeddings.weight")?;
                let segments = parameters.values("embeddings.token_type_embeddings.weight")?;
                table = table.with_places(positions, &segments);
                Network::Bert(Box::new(Bert::load(&mut parameters, &config, &place)?))
            }
            Family::Qwen3 { theta, causal, .. } => {
                let rest = (theta, causal);
                Network::Qwen3(Box::new(Qwen3::load(&mut parameters, &config, rest, &place)?))
            }
        };
        Ok(Encoder {
            fingerprint,
            tokenizer,
            recipe,
            table,
            config,
            network,
            place,
            kind,
            form: parameters.form(),
            store: super::kernels::Store::Full,
            reasons: Vec::new(),
        })
    }

    fn fingerprint(&self) -> Fingerprint {
        let chunker = CHUNKER_VERSION.to_le_bytes();
        let files = self.hashes.iter();
        // The same weights in other shards are the same weights.
        let packed = self.manifest.packed.as_ref();
        let files = files.filter(|(file, _)| packed.is_none() || !file.ends_with(".safetensors"));
        let version = packed.map_or(0, |packed| packed.version).to_le_bytes();
        let weights = packed.map_or("", |packed| &packed.weights);
        let source = packed.map_or("", |packed| &packed.source);
        let parts = [self.recipe.name().as_bytes(), &chunker, &version, weights.as_bytes()];
        let parts = parts.into_iter().chain([source.as_bytes()]);
        let parts: Vec<&[u8]> = files.map(|(_, hash)| hash.as_bytes()).chain(parts).collect();
        Fingerprint {
            model: self.name.clone(),
            dimension: self.config.dimension,
            quantizer: Recipe::quantizer(&self.config),
            digest: hexadecimal(&content_hash(&parts)),
        }
    }
}

/// In hexadecimal. In pieces: a browser does not speed up a function while it runs, and one call
/// over all bytes would stay slow to its end.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut digest = Sha256::new();
    bytes.chunks(64 * 1024).for_each(|piece| digest.update(piece));
    hexadecimal(&digest.finalize())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
