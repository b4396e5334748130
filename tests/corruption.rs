//! Every kind of damage to every kind of record: it is named, never found as a passage, and what is
//! whole is saved.

mod oracle;
mod pages;

use std::collections::BTreeMap;

use burrow::ErrorKind;
use burrow::fingerprint::Fingerprint;
use burrow::index::format::{self, Entry, Rows};
use burrow::index::{Index, Problem};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::{Change, Commit, HEAD_KEY, MemoryStore, Space, Store};
use pollster::block_on;

const DIMENSION: usize = 24;

/// The spaces whose records belong to pages.
const SPACES: [Space; 6] =
    [Space::Directory, Space::Bits, Space::Codes, Space::Sentences, Space::Pages, Space::Terms];

type Records = BTreeMap<(Space, u64), Vec<u8>>;

fn fingerprint() -> Fingerprint {
    let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
    Fingerprint { model, dimension: DIMENSION, quantizer: Quantizer::MaxAbs, digest }
}

fn all_pages() -> BTreeMap<String, EncodedPage> {
    let page = |number: usize| {
        let texts: Vec<String> = (0..1 + number % 3)
            .map(|p| format!("Page {number}, passage {p}. Its second sentence."))
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        pages::page(&format!("u{number}"), &texts, DIMENSION, number as u64 * 100_000)
    };
    (0..80).map(|number| (format!("u{number}"), page(number))).collect()
}

/// An index with a run of 64 pages, some pages after it, and one with two blocks of codes.
fn records(pages: &BTreeMap<String, EncodedPage>) -> Records {
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    block_on(index.bind(&fingerprint())).unwrap();
    for page in pages.values() {
        block_on(index.commit(page.clone())).unwrap();
    }
    while block_on(index.compact()).unwrap() {}
    let store = index.into_store();
    let of = |space| {
        let records = block_on(store.scan(space, 0, usize::MAX)).unwrap();
        records.into_iter().map(move |(key, bytes)| ((space, key), bytes))
    };
    Space::ALL.into_iter().flat_map(of).collect()
}

fn store_of(records: &Records) -> MemoryStore {
    let mut store = MemoryStore::new();
    let put = |(&(space, key), bytes): (&(Space, u64), &Vec<u8>)| Change::Put {
        space,
        key,
        bytes: bytes.clone(),
    };
    let changes = records.iter().map(put).collect();
    assert_eq!(block_on(store.commit(None, changes)).unwrap(), Commit::Done);
    store
}

/// One damage: which records there are afterwards.
struct Damage {
    name: String,
    records: Records,
}

/// Flips, cuts, losses and swaps, spread evenly over every record's bytes.
fn damages(whole: &Records) -> Vec<Damage> {
    let mut damages = Vec::new();
    let mut add = |name: String, change: &dyn Fn(&mut Records)| {
        let mut records = whole.clone();
        change(&mut records);
        damages.push(Damage { name, records });
    };
    let places: Vec<(Space, u64)> =
        whole.keys().filter(|(space, _)| SPACES.contains(space)).copied().collect();
    for &place in &places {
        let bytes = &whole[&place];
        let steps = if bytes.len() > 400 { 24 } else { 6 };
        for step in 0..steps {
            let at = (bytes.len() - 1) * step / (steps - 1);
            add(format!("{place:?} byte {at}"), &|records| {
                records.get_mut(&place).unwrap()[at] ^= 1 << (step % 8);
            });
        }
        for length in [0, bytes.len() / 2, bytes.len() - 1] {
            add(format!("{place:?} cut to {length}"), &|records| {
                records.get_mut(&place).unwrap().truncate(length);
            });
        }
        add(format!("{place:?} lost"), &|records| drop(records.remove(&place)));
    }
    for pair in places.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
        add(format!("{pair:?} swapped"), &|records| {
            let (first, second) = (records[&pair[0]].clone(), records[&pair[1]].clone());
            records.insert(pair[0], second);
            records.insert(pair[1], first);
        });
    }
    damages
}

fn verified(index: &mut Index<MemoryStore>) -> Vec<Problem> {
    let mut under_way = block_on(index.verify_begin()).unwrap();
    loop {
        if let Some(problems) = block_on(index.verify_next(&mut under_way)).unwrap() {
            return problems;
        }
    }
}

/// Every hit is a passage of the page that it says, as that page was added.
fn assert_hits_are_true(
    index: &mut Index<MemoryStore>,
    pages: &BTreeMap<String, EncodedPage>,
    name: &str,
) {
    for seed in [5, 3_100_000] {
        let vector = pages::vector(seed, DIMENSION);
        let query = Query { text: "second", vector: Some(&vector) };
        let options = SearchOptions { limit: 40, mode: Mode::Semantic, ..SearchOptions::default() };
        for hit in block_on(index.search(query, &options)).unwrap() {
            let page = &pages[&hit.url].page;
            let range = page.passages[hit.passage].range.clone();
            assert_eq!(hit.excerpt, page.text[range], "{name}");
        }
    }
}

#[test]
fn damage_is_named_never_found_and_mended_as_far_as_it_can_be() {
    let pages = all_pages();
    let whole = records(&pages);
    let damages = damages(&whole);
    assert!(damages.len() >= 2000, "{} cases", damages.len());
    for Damage { name, records } in damages {
        let mut index = block_on(Index::open(store_of(&records))).unwrap();
        block_on(index.bind(&fingerprint())).unwrap();
        assert_hits_are_true(&mut index, &pages, &name);
        assert!(!verified(&mut index).is_empty(), "{name} is not named");
        let repaired = block_on(index.repair()).unwrap();
        assert_eq!(verified(&mut index), [], "{name} is not mended: {repaired:?}");
        assert_hits_are_true(&mut index, &pages, &name);
        // What was whole, or could be put together, is there, and the rest is said to be lost.
        for url in pages.keys() {
            let is_there = index.find(url).is_some();
            assert_eq!(is_there, !repaired.lost.contains(url), "{name}: {url}, {repaired:?}");
        }
        let is_shared = name.contains("Bits") || name.contains("swapped");
        assert!(is_shared || repaired.lost.len() <= 1, "{name}: {repaired:?}");
        // What was lost can be added again.
        for url in &repaired.lost {
            block_on(index.commit(pages[url].clone())).unwrap();
        }
        assert_eq!(index.page_count(), pages.len(), "{name}");
    }
}

#[test]
fn a_damaged_directory_costs_nothing() {
    let pages = all_pages();
    let mut records = records(&pages);
    let directory: Vec<(Space, u64)> =
        records.keys().filter(|(space, _)| *space == Space::Directory).copied().collect();
    for place in directory {
        records.insert(place, b"nothing".to_vec());
    }
    let mut index = block_on(Index::open(store_of(&records))).unwrap();
    assert_eq!(index.page_count(), 0);
    let repaired = block_on(index.repair()).unwrap();
    assert_eq!((repaired.saved.len(), repaired.lost.len()), (80, 0));
    assert_eq!((index.page_count(), verified(&mut index)), (80, vec![]));
    block_on(index.bind(&fingerprint())).unwrap();
    assert_hits_are_true(&mut index, &pages, "after the directory was rebuilt");
}

#[test]
fn a_damaged_head_or_fingerprint_never_passes_for_another() {
    let pages = all_pages();
    let whole = records(&pages);
    for key in [0, HEAD_KEY] {
        let bytes = whole[&(Space::Meta, key)].clone();
        for at in 0..bytes.len() {
            let mut records = whole.clone();
            records.get_mut(&(Space::Meta, key)).unwrap()[at] ^= 0x10;
            match block_on(Index::open(store_of(&records))) {
                Err(error) => assert_eq!((error.kind(), key), (ErrorKind::Corrupt, 0)),
                Ok(mut index) => {
                    assert_eq!((index.page_count(), key), (80, HEAD_KEY));
                    assert!(!verified(&mut index).is_empty());
                    block_on(index.bind(&fingerprint())).unwrap();
                    assert_hits_are_true(&mut index, &pages, "after the head was damaged");
                }
            }
        }
    }
}

/// Records that are each whole, but lie where none can.
#[test]
fn records_in_places_where_none_can_be_are_named_and_mended() {
    let pages = all_pages();
    let whole = records(&pages);
    let own = |number: u32, url: &str| {
        let page = &pages[url].page;
        let (hash, passages) = (page.hash, page.passages.len());
        let (lang, fields) = (page.lang.clone(), page.fields.clone());
        let title = page.title.clone();
        let url = page.url.clone();
        let entry = Entry { url, title, hash, passages, lang, fields, time_ms: None };
        let key = format::page_key(number);
        ((Space::Directory, key), format::entry_to_bytes(number, &entry).unwrap())
    };
    let bits = |number: u32, url: &str| {
        let bytes = format::rows_to_bytes(number, Rows::Bits, DIMENSION, &pages[url].bits);
        ((Space::Bits, format::page_key(number)), bytes.unwrap())
    };
    // Page 7 lies in the first run: these are within it, or come again after it.
    let misplaced = [
        vec![own(7, "u7")],
        vec![own(7, "u12")],
        vec![bits(7, "u7")],
        vec![own(7, "u7"), bits(7, "u7")],
        vec![own(u32::MAX, "u7")],
        vec![own(u32::MAX, "u7"), bits(u32::MAX, "u7")],
    ];
    for some in misplaced {
        let name = format!("{:?}", some.iter().map(|(place, _)| place).collect::<Vec<_>>());
        let mut records = whole.clone();
        records.extend(some);
        let mut index = block_on(Index::open(store_of(&records))).unwrap();
        block_on(index.bind(&fingerprint())).unwrap();
        assert_hits_are_true(&mut index, &pages, &name);
        assert!(!verified(&mut index).is_empty(), "{name} is not named");
        let Ok(repaired) = block_on(index.repair()) else {
            assert!(name.contains(&format::page_key(u32::MAX).to_string()), "{name}");
            continue;
        };
        assert_eq!(verified(&mut index), [], "{name} is not mended: {repaired:?}");
        assert_hits_are_true(&mut index, &pages, &name);
        for url in pages.keys() {
            let is_there = index.find(url).is_some();
            assert_eq!(is_there, !repaired.lost.contains(url), "{name}: {url}, {repaired:?}");
        }
        assert!(repaired.lost.is_empty(), "{name}: {repaired:?}");
    }
}
