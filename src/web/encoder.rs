//! The encoder module: a loaded model, and pages on their way through it.

use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::error::JsResult;
use super::format_place;
use crate::begun::Boxed;
use crate::blocks::{Format, Source};
use crate::encoder::{self, DeviceKind, ModelInfo, Pause, Sequence};
use crate::error::{Error, ErrorKind, Result};
use crate::fields;
use crate::index::format;
use crate::pipeline;

/// A model on its way to a device, weights file by weights file.
#[wasm_bindgen]
pub struct ModelLoader {
    loader: encoder::Loader,
}

#[wasm_bindgen]
impl ModelLoader {
    /// Reads the small files and opens the device, `cpu` or `webgpu`. `manifest` is `burrow.json`,
    /// where the model's folder has one; `hashes` are the SHA-256 of configuration and tokenizer, which
    /// are computed here where they are not given.
    ///
    /// # Errors
    ///
    /// `model` where a file is cut off, altered or of an unknown family; `device` where the device
    /// cannot be had; `input` where it is unknown.
    pub async fn start(
        name: String,
        manifest: Option<Vec<u8>>,
        config: Vec<u8>,
        tokenizer: Vec<u8>,
        device: String,
        hashes: Option<Vec<String>>,
    ) -> JsResult<ModelLoader> {
        let device = device_kind(&device)?;
        let info = ModelInfo { name, config, tokenizer, manifest };
        let loader = match hashes.and_then(|both| both.try_into().ok()) {
            Some(hashes) => encoder::Loader::start_hashed(info, hashes, device).await,
            None => encoder::Loader::start(info, device).await,
        };
        Ok(ModelLoader { loader: loader? })
    }

    /// Checks a weights file, puts what the model needs of it on the device, and lets go of it.
    /// `sha256`, in hexadecimal, is computed here where it is not given. Resolves when the device
    /// has taken it, so that no more than one file is held.
    ///
    /// # Errors
    ///
    /// `model` where the file is cut off, altered, or not the one that the manifest lists.
    pub async fn add(
        &mut self,
        file: String,
        bytes: Vec<u8>,
        sha256: Option<String>,
    ) -> JsResult<()> {
        self.loader.add(&file, &bytes, sha256)?;
        drop(bytes);
        Ok(self.loader.settle().await?)
    }

    /// Puts the layers together and has the device encode the model's golden texts, unless `is_proven`
    /// says that it is the CPU and has given their vectors before, with these files and this module.
    /// The loader is used up.
    ///
    /// # Errors
    ///
    /// `model` where a tensor is missing; `device` where the device computes nonsense: load again
    /// on another.
    pub async fn finish(self, is_proven: bool) -> JsResult<Encoder> {
        let encoder =
            if is_proven { self.loader.finish_proven()? } else { self.loader.finish().await? };
        Ok(Encoder { encoder: Rc::new(encoder) })
    }
}

/// A loaded model on a device.
#[wasm_bindgen]
pub struct Encoder {
    // Shared with the pages that are being encoded: JavaScript may free either first.
    encoder: Rc<encoder::Encoder>,
}

#[wasm_bindgen]
impl Encoder {
    /// How values between the layers are stored: `f32` or `f16`.
    pub fn precision(&self) -> String {
        self.encoder.precision().to_owned()
    }

    /// How the weights are stored: `f32`, `f16`, `bf16`, `q8` or `q4`.
    pub fn weights(&self) -> String {
        self.encoder.weights().to_owned()
    }

    /// In which ways this is less than was asked for, as sentences to show.
    pub fn reasons(&self) -> Vec<String> {
        self.encoder.reasons().to_vec()
    }

    /// What `Index.bind` wants to know: in which space this encoder's vectors lie.
    ///
    /// # Errors
    ///
    /// `limit` where the model's name is too long to be written down.
    pub fn fingerprint(&self) -> JsResult<Vec<u8>> {
        Ok(format::meta_to_bytes(self.encoder.fingerprint())?)
    }

    /// Reads a page and cuts it to the model's limits. `format` is `html`, `markdown` or `text`;
    /// `facts` is what `fields::from_json` reads.
    ///
    /// # Errors
    ///
    /// `empty` where the page holds no readable text, `limit` where it or its fields are too long,
    /// `input` where the format is unknown or the facts are not such.
    pub fn prepare(
        &self,
        url: &str,
        title: Option<String>,
        format: &str,
        content: &[u8],
        facts: Option<String>,
    ) -> JsResult<PreparedPage> {
        let format = match format_place(format)? {
            0 => Format::Html,
            1 => Format::Markdown,
            _ => Format::Text,
        };
        let source = Source { url, title: title.as_deref(), format, content };
        let facts = facts.as_deref().map(fields::from_json).transpose()?.unwrap_or_default();
        let page = pipeline::PreparedPage::new(&self.encoder, source, facts)?;
        Ok(PreparedPage { encoder: Rc::clone(&self.encoder), page })
    }

    /// The vector of a query, `[dimension]`.
    ///
    /// # Errors
    ///
    /// `input` where the query is empty, `device` where the device fails.
    #[wasm_bindgen(js_name = embedQuery)]
    pub async fn embed_query(&self, query: String) -> JsResult<Vec<f32>> {
        Ok(pipeline::embed_query(&self.encoder, &query).await?)
    }

    /// Last hidden states, `[tokens, dimension]` for one sequence after the other. For tests: the
    /// sequences are given end to end, `lengths` says how many of `ids` each has.
    ///
    /// # Errors
    ///
    /// `limit` where a sequence is longer than the model's positions, `input` where one is empty
    /// or the lengths do not add up, `device` where the device fails.
    #[wasm_bindgen(js_name = hiddenStates)]
    pub async fn hidden_states(&self, ids: Vec<u32>, lengths: Vec<u32>) -> JsResult<Vec<f32>> {
        let batch = sequences(&ids, &lengths)?;
        Ok(self.encoder.hidden_states(&batch).await?.concat())
    }

    /// The vector of every sequence, `[sequences, dimension]`, given as to `hiddenStates`. For tests,
    /// and to measure a device.
    ///
    /// # Errors
    ///
    /// As `hiddenStates`.
    pub async fn embed(&self, ids: Vec<u32>, lengths: Vec<u32>) -> JsResult<Vec<f32>> {
        let batch = sequences(&ids, &lengths)?;
        let batch: Vec<Sequence> = batch.iter().map(|ids| self.encoder.whole(ids)).collect();
        Ok(self.encoder.embed(&batch).await?.concat())
    }
}

/// A page on its way to the index: encoded one window at a time, so that a query can go first.
#[wasm_bindgen]
pub struct PreparedPage {
    encoder: Rc<encoder::Encoder>,
    page: pipeline::PreparedPage,
}

#[wasm_bindgen]
impl PreparedPage {
    /// In how many forward passes the page is encoded.
    #[wasm_bindgen(getter)]
    pub fn windows(&self) -> usize {
        self.page.windows()
    }

    /// Encodes the next window and keeps its codes. `pause` is called between layers, and the pass
    /// goes on when the promise that it gives, if any, is settled: something else may be encoded
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// `device` where the device fails: the same window can be tried again. `input` where all are
    /// encoded.
    #[wasm_bindgen(js_name = encodeNext)]
    pub async fn encode_next(&mut self, pause: Option<Function>) -> JsResult<()> {
        let pause = pause.map(|pause| move || called(&pause));
        let pause = pause.as_ref().map(|pause| pause as Pause<'_>);
        Ok(self.page.encode_next_with(&self.encoder, pause).await?)
    }

    /// The page with its codes as bytes for `Index.commit`. The page is used up.
    ///
    /// # Errors
    ///
    /// `input` where not every window has been encoded, `limit` where a part is too long.
    pub fn finish(self) -> JsResult<Vec<u8>> {
        Ok(format::to_wire(&self.page.finish(&self.encoder)?)?)
    }
}

/// What a pause waits for, if it waits. How that ends, or that there is no such function, is no
/// matter of the pass.
fn called(pause: &Function) -> Option<Boxed<'static, ()>> {
    let promise = pause.call0(&JsValue::UNDEFINED).ok()?.dyn_into::<Promise>().ok()?;
    Some(Box::pin(async move {
        let _ = JsFuture::from(promise).await;
        Ok(())
    }))
}

fn device_kind(name: &str) -> Result<DeviceKind> {
    match name {
        "cpu" => Ok(DeviceKind::Cpu),
        "webgpu" => Ok(DeviceKind::WebGpu),
        _ => {
            let message = format!("the device {name:?} is unknown: give \"cpu\" or \"webgpu\"");
            Err(Error::new(ErrorKind::Input, message))
        }
    }
}

/// Cuts sequences that were given end to end.
fn sequences(ids: &[u32], lengths: &[u32]) -> Result<Vec<Vec<u32>>> {
    let mut rest = ids;
    let mut cut = |&length: &u32| {
        let (sequence, after) = rest.split_at_checked(length as usize)?;
        rest = after;
        Some(sequence.to_vec())
    };
    let batch: Option<Vec<Vec<u32>>> = lengths.iter().map(&mut cut).collect();
    batch.filter(|_| rest.is_empty()).ok_or_else(|| {
        let message = format!("{} ids are not as many as the lengths say", ids.len());
        Error::new(ErrorKind::Input, message)
    })
}
