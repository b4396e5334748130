//! From a page to the record of its words.

use std::ops::Range;

use super::super::format::{self, ListWriter, SegmentPage, page_key, push_row};
use super::Source;
use crate::checksum::checksum;
use crate::error::Result;
use crate::page::{Page, Passage};
use crate::store::{Change, Space};
use crate::words::stems::Language;
use crate::words::{Spot, WordKind, spots, term_of};

/// Stands before a stem, so that it is no word. No word has a control character.
pub(super) const STEM_MARK: char = '\u{1}';

/// Words whose terms are remembered, one for each remainder of their checksums: most of a text's
/// words are among a few thousand.
const WORDS_MAX: usize = 1 << 14;

/// Terms that are remembered before all are forgotten. A page may bring more.
const TERMS_MAX: usize = 1 << 15;

/// Terms are looked for from the slot on that their checksum leads to; in as many, few are passed.
const SLOTS_MIN: usize = TERMS_MAX * 2;

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
    known: Vec<Option<Known>>,
    terms: Vec<String>,
    /// Places among the terms, 0 for none and counted from 1, in the slots of [`SLOTS_MIN`].
    slots: Vec<u32>,
}

/// What is remembered of a word.
#[derive(Debug, Clone)]
struct Known {
    word: String,
    kind: WordKind,
    term: u32,
    /// Only where it is not the term.
    stem: Option<u32>,
}

/// Where a term is in a page. Sorted, these are the page's postings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Occurrence {
    term: u32,
    passage: u32,
    place: u32,
    is_stem: bool,
    in_field: bool,
}

impl WordRecorder {
    /// As [`page_record`].
    pub(crate) fn record(&mut self, page: u32, content: &Page) -> Result<PageWords> {
        let language = Language::of(content.lang.as_deref());
        if language != self.language || self.terms.len() > TERMS_MAX {
            *self = WordRecorder { language, ..WordRecorder::default() };
        }
        let mut found = Vec::new();
        let mut lengths = Vec::with_capacity(content.passages.len());
        for (number, passage) in (0u32..).zip(&content.passages) {
            let length = self.read_passage(content, number, passage, &mut found);
            lengths.push(u16::try_from(length).unwrap_or(u16::MAX));
        }
        found.sort_unstable();
        let mut lists = lists(&found);
        let term = |term: u32| self.terms.get(term as usize).map_or("", String::as_str);
        // Most terms differ in what fits a number, which is compared at once.
        lists.sort_by_cached_key(|(it, _)| (beginning(term(*it)), term(*it)));
        let terms = lists.iter().map(|(it, list)| (term(*it), list.count, &list.bytes[..]));
        let code = language.map_or(0, |language| language as u8);
        let bytes = format::page_terms_to_bytes(page, code, &lengths, terms)?;
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
        for Spot { range, position, kind } in spots {
            let (term, stem) = self.term_and_stem(&text[range], kind);
            let place = start.saturating_add(position);
            found.push(Occurrence { term, passage, place, is_stem: false, in_field });
            if let Some(term) = stem {
                found.push(Occurrence { term, passage, place, is_stem: true, in_field });
            }
        }
        count
    }

    fn term_and_stem(&mut self, word: &str, kind: WordKind) -> (u32, Option<u32>) {
        self.known.resize(WORDS_MAX, None);
        let slot = checksum(word.as_bytes()) as usize % WORDS_MAX;
        if let Some(known) = &self.known[slot]
            && known.word == word
            && known.kind == kind
        {
            return (known.term, known.stem);
        }
        let text = term_of(word);
        let language = self.language.filter(|_| kind == WordKind::Plain);
        let stem = language.and_then(|language| language.stem(word));
        let stem = stem.filter(|stem| *stem != text);
        let stem = stem.map(|stem| self.place_of(format!("{STEM_MARK}{stem}")));
        let term = self.place_of(text);
        self.known[slot] = Some(Known { word: word.to_owned(), kind, term, stem });
        (term, stem)
    }

    fn place_of(&mut self, term: String) -> u32 {
        if self.terms.len() * 2 >= self.slots.len() {
            self.make_slots();
        }
        let slot = self.slot_of(&term);
        if self.slots[slot] == 0 {
            self.terms.push(term);
            // A page that has 2^32 terms does not fit the memory.
            self.slots[slot] = self.terms.len() as u32;
        }
        self.slots[slot] - 1
    }

    /// Where a term is, or is to be.
    fn slot_of(&self, term: &str) -> usize {
        let mut slot = checksum(term.as_bytes()) as usize % self.slots.len();
        while self.slots[slot] > 0 && self.terms[self.slots[slot] as usize - 1] != term {
            slot = (slot + 1) % self.slots.len();
        }
        slot
    }

    fn make_slots(&mut self) {
        self.slots = vec![0; (self.slots.len() * 2).max(SLOTS_MIN)];
        for at in 0..self.terms.len() {
            let slot = self.slot_of(&self.terms[at]);
            self.slots[slot] = at as u32 + 1;
        }
    }
}

/// The first bytes of a term, which go before others as the term does.
fn beginning(term: &str) -> u64 {
    let mut bytes = [0; 8];
    let count = term.len().min(8);
    bytes[..count].copy_from_slice(&term.as_bytes()[..count]);
    u64::from_be_bytes(bytes)
}

/// The postings of each term, from sorted occurrences.
fn lists(found: &[Occurrence]) -> Vec<(u32, ListWriter)> {
    let mut lists: Vec<(u32, ListWriter)> = Vec::new();
    let (mut tail, mut places) = (Vec::new(), Vec::new());
    for row in found.chunk_by(|a, b| (a.term, a.passage) == (b.term, b.passage)) {
        let Some(first) = row.first() else { continue };
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
        tail.clear();
        push_row(&mut tail, body, fields, &places);
        if lists.last().is_none_or(|(term, _)| *term != first.term) {
            lists.push((first.term, ListWriter::default()));
        }
        if let Some((_, list)) = lists.last_mut() {
            list.push(first.passage, &tail);
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::{TERMS_MAX, WordRecorder, page_record};
    use crate::fields::Fields;
    use crate::page::{Page, Passage};
    use crate::words::WordKind;

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
        assert!(recorder.terms.len() > TERMS_MAX, "more than it remembers");
    }

    #[test]
    fn a_term_has_one_place() {
        let mut recorder = WordRecorder::default();
        let words: Vec<String> = (0..100_000).map(|number| format!("w{}", number * 7919)).collect();
        let mut places = |word: &String| recorder.term_and_stem(word, WordKind::Whole).0;
        let first: Vec<u32> = words.iter().map(&mut places).collect();
        let again: Vec<u32> = words.iter().map(&mut places).collect();
        assert_eq!((&first, first.len()), (&again, recorder.terms.len()));
    }
}
