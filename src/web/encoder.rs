//! The encoder module: a loaded model, and pages on their way through it.

use std::rc::Rc;

use wasm_bindgen::prelude::*;

use super::error::JsResult;
use super::format_place;
use crate::blocks::{Format, Source};
use crate::encoder::{self, DeviceKind, ModelFiles, Sequence};
use crate::error::{Error, ErrorKind, Result};
use crate::index::format;
use crate::pipeline;

/// A loaded model on a device.
#[wasm_bindgen]
pub struct Encoder {
    // Shared with the pages that are being encoded: JavaScript may free either first.
    encoder: Rc<encoder::Encoder>,
}

#[wasm_bindgen]
impl Encoder {
    /// Loads a model from its files and tries it out. `device` is `cpu` or `webgpu`.
    ///
    /// # Errors
    ///
    /// `model` where a file is cut off, altered or of an unknown family; `device` where the device
    /// cannot be had or computes nonsense; `input` where it is unknown.
    pub async fn load(
        name: String,
        config: Vec<u8>,
        tokenizer: Vec<u8>,
        weights: Vec<u8>,
        device: String,
    ) -> JsResult<Encoder> {
        let device = device_kind(&device)?;
        let files = ModelFiles { name, config, tokenizer, weights };
        Ok(Encoder { encoder: Rc::new(encoder::Encoder::load(files, device).await?) })
    }

    /// What `Index.bind` wants to know: in which space this encoder's vectors lie.
    ///
    /// # Errors
    ///
    /// `limit` where the model's name is too long to be written down.
    pub fn fingerprint(&self) -> JsResult<Vec<u8>> {
        Ok(format::meta_to_bytes(self.encoder.fingerprint())?)
    }

    /// Reads a page and cuts it to the model's limits. `format` is `html`, `markdown` or `text`.
    ///
    /// # Errors
    ///
    /// `empty` where the page holds no readable text, `limit` where it is too long, `input` where
    /// the format is unknown.
    pub fn prepare(
        &self,
        url: &str,
        title: Option<String>,
        format: &str,
        content: &[u8],
    ) -> JsResult<PreparedPage> {
        let format = match format_place(format)? {
            0 => Format::Html,
            1 => Format::Markdown,
            _ => Format::Text,
        };
        let source = Source { url, title: title.as_deref(), format, content };
        let page = pipeline::PreparedPage::new(&self.encoder, source)?;
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

    /// The mean of every sequence's hidden states, `[sequences, dimension]`. For tests, as
    /// `hiddenStates`.
    ///
    /// # Errors
    ///
    /// As `hiddenStates`.
    pub async fn embed(&self, ids: Vec<u32>, lengths: Vec<u32>) -> JsResult<Vec<f32>> {
        let whole = |ids: Vec<u32>| Sequence { spans: vec![0..ids.len()], ids };
        let batch: Vec<Sequence> = sequences(&ids, &lengths)?.into_iter().map(whole).collect();
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

    /// Encodes the next window and keeps its codes.
    ///
    /// # Errors
    ///
    /// `device` where the device fails: the same window can be tried again. `input` where all are
    /// encoded.
    #[wasm_bindgen(js_name = encodeNext)]
    pub async fn encode_next(&mut self) -> JsResult<()> {
        Ok(self.page.encode_next(&self.encoder).await?)
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
