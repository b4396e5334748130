//! From a page to the record of its words.

use std::collections::BTreeMap;

use super::super::format::{self, ListWriter, SegmentPage, page_key, push_row};
use super::Source;
use crate::error::Result;
use crate::page::{Page, Passage};
use crate::store::{Change, Space};
use crate::words::stems::Language;
use crate::words::{WordKind, words};

/// Stands before a stem, so that it is no word. No word has a control character.
pub(super) const STEM_MARK: char = '\u{1}';

/// The words of a page, ready to be committed and taken up.
#[derive(Debug, Clone)]
pub struct PageWords {
    /// Writes the page's record.
    pub change: Change,
    pub(super) page: u32,
    pub(super) source: Source,
}

impl PageWords {
    /// The page's number.
    pub fn page(&self) -> u32 {
        self.page
    }
}

/// Where a word is in one passage.
#[derive(Default)]
struct Occurrences {
    body: u32,
    fields: u32,
    places: Vec<u32>,
}

/// Makes the record of a page's words: one write, whatever else the index has.
///
/// # Errors
///
/// `Limit` where a part is too long for a record.
pub fn page_record(page: u32, content: &Page) -> Result<PageWords> {
    let language = Language::of(content.lang.as_deref());
    let mut lists: BTreeMap<String, ListWriter> = BTreeMap::new();
    let mut lengths = Vec::with_capacity(content.passages.len());
    let mut tail = Vec::new();
    for (number, passage) in (0u32..).zip(&content.passages) {
        let (terms, length) = terms_of(content, passage, language);
        lengths.push(u16::try_from(length).unwrap_or(u16::MAX));
        for (term, found) in terms {
            tail.clear();
            push_row(&mut tail, found.body, found.fields, &found.places);
            lists.entry(term).or_default().push(number, &tail);
        }
    }
    let code = language.map_or(0, |language| language as u8);
    let terms = lists.iter().map(|(term, list)| (term.as_str(), list.count, &list.bytes[..]));
    let bytes = format::page_terms_to_bytes(page, code, &lengths, terms)?;
    let change = Change::Put { space: Space::Terms, key: page_key(page), bytes };
    Ok(PageWords { change, page, source: source_of(page, code, lengths) })
}

/// What is in memory of a page's own record.
pub(super) fn source_of(page: u32, language: u8, lengths: Vec<u16>) -> Source {
    // A page has at most `PASSAGES_MAX` passages, far below 2^32.
    let passages = lengths.len() as u32;
    Source::new(&[SegmentPage { page, passages, language }], lengths)
}

/// The terms of a passage, its page's title and its headings, and how many words its text has.
///
/// Between the text, the title and the headings a place stays empty, so that no phrase reaches
/// over it.
fn terms_of(
    page: &Page,
    passage: &Passage,
    language: Option<Language>,
) -> (BTreeMap<String, Occurrences>, u32) {
    let text = page.text.get(passage.range.clone()).unwrap_or("");
    let mut terms = BTreeMap::new();
    let length = add_words(&mut terms, text, 0, language, |found| &mut found.body);
    let mut next = length.saturating_add(1);
    let headings = passage.headings.iter().filter(|heading| **heading != page.title);
    for field in std::iter::once(&page.title).chain(headings) {
        let count = add_words(&mut terms, field, next, language, |found| &mut found.fields);
        next = next.saturating_add(count).saturating_add(1);
    }
    (terms, length)
}

/// Adds the words of a text whose first place is `start`, and says how many places it takes.
fn add_words(
    terms: &mut BTreeMap<String, Occurrences>,
    text: &str,
    start: u32,
    language: Option<Language>,
    counter: fn(&mut Occurrences) -> &mut u32,
) -> u32 {
    let (words, count) = words(text);
    for word in words {
        let stem = language.filter(|_| word.kind == WordKind::Plain);
        let stem = stem.and_then(|language| language.stem(&text[word.range.clone()]));
        if let Some(stem) = stem.filter(|stem| *stem != word.term) {
            *counter(terms.entry(format!("{STEM_MARK}{stem}")).or_default()) += 1;
        }
        let found = terms.entry(word.term).or_default();
        let place = start.saturating_add(word.position);
        // The same whole can stand twice in one place, with and without signs that are cut off.
        if found.places.last().is_none_or(|&last| last < place) {
            *counter(found) += 1;
            found.places.push(place);
        }
    }
    count
}
