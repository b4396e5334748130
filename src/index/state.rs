//! What of an index is in memory.

use std::fmt;

use super::format::{Effect, Entry, Head, Rows};
use super::lexical::Lexicon;
use super::page_set::PageSet;
use super::queue::Queue;
use super::resident::Resident;
use super::runs::Runs;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::sorted::SortedMap;
use crate::store::{HEAD_KEY, Space, Store};

/// The key, in [`Space::Meta`], of what the index was made with.
pub(crate) const META_KEY: u64 = 0;

/// Opening is tried again when another tab commits meanwhile; a tab that never stops is an error.
const ATTEMPTS: usize = 8;

/// A page, or a part of the store, that is damaged and left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The page's address, where it could be read. Adding that page again mends it.
    pub url: Option<String>,
    /// What is wrong, as a sentence.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.url {
            Some(url) => write!(f, "{url}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// All that is known without asking the store.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) head: Head,
    /// As the store has it: what the next commit must find there.
    pub(crate) head_bytes: Option<Vec<u8>>,
    pub(crate) made_with: Option<Fingerprint>,
    /// Every whole page.
    pub(crate) entries: SortedMap<u32, Entry>,
    /// Where an address's page is in `entries`.
    pub(crate) urls: SortedMap<String, u32>,
    /// Pages left out: their records stay until their address is added again.
    pub(crate) broken: SortedMap<u32, Problem>,
    /// Other damage.
    pub(crate) damage: Vec<Problem>,
    pub(crate) resident: Resident,
    /// Whether bits are kept; else they are only looked at.
    pub(super) keeps_bits: bool,
    /// Where the bits and directory records lie that several pages share.
    pub(crate) runs: Runs,
    /// What waits to be encoded.
    pub(crate) queue: Queue,
    /// The words of all pages, once they have been asked for.
    pub(crate) lexicon: Lexicon,
    /// Whether the words must be read before they are used.
    pub(crate) words_are_stale: bool,
    /// Pages whose words must be made again from their texts.
    pub(crate) wordless: PageSet,
    /// Whether others have changed the queue since it was read.
    pub(crate) queue_is_stale: bool,
}

impl State {
    pub(super) fn empty(head_bytes: Option<Vec<u8>>, made_with: Option<Fingerprint>) -> State {
        let dimension = made_with.as_ref().map_or(8, |fingerprint| fingerprint.dimension);
        State {
            head: Head::default(),
            head_bytes,
            made_with,
            entries: SortedMap::new(),
            urls: SortedMap::new(),
            broken: SortedMap::new(),
            damage: Vec::new(),
            resident: Resident::new(dimension),
            keeps_bits: true,
            runs: Runs::default(),
            queue: Queue::default(),
            queue_is_stale: false,
            lexicon: Lexicon::default(),
            words_are_stale: true,
            wordless: PageSet::new(),
        }
    }

    /// The width of a vector, once it is known.
    pub(crate) fn dimension(&self) -> usize {
        self.made_with.as_ref().map_or(8, |fingerprint| fingerprint.dimension)
    }

    /// Takes up a page; of two with one address the later is right, of two with one number none.
    pub(super) fn enter(&mut self, page: u32, entry: Entry) {
        if self.entries.contains_key(&page) {
            self.leave_out(page, format!("page {page} is in the directory twice"));
        }
        if self.broken.contains_key(&page) {
            return;
        }
        let earlier = self.urls.insert(entry.url.clone(), page);
        self.entries.insert(page, entry);
        if let Some(earlier) = earlier {
            let message = "a page of this address was added later".to_owned();
            self.leave_out(earlier, message);
        }
    }

    /// No longer counts, finds or searches a page.
    pub(crate) fn leave_out(&mut self, page: u32, message: String) {
        let url = self.entries.remove(&page).map(|entry| entry.url);
        if let Some(url) = &url
            && self.urls.get(url) == Some(&page)
        {
            self.urls.remove(url);
        }
        self.resident.remove(page);
        self.lexicon.forget(page);
        self.wordless.remove(page);
        self.broken.insert(page, Problem { url, message });
    }

    /// The pages, whole or not, that lie under an address.
    pub(crate) fn pages_of(&self, url: &str) -> Vec<u32> {
        let broken = self.broken.iter().filter(|(_, problem)| problem.url.as_deref() == Some(url));
        broken.map(|(&page, _)| page).chain(self.urls.get(url).copied()).collect()
    }

    /// Forgets pages whose records are gone.
    pub(crate) fn forget(&mut self, pages: &[u32]) {
        for &page in pages {
            self.leave_out(page, String::new());
            self.broken.remove(&page);
            self.lexicon.forget_record(page);
        }
    }

    /// Goes along with what a commit of this index did; pages that it added are taken up apart.
    pub(crate) fn apply(&mut self, effects: &[Effect]) {
        for &effect in effects {
            match effect {
                Effect::Removed(page) => {
                    if self.runs.of(page).is_some() {
                        self.runs.set_gone(page);
                    }
                    self.forget(&[page]);
                }
                Effect::Merged(first, last) => {
                    let gone = self.runs.gone_within(first, last);
                    self.runs.forget_gone(&gone);
                    self.runs.insert(first, last);
                }
                Effect::Added(_) | Effect::Queue | Effect::Words | Effect::All => {}
            }
        }
    }

    /// Takes up a page whose records are stored.
    pub(crate) fn take_up(&mut self, page: u32, entry: Entry, bits: &[u8], dimension: usize) {
        self.resident.add(page, bits, Rows::Bits.row_bytes(dimension));
        self.urls.insert(entry.url.clone(), page);
        self.entries.insert(page, entry);
    }
}

/// The head as the store has it.
pub(crate) async fn read_head<S: Store>(store: &S) -> Result<Option<Vec<u8>>> {
    Ok(store.read(&[(Space::Meta, HEAD_KEY)]).await?.into_iter().next().flatten())
}

/// Other tabs write without pause.
pub(crate) fn busy() -> Error {
    let message = format!(
        "the index was changed by others {ATTEMPTS} times while it was read: close other tabs that \
         write to it, or try again"
    );
    Error::new(ErrorKind::Storage, message)
}

/// How often a commit that others have overtaken is tried.
pub(crate) fn attempts() -> std::ops::Range<usize> {
    0..ATTEMPTS
}

/// Takes damage out of the errors, since a damaged page is left out and the others are read.
pub(super) fn whole<T>(read: Result<T>) -> Result<std::result::Result<T, String>> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::State;
    use crate::fields::Fields;
    use crate::fingerprint::Fingerprint;
    use crate::index::Index;
    use crate::page::{EncodedPage, Page, Passage};
    use crate::quantize::Quantizer;
    use crate::store::MemoryStore;

    fn encoded(number: u8, hash: u8) -> EncodedPage {
        let (text, headings, sentences) = ("Light.".to_owned(), vec![], vec![]);
        let passages = vec![Passage { range: 0..text.len(), headings, anchor: None, sentences }];
        let (url, title, lang, time_ms) = (format!("u{number}"), String::new(), None, None);
        let (hash, fields) = ([hash; 32], Fields::new());
        let page = Page { url, title, lang, hash, fields, time_ms, text, passages };
        EncodedPage {
            page,
            dimension: 8,
            bits: vec![number],
            int8: vec![1; 8],
            sentence_bits: vec![],
        }
    }

    #[test]
    fn whoever_only_checks_keeps_no_bits() {
        let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
        let (model, digest) = ("m".into(), "0".repeat(64));
        let fingerprint = Fingerprint { model, dimension: 8, quantizer: Quantizer::MaxAbs, digest };
        block_on(index.bind(&fingerprint)).unwrap();
        // A run of which a page is replaced, so that its rows are taken one by one; and whole ones.
        block_on(index.commit_all(&[encoded(0, 0), encoded(1, 0)])).unwrap();
        block_on(index.commit(encoded(1, 1))).unwrap();
        let loaded = block_on(State::load(&index.store)).unwrap();
        let checked = block_on(State::check(&index.store)).unwrap();
        assert_eq!((loaded.resident.rows(), checked.resident.rows()), (2, 0));
        assert_eq!(checked.resident.bytes(), 0);
        assert!(checked.entries == loaded.entries && checked.entries.len() == 2);
        assert!(checked.damage.is_empty() && checked.broken.is_empty());
    }
}
