//! Puts a page together again from its records.

use super::format::{self, BLOCK_ROWS, Entry, Rows, page_key};
use super::load::bits_of;
use super::{Index, build};
use crate::error::{Error, ErrorKind, Result};
use crate::page::EncodedPage;
use crate::store::{Space, Store};

impl<S: Store> Index<S> {
    /// A page with all its codes, as it was committed.
    ///
    /// # Errors
    ///
    /// `Corrupt` where a record is missing or damaged, or they do not belong together; `Storage`.
    pub(super) async fn read_page(&self, page: u32, entry: &Entry) -> Result<EncodedPage> {
        let dimension = self.state.dimension();
        let (key, home) = (page_key(page), self.state.runs.home(page));
        let blocks = entry.passages.div_ceil(BLOCK_ROWS);
        let shared = (Space::Bits, page_key(home));
        let mut keys = vec![(Space::Pages, key), shared, (Space::Sentences, key)];
        keys.extend((0..blocks as u64).map(|block| (Space::Codes, key + block)));
        let records = self.store.read(&keys).await?;
        let mut records = records.iter().map(Option::as_deref);
        let mut next = || records.next().flatten().ok_or_else(missing);
        let content = format::page_from_bytes(page, next()?)?;
        let run = format::bits_from_bytes(home, dimension, next()?)?;
        let bits = bits_of(&run, page, dimension).ok_or_else(missing)?.to_vec();
        let sentence_bits = format::rows_from_bytes(page, Rows::Sentences, dimension, next()?)?;
        let mut int8 = Vec::with_capacity(entry.passages.min(BLOCK_ROWS) * dimension);
        for block in 0..blocks {
            let rows = format::rows_from_bytes(page, Rows::Codes { block }, dimension, next()?)?;
            int8.extend(rows.iter().map(|byte| byte.cast_signed()));
        }
        let sentence_bits = sentence_bits.to_vec();
        let encoded = EncodedPage { page: content, dimension, bits, int8, sentence_bits };
        let is_entry = build::entry_of(&encoded) == *entry;
        match format::check_page(&encoded) {
            Ok(()) if is_entry => Ok(encoded),
            Ok(()) => Err(Error::new(ErrorKind::Corrupt, NOT_TOGETHER)),
            Err(error) => Err(Error::new(ErrorKind::Corrupt, NOT_TOGETHER).with_source(error)),
        }
    }
}

const NOT_TOGETHER: &str = "its records do not belong together; add the page again";

pub(super) fn missing() -> Error {
    Error::new(ErrorKind::Corrupt, "a record of it is missing; add the page again")
}
