//! Writes a segment: terms in their order go in, the records of its blocks and its head come out.

use super::super::format::{
    self, BLOCK_BYTES, DictionaryEntry, ListWriter, PostingsBlock, SEGMENT_NUMBER_END, SegmentHead,
    SegmentPage, segment_key,
};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Change, Space};

/// About what an entry of a dictionary takes besides its term.
const ENTRY_BYTES: usize = 8;

/// A segment in the making.
pub(super) struct SegmentWriter {
    segment: u32,
    /// Sealed blocks of the dictionary, and the first term of each.
    dictionaries: Vec<Vec<u8>>,
    first_terms: Vec<String>,
    entries: Vec<DictionaryEntry>,
    entries_bytes: usize,
    /// Sealed blocks of postings.
    postings: Vec<Vec<u8>>,
    lists: Vec<u8>,
}

impl SegmentWriter {
    pub(super) fn new(segment: u32) -> Result<Self> {
        if segment >= SEGMENT_NUMBER_END {
            let message =
                "all numbers for segments are given: clear the index and add its pages again";
            return Err(Error::new(ErrorKind::Limit, message));
        }
        Ok(SegmentWriter {
            segment,
            dictionaries: Vec::new(),
            first_terms: Vec::new(),
            entries: Vec::new(),
            entries_bytes: 0,
            postings: Vec::new(),
            lists: Vec::new(),
        })
    }

    /// Adds a term after all others, with its rows in the order of passages.
    pub(super) fn add<'a>(
        &mut self,
        term: String,
        rows: impl Iterator<Item = (u32, &'a [u8])>,
    ) -> Result<()> {
        let mut parts = parts(rows);
        let passages = parts.iter().map(|part| part.count).sum();
        let Some(last) = parts.pop() else { return Ok(()) };
        let more_blocks = parts.len() as u32;
        let is_parted = !parts.is_empty();
        // A list that fits a block is not parted, so that its word costs one block to read.
        if is_parted || self.lists.len() + last.bytes.len() + ENTRY_BYTES > BLOCK_BYTES {
            self.seal_postings()?;
        }
        let block = self.postings.len() as u32;
        let offset = PostingsBlock::START + self.lists.len() as u32;
        for part in parts {
            part.append_to(&mut self.lists);
            self.seal_postings()?;
        }
        last.append_to(&mut self.lists);
        self.entries_bytes += term.len() + ENTRY_BYTES;
        self.entries.push(DictionaryEntry { term, passages, block, offset, more_blocks });
        if self.entries_bytes >= BLOCK_BYTES {
            self.seal_dictionary()?;
        }
        Ok(())
    }

    fn seal_postings(&mut self) -> Result<()> {
        if !self.lists.is_empty() {
            let block = self.postings.len() as u32;
            self.postings.push(format::postings_to_bytes(self.segment, block, &self.lists)?);
            self.lists.clear();
        }
        Ok(())
    }

    fn seal_dictionary(&mut self) -> Result<()> {
        if let Some(first) = self.entries.first() {
            let block = self.dictionaries.len() as u32;
            self.first_terms.push(first.term.clone());
            let bytes = format::dictionary_to_bytes(self.segment, block, &self.entries)?;
            self.dictionaries.push(bytes);
            self.entries.clear();
            self.entries_bytes = 0;
        }
        Ok(())
    }

    /// The changes that write the segment, and its head.
    pub(super) fn finish(
        mut self,
        pages: Vec<SegmentPage>,
        lengths: Vec<u16>,
    ) -> Result<(Vec<Change>, SegmentHead)> {
        self.seal_postings()?;
        self.seal_dictionary()?;
        let postings_blocks = self.postings.len() as u32;
        let first = self.dictionaries.len() as u32;
        let head = SegmentHead { pages, lengths, first_terms: self.first_terms, postings_blocks };
        let bytes = format::segment_to_bytes(self.segment, &head)?;
        // What cannot be read again must not be written.
        format::segment_from_bytes(self.segment, &bytes)?;
        let mut changes =
            vec![Change::Put { space: Space::Terms, key: segment_key(self.segment), bytes }];
        let mut put = |(space, key), bytes| changes.push(Change::Put { space, key, bytes });
        for (block, bytes) in (0..).zip(self.dictionaries) {
            put(dictionary_key(self.segment, block), bytes);
        }
        for (block, bytes) in (0..).zip(self.postings) {
            put(postings_key(self.segment, first, block), bytes);
        }
        Ok((changes, head))
    }
}

/// A list in parts that each fit a block.
fn parts<'a>(rows: impl Iterator<Item = (u32, &'a [u8])>) -> Vec<ListWriter> {
    let mut parts: Vec<ListWriter> = Vec::new();
    for (passage, tail) in rows {
        let fits = |part: &ListWriter| part.bytes.len() + tail.len() + ENTRY_BYTES <= BLOCK_BYTES;
        match parts.last_mut().filter(|part| fits(part)) {
            Some(part) => part.push(passage, tail),
            None => parts.push_mut(ListWriter::default()).push(passage, tail),
        }
    }
    parts
}

/// Where a block of a segment's dictionary is.
pub(super) fn dictionary_key(segment: u32, block: u32) -> (Space, u64) {
    (Space::Terms, segment_key(segment) + 1 + u64::from(block))
}

/// Where a block of postings is, of a segment whose dictionary has so many blocks.
pub(super) fn postings_key(segment: u32, dictionary_blocks: u32, block: u32) -> (Space, u64) {
    let place = 1 + u64::from(dictionary_blocks) + u64::from(block);
    (Space::Terms, segment_key(segment) + place)
}
