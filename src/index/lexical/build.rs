//! From a page to the record of its words.

use std::ops::Range;

use super::super::format::{PageTermsWriter, SegmentPage, page_key};
use super::Source;
use super::known::{Key, Known, KnownWords, key_of};
use super::names::Names;
use super::occurrences::{Occurrence, Occurrences, Row, Term};
use crate::error::Result;
use crate::order;
use crate::page::{Page, Passage};
use crate::store::{Change, Space};
use crate::words::stems::Language;
use crate::words::{Spot, WordKind, spots, term_of};

/// Stands before a stem, so that it is no word. No word has a control character.
pub(super) const STEM_MARK: char = '\u{1}';

/// Bytes that an occurrence takes in a record, about.
const ROW_BYTES: usize = 3;

/// Words, and terms, that are remembered before all are forgotten. A page may bring more.
const NAMES_MAX: usize = 1 << 15;

/// The words of a page whose record is stored, ready to be taken up.
#[derive(Debug, Clone)]
pub struct PageWords {
    pub(super) page: u32,
    pub(super) source: Source,
}

impl PageWords {
    /// The page's number.
    pub fn page(&self) -> u32 {
        self.page
    }
}

/// Makes the record of a page's words: one write, whatever else the index has; and what is to be
/// taken up once that is stored.
///
/// # Errors
///
/// `Limit` where a part is too long for a record.
pub fn page_record(page: u32, content: &Page) -> Result<(Change, PageWords)> {
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
    /// Of each term its first bytes, which go before others as the term does.
    beginnings: Vec<u64>,
    page: Occurrences,
}

impl WordRecorder {
    /// As [`page_record`].
    pub(crate) fn record(&mut self, page: u32, content: &Page) -> Result<(Change, PageWords)> {
        let language = Language::of(content.lang.as_deref());
        let is_full = self.words.len().max(self.terms.len()) > NAMES_MAX;
        if language != self.language || is_full {
            *self = WordRecorder { language, ..WordRecorder::default() };
        }
        let mut lengths = Vec::with_capacity(content.passages.len());
        for (number, passage) in (0u32..).zip(&content.passages) {
            let length = self.read_passage(content, number, passage);
            lengths.push(u16::try_from(length).unwrap_or(u16::MAX));
        }
        let code = language.map_or(0, |language| language as u8);
        let bytes = self.written(page, code, &lengths);
        self.page.clear();
        let bytes = bytes?;
        let change = Change::Put { space: Space::Terms, key: page_key(page), bytes };
        Ok((change, PageWords { page, source: source_of(page, code, lengths) }))
    }

    /// Takes the words of a passage, of its page's title and its headings, and says how many words
    /// its text has.
    ///
    /// Between the text, the title and the headings a place stays empty, so that no phrase reaches
    /// over it.
    fn read_passage(&mut self, page: &Page, number: u32, passage: &Passage) -> u32 {
        let text = page.text.get(Range::clone(&passage.range)).unwrap_or("");
        let length = self.read_text(text, (number, 0, false));
        let mut next = length.saturating_add(1);
        let headings = passage.headings.iter().filter(|heading| **heading != page.title);
        for field in std::iter::once(&page.title).chain(headings) {
            let count = self.read_text(field, (number, next, true));
            next = next.saturating_add(count).saturating_add(1);
        }
        length
    }

    /// Takes the words of a text in a passage whose first place is `start`, and says how many
    /// places it takes.
    fn read_text(&mut self, text: &str, (passage, start, in_field): (u32, u32, bool)) -> u32 {
        let (spots, count) = spots(text);
        let keys: Vec<Key> = spots.iter().map(|spot| key_of(text, spot)).collect();
        self.words.fetch(&keys);
        let known: Vec<Option<Known>> = keys.iter().map(|key| self.words.get(key)).collect();
        for ((spot, key), known) in spots.iter().zip(&keys).zip(known) {
            let known = known.unwrap_or_else(|| self.learn(text, spot, key));
            let it = Occurrence { passage, place: start.saturating_add(spot.position), in_field };
            self.page.push(known.term, it);
            if let Some(stem) = known.stem() {
                self.page.push(stem, it);
            }
        }
        count
    }

    /// The term and the stem of a word that is not remembered.
    #[inline(never)]
    fn learn(&mut self, text: &str, spot: &Spot, key: &Key) -> Known {
        // It may have been learned meanwhile, in the same text.
        if let Some(known) = self.words.get(key) {
            return known;
        }
        let word = &text[Range::clone(&spot.range)];
        let text = term_of(word);
        let language = self.language.filter(|_| spot.kind == WordKind::Plain);
        let stem = language.and_then(|language| language.stem(word));
        let stem = stem.filter(|stem| *stem != text);
        let stem = stem.map(|stem| self.number_of(&format!("{STEM_MARK}{stem}")));
        let known = Known::new(self.number_of(&text), stem);
        self.words.insert(key, known);
        known
    }

    fn number_of(&mut self, term: &str) -> u32 {
        let (number, is_new) = self.terms.number_of(term);
        if is_new {
            self.beginnings.push(beginning(term));
            self.page.set_end(self.beginnings.len());
        }
        number
    }

    /// The record of the words taken.
    fn written(&self, page: u32, language: u8, lengths: &[u16]) -> Result<Vec<u8>> {
        let sorted = self.sorted();
        // All texts are looked up before the first is written: see `KnownWords::fetch`.
        let text = |&(_, term): &(u64, &Term)| self.terms.get(term.number);
        let texts: Vec<&str> = sorted.iter().map(text).collect();
        let about = (sorted.len(), ROW_BYTES * self.page.len());
        let mut writer = PageTermsWriter::new(page, language, lengths, about)?;
        let mut row = Row::default();
        for (&(beginning, term), text) in sorted.iter().zip(texts) {
            writer.term(text, term.rows)?;
            let has_places = beginning >> 56 != STEM_MARK as u64;
            self.page.rows(term, has_places, &mut row, |row| {
                writer.row(row.passage, (row.body, row.fields), &row.places);
            });
            writer.end_term()?;
        }
        writer.seal()
    }

    /// The terms in their order.
    fn sorted(&self) -> Vec<(u64, &Term)> {
        let beginning = |term: &Term| self.beginnings[term.number as usize];
        let terms = self.page.terms().iter();
        let mut terms: Vec<(u64, &Term)> = terms.map(|term| (beginning(term), term)).collect();
        // Most terms differ in what fits a number, which is compared at once.
        let text = |term: &Term| self.terms.get(term.number);
        terms.sort_unstable_by_key(|&(beginning, _)| beginning);
        for alike in terms.chunk_by_mut(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
            order::sort_by(alike, |a, b| text(a.1).cmp(text(b.1)));
        }
        terms
    }
}

/// The first bytes of a term.
fn beginning(term: &str) -> u64 {
    let mut bytes = [0; 8];
    let count = term.len().min(8);
    bytes[..count].copy_from_slice(&term.as_bytes()[..count]);
    u64::from_be_bytes(bytes)
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
                assert_eq!(one.unwrap().0, other.unwrap().0);
            }
        }
        assert!(recorder.terms.len() > NAMES_MAX, "more than it remembers");
    }
}
