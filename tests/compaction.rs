//! Tidying the store changes nothing that can be seen; what is removed leaves no byte; other tabs
//! follow.

mod oracle;
mod pages;
mod shared;

use std::collections::BTreeMap;

use burrow::fingerprint::Fingerprint;
use burrow::index::filter::Filter;
use burrow::index::{Index, format};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::{Change, Commit, HEAD_KEY, Space, Store};
use pollster::block_on;
use proptest::prelude::*;
use shared::Shared;

const DIMENSION: usize = 32;

/// What these tests do with it.
trait Seen {
    fn open(&self) -> Index<Shared>;
    fn records(&self, space: Space) -> Vec<(u64, Vec<u8>)>;
    fn holds(&self, needle: &[u8]) -> bool;
}

impl Seen for Shared {
    fn open(&self) -> Index<Shared> {
        let mut index = block_on(Index::open(self.clone())).unwrap();
        let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
        let quantizer = Quantizer::MaxAbs;
        let fingerprint = Fingerprint { model, dimension: DIMENSION, quantizer, digest };
        block_on(index.bind(&fingerprint)).unwrap();
        index
    }

    fn records(&self, space: Space) -> Vec<(u64, Vec<u8>)> {
        block_on(self.store.borrow().scan(space, 0, usize::MAX)).unwrap()
    }

    fn holds(&self, needle: &[u8]) -> bool {
        let has = |record: &(u64, Vec<u8>)| record.1.windows(needle.len()).any(|w| w == needle);
        Space::ALL.iter().any(|&space| self.records(space).iter().any(has))
    }
}

/// A page whose version shows in its text and its codes.
fn page(number: usize, version: usize, passages: usize) -> EncodedPage {
    let texts: Vec<String> = (0..passages)
        .map(|p| format!("Page {number} v{version}, passage {p}. xPage{number}v{version}x"))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let seed = (number * 1000 + version) as u64 * 1000;
    let mut page = pages::page(&format!("u{number}"), &texts, DIMENSION, seed);
    page.page.hash[..3].copy_from_slice(&[version as u8, (version / 256) as u8, passages as u8]);
    page
}

type Model = BTreeMap<usize, EncodedPage>;

/// Compares all that can be seen of an index with what must be there.
///
/// Every page has a word of its own, which must find it and it alone.
fn assert_is(index: &mut Index<Shared>, model: &Model, seed: u64) {
    for (number, page) in model.iter().filter(|(number, _)| **number as u64 % 7 == seed % 7) {
        let version = &page.page.text[..page.page.text.find(',').unwrap()];
        let word = version.replace(' ', "");
        let query = Query { text: &format!("x{word}x"), vector: None };
        let hits = block_on(index.search(query, &SearchOptions::default())).unwrap();
        let urls: Vec<&str> = hits.iter().map(|hit| hit.url.as_str()).collect();
        assert_eq!(urls, [page.page.url.as_str()], "{word} of page {number}");
    }
    let mut urls: Vec<String> = index.pages().into_iter().map(|page| page.url).collect();
    urls.sort();
    let mut expected: Vec<String> = model.values().map(|page| page.page.url.clone()).collect();
    expected.sort();
    assert_eq!(urls, expected);
    assert_eq!(index.problems(), []);
    let vector = pages::vector(seed, DIMENSION);
    let options = SearchOptions { limit: 5, mode: Mode::Semantic, ..SearchOptions::default() };
    let query = Query { text: "words", vector: Some(&vector) };
    let hits = block_on(index.search(query, &options)).unwrap();
    // In the order in which they were committed: ties go by it.
    let mut pages: Vec<EncodedPage> = Vec::new();
    for info in index.pages() {
        pages.push(model.values().find(|page| page.page.url == info.url).unwrap().clone());
    }
    let wanted = oracle::search(&pages, &vector, 5, options.oversampling);
    let places: Vec<_> = hits.iter().map(|hit| (hit.url.clone(), hit.passage)).collect();
    let wanted: Vec<_> = wanted.into_iter().map(|(url, passage, _)| (url, passage)).collect();
    assert_eq!(places, wanted);
}

/// Every record belongs to a page that is there, or to a run with such pages.
fn assert_nothing_left_over(store: &Shared, model: &Model) {
    let passages: usize = model.values().map(|page| page.page.passages.len()).sum();
    assert_eq!(store.records(Space::Pages).len(), model.len());
    assert_eq!(store.records(Space::Sentences).len(), model.len());
    assert_eq!(store.records(Space::Gone).len(), 0);
    let rows = |(key, bytes): &(u64, Vec<u8>)| {
        let run = format::bits_from_bytes(format::page_of_key(*key), DIMENSION, bytes).unwrap();
        run.bits.len() / (DIMENSION / 8)
    };
    assert_eq!(store.records(Space::Bits).iter().map(rows).sum::<usize>(), passages);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_order_of_steps_leaves_what_was_asked_for(
        steps in prop::collection::vec((0usize..120, 0usize..12, 1usize..20), 100..400),
        seed in any::<u64>(),
    ) {
        let store = Shared::default();
        let mut writer = store.open();
        let mut follower = store.open();
        let mut model = Model::new();
        for (step, (number, what, passages)) in steps.into_iter().enumerate() {
            match what {
                0 => {
                    let removed = block_on(writer.remove(&format!("u{number}"))).unwrap();
                    prop_assert_eq!(removed, model.remove(&number).is_some());
                }
                1 => while block_on(writer.compact()).unwrap() {},
                2 => {
                    block_on(follower.catch_up()).unwrap();
                    assert_is(&mut follower, &model, seed);
                }
                3 if step % 5 == 0 => writer = store.open(),
                4 if step % 5 == 0 => std::mem::swap(&mut writer, &mut follower),
                5 => {
                    let pages: Vec<EncodedPage> =
                        (0..passages).map(|at| page((number + 7 * at) % 120, step, 1 + at)).collect();
                    block_on(writer.commit_all(&pages)).unwrap();
                    for (at, page) in pages.into_iter().enumerate() {
                        model.insert((number + 7 * at) % 120, page);
                    }
                }
                _ => {
                    let page = page(number, step, passages);
                    block_on(writer.commit(page.clone())).unwrap();
                    model.insert(number, page);
                }
            }
        }
        block_on(follower.catch_up()).unwrap();
        block_on(writer.catch_up()).unwrap();
        for index in [&mut writer, &mut follower, &mut store.open()] {
            assert_is(index, &model, seed ^ 1);
        }
    }
}

#[test]
fn many_pages_lie_in_few_records() {
    let store = Shared::default();
    let mut index = store.open();
    let mut model = Model::new();
    for number in 0..500 {
        model.insert(number, page(number, 1, 12));
        block_on(index.commit(model[&number].clone())).unwrap();
    }
    assert_eq!(store.records(Space::Bits).len(), 500);
    while block_on(index.compact()).unwrap() {}
    let records = store.records(Space::Bits).len();
    assert!(records < 80, "{records} records of bits");
    assert_is(&mut store.open(), &model, 3);
    assert_nothing_left_over(&store, &model);
}

#[test]
fn replaced_pages_in_runs_are_passed_over_and_then_dropped() {
    let store = Shared::default();
    let mut index = store.open();
    let mut model: Model = (0..200).map(|number| (number, page(number, 1, 10))).collect();
    for page in model.values() {
        block_on(index.commit(page.clone())).unwrap();
    }
    while block_on(index.compact()).unwrap() {}
    for number in 0..60 {
        model.insert(number, page(number, 2, 3));
        block_on(index.commit(model[&number].clone())).unwrap();
        assert_eq!(store.records(Space::Gone).len().min(1), 1, "a run is not rewritten for a page");
    }
    assert_is(&mut index, &model, 5);
    assert_is(&mut store.open(), &model, 5);
    // With so many gone it is worth it.
    while block_on(index.compact()).unwrap() {}
    assert_nothing_left_over(&store, &model);
    assert_is(&mut store.open(), &model, 6);
}

#[test]
fn a_removed_page_leaves_no_byte() {
    let store = Shared::default();
    let mut index = store.open();
    for number in 0..150 {
        let mut page = page(number, 1, 10);
        page.page.title = format!("Title of {number}, quite secret");
        block_on(index.commit(page)).unwrap();
    }
    while block_on(index.compact()).unwrap() {}
    let bits = page(70, 1, 10).bits;
    assert!(store.holds(b"Title of 70, quite secret") && store.holds(&bits));
    assert!(block_on(index.remove("u70")).unwrap());
    assert!(
        !store.holds(b"Title of 70, quite") && !store.holds(&bits) && !store.holds(b"Page 70 v1")
    );
    assert!(store.holds(b"Title of 71, quite"));
    assert_eq!(store.open().page_count(), 149);
}

#[test]
fn removal_by_filter_leaves_no_byte() {
    let store = Shared::default();
    let (mut index, mut follower) = (store.open(), store.open());
    let mut model = Model::new();
    for number in 0..200 {
        let mut page = page(number, 1, 6);
        page.page.url = format!("https://{}.example/u{number}", number % 2);
        block_on(index.commit(page.clone())).unwrap();
        if number % 2 == 1 {
            model.insert(number, page);
        }
    }
    while block_on(index.compact()).unwrap() {}
    let site = Filter::from_json(r#"{"url": {"prefix": "https://0.example/"}}"#).unwrap();
    assert_eq!(block_on(index.remove_where(&site)).unwrap(), 100);
    assert_eq!(block_on(index.remove_where(&site)).unwrap(), 0);
    assert!(!store.holds(b"https://0.example/") && store.holds(b"https://1.example/"));
    assert_nothing_left_over(&store, &model);
    block_on(follower.catch_up()).unwrap();
    for index in [&mut index, &mut follower, &mut store.open()] {
        assert_is(index, &model, 8);
    }
}

#[test]
fn a_follower_reads_what_is_new_and_no_more() {
    let store = Shared::default();
    let (mut writer, mut follower) = (store.open(), store.open());
    block_on(follower.catch_up()).unwrap();
    for number in 0..300 {
        block_on(writer.commit(page(number, 1, 5))).unwrap();
        if number % 20 == 19 {
            *store.records_read.borrow_mut() = 0;
            assert!(block_on(follower.catch_up()).unwrap());
            assert_eq!(follower.page_count(), number + 1);
            let read = *store.records_read.borrow();
            assert!(read <= 1 + 2 * 20, "{read} records were read for 20 new pages");
        }
    }
    assert!(!block_on(follower.catch_up()).unwrap(), "nothing has changed");
}

#[test]
fn a_number_is_not_given_again_while_a_run_holds_it() {
    let store = Shared::default();
    let mut index = store.open();
    let mut model: Model = (0..64).map(|number| (number, page(number, 1, 2))).collect();
    for number in 0..64 {
        block_on(index.commit(model[&number].clone())).unwrap();
    }
    while block_on(index.compact()).unwrap() {}
    // The last page of the run is gone, and so is the one that took its place.
    block_on(index.commit(page(63, 2, 2))).unwrap();
    assert!(block_on(index.remove("u63")).unwrap());
    model.remove(&63);
    // A full disk has cost the head (see `transact_removal`): numbers are told by what is there.
    let head = store.records(Space::Meta).remove(1);
    assert_eq!(head.0, HEAD_KEY);
    let keys = HEAD_KEY..HEAD_KEY + 1;
    let change = Change::Delete { space: Space::Meta, keys };
    let commit = block_on(store.clone().commit(Some(&head.1), vec![change]));
    assert_eq!(commit.unwrap(), Commit::Done);
    let mut index = store.open();
    model.insert(99, page(99, 1, 2));
    block_on(index.commit(model[&99].clone())).unwrap();
    assert_is(&mut index, &model, 9);
    assert_is(&mut store.open(), &model, 9);
}
