//! Words too: BM25 over the words of passages, for what must be found as it was typed.
//!
//! A new page's words are one record. [`Lexicon::merge_step`] makes segments of many such records,
//! and larger ones of several of those: a word is then looked up in few places. A segment's
//! dictionary and its postings are blocks in the order of terms, so a query reads only the blocks
//! with its words.
//!
//! A page's words are the words of its passages and, with each of its passages, those of the page's
//! title and of the passage's headings. What counts as a word, here and in queries, says
//! `src/words.rs`. A stem lies beside the words, marked, where it is not itself the word.
//!
//! A page that was replaced or removed is passed over until its segment is merged, or written anew
//! by [`Lexicon::removal`]. If a page has come to lie in several places, what is last written
//! counts: its own record, else the segment with the greatest number.

mod names;
mod known;
mod occurrences;
mod build;
mod check;
mod query;
mod lookup;
mod typos;
mod shelf;
mod score;
mod segment;
mod cursor;
mod plan;
mod merge;

pub(crate) use build::WordRecorder;
pub use build::{PageWords, page_record};
pub(crate) use check::check_from;
pub use merge::{Merge, MergeLimits};
pub use query::{LexicalOptions, LexicalQuery};
pub use score::{Attempt, B, Damage, FIELD_WEIGHT, K1, Scored, WEIGHT_PREFIX, WEIGHT_STEM};

use super::Problem;
use super::format::{self, PageTerms, SegmentHead, SegmentPage, segment_key};
use super::page_set::PageSet;
use crate::error::{ErrorKind, Result};
use crate::sorted::SortedMap;
use crate::store::{Space, Store};

/// Pages' records read at once on opening.
const SCAN_RECORDS: usize = 64;

/// Where words lie. Of two that have one page, the greater counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A segment, by its number.
    Segment(u32),
    /// The record of one page.
    Page(u32),
}

/// What of a segment, or of a page's own record, is in memory.
#[derive(Debug, Clone, Default)]
struct Source {
    /// In the order of their numbers.
    pages: Vec<SourcePage>,
    /// Of all passages, in the order of pages.
    lengths: Vec<u16>,
    /// The first term of each block of a segment's dictionary.
    first_terms: Vec<String>,
    postings_blocks: u32,
    /// Whether something of it could not be read: then none of it is used.
    damaged: bool,
}

#[derive(Debug, Clone, Copy)]
struct SourcePage {
    page: u32,
    /// The first of its passages, as the source counts.
    first: u32,
    passages: u32,
    language: u8,
    live: bool,
}

impl Source {
    fn new(pages: &[SegmentPage], lengths: Vec<u16>) -> Self {
        let mut next = 0u32;
        let page = |it: &SegmentPage| {
            let first = next;
            next = next.saturating_add(it.passages);
            let SegmentPage { page, passages, language } = *it;
            SourcePage { page, first, passages, language, live: true }
        };
        Source { pages: pages.iter().map(page).collect(), lengths, ..Source::default() }
    }

    fn of_segment(head: SegmentHead) -> Self {
        let mut source = Source::new(&head.pages, head.lengths);
        source.first_terms = head.first_terms;
        source.postings_blocks = head.postings_blocks;
        source
    }

    fn damaged() -> Self {
        Source { damaged: true, ..Source::default() }
    }

    fn find(&self, page: u32) -> Option<usize> {
        self.pages.binary_search_by_key(&page, |it| it.page).ok()
    }

    fn forget(&mut self, page: u32) -> bool {
        let found = self.find(page);
        found.is_some_and(|at| std::mem::take(&mut self.pages[at].live))
    }

    fn live(&self) -> impl Iterator<Item = &SourcePage> {
        self.pages.iter().filter(|page| page.live)
    }

    fn live_passages(&self) -> u64 {
        self.live().map(|page| u64::from(page.passages)).sum()
    }

    fn lengths_of(&self, page: &SourcePage) -> &[u16] {
        let first = page.first as usize;
        self.lengths.get(first..first + page.passages as usize).unwrap_or(&[])
    }

    /// The page that has a passage, and which of the page's passages it is.
    fn page_of(&self, passage: u32) -> Option<(&SourcePage, u32)> {
        let after = self.pages.partition_point(|page| page.first <= passage);
        let page = self.pages[..after].iter().rev().find(|page| page.passages > 0)?;
        Some((page, passage - page.first)).filter(|&(page, inner)| inner < page.passages)
    }
}

/// The words of all pages: what of them is in memory, about 4 bytes a passage and 20 a page.
#[derive(Debug, Clone, Default)]
pub struct Lexicon {
    sources: SortedMap<Place, Source>,
}

impl Lexicon {
    /// Reads the heads of all segments, one record each, and the records of pages that are in none.
    ///
    /// What is damaged is named and left out: [`Lexicon::settle`] then says which pages have no
    /// words.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails, `Fingerprint` where a newer version has written a record.
    pub async fn load<S: Store>(store: &S) -> Result<(Self, Vec<Problem>)> {
        let mut lexicon = Lexicon::default();
        let mut problems = Vec::new();
        let mut from = 0;
        loop {
            let count = if format::segment_of_key(from).is_some() { 1 } else { SCAN_RECORDS };
            let records = store.scan(Space::Terms, from, count).await?;
            let Some((last, _)) = records.last() else { break };
            from = last + 1;
            for (key, bytes) in records {
                if let Some((number, _)) = format::segment_of_key(key) {
                    // Not the next record, which is a block: the next segment's head.
                    from = segment_key(number.saturating_add(1));
                    let head = format::segment_from_bytes(number, &bytes);
                    let (place, source) =
                        found(Place::Segment(number), head.map(Source::of_segment), &mut problems)?;
                    lexicon.sources.insert(place, source);
                    break;
                }
                let Some(page) = format::page_of_terms_key(key) else {
                    let message = format!("words lie under the key {key}, which is none of theirs");
                    problems.push(Problem { url: None, message });
                    continue;
                };
                let terms = PageTerms::from_bytes(page, bytes);
                let source =
                    terms.map(|terms| build::source_of(page, terms.language, terms.lengths));
                let (place, source) = found(Place::Page(page), source, &mut problems)?;
                lexicon.sources.insert(place, source);
            }
        }
        lexicon.let_the_last_count();
        Ok((lexicon, problems))
    }

    /// Of the places that have a page, leaves it to the greatest.
    fn let_the_last_count(&mut self) {
        let mut seen = PageSet::new();
        for source in self.sources.values_mut().rev() {
            for page in &mut source.pages {
                page.live = !seen.contains(page.page);
                seen.insert(page.page);
            }
        }
    }

    /// Forgets all pages but these, and says which of these have no words here, or those of another
    /// number of passages: their words must be made again by [`page_record`].
    ///
    /// `pages` are numbers of pages with the number of their passages.
    pub fn settle(&mut self, pages: impl Iterator<Item = (u32, usize)>) -> Vec<u32> {
        let mut wanted: SortedMap<u32, usize> = SortedMap::new();
        wanted.extend(pages);
        for page in self.sources.values_mut().flat_map(|source| &mut source.pages) {
            page.live &= wanted.get(&page.page) == Some(&(page.passages as usize));
            if page.live {
                wanted.remove(&page.page);
            }
        }
        wanted.keys().copied().collect()
    }

    /// Takes up a page whose record is stored. It counts instead of what was here of the page.
    pub fn take_up(&mut self, words: &PageWords) {
        self.forget(words.page);
        self.sources.insert(Place::Page(words.page), words.source.clone());
    }

    /// Passes over a page from now on. Its words stay in the store until they are merged away, or
    /// removed by [`Lexicon::removal`].
    pub fn forget(&mut self, page: u32) {
        let segments = self.sources.iter_mut();
        for (_, source) in segments.take_while(|(place, _)| **place < Place::Page(0)) {
            source.forget(page);
        }
        if let Some(source) = self.sources.get_mut(&Place::Page(page)) {
            source.forget(page);
        }
    }

    /// Forgets a page whose own record has been removed from the store, as with the other records
    /// under its key.
    pub fn forget_record(&mut self, page: u32) {
        self.forget(page);
        self.sources.remove(&Place::Page(page));
    }

    /// Whether the store has words of a page, be it only to be passed over.
    pub fn holds(&self, page: u32) -> bool {
        self.places_of(page).next().is_some()
    }

    /// Whether the store has words of a page in a segment: then [`Lexicon::removal`] is needed.
    pub fn holds_in_segment(&self, page: u32) -> bool {
        self.places_of(page).any(|place| matches!(place, Place::Segment(_)))
    }

    fn places_of(&self, page: u32) -> impl Iterator<Item = Place> {
        let segments = self.sources.iter().take_while(|(place, _)| **place < Place::Page(0));
        let own = self.sources.from(&Place::Page(page)).take(1);
        let holds = move |(place, source): (&Place, &Source)| {
            let is_own = *place == Place::Page(page);
            let is_in = matches!(place, Place::Segment(_)) && source.find(page).is_some();
            (is_own || is_in).then_some(*place)
        };
        segments.chain(own).filter_map(holds)
    }

    /// Leaves out what a search has found damaged, and says which pages thereby have no words: they
    /// must be made again by [`page_record`].
    pub fn leave_out(&mut self, damage: &[Damage]) -> Vec<u32> {
        let mut pages = Vec::new();
        for damage in damage {
            if let Some(source) = self.sources.get_mut(&damage.place) {
                source.damaged = true;
                for page in source.pages.iter_mut().filter(|page| page.live) {
                    page.live = false;
                    pages.push(page.page);
                }
            }
        }
        pages.sort_unstable();
        pages
    }

    /// How many passages have words that are searched.
    pub fn passage_count(&self) -> usize {
        self.sources.values().map(Source::live_passages).sum::<u64>() as usize
    }

    /// How many places a word is looked up in: segments, and pages in none.
    pub fn source_count(&self) -> usize {
        self.sources.len()
    }

    /// About how many bytes of memory this takes.
    pub fn memory_bytes(&self) -> usize {
        let terms = |source: &Source| -> usize {
            source.first_terms.iter().map(|term| term.capacity() + size_of::<String>()).sum()
        };
        let source = |source: &Source| {
            size_of::<(Place, Source)>()
                + source.pages.capacity() * size_of::<SourcePage>()
                + source.lengths.capacity() * size_of::<u16>()
                + terms(source)
        };
        self.sources.values().map(source).sum()
    }
}

/// What was read of a place, or that it is damaged.
fn found(
    place: Place,
    read: Result<Source>,
    problems: &mut Vec<Problem>,
) -> Result<(Place, Source)> {
    match read {
        Ok(source) => Ok((place, source)),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            problems.push(Problem { url: None, message: error.to_string() });
            Ok((place, Source::damaged()))
        }
        Err(error) => Err(error),
    }
}
