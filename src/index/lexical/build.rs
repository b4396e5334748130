//! From a page to the record of its words.

use std::ops::Range;

use super::super::format::{self, ListWriter, SegmentPage, page_key};
use super::Source;
use super::known::{Key, KnownWords, key_of};
use super::names::Names;
use crate::error::Result;
use crate::order;
use crate::page::{Page, Passage};
use crate::store::{Change, Space};
use crate::words::stems::Language;
use crate::words::{Spot, WordKind, spots, term_of};

/// Stands before a stem, so that it is no word. No word has a control character.
pub(super) const STEM_MARK: char = '\u{1}';

/// Words, and terms, that are remembered before all are forgotten. A page may bring more.
const NAMES_MAX: usize = 1 << 15;

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

/// Makes the record of a page's words: one write, whatever else the index has.
///
/// # Errors
///
/// `Limit` where a part is too long for a record.
pub fn page_record(page: u32, content: &Page) -> Result<PageWords> {
    WordRecorder::default().record(page, content)
}

/// What is in memory of a page's own record.
pub(super) fn source_of(page: u32, language: u8, lengths: Vec<u16>) -> Source {
    // A page has at most `PASSAGES_MAX` passages, far below 2^32.
    let passages = lengths.len() as u32;
    Source::new(&[SegmentPage { page, passages, language }], lengths)
}

/// Makes the records of one page after the other, and remembers words, some 4 MiB: to fold
/// and stem each anew would take most of the time of adding a page.
#[derive(Debug, Default)]
pub(crate) struct WordRecorder {
    /// Of which language the stems are that are remembered.
    language: Option<Language>,
    words: KnownWords,
    terms: Names,
    /// Of each term.
    counted: Vec<Counted>,
}

/// What a term is put in its place by.
#[derive(Debug, Clone, Copy)]
struct Counted {
    /// Its first bytes, which go before others as the term does.
    beginning: u64,
    /// How often it is in the page; 0 between two pages.
    count: u32,
}

/// Where a term is in a page.
#[derive(Debug, Clone, Copy, Default)]
struct Occurrence {
    term: u32,
    passage: u32,
    place: u32,
    is_stem: bool,
    in_field: bool,
}

/// A term's postings in a page: how many rows, and where they are among the bytes of all.
struct List {
    term: u32,
    rows: u32,
    bytes: Range<usize>,
}

impl WordRecorder {
    /// As [`page_record`].
    pub(crate) fn record(&mut self, page: u32, content: &Page) -> Result<PageWords> {
        let language = Language::of(content.lang.as_deref());
        let is_full = self.words.len().max(self.terms.len()) > NAMES_MAX;
        if language != self.language || is_full {
            *self = WordRecorder { language, ..WordRecorder::default() };
        }
        let mut found = Vec::new();
        let mut lengths = Vec::with_capacity(content.passages.len());
        for (number, passage) in (0u32..).zip(&content.passages) {
            let length = self.read_passage(content, number, passage, &mut found);
            lengths.push(u16::try_from(length).unwrap_or(u16::MAX));
        }
        let (lists, rows) = lists(&self.by_term(&found));
        // All texts are looked up before the first is written: see `KnownWords::fetch`.
        let list = |list: &List| (self.terms.get(list.term), list.rows, &rows[list.bytes.clone()]);
        let terms: Vec<_> = lists.iter().map(list).collect();
        let code = language.map_or(0, |language| language as u8);
        let bytes = format::page_terms_to_bytes(page, code, &lengths, terms.into_iter())?;
        let change = Change::Put { space: Space::Terms, key: page_key(page), bytes };
        Ok(PageWords { change, page, source: source_of(page, code, lengths) })
    }

    /// Takes the words of a passage, of its page's title and its headings, and says how many words
    /// its text has.
    ///
    /// Between the text, the title and the headings a place stays empty, so that no phrase reaches
    /// over it.
    fn read_passage(
        &mut self,
        page: &Page,
        number: u32,
        passage: &Passage,
        found: &mut Vec<Occurrence>,
    ) -> u32 {
        let text = page.text.get(Range::clone(&passage.range)).unwrap_or("");
        let length = self.read_text(text, (number, 0, false), found);
        let mut next = length.saturating_add(1);
        let headings = passage.headings.iter().filter(|heading| **heading != page.title);
        for field in std::iter::once(&page.title).chain(headings) {
            let count = self.read_text(field, (number, next, true), found);
            next = next.saturating_add(count).saturating_add(1);
        }
        length
    }

    /// Takes the words of a text in a passage whose first place is `start`, and says how many
    /// places it takes.
    fn read_text(
        &mut self,
        text: &str,
        (passage, start, in_field): (u32, u32, bool),
        found: &mut Vec<Occurrence>,
    ) -> u32 {
        let (spots, count) = spots(text);
        let key = |spot: &Spot| key_of(&text[Range::clone(&spot.range)], spot.kind);
        let keys: Vec<_> = spots.iter().map(key).collect();
        self.words.fetch(&keys);
        for (Spot { range, position, kind }, key) in spots.into_iter().zip(keys) {
            let known = key.and_then(|key| self.words.get(&key));
            let (term, stem) = known.unwrap_or_else(|| self.learn(&text[range], kind, key));
            let place = start.saturating_add(position);
            found.push(Occurrence { term, passage, place, is_stem: false, in_field });
            if let Some(term) = stem {
                found.push(Occurrence { term, passage, place, is_stem: true, in_field });
            }
        }
        count
    }

    /// The term and the stem of a word that is not remembered.
    fn learn(&mut self, word: &str, kind: WordKind, key: Option<Key>) -> (u32, Option<u32>) {
        let text = term_of(word);
        let language = self.language.filter(|_| kind == WordKind::Plain);
        let stem = language.and_then(|language| language.stem(word));
        let stem = stem.filter(|stem| *stem != text);
        let stem = stem.map(|stem| self.number_of(&format!("{STEM_MARK}{stem}")));
        let term = self.number_of(&text);
        if let Some(key) = key {
            self.words.insert(key, term, stem);
        }
        (term, stem)
    }

    fn number_of(&mut self, term: &str) -> u32 {
        let (number, is_new) = self.terms.number_of(term);
        if is_new {
            self.counted.push(Counted { beginning: beginning(term), count: 0 });
        }
        number
    }

    /// The occurrences in the order of their terms; of one term they stay as they came, which is in
    /// the order of passages and places. They are counted and put in place: to sort them would cost
    /// more than to read the words.
    fn by_term(&mut self, found: &[Occurrence]) -> Vec<Occurrence> {
        let (mut terms, mut count) = (vec![(0, 0); found.len()], 0);
        for it in found {
            let counted = &mut self.counted[it.term as usize];
            // Written in any case: whether a term is new is hard for the processor to foretell.
            terms[count] = (counted.beginning, it.term);
            count += usize::from(counted.count == 0);
            counted.count += 1;
        }
        terms.truncate(count);
        // Most terms differ in what fits a number, which is compared at once.
        let text = |term: u32| self.terms.get(term);
        terms.sort_unstable_by_key(|&(beginning, _)| beginning);
        for alike in terms.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
            order::sort_by(alike, |a, b| text(a.1).cmp(text(b.1)));
        }
        let mut start = 0;
        for &(_, term) in &terms {
            let count = &mut self.counted[term as usize].count;
            start += std::mem::replace(count, start);
        }
        let mut sorted = vec![Occurrence::default(); found.len()];
        for it in found {
            let place = &mut self.counted[it.term as usize].count;
            sorted[*place as usize] = *it;
            *place += 1;
        }
        for (_, term) in terms {
            self.counted[term as usize].count = 0;
        }
        sorted
    }
}

/// The first bytes of a term.
fn beginning(term: &str) -> u64 {
    let mut bytes = [0; 8];
    let count = term.len().min(8);
    bytes[..count].copy_from_slice(&term.as_bytes()[..count]);
    u64::from_be_bytes(bytes)
}

/// The postings of each term, and their bytes, from occurrences in the order of terms, passages and
/// places.
fn lists(found: &[Occurrence]) -> (Vec<List>, Vec<u8>) {
    let (mut lists, mut list, mut places) = (Vec::new(), ListWriter::default(), Vec::new());
    for of_term in found.chunk_by(|a, b| a.term == b.term) {
        let start = list.bytes.len();
        for row in of_term.chunk_by(|a, b| a.passage == b.passage) {
            let (mut body, mut fields) = (0, 0);
            places.clear();
            for it in row {
                // The same whole can stand twice in one place, with and without signs that are cut off.
                if !it.is_stem && places.last() == Some(&it.place) {
                    continue;
                }
                *(if it.in_field { &mut fields } else { &mut body }) += 1;
                if !it.is_stem {
                    places.push(it.place);
                }
            }
            list.push_row(row.first().map_or(0, |it| it.passage), (body, fields), &places);
        }
        let term = of_term.first().map_or(0, |it| it.term);
        let (rows, bytes) = list.end(start);
        lists.push(List { term, rows, bytes });
    }
    (lists, list.bytes)
}

#[cfg(test)]
mod tests {
    use super::{NAMES_MAX, WordRecorder, page_record};
    use crate::fields::Fields;
    use crate::page::{Page, Passage};

    fn page(text: String, lang: &str) -> Page {
        let passage = Passage {
            range: 0..text.len(),
            headings: vec!["Top".into()],
            anchor: None,
            sentences: vec![],
        };
        let (url, title, lang) = ("u".into(), "Lights".into(), Some(lang.into()));
        let (fields, passages) = (Fields::new(), vec![passage]);
        Page { url, title, lang, hash: [0; 32], fields, time_ms: None, text, passages }
    }

    #[test]
    fn what_is_remembered_changes_no_record() {
        let mut recorder = WordRecorder::default();
        let words = |from: usize, to: usize| -> String {
            (from..to).map(|number| format!("word{number} planted lights, foo_{number} ")).collect()
        };
        let texts = [words(0, 300), words(100, 400), "Lights of plants".into(), words(0, 40_000)];
        for text in texts {
            for lang in ["en", "de", "en"] {
                let page = page(text.clone(), lang);
                let (one, other) = (recorder.record(7, &page), page_record(7, &page));
                assert_eq!(one.unwrap().change, other.unwrap().change);
            }
        }
        assert!(recorder.terms.len() > NAMES_MAX, "more than it remembers");
    }
}
