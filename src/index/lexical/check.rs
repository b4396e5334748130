//! Are the words whole? Reads all that one place has of them.

use std::ops::Range;

use super::super::format::{self, DictionaryEntry, PageTerms, PostingsBlock, segment_key};
use super::build::STEM_MARK;
use super::lookup::{present, whole};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Space, Store};

/// Records read at once.
const RECORDS_AT_ONCE: usize = 32;

/// What a look at some words has come to.
pub(crate) struct Checked {
    /// The key from which to go on.
    pub(crate) next: u64,
    /// The keys of records that are not whole, and why.
    pub(crate) damaged: Vec<(Range<u64>, String)>,
}

/// Looks at the next words from a key on: a segment, or the own records of some pages. `None` where
/// there are no more.
pub(crate) async fn check_from<S: Store>(store: &S, from: u64) -> Result<Option<Checked>> {
    let records = store.scan(Space::Terms, from, RECORDS_AT_ONCE).await?;
    let Some((first, _)) = records.first() else { return Ok(None) };
    if let Some((number, _)) = format::segment_of_key(*first) {
        return check_segment(store, number).await.map(Some);
    }
    let mut checked = Checked { next: from, damaged: Vec::new() };
    for (key, bytes) in records {
        if format::segment_of_key(key).is_some() {
            break;
        }
        checked.next = key + 1;
        let message = match format::page_of_terms_key(key) {
            Some(page) => whole(check_page(page, bytes))?.err(),
            None => Some(format!("words lie under the key {key}, which is none of theirs")),
        };
        checked.damaged.extend(message.map(|message| (key..key + 1, message)));
    }
    Ok(Some(checked))
}

fn check_page(page: u32, bytes: Vec<u8>) -> Result<()> {
    let terms = PageTerms::from_bytes(page, bytes)?;
    for (term, list) in terms.terms()? {
        terms.rows(list, has_places(&term))?;
    }
    Ok(())
}

async fn check_segment<S: Store>(store: &S, number: u32) -> Result<Checked> {
    let keys = segment_key(number)..segment_key(number + 1);
    let mut records = Vec::new();
    let mut from = keys.start;
    'all: loop {
        let some = store.scan(Space::Terms, from, RECORDS_AT_ONCE).await?;
        let Some((last, _)) = some.last() else { break };
        from = last + 1;
        for (key, bytes) in some {
            if key >= keys.end {
                break 'all;
            }
            records.push((key - keys.start, bytes));
        }
    }
    let damaged = whole(check_records(number, records))?.err();
    let damaged = damaged.map(|message| (keys.clone(), message)).into_iter().collect();
    Ok(Checked { next: keys.end, damaged })
}

/// Whether a segment's records, with their places in it, are all there and belong together.
fn check_records(number: u32, records: Vec<(u64, Vec<u8>)>) -> Result<()> {
    let wrong = |what: &str| {
        Error::new(ErrorKind::Corrupt, format!("words segment {number} is damaged: {what}"))
    };
    let is_in_order = (0..).zip(&records).all(|(at, (place, _))| at == *place);
    let mut records = records.into_iter().map(|(_, bytes)| bytes);
    let head = format::segment_from_bytes(number, &present(records.next())?)?;
    let blocks = head.first_terms.len() + head.postings_blocks as usize;
    if !is_in_order || records.len() != blocks {
        return Err(wrong("a block of it is missing, or one too many"));
    }
    let mut dictionaries = Vec::new();
    for (block, term) in (0..).zip(&head.first_terms) {
        let entries = format::dictionary_from_bytes(number, block, &present(records.next())?)?;
        if entries.first().is_none_or(|entry| entry.term != *term) {
            return Err(wrong("a block of its dictionary begins with another term"));
        }
        dictionaries.push(entries);
    }
    let postings: Result<Vec<PostingsBlock>> = (0..)
        .zip(records)
        .map(|(block, bytes)| PostingsBlock::from_bytes(number, block, bytes))
        .collect();
    let (postings, passages) = (postings?, head.lengths.len() as u32);
    for entry in dictionaries.iter().flatten() {
        if rows_of(entry, &postings, passages)? != Some(u64::from(entry.passages)) {
            return Err(wrong("a word has not the passages that it is said to have"));
        }
    }
    Ok(())
}

/// In how many passages a word is; `None` where a block of its list is not there.
fn rows_of(
    entry: &DictionaryEntry,
    postings: &[PostingsBlock],
    passages: u32,
) -> Result<Option<u64>> {
    let (first, more) = (entry.block as usize, entry.more_blocks as usize);
    let Some(blocks) = postings.get(first..=first.saturating_add(more)) else { return Ok(None) };
    let mut count = 0;
    for (number, block) in blocks.iter().enumerate() {
        let offset = if number == 0 { entry.offset } else { PostingsBlock::START };
        count += block.rows(offset, passages, has_places(&entry.term))?.len() as u64;
    }
    Ok(Some(count))
}

fn has_places(term: &str) -> bool {
    !term.starts_with(STEM_MARK)
}
