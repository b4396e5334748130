//! Goes through the words of one place, term after term.

use std::collections::VecDeque;

use super::super::format::{
    self, DictionaryEntry, PageList, PageTerms, PostingsBlock, Row, page_key,
};
use super::build::STEM_MARK;
use super::lookup::present;
use super::segment::{dictionary_key, postings_key};
use super::{Place, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::sorted::SortedMap;
use crate::store::{Space, Store};

/// Blocks of postings read at once.
const READ_AHEAD: u32 = 8;

/// Goes through the terms of one place.
pub(super) enum Cursor {
    Page { terms: PageTerms, lists: VecDeque<(String, PageList)> },
    Segment(Box<SegmentCursor>),
}

pub(super) struct SegmentCursor {
    number: u32,
    passages: u32,
    dictionary_blocks: u32,
    postings_blocks: u32,
    next_dictionary: u32,
    entries: VecDeque<DictionaryEntry>,
    last_term: String,
    postings: SortedMap<u32, PostingsBlock>,
}

impl Cursor {
    pub(super) async fn open<S: Store>(store: &S, place: Place, source: &Source) -> Result<Self> {
        match place {
            Place::Page(page) => {
                let mut records = store.read(&[(Space::Terms, page_key(page))]).await?;
                let terms = PageTerms::from_bytes(page, present(records.pop().flatten())?)?;
                let lists = terms.terms()?.into();
                Ok(Cursor::Page { terms, lists })
            }
            Place::Segment(number) => {
                let mut cursor = SegmentCursor {
                    number,
                    passages: source.lengths.len() as u32,
                    dictionary_blocks: source.first_terms.len() as u32,
                    postings_blocks: source.postings_blocks,
                    next_dictionary: 0,
                    entries: VecDeque::new(),
                    last_term: String::new(),
                    postings: SortedMap::new(),
                };
                cursor.fill(store).await?;
                Ok(Cursor::Segment(Box::new(cursor)))
            }
        }
    }

    /// The term it stands at.
    pub(super) fn term(&self) -> Option<&str> {
        match self {
            Cursor::Page { lists, .. } => lists.front().map(|(term, _)| term.as_str()),
            Cursor::Segment(cursor) => cursor.entries.front().map(|entry| entry.term.as_str()),
        }
    }

    /// Gives the rows of the term it stands at, and goes on to the next.
    pub(super) async fn take_list<S: Store>(
        &mut self,
        store: &S,
        take: impl FnMut(&Row<'_>),
    ) -> Result<()> {
        match self {
            Cursor::Page { terms, lists } => {
                let Some((term, list)) = lists.pop_front() else { return Ok(()) };
                terms.rows(list, !term.starts_with(STEM_MARK))?.iter().for_each(take);
                Ok(())
            }
            Cursor::Segment(cursor) => cursor.take_list(store, take).await,
        }
    }
}

impl SegmentCursor {
    /// Reads the next block of the dictionary where none is left of the last.
    async fn fill<S: Store>(&mut self, store: &S) -> Result<()> {
        while self.entries.is_empty() && self.next_dictionary < self.dictionary_blocks {
            let block = self.next_dictionary;
            let mut records = store.read(&[dictionary_key(self.number, block)]).await?;
            let record = present(records.pop().flatten())?;
            let entries = format::dictionary_from_bytes(self.number, block, &record)?;
            if entries.first().is_some_and(|first| block > 0 && first.term <= self.last_term) {
                return Err(out_of_order());
            }
            self.last_term = entries.last().map(|last| last.term.clone()).unwrap_or_default();
            self.entries = entries.into();
            self.next_dictionary += 1;
        }
        Ok(())
    }

    async fn take_list<S: Store>(
        &mut self,
        store: &S,
        mut take: impl FnMut(&Row<'_>),
    ) -> Result<()> {
        let Some(entry) = self.entries.pop_front() else { return Ok(()) };
        let has_places = !entry.term.starts_with(STEM_MARK);
        let mut offset = entry.offset;
        for more in 0..=entry.more_blocks {
            let block = entry.block.saturating_add(more);
            self.read_postings(store, block).await?;
            let Some(postings) = self.postings.get(&block) else { return Err(out_of_order()) };
            postings.rows(offset, self.passages, has_places)?.iter().for_each(&mut take);
            offset = PostingsBlock::START;
        }
        self.fill(store).await
    }

    /// Reads a block and some after it, if it is not there; lets those before it go.
    async fn read_postings<S: Store>(&mut self, store: &S, block: u32) -> Result<()> {
        if self.postings.contains_key(&block) {
            return Ok(());
        }
        self.postings = SortedMap::new();
        let end = block.saturating_add(READ_AHEAD).min(self.postings_blocks);
        let key = |block| postings_key(self.number, self.dictionary_blocks, block);
        let keys: Vec<_> = (block..end).map(key).collect();
        for (block, record) in (block..end).zip(store.read(&keys).await?) {
            let postings = PostingsBlock::from_bytes(self.number, block, present(record)?)?;
            self.postings.insert(block, postings);
        }
        Ok(())
    }
}

fn out_of_order() -> Error {
    let message = "a words segment's blocks do not go together; the words are read again from the \
                   pages' texts";
    Error::new(ErrorKind::Corrupt, message)
}
