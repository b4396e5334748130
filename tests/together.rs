//! Pages that come in one transaction are as those that come one by one, all of them or none; and
//! what is said to be unchanged is so in the store, not only in memory.

mod pages;
mod shared;

use std::cell::Cell;
use std::rc::Rc;

use burrow::fingerprint::Fingerprint;
use burrow::index::format::page_of_key;
use burrow::index::queue::{Enqueued, NewPage, Priority};
use burrow::index::{Index, Outcome, is_batch};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::store::{Change, Commit, Space, Store, StoreKind};
use burrow::{Error, ErrorKind, Result};
use pollster::block_on;
use proptest::prelude::*;
use shared::Shared;

const DIMENSION: usize = 16;

fn opened<S: Store>(store: S) -> Index<S> {
    let mut index = block_on(Index::open(store)).unwrap();
    let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
    let quantizer = Quantizer::MaxAbs;
    block_on(index.bind(&Fingerprint { model, dimension: DIMENSION, quantizer, digest })).unwrap();
    index
}

fn page(number: usize, version: u8) -> EncodedPage {
    let texts = [format!("Page {number}, version {version}."), "And the rest.".to_owned()];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let seed = number as u64 * 100 + u64::from(version);
    pages::page(&format!("u{number}"), &texts, DIMENSION, seed)
}

fn records(store: &Shared, space: Space) -> Vec<(u64, Vec<u8>)> {
    block_on(store.store.borrow().scan(space, 0, usize::MAX)).unwrap()
}

fn exported(index: &mut Index<Shared>) -> Vec<u8> {
    let mut export = index.export_begin().unwrap();
    let next = || block_on(index.export_next(&mut export)).unwrap();
    std::iter::from_fn(next).flatten().collect()
}

/// What the head holds: it changes with every commit.
fn head(store: &Shared) -> Vec<(u64, Vec<u8>)> {
    records(store, Space::Meta)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn pages_together_leave_the_records_of_pages_one_by_one(
        rounds in prop::collection::vec(prop::collection::btree_map(0usize..20, 0u8..3, 1..12), 1..6),
    ) {
        let (together, apart) = (Shared::default(), Shared::default());
        let (mut one, mut other) = (opened(together.clone()), opened(apart.clone()));
        let mut follower = opened(together.clone());
        for round in rounds {
            let pages: Vec<EncodedPage> =
                round.into_iter().map(|(number, version)| page(number, version)).collect();
            let outcomes = block_on(one.commit_all(&pages)).unwrap();
            let mut expected = Vec::new();
            for page in pages {
                expected.push(block_on(other.commit(page)).unwrap());
            }
            prop_assert_eq!(outcomes, expected);
            block_on(follower.catch_up()).unwrap();
            prop_assert_eq!(follower.pages(), other.pages());
            prop_assert_eq!(one.pages(), other.pages());
        }
        for space in [Space::Codes, Space::Sentences, Space::Pages, Space::Terms, Space::Queue] {
            prop_assert_eq!(records(&together, space), records(&apart, space), "{}", space.name());
        }
        // What of a batch lies in one record is the same page by page.
        for index in [&mut one, &mut follower, &mut opened(together)] {
            prop_assert_eq!(exported(index), exported(&mut other));
            prop_assert_eq!(index.problems(), []);
        }
    }
}

/// A store that writes nothing while it is told to fail.
#[derive(Clone, Default)]
struct Failing {
    store: Shared,
    fails: Rc<Cell<bool>>,
}

impl Store for Failing {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn damage(&self) -> &[String] {
        self.store.damage()
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        self.store.keys(space, from).await
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        self.store.scan(space, from, count).await
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        self.store.read(keys).await
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        if self.fails.get() {
            return Err(Error::new(ErrorKind::StorageFull, "no space"));
        }
        self.store.commit(expected, changes).await
    }
}

#[test]
fn all_pages_are_stored_or_none() {
    let store = Failing::default();
    let mut index = opened(store.clone());
    block_on(index.commit(page(1, 0))).unwrap();
    let before = head(&store.store);
    let pages = [page(1, 1), page(2, 0), page(3, 0)];
    store.fails.set(true);
    let error = block_on(index.commit_all(&pages)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!((index.page_count(), index.find("u1")), (1, Some(page(1, 0).page.hash)));
    store.fails.set(false);
    let mut broken = pages.clone();
    broken[2].bits.pop();
    let error = block_on(index.commit_all(&broken)).unwrap_err();
    assert_eq!((error.kind(), head(&store.store)), (ErrorKind::Input, before), "no page of them");
    let outcomes = block_on(index.commit_all(&pages)).unwrap();
    assert_eq!(outcomes, [Outcome::Replaced, Outcome::Added, Outcome::Added]);
    assert_eq!(opened(store).pages(), index.pages());
}

#[test]
fn of_several_with_one_address_the_last_is_stored() {
    let store = Shared::default();
    let mut index = opened(store.clone());
    let pages = [page(1, 0), page(2, 0), page(1, 1), page(2, 0)];
    assert_eq!(block_on(index.commit_all(&pages)).unwrap(), [Outcome::Added; 4]);
    assert_eq!((index.page_count(), index.find("u1")), (2, Some(page(1, 1).page.hash)));
    assert_eq!(records(&store, Space::Pages).len(), 2);
    let outcomes = block_on(index.commit_all(&[page(1, 2), page(1, 1)])).unwrap();
    assert_eq!(outcomes, [Outcome::Replaced, Outcome::Unchanged], "each beside what was there");
    assert_eq!(index.find("u1"), Some(page(1, 1).page.hash));
    assert_eq!(opened(store).problems(), []);
}

#[test]
fn unchanged_pages_write_nothing() {
    let store = Shared::default();
    let mut index = opened(store.clone());
    let pages: Vec<EncodedPage> = (0..5).map(|number| page(number, 0)).collect();
    block_on(index.commit_all(&pages)).unwrap();
    let before = head(&store);
    assert_eq!(block_on(index.commit_all(&pages)).unwrap(), [Outcome::Unchanged; 5]);
    assert_eq!(block_on(index.commit_all(&[])).unwrap(), []);
    assert_eq!(head(&store), before);
}

#[test]
fn what_another_tab_has_replaced_is_not_unchanged() {
    let store = Shared::default();
    let (mut one, mut other) = (opened(store.clone()), opened(store.clone()));
    block_on(one.commit(page(1, 0))).unwrap();
    assert_eq!(block_on(other.commit(page(1, 1))).unwrap(), Outcome::Replaced);
    assert_eq!(block_on(one.commit(page(1, 0))).unwrap(), Outcome::Replaced);
    assert!(block_on(other.remove("u1")).unwrap());
    assert_eq!(block_on(one.commit(page(1, 0))).unwrap(), Outcome::Added);
    assert_eq!(block_on(one.commit(page(1, 0))).unwrap(), Outcome::Unchanged);
    assert_eq!(opened(store).find("u1"), Some(page(1, 0).page.hash));
}

#[test]
fn a_page_that_another_tab_has_replaced_waits_anew() {
    let store = Shared::default();
    let (mut one, mut other) = (opened(store.clone()), opened(store));
    block_on(one.commit(page(1, 0))).unwrap();
    block_on(other.commit(page(1, 1))).unwrap();
    let (hash, content) = (page(1, 0).page.hash, b"One.".to_vec());
    let (title, facts, priority) = (None, None, Priority::Normal);
    let new = NewPage { url: "u1".into(), title, format: 0, content, facts, hash, priority };
    let enqueued = block_on(one.enqueue(vec![new])).unwrap();
    assert_eq!(enqueued, Enqueued { waiting: 1, unchanged: 0 });
}

#[test]
fn a_follower_reads_the_pages_of_a_batch_and_no_more() {
    let store = Shared::default();
    let (mut writer, mut follower) = (opened(store.clone()), opened(store.clone()));
    let rest: Vec<EncodedPage> = (100..300).map(|number| page(number, 0)).collect();
    block_on(writer.commit_all(&rest)).unwrap();
    block_on(follower.catch_up()).unwrap();
    let mut batch = Vec::new();
    while !is_batch(&batch) {
        batch.push(page(batch.len(), 0));
    }
    block_on(writer.commit_all(&batch)).unwrap();
    *store.records_read.borrow_mut() = 0;
    assert!(block_on(follower.catch_up()).unwrap());
    assert_eq!(follower.pages(), writer.pages());
    let read = *store.records_read.borrow();
    assert_eq!(read, 1 + 2, "the head, and one record each of the directory and of bits");
}

#[test]
fn what_opening_reads_of_a_batch_is_one_record_of_each_kind() {
    let store = Shared::default();
    let mut index = opened(store.clone());
    let pages: Vec<EncodedPage> = (0..30).map(|number| page(number, 0)).collect();
    block_on(index.commit_all(&pages[..20])).unwrap();
    block_on(index.commit_all(&pages[20..29])).unwrap();
    block_on(index.commit_all(&pages[29..])).unwrap();
    let firsts = |space| -> Vec<u32> {
        records(&store, space).into_iter().map(|(key, _)| page_of_key(key)).collect()
    };
    assert_eq!((firsts(Space::Directory), firsts(Space::Bits)), (vec![0, 20, 29], vec![0, 20, 29]));
    // A page that is replaced, alone or with others, leaves its neighbours where they are.
    block_on(index.commit(page(3, 1))).unwrap();
    block_on(index.commit_all(&[page(4, 1), page(29, 1), page(50, 0)])).unwrap();
    assert_eq!(firsts(Space::Bits), [0, 20, 30, 31]);
    assert!(block_on(index.remove("u21")).unwrap());
    let mut again = opened(store.clone());
    assert_eq!((exported(&mut again), again.page_count()), (exported(&mut index), 30));
    let mut verification = block_on(again.verify_begin()).unwrap();
    let next = || block_on(again.verify_next(&mut verification)).unwrap();
    assert_eq!(std::iter::repeat_with(next).find_map(|found| found), Some(vec![]));
}

/// A run of which one page is left is that page's own record, for whoever was there before and for
/// whoever opens it then: where they differed, a mark that a page is gone outlived or left its rows.
#[test]
fn what_is_left_of_a_run_is_the_same_for_all() {
    let store = Shared::default();
    let mut writer = opened(store.clone());
    block_on(writer.commit(page(0, 0))).unwrap();
    block_on(writer.commit_all(&[page(1, 0), page(2, 0)])).unwrap();
    for number in 3..80 {
        block_on(writer.commit(page(number, 0))).unwrap();
    }
    assert!(block_on(writer.remove("u2")).unwrap());
    let mut second = opened(store.clone());
    block_on(writer.commit(page(1, 1))).unwrap();
    block_on(second.catch_up()).unwrap();
    while block_on(second.compact()).unwrap() {}
    let mut third = opened(store.clone());
    assert!(block_on(third.remove("u0")).unwrap());
    let last = opened(store.clone());
    assert_eq!((last.problems(), last.page_count()), (vec![], 78));
    assert_eq!(records(&store, Space::Gone), []);
}

#[test]
fn a_batch_beyond_what_a_record_holds_lies_in_several() {
    let store = Shared::default();
    let mut index = opened(store.clone());
    let large = |number: usize| {
        let texts = vec!["A word."; 1500];
        pages::page(&format!("u{number}"), &texts, DIMENSION, number as u64)
    };
    block_on(index.commit_all(&[0, 1, 2, 3, 4].map(large))).unwrap();
    let keys: Vec<u32> =
        records(&store, Space::Bits).into_iter().map(|(key, _)| page_of_key(key)).collect();
    assert_eq!(keys, [0, 2, 4], "4,096 rows at most");
    assert_eq!(exported(&mut opened(store)), exported(&mut index));
}
