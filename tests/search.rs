//! A search finds what its naive twin finds, and damage is left out, told, and mended by adding.

mod oracle;
mod pages;

use burrow::ErrorKind;
use burrow::fields::FieldValue;
use burrow::fingerprint::Fingerprint;
use burrow::hits::Hit;
use burrow::index::filter::Filter;
use burrow::index::{Index, Outcome, format};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::search::{LIMIT_MAX, Mode, OVERSAMPLING_MAX, Query, SearchOptions, Sort};
use burrow::store::{Change, Commit, HEAD_KEY, MemoryStore, Space, Store};
use pollster::block_on;
use proptest::prelude::*;

fn fingerprint(dimension: usize) -> Fingerprint {
    let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
    Fingerprint { model, dimension, quantizer: Quantizer::MaxAbs, digest }
}

fn index_of(pages: &[EncodedPage], dimension: usize) -> Index<MemoryStore> {
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    block_on(index.bind(&fingerprint(dimension))).unwrap();
    for page in pages {
        block_on(index.commit(page.clone())).unwrap();
    }
    index
}

fn search(index: &mut Index<MemoryStore>, vector: &[f32], options: SearchOptions) -> Vec<Hit> {
    block_on(index.search(Query { text: "words", vector: Some(vector) }, &options)).unwrap()
}

fn options(limit: usize, oversampling: usize) -> SearchOptions {
    SearchOptions { limit, oversampling, mode: Mode::Semantic, ..SearchOptions::default() }
}

/// Some pages, each with some passages of one sentence.
fn pages_of(counts: &[usize], dimension: usize) -> Vec<EncodedPage> {
    let page = |(number, &count): (usize, &usize)| {
        let texts: Vec<String> =
            (0..count).map(|p| format!("Page {number}, passage {p}.")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        pages::page(&format!("u{number}"), &texts, dimension, number as u64 * 100_000)
    };
    counts.iter().enumerate().map(page).collect()
}

fn assert_same(hits: &[Hit], expected: &[(String, usize, f64)]) {
    let places: Vec<_> = hits.iter().map(|hit| (hit.url.clone(), hit.passage)).collect();
    let wanted: Vec<_> = expected.iter().map(|(url, passage, _)| (url.clone(), *passage)).collect();
    assert_eq!(places, wanted);
    for (hit, (url, passage, score)) in hits.iter().zip(expected) {
        assert!((f64::from(hit.score) - score).abs() < 1e-6);
        let number = url.trim_start_matches('u');
        assert_eq!(hit.excerpt, format!("Page {number}, passage {passage}."));
    }
}

/// As if every row had the least distance: all are rescored.
fn exact(pages: &[EncodedPage], vector: &[f32], limit: usize) -> Vec<(String, usize, f64)> {
    oracle::search(pages, vector, limit, 1_000_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn a_search_equals_its_naive_twin(
        counts in prop::collection::vec(1usize..90, 1..14),
        bytes in 1usize..20,
        limit in 1usize..14,
        oversampling in 1usize..6,
        seed in any::<u64>(),
    ) {
        let dimension = bytes * 8;
        let pages = pages_of(&counts, dimension);
        let mut index = index_of(&pages, dimension);
        let vector = pages::vector(seed, dimension);
        let expected = oracle::search(&pages, &vector, limit, oversampling);
        prop_assert_eq!(expected.len(), limit.min(counts.len()), "every page that can be is a hit");
        assert_same(&search(&mut index, &vector, options(limit, oversampling)), &expected);
        let all = SearchOptions { exact: true, ..options(limit, oversampling) };
        assert_same(&search(&mut index, &vector, all), &exact(&pages, &vector, limit));
        // What is in memory from the search before gives no other answer.
        assert_same(&search(&mut index, &vector, options(limit, oversampling)), &expected);
        // Opened again, from the store alone, it finds the same.
        let mut again = block_on(Index::open(index.into_store())).unwrap();
        block_on(again.bind(&fingerprint(dimension))).unwrap();
        assert_same(&search(&mut again, &vector, options(limit, oversampling)), &expected);
    }

    #[test]
    fn a_filtered_search_finds_all_hits_that_there_are(
        counts in prop::collection::vec(1usize..60, 1..20),
        every in 1usize..6,
        limit in 1usize..14,
        seed in any::<u64>(),
    ) {
        let mut pages = pages_of(&counts, 64);
        for (number, page) in pages.iter_mut().enumerate() {
            let turn = FieldValue::Number((number % every) as f64);
            page.page.fields.insert("turn", turn).unwrap();
            page.page.time_ms = Some((number * 7 % 5) as i64);
        }
        let mut index = index_of(&pages, 64);
        let vector = pages::vector(seed, 64);
        let filter = Filter::from_json(r#"{"turn": 0}"#).unwrap();
        let filtered = SearchOptions { filter: Some(filter), ..options(limit, 2) };
        let meant: Vec<EncodedPage> = pages.iter().step_by(every).cloned().collect();
        let expected = oracle::search(&meant, &vector, limit, 2);
        prop_assert_eq!(expected.len(), limit.min(meant.len()));
        assert_same(&search(&mut index, &vector, filtered.clone()), &expected);
        // Put in order by time, the candidates' pages come, the newest first.
        let newest = SearchOptions { sort: Sort::TimeDescending, ..filtered };
        let hits = search(&mut index, &vector, newest);
        let time = |hit: &Hit| pages.iter().find(|page| page.page.url == hit.url).unwrap().page.time_ms;
        prop_assert!(hits.is_sorted_by(|a, b| time(a) >= time(b)));
        prop_assert_eq!(hits.len(), expected.len());
    }

    #[test]
    fn adding_replacing_and_removing_leave_what_a_new_index_has(
        steps in prop::collection::vec((0usize..6, 0usize..4, 1usize..40), 1..40),
        seed in any::<u64>(),
    ) {
        let mut index = index_of(&[], 32);
        let mut model: Vec<EncodedPage> = Vec::new();
        for (number, what, count) in steps {
            let url = format!("u{number}");
            let there = model.iter().position(|page| page.page.url == url);
            if what == 0 {
                prop_assert_eq!(block_on(index.remove(&url)).unwrap(), there.is_some());
                there.map(|at| model.remove(at));
                continue;
            }
            let mut page = pages_of(&vec![count; number + 1], 32).remove(number);
            page.page.hash = [count as u8; 32];
            let same = there.is_some_and(|at| model[at].page.hash == page.page.hash);
            let expected = match there {
                None => Outcome::Added,
                Some(_) if same => Outcome::Unchanged,
                Some(_) => Outcome::Replaced,
            };
            prop_assert_eq!(block_on(index.commit(page.clone())).unwrap(), expected);
            if !same {
                there.map(|at| model.remove(at));
                model.push(page);
            }
        }
        prop_assert_eq!(index.page_count(), model.len());
        let passages: usize = model.iter().map(|page| page.page.passages.len()).sum();
        prop_assert_eq!(index.passage_count(), passages);
        let vector = pages::vector(seed, 32);
        assert_same(&search(&mut index, &vector, options(4, 3)), &oracle::search(&model, &vector, 4, 3));
    }
}

#[test]
fn segments_close_their_gaps() {
    // More rows than one segment holds, most of them removed again.
    let pages = pages_of(&[700; 14], 16);
    let mut index = index_of(&pages, 16);
    for number in (0..14).filter(|number| number % 5 != 0) {
        assert!(block_on(index.remove(&format!("u{number}"))).unwrap());
    }
    let left: Vec<EncodedPage> = pages.into_iter().step_by(5).collect();
    let vector = pages::vector(3, 16);
    assert_same(&search(&mut index, &vector, options(3, 4)), &oracle::search(&left, &vector, 3, 4));
}

#[test]
fn bits_alone_order_by_distance() {
    let pages = pages_of(&[20, 20, 20], 64);
    let mut index = index_of(&pages, 64);
    let vector = pages::vector(9, 64);
    let options = SearchOptions { rescore: false, ..options(3, 4) };
    let hits = search(&mut index, &vector, options);
    let distance = |hit: &Hit| {
        let page = pages.iter().find(|page| page.page.url == hit.url).unwrap();
        let row = &page.bits[hit.passage * 8..hit.passage * 8 + 8];
        oracle::distance(row, &oracle::bits(&vector))
    };
    let all = pages.iter().flat_map(|page| page.bits.chunks(8));
    let least = all.map(|row| oracle::distance(row, &oracle::bits(&vector))).min();
    assert_eq!(Some(distance(&hits[0])), least);
    assert!(hits.iter().all(|hit| hit.score == 1.0 - distance(hit) as f32 / 32.0));
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
}

#[test]
fn bad_queries_and_options_are_refused() {
    let mut index = index_of(&pages_of(&[1], 16), 16);
    let good = pages::vector(1, 16);
    let mut nan = good.clone();
    nan[3] = f32::NAN;
    let mut infinite = good.clone();
    infinite[15] = f32::NEG_INFINITY;
    for vector in [vec![], vec![1.0; 15], vec![1.0; 24], vec![0.0; 16], nan, infinite] {
        let query = Query { text: "", vector: Some(&vector) };
        let error = block_on(index.search(query, &SearchOptions::default())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{vector:?}");
    }
    for (limit, oversampling) in [(0, 4), (LIMIT_MAX + 1, 4), (10, 0), (10, OVERSAMPLING_MAX + 1)] {
        let query = Query { text: "", vector: Some(&good) };
        let error = block_on(index.search(query, &options(limit, oversampling))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{limit} {oversampling}");
    }
    assert_eq!(search(&mut index, &good, options(LIMIT_MAX, OVERSAMPLING_MAX)).len(), 1);
}

#[test]
fn an_empty_index_has_no_hits() {
    assert_eq!(search(&mut index_of(&[], 16), &pages::vector(1, 16), SearchOptions::default()), []);
}

#[test]
fn an_index_belongs_to_one_encoder() {
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    let vector = pages::vector(1, 16);
    let query = Query { text: "", vector: Some(&vector) };
    let unbound = block_on(index.search(query, &SearchOptions::default())).unwrap_err();
    assert_eq!(unbound.kind(), ErrorKind::Input);
    let page = || pages::page("u", &["One."], 16, 1);
    assert_eq!(block_on(index.commit(page())).unwrap_err().kind(), ErrorKind::Input);
    for dimension in [0, 12, 65_544] {
        let error = block_on(index.bind(&fingerprint(dimension))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
    }
    block_on(index.bind(&fingerprint(16))).unwrap();
    block_on(index.commit(page())).unwrap();
    let renamed = Fingerprint { model: "renamed".into(), ..fingerprint(16) };
    block_on(index.bind(&renamed)).unwrap();

    let other = Fingerprint { model: "other".into(), digest: "fedcba".into(), ..fingerprint(16) };
    let error = block_on(index.bind(&other)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fingerprint);
    let message = error.to_string();
    assert!(message.contains("tiny") && message.contains("other"), "{message}");
    let wide = pages::page("w", &["Wide."], 24, 1);
    assert_eq!(block_on(index.commit(wide)).unwrap_err().kind(), ErrorKind::Input);

    block_on(index.clear()).unwrap();
    assert_eq!((index.page_count(), index.fingerprint()), (0, None));
    block_on(index.bind(&other)).unwrap();
    assert_eq!(block_on(index.commit(page())).unwrap(), Outcome::Added);
    assert_eq!(index.find("u"), Some(page().page.hash));
    assert_eq!((index.passages_of("u"), index.find("nobody")), (Some(1), None));
}

/// Changes a store behind its index's back; the head stays, as with damage.
fn damaged(index: Index<MemoryStore>, change: Change) -> Index<MemoryStore> {
    let mut store = index.into_store();
    let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
    assert_eq!(block_on(store.commit(head.as_deref(), vec![change])).unwrap(), Commit::Done);
    let mut index = block_on(Index::open(store)).unwrap();
    block_on(index.bind(&fingerprint(16))).unwrap();
    index
}

fn record(index: Index<MemoryStore>, space: Space, key: u64) -> (Index<MemoryStore>, Vec<u8>) {
    let store = index.into_store();
    let bytes = block_on(store.read(&[(space, key)])).unwrap().remove(0).unwrap();
    (block_on(Index::open(store)).unwrap(), bytes)
}

const PAGE_SPACES: [Space; 5] =
    [Space::Directory, Space::Bits, Space::Codes, Space::Sentences, Space::Pages];

#[test]
fn a_damaged_record_costs_its_page_and_adding_mends_it() {
    let pages = pages_of(&[3, 3, 3], 16);
    let key = format::page_key(1);
    for space in PAGE_SPACES {
        let (index, bytes) = record(index_of(&pages, 16), space, key);
        let (_, swapped) = record(index, space, format::page_key(2));
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 4;
        let put = |bytes: &[u8]| Change::Put { space, key, bytes: bytes.to_vec() };
        let delete = Change::Delete { space, keys: key..key + 1 };
        for change in
            [put(&flipped), put(&bytes[..bytes.len() / 2]), put(&[]), put(&swapped), delete]
        {
            let mut index = damaged(index_of(&pages, 16), change.clone());
            // The damaged page's own vector: it would be the first hit.
            let vector = pages::vector(100_000, 16);
            let hits = search(&mut index, &vector, options(3, 4));
            let mut urls: Vec<&str> = hits.iter().map(|hit| hit.url.as_str()).collect();
            urls.sort_unstable();
            assert_eq!(urls, ["u0", "u2"], "{space:?} {change:?}");
            let problems = index.problems();
            assert_eq!(problems.len(), 1, "{space:?}: {problems:?}");
            assert!(!problems[0].to_string().is_empty());
            assert_eq!((index.page_count(), index.find("u1")), (2, None));

            let outcome = block_on(index.commit(pages[1].clone())).unwrap();
            let is_known = problems[0].url.is_some();
            assert_eq!(outcome, if is_known { Outcome::Replaced } else { Outcome::Added });
            assert_eq!(search(&mut index, &vector, options(3, 4))[0].url, "u1");
            assert_eq!(index.problems().is_empty(), is_known);
        }
    }
}

#[test]
fn records_of_one_page_that_do_not_belong_together_are_damage() {
    let pages = pages_of(&[3, 3, 3], 16);
    let mut other = pages[1].page.clone();
    other.hash = [0; 32];
    let bytes = format::page_to_bytes(1, &other).unwrap();
    let change = Change::Put { space: Space::Pages, key: format::page_key(1), bytes };
    let mut index = damaged(index_of(&pages, 16), change);
    let hits = search(&mut index, &pages::vector(100_000, 16), options(3, 4));
    assert_eq!((hits.len(), index.problems().len()), (2, 1));
}

#[test]
fn a_damaged_head_or_meta_is_told() {
    let pages = pages_of(&[2, 2], 16);
    let meta = |key, bytes: &[u8]| Change::Put { space: Space::Meta, key, bytes: bytes.to_vec() };
    let mut index = damaged(index_of(&pages, 16), meta(HEAD_KEY, b"nonsense"));
    assert_eq!((index.page_count(), index.problems().len()), (2, 1));
    let new = pages::page("new", &["New."], 16, 77);
    assert_eq!(block_on(index.commit(new)).unwrap(), Outcome::Added);
    assert_eq!(search(&mut index, &pages::vector(77, 16), options(3, 4))[0].url, "new");
    let index = block_on(Index::open(index.into_store())).unwrap();
    assert_eq!((index.page_count(), index.problems().len()), (3, 0), "the commit wrote a new head");

    for change in [meta(0, b"nonsense"), Change::Delete { space: Space::Meta, keys: 0..1 }] {
        let mut store = index_of(&pages, 16).into_store();
        let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
        let done = block_on(store.commit(head.as_deref(), vec![change])).unwrap();
        assert_eq!(done, Commit::Done);
        let error = block_on(Index::open(store.clone())).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let mut index = block_on(Index::open_cleared(store)).unwrap();
        assert_eq!((index.page_count(), index.problems().len()), (0, 0));
        block_on(index.bind(&fingerprint(16))).unwrap();
        assert_eq!(block_on(index.commit(pages[0].clone())).unwrap(), Outcome::Added);
    }
}

#[test]
fn a_replaced_page_leaves_no_byte_behind() {
    let long = pages::page("u", &["Secret one."; 200], 16, 1);
    let mut index = index_of(&[long], 16);
    let short = pages::page("u", &["Plain."], 16, 2);
    assert_eq!(block_on(index.commit(short.clone())).unwrap(), Outcome::Replaced);
    let counts = |index: Index<MemoryStore>| {
        let store = index.into_store();
        PAGE_SPACES.map(|space| block_on(store.scan(space, 0, 99)).unwrap().len())
    };
    assert_eq!(counts(index), [1; 5]);
    let mut index = index_of(&[short], 16);
    assert!(block_on(index.remove("u")).unwrap());
    assert!(!block_on(index.remove("u")).unwrap());
    assert_eq!(counts(index), [0; 5]);
}
