//! The search module: the index, where it is kept, and what is found in it.

use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

use super::error::JsResult;
use super::format_place;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{self, format};
use crate::page::content_hash;
use crate::search::{Query, SearchOptions};
use crate::store::{AnyStore, IndexedDbStore, MemoryStore};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str =
    r#"import type { AddResult, Hit, PageInfo, Status } from "../../src/types.js";"#;

mod queue;

/// An open index.
#[wasm_bindgen]
pub struct Index {
    index: index::Index<AnyStore>,
    /// Why the index is in memory, where it should not be.
    refused: Option<String>,
}

#[wasm_bindgen]
impl Index {
    /// Opens the index of a name in IndexedDB or, where the browser refuses that, in memory.
    /// With `clear`, whatever is in it is removed first, also what this version cannot read.
    ///
    /// # Errors
    ///
    /// `fingerprint` where a newer version has written it, `corrupt` where it cannot be told what
    /// it was made with, `storage` where the browser fails.
    pub async fn open(name: String, clear: bool) -> JsResult<Index> {
        let (store, refused) = match IndexedDbStore::open(&name).await {
            Ok(store) => (AnyStore::IndexedDb(store), None),
            Err(error) if error.kind() == ErrorKind::Storage => {
                (AnyStore::Memory(MemoryStore::new()), Some(error.to_string()))
            }
            Err(error) => return Err(error.into()),
        };
        let index = match clear {
            true => index::Index::open_cleared(store).await?,
            false => index::Index::open(store).await?,
        };
        Ok(Index { index, refused })
    }

    /// Deletes the index of a name.
    ///
    /// # Errors
    ///
    /// `storage` where the browser refuses.
    pub async fn delete(name: String) -> JsResult<()> {
        Ok(IndexedDbStore::delete(&name).await?)
    }

    /// Says with which encoder pages and queries will come: `Encoder.fingerprint` tells it.
    ///
    /// # Errors
    ///
    /// `fingerprint` where the index was made with another one.
    pub async fn bind(&mut self, fingerprint: &[u8]) -> JsResult<()> {
        let fingerprint = format::meta_from_bytes(fingerprint)?;
        Ok(self.index.bind(&fingerprint).await?)
    }

    /// How many passages the page has that is there already with just this content; else
    /// undefined.
    ///
    /// # Errors
    ///
    /// `input` where the format is unknown.
    pub fn unchanged(
        &self,
        url: &str,
        title: Option<String>,
        format: &str,
        content: &[u8],
    ) -> JsResult<Option<usize>> {
        let Some(hash) = self.index.find(url) else { return Ok(None) };
        let given = given_hash(title.as_deref(), format_place(format)?, content);
        Ok(if hash == given { self.index.passages_of(url) } else { None })
    }

    /// Stores a page that `PreparedPage.finish` gave, in place of what was under its address.
    ///
    /// # Errors
    ///
    /// `storage-full` or `storage`: then the index is as it was. `corrupt` or `input` where the
    /// bytes are not a whole page of this index's encoder.
    #[wasm_bindgen(unchecked_return_type = "AddResult")]
    pub async fn commit(&mut self, page: &[u8]) -> JsResult<JsValue> {
        let encoded = format::from_wire(page)?;
        let url = encoded.page.url.clone();
        let outcome = self.index.commit(encoded).await?;
        let passages = self.index.passages_of(&url).unwrap_or_default();
        Ok(to_js(&Committed { url, outcome: outcome.name(), passages })?)
    }

    /// Looks again at what other tabs have committed, and writes nothing. With a fingerprint, what
    /// comes is of that encoder, as after `bind`; false where the index was made with nothing yet.
    ///
    /// # Errors
    ///
    /// `fingerprint` where the index was made with another one, `storage`.
    pub async fn follow(&mut self, fingerprint: Option<Vec<u8>>) -> JsResult<bool> {
        let fingerprint = fingerprint.as_deref().map(format::meta_from_bytes).transpose()?;
        Ok(self.index.follow(fingerprint.as_ref()).await?)
    }

    /// The best passage of each of the best pages, the best first.
    ///
    /// # Errors
    ///
    /// `input` where the vector is of another dimension or an option out of its range; `storage`.
    #[wasm_bindgen(unchecked_return_type = "Hit[]")]
    pub async fn search(
        &mut self,
        text: String,
        vector: Vec<f32>,
        limit: usize,
        oversampling: usize,
    ) -> JsResult<JsValue> {
        let query = Query { text: &text, vector: &vector };
        let options = SearchOptions { limit, oversampling, ..SearchOptions::default() };
        Ok(to_js(&self.index.search(query, options).await?)?)
    }

    /// Removes the page under an address, and says whether there was one.
    ///
    /// # Errors
    ///
    /// `storage`: then the page is still there.
    pub async fn remove(&mut self, url: String) -> JsResult<bool> {
        Ok(self.index.remove(&url).await?)
    }

    /// Removes all pages and what the index was made with: `bind` begins anew. What waits to be
    /// encoded is removed, too, unless another model is to encode it.
    ///
    /// # Errors
    ///
    /// `storage`: then all is still there.
    pub async fn clear(&mut self, keep_waiting: bool) -> JsResult<()> {
        Ok(self.index.clear_by(keep_waiting).await?)
    }

    /// The pages, in the order in which they were added.
    #[wasm_bindgen(unchecked_return_type = "PageInfo[]")]
    pub fn pages(&self) -> JsResult<JsValue> {
        Ok(to_js(&self.index.pages())?)
    }

    /// Where the index lives, how much is in it, and what is wrong with it.
    #[wasm_bindgen(
        unchecked_return_type = "Pick<Status, \"storage\" | \"pages\" | \"passages\" | \"reasons\">"
    )]
    pub fn status(&self) -> JsResult<JsValue> {
        let problems = self.index.problems().into_iter().map(|problem| match problem.url {
            Some(url) => format!("{url} is left out: {}", problem.message),
            None => problem.message,
        });
        let refused = self
            .refused
            .iter()
            .map(|why| format!("The index is kept in memory until this page is closed: {why}"));
        Ok(to_js(&State {
            storage: self.index.store_kind().name(),
            pages: self.index.page_count(),
            passages: self.index.passage_count(),
            reasons: refused.chain(problems).collect(),
        })?)
    }

    /// Closes the database. The index is of no use afterwards.
    pub fn close(self) {
        drop(self);
    }
}

/// The hash of a page as it is given: equal to that of the page in the index, nothing to do.
fn given_hash(title: Option<&str>, format: u8, content: &[u8]) -> [u8; 32] {
    content_hash(&[&[format], title.unwrap_or_default().as_bytes(), content])
}

/// What became of a page, as JavaScript sees it.
#[derive(Serialize)]
struct Committed {
    url: String,
    outcome: &'static str,
    passages: usize,
}

/// The index's part of `status`.
#[derive(Serialize)]
struct State {
    storage: &'static str,
    pages: usize,
    passages: usize,
    reasons: Vec<String>,
}

/// Plain objects and arrays.
fn to_js(value: &impl Serialize) -> Result<JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(|cause| {
        let message = "a result cannot be given to JavaScript: this is a bug of Burrow";
        Error::new(ErrorKind::Corrupt, message).with_source(cause.to_string())
    })
}
