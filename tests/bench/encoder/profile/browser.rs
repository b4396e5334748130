//! The profile of a window, as WebAssembly: `make profile BROWSER=1` runs it in a worker. It is built with
//! the encoder module's flags and is no part of the package.

use burrow::encoder::{self, DeviceKind, ModelInfo};
use wasm_bindgen::prelude::*;

mod text;

#[wasm_bindgen]
extern "C" {
    /// Milliseconds.
    #[wasm_bindgen(js_namespace = performance)]
    fn now() -> f64;
}

/// A model that is being loaded, and then profiled.
#[wasm_bindgen]
pub struct Profiled {
    loader: Option<encoder::Loader>,
    encoder: Option<encoder::Encoder>,
}

#[wasm_bindgen]
impl Profiled {
    /// Reads the small files, and opens `cpu` or `webgpu`.
    pub async fn start(
        manifest: Option<Vec<u8>>,
        config: Vec<u8>,
        tokenizer: Vec<u8>,
        device: String,
    ) -> Result<Profiled, JsError> {
        let device = if device == "cpu" { DeviceKind::Cpu } else { DeviceKind::WebGpu };
        let info = ModelInfo { name: "profiled".to_owned(), config, tokenizer, manifest };
        let loader = Some(encoder::Loader::start(info, device).await?);
        Ok(Profiled { loader, encoder: None })
    }

    /// Takes a weights file.
    pub async fn add(&mut self, file: String, bytes: Vec<u8>) -> Result<(), JsError> {
        if let Some(loader) = &mut self.loader {
            loader.add(&file, &bytes, None)?;
            loader.settle().await?;
        }
        Ok(())
    }

    /// Puts the model together, and tells on what it runs.
    pub async fn finish(&mut self) -> Result<String, JsError> {
        let loader = self.loader.take().ok_or_else(|| JsError::new("finished already"))?;
        let encoder = loader.finish().await?;
        let told = format!("{:?}, {}", encoder.device(), encoder.weights());
        self.encoder = Some(encoder);
        Ok(told)
    }

    /// Where the time of a window of so many tokens goes, as lines to read.
    pub async fn profile(&self, tokens: u32) -> Result<String, JsError> {
        let encoder = self.encoder.as_ref().ok_or_else(|| JsError::new("not finished"))?;
        // Any tokens of the table but the first, which are special ones.
        let ids: Vec<u32> = (1000..1000 + tokens).collect();
        let profile = encoder.profile(&ids, || now() / 1e3).await?;
        Ok(text::told(tokens, &profile))
    }
}
