//! Burrow: search that never leaves the browser.
//!
//! A page goes in; its meaning is encoded on the reader's own device; a query comes back with the
//! right passage, marked. The modules below stand in the order of the data's way:
//!
//! | question | in → out | module |
//! |---|---|---|
//! | What is on the page? | HTML, Markdown, text → [`blocks::Document`] | [`blocks`] |
//! | What are its words? | text → [`tokens::Token`]s with byte ranges | [`tokens`] |
//! | What fits the model? | tokens → [`chunks::Chunk`]s → [`chunks::Window`]s | [`chunks`] |
//! | What does it mean? | window → hidden states → one vector a chunk | `encoder` |
//! | Make it small | f32 → INT8 and bits | [`quantize`] |
//! | Keep it | a [`page::EncodedPage`] → records | [`index`], [`store`] |
//! | Words too | query → words → BM25 over the same passages | [`index::lexical`] |
//! | Find it | query vector → Hamming candidates → INT8 order | [`search`] |
//! | Show it | chunks → [`hits::Hit`]s with marks | [`hits`] |
//!
//! # Words
//!
//! *Block*: a paragraph, heading, list item or the like, a range of the document's text.
//! *Token*: what the model reads, with the bytes of the text it stands for.
//! *Chunk*: consecutive tokens that get one vector. *Passage*: a chunk as it is stored and shown.
//! *Window*: the chunks that are encoded in one forward pass, so that each sees the others
//! (late chunking). *Vector*: f32, as the model gives it. *Code*: the vector made small, as bits
//! or as INT8. *Hit*: one page with its best passage.
//!
//! # Invariants
//!
//! 1. The core does no I/O and reads no clock. Storage, network, DOM and JavaScript are edges.
//! 2. Only `encoder` names burn or wgpu. Only `web` and, in `store`, `indexeddb` and `webcrypto`
//!    name wasm-bindgen, js-sys, web-sys or idb.
//! 3. Only [`index::format`] knows byte offsets.
//! 4. The crate makes three wasm modules: *search* (feature `web` alone), *encoder* (with `gpu`) and
//!    *threads* (with `encoder`, on shared memory). Only strings, numbers and typed arrays cross
//!    between them.
//! 5. Vectors of two [`fingerprint::Fingerprint`]s never meet.
//! 6. Bytes from outside are hostile: checked before use, never a panic, never a silent wrong
//!    answer.

mod begun;
mod checksum;
pub mod error;
pub mod fields;
pub mod fingerprint;
mod json;
mod order;
pub mod page;
pub mod sorted;
mod words;

#[cfg(feature = "pages")]
pub mod blocks;
#[cfg(feature = "pages")]
pub mod tokens;
#[cfg(feature = "pages")]
pub mod chunks;
#[cfg(feature = "encoder")]
pub mod encoder;
pub mod quantize;
pub mod index;
pub mod store;
pub mod search;
pub mod hits;
#[cfg(feature = "encoder")]
pub mod pipeline;
#[cfg(feature = "web")]
mod web;

pub use error::{Error, ErrorKind, Result};
