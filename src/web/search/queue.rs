//! The search module's part for pages that wait to be encoded.

use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::super::error::JsResult;
use super::super::{format_name, format_place};
use super::{Committed, Index, given_hash, to_js};
use crate::error::{Error, ErrorKind, Result};
use crate::fields;
use crate::index::format;
use crate::index::queue::{NewPage, Priority, WaitingPage};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str =
    r#"import type { EnqueueResult, FailedPage, QueueStatus } from "../../src/types.js";"#;

/// Pages that are to be enqueued in one transaction.
#[wasm_bindgen]
#[derive(Default)]
pub struct Batch {
    pages: Vec<NewPage>,
}

#[wasm_bindgen]
impl Batch {
    /// An empty one.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Takes a page in. `facts` is what `fields::from_json` reads, `priority` is `visible`, `normal`
    /// or `background`.
    ///
    /// # Errors
    ///
    /// `input` where format or priority is unknown, or the facts are not such or (`limit`) too long.
    pub fn add(
        &mut self,
        url: String,
        title: Option<String>,
        format: &str,
        content: Vec<u8>,
        facts: Option<String>,
        priority: &str,
    ) -> JsResult<()> {
        let format = format_place(format)?;
        let read = facts.as_deref().map(fields::from_json).transpose()?.unwrap_or_default();
        let hash = given_hash(title.as_deref(), format, &content, &read);
        let priority = priority_of(priority)?;
        self.pages.push(NewPage { url, title, format, content, facts, hash, priority });
        Ok(())
    }
}

/// A page whose turn has come: what `Encoder.prepare` wants to know.
#[wasm_bindgen]
pub struct QueuedPage {
    waiting: WaitingPage,
}

#[wasm_bindgen]
impl QueuedPage {
    /// Its number in the queue, for `commitQueued` and `settle`.
    #[wasm_bindgen(getter)]
    pub fn key(&self) -> f64 {
        self.waiting.key as f64
    }

    /// Its address.
    #[wasm_bindgen(getter)]
    pub fn url(&self) -> String {
        self.waiting.page.url.clone()
    }

    /// The title that outranks its own.
    #[wasm_bindgen(getter)]
    pub fn title(&self) -> Option<String> {
        self.waiting.page.title.clone()
    }

    /// The form of its content.
    #[wasm_bindgen(getter)]
    pub fn format(&self) -> String {
        format_name(self.waiting.page.format).to_owned()
    }

    /// Its fields and time, as they were given.
    #[wasm_bindgen(getter)]
    pub fn facts(&self) -> Option<String> {
        self.waiting.page.facts.clone()
    }

    /// `visible`, `normal` or `background`.
    #[wasm_bindgen(getter)]
    pub fn priority(&self) -> String {
        self.waiting.page.priority.name().to_owned()
    }

    /// Its content. It can be taken once.
    #[wasm_bindgen(js_name = takeContent)]
    pub fn take_content(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.waiting.page.content)
    }
}

#[wasm_bindgen]
impl Index {
    /// Has pages wait, all of them or none.
    ///
    /// # Errors
    ///
    /// `input` where an address is empty, `limit` where they are too many, `storage-full` or
    /// `storage`: then the queue is as it was.
    #[wasm_bindgen(unchecked_return_type = "EnqueueResult")]
    pub async fn enqueue(&mut self, batch: Batch) -> JsResult<JsValue> {
        let enqueued = self.index.enqueue(batch.pages).await?;
        let (waiting, unchanged) = (enqueued.waiting, enqueued.unchanged);
        Ok(to_js(&EnqueueResult { waiting, unchanged })?)
    }

    /// The page whose turn it is. With `before`, only one that goes before the pages of that
    /// priority.
    ///
    /// # Errors
    ///
    /// `storage`.
    pub async fn peek(&mut self, before: Option<String>) -> JsResult<Option<QueuedPage>> {
        let before = before.as_deref().map(priority_of).transpose()?;
        Ok(self.index.peek(before).await?.map(|waiting| QueuedPage { waiting }))
    }

    /// As `commit`, for a page that waits: it leaves the queue in the same transaction. Undefined,
    /// and nothing is done, where it waits no longer.
    ///
    /// # Errors
    ///
    /// As `commit`.
    #[wasm_bindgen(js_name = commitQueued, unchecked_return_type = "AddResult | undefined")]
    pub async fn commit_queued(&mut self, key: f64, page: &[u8]) -> JsResult<JsValue> {
        let encoded = format::from_wire(page)?;
        let url = encoded.page.url.clone();
        let Some(outcome) = self.index.commit_queued(key as u64, encoded).await? else {
            return Ok(JsValue::UNDEFINED);
        };
        let passages = self.index.passages_of(&url).unwrap_or_default();
        Ok(to_js(&Committed { url, outcome: outcome.name(), passages })?)
    }

    /// Takes a page off the queue that cannot be indexed, and keeps why.
    ///
    /// # Errors
    ///
    /// `storage-full` or `storage`: then it still waits.
    pub async fn settle(&mut self, key: f64, kind: String, message: String) -> JsResult<bool> {
        Ok(self.index.settle(key as u64, &kind, &message).await?)
    }

    /// The number in the queue of the page that waits under an address.
    #[wasm_bindgen(js_name = waitingKey)]
    pub fn waiting_key(&self, url: &str) -> Option<f64> {
        self.index.waiting_key(url).map(|key| key as f64)
    }

    /// How much waits, and how much has failed.
    #[wasm_bindgen(
        unchecked_return_type = "Pick<QueueStatus, \"waiting\" | \"bytes\" | \"failed\">"
    )]
    pub fn queued(&self) -> JsResult<JsValue> {
        let queued = self.index.queued();
        Ok(to_js(&Queued {
            waiting: queued.waiting,
            bytes: queued.bytes as f64,
            failed: queued.failed,
        })?)
    }

    /// The pages that left the queue without being indexed, the latest last.
    #[wasm_bindgen(unchecked_return_type = "FailedPage[]")]
    pub fn failures(&self) -> JsResult<JsValue> {
        Ok(to_js(&self.index.failures())?)
    }
}

#[derive(Serialize)]
struct EnqueueResult {
    waiting: usize,
    unchanged: usize,
}

#[derive(Serialize)]
struct Queued {
    waiting: usize,
    bytes: f64,
    failed: usize,
}

fn priority_of(name: &str) -> Result<Priority> {
    Priority::ALL.into_iter().find(|priority| priority.name() == name).ok_or_else(|| {
        let message = format!(
            "the priority {name:?} is unknown: give \"visible\", \"normal\" or \"background\""
        );
        Error::new(ErrorKind::Input, message)
    })
}
