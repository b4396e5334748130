//! Fields, time and language: kept as given; and an index of version 1, which has none of them, is
//! still read.

mod pages;
mod shared;

use std::fs;
use std::path::{Path, PathBuf};

use burrow::ErrorKind;
use burrow::fields::{
    self, FIELDS_BYTES_MAX, FIELDS_MAX, FieldValue, Fields, NAME_BYTES_MAX, TIME_MS_MAX,
};
use burrow::fingerprint::Fingerprint;
use burrow::index::filter::Filter;
use burrow::index::format::{self, Entry};
use burrow::index::{Index, Outcome};
use burrow::page::{EncodedPage, content_hash, source_hash};
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::{Change, Commit, FilesStore, HEAD_KEY, MemoryStore, Space, Store};
use pages::{any_entry, any_fields};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::Shared;

const DIMENSION: usize = 16;

fn fingerprint() -> Fingerprint {
    let (model, digest) = ("tiny".into(), "ab".repeat(32));
    Fingerprint { model, dimension: DIMENSION, quantizer: Quantizer::MaxAbs, digest }
}

fn fields_of(json: &Value) -> Fields {
    fields::from_json(&json!({ "fields": json }).to_string()).unwrap().fields
}

fn kind_of(json: &str) -> ErrorKind {
    fields::from_json(json).unwrap_err().kind()
}

// --- What is given -------------------------------------------------------------------------------

#[test]
fn facts_are_read_as_they_were_given() {
    let json = r#"{"fields": {"a": "x", "n": -0.0, "d": {"date": 1.7e12}, "l": ["b", "a", "b"]},
        "time": 5}"#;
    let facts = fields::from_json(json).unwrap();
    let expected = [
        ("a", FieldValue::Text("x".into())),
        ("d", FieldValue::Date(1_700_000_000_000)),
        ("l", FieldValue::List(vec!["a".into(), "b".into()])),
        ("n", FieldValue::Number(0.0)),
    ];
    let found: Vec<_> = facts.fields.iter().map(|(n, v)| (n, v.clone())).collect();
    assert_eq!((found, facts.time_ms), (expected.to_vec(), Some(5)));
    let Some(FieldValue::Number(zero)) = facts.fields.get("n") else { panic!() };
    assert!(zero.is_sign_positive());
    assert_eq!(fields::from_json("{}").unwrap(), fields::Facts::default());
    assert_eq!(fields::from_json(r#"{"fields": null}"#).unwrap(), fields::Facts::default());
}

#[test]
fn facts_that_cannot_be_are_refused() {
    for json in [
        "",
        "[]",
        "{",
        r#"{"tags": []}"#,
        r#"{"fields": []}"#,
        r#"{"fields": {"a": null}}"#,
        r#"{"fields": {"a": true}}"#,
        r#"{"fields": {"a": [1]}}"#,
        r#"{"fields": {"a": {}}}"#,
        r#"{"fields": {"a": {"date": "x"}}}"#,
        r#"{"fields": {"a": {"date": 1, "b": 2}}}"#,
        r#"{"fields": {"": 1}}"#,
        r#"{"fields": {"url": "x"}}"#,
        r#"{"fields": {"and": 1}}"#,
        r#"{"time": "now"}"#,
        r#"{"time": 1.5}"#,
        r#"{"time": 1e300}"#,
        r#"{"time": 8640000000000001}"#,
        r#"{"fields": {"a": {"date": -8640000000000001}}}"#,
        r#"{"fields": {"a": 1e999}}"#,
    ] {
        assert_eq!(kind_of(json), ErrorKind::Input, "{json}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(kind_of(&deep), ErrorKind::Input);
}

#[test]
fn limits_hold_and_what_is_refused_changes_nothing() {
    let mut fields = Fields::new();
    for number in 0..FIELDS_MAX {
        fields.insert(format!("n{number}"), FieldValue::Number(1.0)).unwrap();
    }
    let before = fields.clone();
    let refused = |fields: &mut Fields, name: &str, value| {
        assert_eq!(fields.insert(name, value).unwrap_err().kind(), ErrorKind::Limit, "{name}");
    };
    refused(&mut fields, "more", FieldValue::Number(1.0));
    refused(&mut fields, "n1", FieldValue::Text("x".repeat(FIELDS_BYTES_MAX)));
    refused(&mut fields, "n1", FieldValue::List((0..2000).map(|n| n.to_string()).collect()));
    assert_eq!(fields, before);
    refused(&mut Fields::new(), &"x".repeat(NAME_BYTES_MAX + 1), FieldValue::Number(1.0));
    Fields::new().insert("x".repeat(NAME_BYTES_MAX), FieldValue::Number(1.0)).unwrap();
    for number in [f64::NAN, f64::INFINITY] {
        let error = fields.insert("n1", FieldValue::Number(number)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
    }
    let date = FieldValue::Date(TIME_MS_MAX + 1);
    assert_eq!(fields.insert("n1", date).unwrap_err().kind(), ErrorKind::Input);
}

#[test]
fn the_hash_takes_in_facts_where_they_are_given() {
    let hash = |json: &str| source_hash(1, "t", b"c", &fields::from_json(json).unwrap());
    // As it was before there were facts: nothing that is in an index is encoded again.
    assert_eq!(hash("{}"), content_hash(&[&[1], b"t", b"c"]));
    let different = [
        "{}",
        r#"{"time": 1}"#,
        r#"{"time": 2}"#,
        r#"{"fields": {"a": 1}}"#,
        r#"{"fields": {"a": {"date": 1}}}"#,
        r#"{"fields": {"a": "1"}}"#,
        r#"{"fields": {"a": ["1"]}}"#,
        r#"{"fields": {"a": []}}"#,
        r#"{"fields": {"a": [], "b": "1"}}"#,
        r#"{"fields": {"a": ["b", "1"]}}"#,
        r#"{"fields": {"b": 1}}"#,
        r#"{"fields": {"a": 1}, "time": 1}"#,
    ];
    let hashes: std::collections::BTreeSet<_> = different.iter().map(|json| hash(json)).collect();
    assert_eq!(hashes.len(), different.len());
    let same =
        [r#"{"fields": {"a": ["x", "y"], "b": 0}}"#, r#"{"fields":{"b":-0.0,"a":["y","x","y"]}}"#];
    assert_eq!(hash(same[0]), hash(same[1]));
}

// --- What is kept --------------------------------------------------------------------------------

proptest! {
    #[test]
    fn facts_survive_the_way_to_bytes_and_back(
        entry in any_entry(), mut page in pages::any_page(),
    ) {
        let bytes = format::entry_to_bytes(3, &entry).unwrap();
        prop_assert_eq!(&format::entry_from_bytes(3, &bytes).unwrap(), &entry);
        page.page.fields = entry.fields.clone();
        page.page.time_ms = entry.time_ms;
        let bytes = format::page_to_bytes(3, &page.page).unwrap();
        prop_assert_eq!(&format::page_from_bytes(3, &bytes).unwrap(), &page.page);
        let bytes = format::to_wire(&page).unwrap();
        let read = format::from_wire(&bytes).unwrap();
        prop_assert_eq!(format::to_wire(&read).unwrap(), bytes);
        prop_assert_eq!(read, page);
    }

    #[test]
    fn equal_fields_give_equal_bytes(fields in any_fields(), seed in any::<u64>()) {
        let mut names: Vec<_> = fields.iter().collect();
        let turn = seed as usize % names.len().max(1);
        names.rotate_left(turn);
        let mut again = Fields::new();
        for (name, value) in names {
            let value = match value.clone() {
                FieldValue::List(mut texts) => {
                    texts.reverse();
                    texts.extend(texts.clone());
                    FieldValue::List(texts)
                }
                other => other,
            };
            again.insert(name, value).unwrap();
        }
        prop_assert_eq!(bytes_of(&again), bytes_of(&fields));
    }

    /// Whatever the bytes say, with every checksum right: no panic, and what is read is within
    /// the limits and in its one form.
    #[test]
    fn hostile_facts_are_damage_or_facts(
        entry in any_entry(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = format::entry_to_bytes(3, &entry).unwrap();
        for (at, byte) in changes {
            let at = 16 + at.index(bytes.len() - 16);
            bytes[at] = byte;
        }
        match format::entry_from_bytes(3, &sealed(bytes)) {
            Ok(read) => {
                let again = format::entry_to_bytes(3, &read).unwrap();
                prop_assert_eq!(format::entry_from_bytes(3, &again).unwrap(), read);
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Corrupt),
        }
    }
}

fn entry_with(fields: Fields, time_ms: Option<i64>) -> Entry {
    let (url, title) = ("https://e.org/".into(), "t".into());
    Entry { url, title, hash: [7; 32], passages: 1, lang: None, fields, time_ms }
}

fn bytes_of(fields: &Fields) -> Vec<u8> {
    format::entry_to_bytes(0, &entry_with(fields.clone(), None)).unwrap()
}

/// Makes a record's length and checksums right: what someone who means harm would do.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let crc = |parts: &[&[u8]]| {
        let mut hasher = crc32fast::Hasher::new();
        parts.iter().for_each(|part| hasher.update(part));
        hasher.finalize()
    };
    let length = (bytes.len() - 16) as u32;
    bytes[8..12].copy_from_slice(&length.to_le_bytes());
    let check = crc(&[&bytes[..6], &bytes[8..12]]) as u16;
    bytes[6..8].copy_from_slice(&check.to_le_bytes());
    let checksum = crc(&[&bytes[..12], &bytes[16..]]);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[test]
fn forged_facts_are_damage() {
    let (name, nan) = (b"number-field", f64::NAN.to_le_bytes());
    let fields = fields_of(&json!({ "number-field": 1, "other-field!": 2 }));
    let whole = format::entry_to_bytes(0, &entry_with(fields, Some(5))).unwrap();
    let at = |part: &[u8]| whole.windows(part.len()).position(|it| it == part).unwrap();
    let name_at = at(name);
    let time_at = at(&5i64.to_le_bytes());
    let forgeries: [(usize, &[u8]); 6] = [
        (name_at + name.len() + 1, &nan),
        (name_at + name.len(), &[9]),
        (at(b"other-field!"), name),
        (name_at - 8, &[255, 255, 255, 127]),
        (time_at, &i64::MIN.to_le_bytes()),
        (time_at - 1, &[2]),
    ];
    for (at, with) in forgeries {
        let mut bytes = whole.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        let error = format::entry_from_bytes(0, &sealed(bytes)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

#[test]
fn a_page_whose_facts_change_is_stored_again_and_kept() {
    let mut index = index_of(&[]);
    let mut page = pages::page("https://e.org/a", &["One."], DIMENSION, 1);
    block_on(index.commit(page.clone())).unwrap();
    let facts = fields::from_json(r#"{"fields": {"year": 2020}, "time": 7}"#).unwrap();
    page.page.hash = source_hash(0, "", b"", &facts);
    (page.page.fields, page.page.time_ms) = (facts.fields, facts.time_ms);
    assert_eq!(block_on(index.commit(page.clone())).unwrap(), Outcome::Replaced);
    assert_eq!(block_on(index.commit(page)).unwrap(), Outcome::Unchanged);
    let index = block_on(Index::open(index.into_store())).unwrap();
    let found = index.filter(&Filter::from_json(r#"{"year": 2020, "lang": "en"}"#).unwrap());
    assert_eq!((found.len(), index.pages()[0].time_ms), (1, Some(7)));
}

#[test]
fn a_time_that_is_none_is_refused_before_it_is_stored() {
    let mut page = pages::page("u", &["One."], DIMENSION, 1);
    page.page.time_ms = Some(i64::MAX);
    assert_eq!(format::check_page(&page).unwrap_err().kind(), ErrorKind::Input);
}

fn index_of(pages: &[EncodedPage]) -> Index<MemoryStore> {
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    block_on(index.bind(&fingerprint())).unwrap();
    for page in pages {
        block_on(index.commit(page.clone())).unwrap();
    }
    index
}

// --- Version 1 -----------------------------------------------------------------------------------

fn version_1() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/index-v1")
}

fn version_1_pages() -> [EncodedPage; 3] {
    let bread = ["Bread rises.", "Overnight.", "Yeast."];
    let mut pages = [
        pages::page(
            "https://example.org/docs/fox",
            &["A fox runs. It is red.", "It rests."],
            16,
            1,
        ),
        pages::page("https://example.org/sea", &["Das Meer ist weit. 🌊"], 16, 10),
        pages::page("https://other.example/bread", &bread, 16, 30),
    ];
    pages[1].page.lang = None;
    pages[1].page.passages[0].anchor = None;
    pages
}

#[test]
fn records_of_version_1_are_read() {
    let [fox, sea, bread] = version_1_pages();
    let read = |name: &str| fs::read(version_1().join(name)).unwrap();
    assert_eq!(read("pages-0.bin")[4..6], [1, 0], "the fixture is of version 1");
    for (number, page) in [(0u32, &fox), (1, &sea), (3, &bread)] {
        let key = format::page_key(number);
        let found = format::page_from_bytes(number, &read(&format!("pages-{key}.bin"))).unwrap();
        assert_eq!(found, page.page);
        let entry =
            format::entry_from_bytes(number, &read(&format!("directory-{key}.bin"))).unwrap();
        assert_eq!((&entry.url, entry.hash), (&page.page.url, page.page.hash));
        assert_eq!((entry.lang, entry.fields, entry.time_ms), (None, Fields::new(), None));
    }
    assert_eq!(format::from_wire(&read("wire.bin")).unwrap(), fox);
    assert_eq!(format::meta_from_bytes(&read("meta-0.bin")).unwrap(), fingerprint());
}

#[test]
fn parts_of_version_2_in_a_record_of_version_1_are_damage() {
    let mut bytes = format::entry_to_bytes(0, &entry_with(Fields::new(), Some(5))).unwrap();
    bytes[4] = 1;
    let error = format::entry_from_bytes(0, &sealed(bytes)).unwrap_err();
    assert!(error.to_string().contains("left over"), "{error}");
    let mut bytes = fs::read(version_1().join("directory-0.bin")).unwrap();
    bytes[4] = 2;
    let error = format::entry_from_bytes(0, &sealed(bytes)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn an_index_of_version_1_is_searched_and_goes_on_with_pages_of_version_2() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(version_1().join("burrow.log"), folder.path().join("burrow.log")).unwrap();
    let open = || {
        let mut index = block_on(Index::open(FilesStore::open(&folder).unwrap())).unwrap();
        block_on(index.bind(&fingerprint())).unwrap();
        assert_eq!(index.problems(), []);
        index
    };
    let mut index = open();
    for page in version_1_pages() {
        assert_eq!(block_on(index.commit(page)).unwrap(), Outcome::Unchanged);
    }
    let vector = pages::vector(10, DIMENSION);
    let query = Query { text: "Meer", vector: Some(&vector) };
    let hits = block_on(
        index.search(query, &SearchOptions { mode: Mode::Semantic, ..SearchOptions::default() }),
    )
    .unwrap();
    assert_eq!(hits[0].excerpt, "Das Meer ist weit. 🌊");

    // It had no words: they are made from its texts, and its languages come into the directory.
    let english = Filter::from_json(r#"{"lang": "en"}"#).unwrap();
    assert_eq!(index.filter(&english).len(), 0);
    while block_on(index.compact()).unwrap() {}
    assert_eq!(index.filter(&english).len(), 2);
    let words = Query { text: "Meer", vector: None };
    let hits = block_on(index.search(words, &SearchOptions::default())).unwrap();
    assert_eq!(
        hits.iter().map(|hit| hit.excerpt.as_str()).collect::<Vec<_>>(),
        ["Das Meer ist weit. 🌊"]
    );

    let [_, mut sea, _] = version_1_pages();
    (sea.page.hash, sea.page.fields) = ([1; 32], fields_of(&json!({ "tags": ["water"] })));
    assert_eq!(block_on(index.commit(sea)).unwrap(), Outcome::Replaced);
    drop(index);
    let index = open();
    assert_eq!(index.page_count(), 3);
    let found = |json: &str| index.filter(&Filter::from_json(json).unwrap()).len();
    assert_eq!(found(r#"{"lang": "en"}"#), 2);
    assert_eq!(found(r#"{"tags": "water"}"#), 1);
    assert_eq!(found(r#"{"tags": {"exists": false}}"#), 2);
    assert_eq!(found(r#"{"url": {"prefix": "https://example.org/"}}"#), 2);
}

/// The records of the index of version 1, in a store that several tabs have open.
fn version_1_shared() -> Shared {
    let spaces = [
        ("meta", Space::Meta),
        ("directory", Space::Directory),
        ("bits", Space::Bits),
        ("codes", Space::Codes),
        ("sentences", Space::Sentences),
        ("pages", Space::Pages),
    ];
    let mut changes = Vec::new();
    for file in fs::read_dir(version_1()).unwrap().map(|file| file.unwrap()) {
        let name = file.file_name().into_string().unwrap();
        let Some((space, key)) = name.trim_end_matches(".bin").split_once('-') else { continue };
        let (_, space) = spaces.iter().find(|(name, _)| *name == space).unwrap();
        let (key, bytes) = (key.parse().unwrap(), fs::read(file.path()).unwrap());
        changes.push(Change::Put { space: *space, key, bytes });
    }
    let mut store = Shared::default();
    let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
    assert_eq!(block_on(store.commit(head.as_deref(), changes)).unwrap(), Commit::Done);
    store
}

#[test]
fn another_tab_sees_the_languages_of_version_1_when_they_have_come() {
    let store = version_1_shared();
    let mut writer = block_on(Index::open(store.clone())).unwrap();
    let mut follower = block_on(Index::open(store)).unwrap();
    let english = Filter::from_json(r#"{"lang": "en"}"#).unwrap();
    assert_eq!((follower.page_count(), follower.filter(&english).len()), (3, 0));
    while block_on(writer.compact()).unwrap() {}
    block_on(follower.follow(None)).unwrap();
    assert_eq!((follower.page_count(), follower.filter(&english).len()), (3, 2));
}
