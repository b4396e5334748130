//! An index of words alone, over a store in memory.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part"
)]

use std::cell::Cell;
use std::collections::BTreeMap;

use burrow::fields::Fields;
use burrow::index::PageSet;
use burrow::index::lexical::{
    LexicalOptions, LexicalQuery, Lexicon, Merge, MergeLimits, Scored, page_record,
};
use burrow::page::{Page, Passage};
use burrow::store::{Change, Commit, MemoryStore, Space, Store, StoreKind};
use pollster::block_on;

/// A page of one passage.
pub fn page_of(text: &str) -> Page {
    page(None, "", &[text])
}

/// A page with these passages.
pub fn page(lang: Option<&str>, title: &str, texts: &[&str]) -> Page {
    let mut passages = Vec::new();
    let mut text = String::new();
    for passage in texts {
        let start = text.len();
        text.push_str(passage);
        let range = start..text.len();
        passages.push(Passage { range, headings: Vec::new(), anchor: None, sentences: Vec::new() });
        text.push('\n');
    }
    let (url, lang, title) = ("u".to_owned(), lang.map(str::to_owned), title.to_owned());
    Page { url, title, lang, hash: [0; 32], fields: Fields::new(), time_ms: None, text, passages }
}

/// Counts what is read.
#[derive(Debug, Default, Clone)]
pub struct Counting {
    pub store: MemoryStore,
    pub reads: Cell<usize>,
    pub bytes: Cell<usize>,
}

impl Counting {
    fn count(&self, records: usize, bytes: usize) {
        self.reads.set(self.reads.get() + records);
        self.bytes.set(self.bytes.get() + bytes);
    }
}

impl Store for Counting {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn damage(&self) -> &[String] {
        self.store.damage()
    }

    async fn keys(&self, space: Space, from: u64) -> burrow::Result<Vec<u64>> {
        self.store.keys(space, from).await
    }

    async fn scan(
        &self,
        space: Space,
        from: u64,
        count: usize,
    ) -> burrow::Result<Vec<(u64, Vec<u8>)>> {
        let records = self.store.scan(space, from, count).await?;
        self.count(records.len(), records.iter().map(|(_, bytes)| bytes.len()).sum());
        Ok(records)
    }

    async fn read(&self, keys: &[(Space, u64)]) -> burrow::Result<Vec<Option<Vec<u8>>>> {
        let records = self.store.read(keys).await?;
        self.count(keys.len(), records.iter().flatten().map(Vec::len).sum());
        Ok(records)
    }

    async fn commit(
        &mut self,
        expected: Option<&[u8]>,
        changes: Vec<Change>,
    ) -> burrow::Result<Commit> {
        self.store.commit(expected, changes).await
    }
}

/// A lexicon and its store, and which pages there are.
pub struct Words {
    pub store: Counting,
    pub lexicon: Lexicon,
    pub passages: BTreeMap<u32, usize>,
    next: u32,
}

impl Words {
    pub fn new() -> Self {
        let (store, lexicon) = (Counting::default(), Lexicon::default());
        Words { store, lexicon, passages: BTreeMap::new(), next: 0 }
    }

    pub fn commit(&mut self, changes: Vec<Change>) {
        assert_eq!(block_on(self.store.commit(None, changes)).unwrap(), Commit::Done);
    }

    pub fn add(&mut self, page: &Page) -> u32 {
        let number = self.next;
        self.next += 1;
        self.put(number, page);
        number
    }

    pub fn put(&mut self, number: u32, page: &Page) {
        let (change, words) = page_record(number, page).unwrap();
        self.commit(vec![change]);
        self.lexicon.take_up(&words);
        self.passages.insert(number, page.passages.len());
    }

    pub fn forget(&mut self, page: u32) {
        self.lexicon.forget(page);
        self.passages.remove(&page);
    }

    pub fn remove(&mut self, pages: &[u32]) -> Merge {
        let merge = block_on(self.lexicon.removal(&self.store, pages)).unwrap();
        self.passages.retain(|page, _| !pages.contains(page));
        self.commit(merge.changes.clone());
        self.lexicon.merged(merge.clone());
        merge
    }

    pub fn merge_step(&mut self, limits: MergeLimits) -> Option<Merge> {
        let merge = block_on(self.lexicon.merge_step(&self.store, limits)).unwrap()?;
        self.commit(merge.changes.clone());
        self.lexicon.merged(merge.clone());
        Some(merge)
    }

    /// Merges until nothing is due.
    pub fn merge_all(&mut self, limits: MergeLimits) -> Vec<Merge> {
        let mut merges = Vec::new();
        while let Some(merge) = self.merge_step(limits) {
            merges.push(merge);
            assert!(merges.len() < 10_000, "merging does not end");
        }
        merges
    }

    /// Reads all from the store; nothing may be damaged or missing.
    pub fn reopen(&mut self) {
        let (lexicon, problems) = block_on(Lexicon::load(&self.store)).unwrap();
        self.lexicon = lexicon;
        let pages = self.passages.iter().map(|(&page, &passages)| (page, passages));
        assert_eq!(self.lexicon.settle(pages), [] as [u32; 0]);
        assert!(problems.is_empty(), "{problems:?}");
    }

    pub fn search_kept(
        &self,
        text: &str,
        options: LexicalOptions,
        keep: Option<&PageSet>,
        count: usize,
    ) -> Vec<Scored> {
        let query = LexicalQuery::new(text, options);
        block_on(self.lexicon.search(&self.store, &query, keep, count)).unwrap().unwrap()
    }

    pub fn search(&self, text: &str, options: LexicalOptions, count: usize) -> Vec<Scored> {
        self.search_kept(text, options, None, count)
    }

    pub fn pages_found(&self, text: &str, options: LexicalOptions) -> Vec<u32> {
        let mut pages: Vec<u32> = Vec::new();
        for it in self.search(text, options, 1000) {
            if !pages.contains(&it.page) {
                pages.push(it.page);
            }
        }
        pages
    }

    /// All records.
    pub fn records(&self) -> Vec<(u64, Vec<u8>)> {
        block_on(self.store.store.scan(Space::Terms, 0, usize::MAX)).unwrap()
    }
}
