//! The search module: the index, where it is kept, and what is found in it.

use js_sys::Uint8Array;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

use super::error::JsResult;
use super::format_place;
use super::transfer::Transfers;
use crate::error::{Error, ErrorKind, Result};
use crate::fields::{self, Facts};
use crate::index::facets::asked_from_json;
use crate::index::filter::Filter;
use crate::index::{self, format};
use crate::page::{EncodedPage, source_hash};
use crate::search::{Query, SearchOptions, Sort};
use crate::store::{AnyStore, Durability, IndexedDbStore, MemoryStore, SealedStore, WebCipher};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import type { AddResult, Facet, Hit, ImportResult, PageInfo, Problem, RepairResult, Status } from "../../src/types.js";

/** How to open an index. */
export interface IndexOptions {
  /** Whether to remove first whatever is in it, also what this version cannot read. */
  clear?: boolean;
  /** Default "relaxed". */
  durability?: "relaxed" | "strict";
  /** What to encrypt with; "device": a key that is made and kept in the database. */
  encryption?: "device" | CryptoKey | Uint8Array | null;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// How to open an index, as JavaScript says it.
    #[wasm_bindgen(typescript_type = "IndexOptions")]
    pub type IndexOptions;

    #[wasm_bindgen(method, getter)]
    fn clear(this: &IndexOptions) -> Option<bool>;

    #[wasm_bindgen(method, getter)]
    fn durability(this: &IndexOptions) -> Option<String>;

    #[wasm_bindgen(method, getter)]
    fn encryption(this: &IndexOptions) -> JsValue;
}

mod queue;

/// An open index.
#[wasm_bindgen]
pub struct Index {
    pub(super) index: index::Index<AnyStore>,
    /// Why the index is in memory, where it should not be.
    refused: Option<String>,
    pub(super) transfers: Transfers,
}

#[wasm_bindgen]
impl Index {
    /// Opens the index of a name in IndexedDB or, where the browser refuses that, in memory.
    ///
    /// # Errors
    ///
    /// `fingerprint` where a newer version has written it, `corrupt` where it cannot be told what
    /// it was made with, `locked` where it is encrypted and the key is missing or another, `input`
    /// where it is not encrypted and a key was given, or an option cannot be used; `storage` where
    /// the browser fails.
    pub async fn open(name: String, options: IndexOptions) -> JsResult<Index> {
        let (store, refused) = open_store(&name, &options).await?;
        let index = match options.clear() {
            Some(true) => index::Index::open_cleared(store).await?,
            _ => index::Index::open(store).await?,
        };
        Ok(Index { index, refused, transfers: Transfers::default() })
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

    /// How many passages the page has that is there already with just this content and these facts,
    /// which are what `fields::from_json` reads; else undefined.
    ///
    /// # Errors
    ///
    /// `input` where the format is unknown, or the facts are not such or (`limit`) too long.
    pub fn unchanged(
        &self,
        url: &str,
        title: Option<String>,
        format: &str,
        content: &[u8],
        facts: Option<String>,
    ) -> JsResult<Option<usize>> {
        let facts = facts.as_deref().map(fields::from_json).transpose()?.unwrap_or_default();
        let Some(hash) = self.index.find(url) else { return Ok(None) };
        let given = given_hash(title.as_deref(), format_place(format)?, content, &facts);
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
        let (url, passages) = (encoded.page.url.clone(), encoded.page.passages.len());
        let outcome = self.index.commit(encoded).await?.name();
        Ok(to_js(&Committed { url, outcome, passages })?)
    }

    /// Stores pages that `PreparedPage.finish` gave in one transaction, all of them or none, each in
    /// place of what was under its address.
    ///
    /// # Errors
    ///
    /// As `commit`.
    #[wasm_bindgen(js_name = commitAll, unchecked_return_type = "AddResult[]")]
    pub async fn commit_all(&mut self, pages: Vec<Uint8Array>) -> JsResult<JsValue> {
        let pages = pages.iter().map(|page| format::from_wire(&page.to_vec()));
        let pages: Vec<EncodedPage> = pages.collect::<Result<_>>()?;
        let outcomes = self.index.commit_all(&pages).await?;
        let committed = pages.into_iter().zip(outcomes).map(|(encoded, outcome)| Committed {
            url: encoded.page.url,
            outcome: outcome.name(),
            passages: encoded.page.passages.len(),
        });
        Ok(to_js(&committed.collect::<Vec<_>>())?)
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

    /// The best passage of each of the best pages, the best first. Without a vector, only the words
    /// count. `options` is what `SearchOptions::from_json` reads.
    ///
    /// # Errors
    ///
    /// `input` where the vector is of another dimension, or an option or the filter is not such;
    /// `storage`.
    #[wasm_bindgen(unchecked_return_type = "Hit[]")]
    pub async fn search(
        &mut self,
        text: String,
        vector: Option<Vec<f32>>,
        options: String,
        filter: Option<String>,
    ) -> JsResult<JsValue> {
        let query = Query { text: &text, vector: vector.as_deref() };
        let filter = filter.as_deref().map(Filter::from_json).transpose()?;
        let options = SearchOptions { filter, ..SearchOptions::from_json(&options)? };
        Ok(to_js(&self.index.search(query, &options).await?)?)
    }

    /// Removes the pages that meet a filter, and says how many there were.
    ///
    /// # Errors
    ///
    /// `input` where the filter is not such; `storage`: then some of the pages are still there.
    #[wasm_bindgen(js_name = removeWhere)]
    pub async fn remove_where(&mut self, filter: String) -> JsResult<usize> {
        Ok(self.index.remove_where(&Filter::from_json(&filter)?).await?)
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

    /// At most `limit` pages that meet a filter, after the first `offset`; of all pages where there
    /// is none. `sort` is `relevance` (as they were added), `newest` or `oldest`.
    ///
    /// # Errors
    ///
    /// `input` or `limit`, naming the place, where the filter or the order is none.
    #[wasm_bindgen(js_name = pagesWhere, unchecked_return_type = "PageInfo[]")]
    pub fn pages_where(
        &self,
        filter: Option<String>,
        sort: &str,
        offset: usize,
        limit: usize,
    ) -> JsResult<JsValue> {
        let filter = filter.as_deref().map(Filter::from_json).transpose()?;
        let sort = Sort::from_name(sort)?;
        Ok(to_js(&self.index.pages_where(filter.as_ref(), sort, offset, limit))?)
    }

    /// How many pages have which value, of those that meet a filter, or of all. `asked` is what
    /// `facets::asked_from_json` reads.
    ///
    /// # Errors
    ///
    /// `input` or `limit` where the filter or what is asked for is not such.
    #[wasm_bindgen(unchecked_return_type = "Facet[]")]
    pub fn facets(&self, filter: Option<String>, asked: &str) -> JsResult<JsValue> {
        let filter = filter.as_deref().map(Filter::from_json).transpose()?;
        let pages = filter.as_ref().map(|filter| self.index.filter(filter));
        Ok(to_js(&self.index.facets(pages.as_ref(), &asked_from_json(asked)?))?)
    }

    /// Whether nothing was ever committed to it.
    #[wasm_bindgen(getter, js_name = isNew)]
    pub fn is_new(&self) -> bool {
        // On a full disk a removal takes the head away, and what the index was made with stays.
        self.index.state.head_bytes.is_none() && self.index.fingerprint().is_none()
    }

    /// Where the index lives, how much is in it, and what is wrong with it.
    #[wasm_bindgen(
        unchecked_return_type = "Pick<Status, \"storage\" | \"encrypted\" | \"pages\" | \"passages\" | \"reasons\">"
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
            encrypted: matches!(self.index.store, AnyStore::Sealed(_)),
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

/// The store of an index and, where the browser refused one that lasts, why.
async fn open_store(name: &str, options: &IndexOptions) -> Result<(AnyStore, Option<String>)> {
    let durability = match options.durability().as_deref() {
        None | Some("relaxed") => Durability::Relaxed,
        Some("strict") => Durability::Strict,
        Some(other) => {
            let message = format!("the durability {other:?} is unknown: give relaxed or strict");
            return Err(Error::new(ErrorKind::Input, message));
        }
    };
    let encryption = options.encryption();
    let store = match IndexedDbStore::open(name, durability).await {
        Ok(store) => store,
        // What is in memory is not at rest: there is nothing to encrypt.
        Err(error) if error.kind() == ErrorKind::Storage => {
            return Ok((AnyStore::Memory(MemoryStore::new()), Some(error.to_string())));
        }
        Err(error) => return Err(error),
    };
    if encryption.is_null() || encryption.is_undefined() {
        return Ok((AnyStore::IndexedDb(store), None));
    }
    let cipher = match encryption.as_string().as_deref() {
        Some("device") => WebCipher::of_device(&store).await?,
        _ => WebCipher::with_key(&encryption).await?,
    };
    Ok((AnyStore::Sealed(SealedStore::open(store, cipher).await?), None))
}

/// The hash of a page as it is given: equal to that of the page in the index, nothing to do.
fn given_hash(title: Option<&str>, format: u8, content: &[u8], facts: &Facts) -> [u8; 32] {
    source_hash(format, title.unwrap_or_default(), content, facts)
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
    encrypted: bool,
    pages: usize,
    passages: usize,
    reasons: Vec<String>,
}

/// Plain objects and arrays.
pub(super) fn to_js(value: &impl Serialize) -> Result<JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(|cause| {
        let message = "a result cannot be given to JavaScript: this is a bug of Burrow";
        Error::new(ErrorKind::Corrupt, message).with_source(cause.to_string())
    })
}
