//! Fields, time and language: kept as given, filtered, counted and sorted as their naive twins do;
//! and an index of version 1, which has none of them, is still read.

mod pages;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burrow::ErrorKind;
use burrow::fields::{
    self, FIELDS_BYTES_MAX, FIELDS_MAX, FieldValue, Fields, NAME_BYTES_MAX, TIME_MS_MAX,
};
use burrow::fingerprint::Fingerprint;
use burrow::index::facets::{DatePart, FacetAsk, FacetValue, asked_from_json, facets};
use burrow::index::filter::{self, Filter};
use burrow::index::format::{self, Entry};
use burrow::index::{Index, Outcome, PageSet};
use burrow::page::{EncodedPage, content_hash, source_hash};
use burrow::quantize::Quantizer;
use burrow::search::{Query, SearchOptions, Sort};
use burrow::store::{FilesStore, MemoryStore};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};

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

fn any_value() -> impl Strategy<Value = FieldValue> {
    let word = || prop_oneof!["[ab]", "[a-c]{0,2}", "\\PC{0,6}"];
    prop_oneof![
        word().prop_map(FieldValue::Text),
        prop_oneof![(-3i32..4).prop_map(f64::from), prop::num::f64::NORMAL]
            .prop_map(FieldValue::Number),
        prop_oneof![-3i64..4, -TIME_MS_MAX..=TIME_MS_MAX].prop_map(FieldValue::Date),
        prop::collection::vec(word(), 0..4).prop_map(FieldValue::List),
    ]
}

fn any_fields() -> impl Strategy<Value = Fields> {
    let name = prop_oneof!["[xyz]", "lang", "[a-z]{1,8}"];
    prop::collection::btree_map(name, any_value(), 0..6).prop_map(|values| {
        let mut fields = Fields::new();
        for (name, value) in values {
            // A name that chance has made a reserved one.
            let _ = fields.insert(name, value);
        }
        fields
    })
}

fn any_time() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), (-3i64..4).prop_map(Some), (-TIME_MS_MAX..=TIME_MS_MAX).prop_map(Some)]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let url = prop_oneof!["https?://[ab]\\.org(:80)?/[ab/]{0,4}[?#]?", "[abAB:/@?]{1,12}"];
    let lang = prop::option::of(prop_oneof!["en", "de"]);
    (url, lang, any_fields(), any_time()).prop_map(|(url, lang, fields, time_ms)| Entry {
        url,
        title: "t".into(),
        hash: [7; 32],
        passages: 1,
        lang,
        fields,
        time_ms,
    })
}

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
    let query = Query { text: "Meer", vector: &vector };
    let hits = block_on(index.search(query, SearchOptions::default())).unwrap();
    assert_eq!(hits[0].excerpt, "Das Meer ist weit. 🌊");

    let [_, mut sea, _] = version_1_pages();
    (sea.page.hash, sea.page.fields) = ([1; 32], fields_of(&json!({ "tags": ["water"] })));
    assert_eq!(block_on(index.commit(sea)).unwrap(), Outcome::Replaced);
    drop(index);
    let index = open();
    assert_eq!(index.page_count(), 3);
    let found = |json: &str| index.filter(&Filter::from_json(json).unwrap()).len();
    assert_eq!(found(r#"{"tags": "water"}"#), 1);
    assert_eq!(found(r#"{"tags": {"exists": false}}"#), 2);
    assert_eq!(found(r#"{"url": {"prefix": "https://example.org/"}}"#), 2);
}

// --- Filters -------------------------------------------------------------------------------------

/// What a page has under a name, as JSON: the naive twin's only knowledge.
fn naive_given(entry: &Entry, name: &str) -> Option<Value> {
    let host = || {
        let rest = &entry.url[entry.url.find("://")? + 3..];
        let end = rest.find(|c| "/?#".contains(c)).unwrap_or(rest.len());
        let host = rest[..end].split('@').next_back()?.to_lowercase();
        if host.is_empty() { None } else { Some(json!(host)) }
    };
    match (name, entry.fields.get(name)) {
        ("url", _) => Some(json!(entry.url)),
        ("site", _) => host(),
        ("time", _) => entry.time_ms.map(|time| json!(time as f64)),
        ("lang", None) => entry.lang.as_ref().map(|lang| json!(lang)),
        (_, None) => None,
        (_, Some(FieldValue::Text(text))) => Some(json!(text)),
        (_, Some(FieldValue::Number(number))) => Some(json!(number)),
        (_, Some(FieldValue::Date(time))) => Some(json!(*time as f64)),
        (_, Some(FieldValue::List(texts))) => Some(json!(texts)),
    }
}

/// A list's items, or the one value.
fn naive_items(given: Option<&Value>) -> Vec<Value> {
    match given {
        None => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(value) => vec![value.clone()],
    }
}

fn naive_equal(a: &Value, b: &Value) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => a == b,
    }
}

fn naive_matches(entry: &Entry, filter: &Value) -> bool {
    filter.as_object().unwrap().iter().all(|(name, part)| match name.as_str() {
        "and" => part.as_array().unwrap().iter().all(|part| naive_matches(entry, part)),
        "or" => part.as_array().unwrap().iter().any(|part| naive_matches(entry, part)),
        "not" => !naive_matches(entry, part),
        name => {
            let given = naive_given(entry, name);
            match part {
                Value::Object(operators) => operators
                    .iter()
                    .all(|(operator, value)| naive_operator(given.as_ref(), operator, value)),
                Value::Array(_) => naive_operator(given.as_ref(), "any", part),
                one => naive_operator(given.as_ref(), "any", &json!([one])),
            }
        }
    })
}

fn naive_operator(given: Option<&Value>, operator: &str, value: &Value) -> bool {
    let items = naive_items(given);
    let has = |one: &Value| items.iter().any(|item| naive_equal(item, one));
    let number = given.and_then(Value::as_f64);
    let compare = |holds: fn(f64, f64) -> bool| {
        number.is_some_and(|number| holds(number, value.as_f64().unwrap()))
    };
    match operator {
        "any" => value.as_array().unwrap().iter().any(has),
        "all" => value.as_array().unwrap().iter().all(has),
        "none" => !value.as_array().unwrap().iter().any(has),
        "gte" => compare(|a, b| a >= b),
        "gt" => compare(|a, b| a > b),
        "lte" => compare(|a, b| a <= b),
        "lt" => compare(|a, b| a < b),
        "exists" => value.as_bool().unwrap() == given.is_some(),
        "prefix" => {
            let begins = |item: &Value| {
                item.as_str().is_some_and(|text| text.starts_with(value.as_str().unwrap()))
            };
            items.iter().any(begins)
        }
        other => panic!("{other}"),
    }
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop_oneof!["[ab]", "[a-c]{0,2}", "en", "de", "https://a\\.org/", "[ab]\\.org"]
            .prop_map(Value::from),
        prop_oneof![(-3i32..4).prop_map(f64::from), Just(-0.0)].prop_map(Value::from),
    ]
}

fn any_part() -> impl Strategy<Value = Value> {
    let list = || prop::collection::vec(any_scalar(), 0..4).prop_map(Value::from);
    let bound = || (-3i32..4).prop_map(Value::from);
    let operator = prop_oneof![
        (prop_oneof![Just("any"), Just("all"), Just("none")], list()),
        (prop_oneof![Just("gte"), Just("gt"), Just("lte"), Just("lt")], bound()),
        (Just("prefix"), prop_oneof!["[ab]?", "https://a"].prop_map(Value::from)),
        (Just("exists"), any::<bool>().prop_map(Value::from)),
    ];
    let operators = prop::collection::vec(operator, 1..4)
        .prop_map(|all| Value::Object(all.into_iter().map(|(n, v)| (n.to_owned(), v)).collect()));
    prop_oneof![any_scalar(), list(), operators]
}

fn any_filter() -> impl Strategy<Value = Value> {
    let name = prop_oneof!["[xyz]", "lang", "url", "site", "time"];
    let tests = prop::collection::btree_map(name, any_part(), 0..3)
        .prop_map(|parts| Value::Object(parts.into_iter().collect()));
    tests.prop_recursive(3, 12, 3, |inner| {
        let many = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (many.clone(), "[xyz]", any_part())
                .prop_map(|(parts, name, part)| json!({ "and": parts, name: part })),
            many.prop_map(|parts| json!({ "or": parts })),
            inner.prop_map(|part| json!({ "not": part })),
        ]
    })
}

fn entries(list: Vec<Entry>) -> BTreeMap<u32, Entry> {
    // With gaps, as removed pages leave them.
    (0..).step_by(3).zip(list).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn a_filter_means_the_pages_that_its_naive_twin_means(
        list in prop::collection::vec(any_entry(), 1..12), json in any_filter(),
    ) {
        let entries = entries(list);
        let filter = Filter::from_json(&json.to_string()).unwrap();
        let expected: PageSet = entries
            .iter()
            .filter(|(_, entry)| naive_matches(entry, &json))
            .map(|(&page, _)| page)
            .collect();
        prop_assert_eq!(filter::pages(&entries, &filter), expected, "{}", json);
    }

    #[test]
    fn any_text_is_a_filter_or_an_error(text in "[{}\\[\\]\":,a-z0-9]{0,40}") {
        if let Err(error) = Filter::from_json(&text) {
            prop_assert_eq!(error.kind(), ErrorKind::Input);
        }
    }
}

#[test]
fn a_filter_that_is_none_is_refused_with_its_place() {
    for (json, place) in [
        ("[]", "filter must"),
        ("{", "read as JSON"),
        (r#"{"a": null}"#, "filter.a must"),
        (r#"{"a": true}"#, "filter.a must"),
        (r#"{"a": {}}"#, "filter.a has no operator"),
        (r#"{"a": [["b"]]}"#, "filter.a must"),
        (r#"{"a": {"near": 1}}"#, "filter.a.near is no operator: give one of gte"),
        (r#"{"a": {"gte": "2020"}}"#, "filter.a.gte must be a number"),
        (r#"{"a": {"all": "b"}}"#, "filter.a.all must be an array"),
        (r#"{"url": {"prefix": 1}}"#, "filter.url.prefix must be a text"),
        (r#"{"a": {"exists": 1}}"#, "filter.a.exists must be true or false"),
        (r#"{"and": {}}"#, "filter.and must be an array"),
        (r#"{"and": [{}, {"not": []}]}"#, "filter.and[1].not must be an object"),
    ] {
        let error = Filter::from_json(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{json}");
        assert!(error.to_string().contains(place), "{json}: {error}");
    }
}

#[test]
fn a_filter_has_limits() {
    let deep = |depth: usize| format!("{}{{}}{}", r#"{"not":"#.repeat(depth), "}".repeat(depth));
    let wide = |width: usize| json!({ "or": vec![json!({}); width] });
    let long = |length: usize| json!({ "a": vec!["x"; length] });
    for (json, is_one) in [
        (deep(filter::DEPTH_MAX), true),
        (deep(filter::DEPTH_MAX + 1), false),
        (wide(filter::CONDITIONS_MAX - 1).to_string(), true),
        (wide(filter::CONDITIONS_MAX).to_string(), false),
        (long(filter::VALUES_MAX).to_string(), true),
        (long(filter::VALUES_MAX + 1).to_string(), false),
    ] {
        match Filter::from_json(&json) {
            Ok(_) => assert!(is_one, "{:.60}", json),
            Err(error) => assert!(!is_one && error.kind() == ErrorKind::Limit, "{error}"),
        }
    }
    // Deeper than what is read as JSON at all.
    assert_eq!(Filter::from_json(&deep(100_000)).unwrap_err().kind(), ErrorKind::Input);
}

// --- Facets and order ----------------------------------------------------------------------------

/// Every value that a page counts for, told apart from others by its JSON.
fn naive_values(entry: &Entry, field: &str) -> Vec<Value> {
    match (field, entry.fields.get(field)) {
        ("url" | "site" | "lang", _) | (_, Some(_)) => {
            naive_items(naive_given(entry, field).as_ref())
        }
        _ => Vec::new(),
    }
}

proptest! {
    #[test]
    fn facets_equal_a_naive_count(
        list in prop::collection::vec(any_entry(), 0..20),
        field in prop_oneof!["[xyz]", "site", "lang"],
        limit in 1usize..6,
        picked in prop::option::of(prop::collection::vec(any::<bool>(), 20)),
    ) {
        let entries = entries(list);
        // Dates are counted by day, which the next test holds.
        let is_date = |entry: &Entry| matches!(entry.fields.get(&field), Some(FieldValue::Date(_)));
        prop_assume!(!entries.values().any(is_date));
        let pages: Option<PageSet> = picked.map(|picked| {
            let picked = entries.keys().zip(picked).filter(|&(_, picked)| picked);
            picked.map(|(&page, _)| page).collect()
        });
        let meant: Vec<&Entry> = entries
            .iter()
            .filter(|(page, _)| pages.as_ref().is_none_or(|pages| pages.contains(**page)))
            .map(|(_, entry)| entry)
            .collect();
        let asked = [FacetAsk { limit, ..FacetAsk::new(field.clone()) }];
        let found = facets(&entries, pages.as_ref(), &asked).remove(0);

        let mut counts: Vec<(Value, usize)> = Vec::new();
        for value in meant.iter().flat_map(|entry| naive_values(entry, &field)) {
            match counts.iter_mut().find(|(known, _)| naive_equal(known, &value)) {
                Some((_, count)) => *count += 1,
                None => counts.push((value, 1)),
            }
        }
        let order = |value: &Value| (value.is_string(), value.as_str().unwrap_or("").to_owned());
        counts.sort_by(|(a, a_count), (b, b_count)| {
            let number = |value: &Value| value.as_f64().unwrap_or(0.0);
            b_count.cmp(a_count).then(order(a).cmp(&order(b))).then(number(a).total_cmp(&number(b)))
        });
        prop_assert_eq!(found.values, counts.len());
        counts.truncate(limit);
        let listed: Vec<(Value, usize)> = found
            .counts
            .iter()
            .map(|it| match &it.value {
                FacetValue::Text(text) => (json!(text), it.count),
                FacetValue::Number(number) => (json!(number), it.count),
            })
            .collect();
        prop_assert_eq!(listed, counts);
        let given = meant.iter().filter(|entry| naive_given(entry, &field).is_some()).count();
        prop_assert_eq!(found.pages, given);
        let numbers = meant.iter().flat_map(|entry| naive_values(entry, &field));
        let mut numbers: Vec<f64> = numbers.filter_map(|value| value.as_f64()).collect();
        numbers.sort_by(f64::total_cmp);
        prop_assert_eq!((found.min, found.max), (numbers.first().copied(), numbers.last().copied()));
    }

    #[test]
    fn sorted_by_time_as_by_a_naive_sort(
        times in prop::collection::vec(any_time(), 0..20), offset in 0usize..6, limit in 0usize..20,
    ) {
        let page = |(number, time): (usize, &Option<i64>)| {
            let mut page = pages::page(&format!("u{number}"), &["One."], DIMENSION, number as u64);
            page.page.time_ms = *time;
            page
        };
        let pages: Vec<EncodedPage> = times.iter().enumerate().map(page).collect();
        let index = index_of(&pages);
        for sort in [Sort::Relevance, Sort::TimeAscending, Sort::TimeDescending] {
            let mut expected: Vec<(usize, Option<i64>)> = times.iter().copied().enumerate().collect();
            expected.sort_by_key(|&(number, time)| match (sort, time) {
                (Sort::Relevance, _) => (false, 0, number),
                (Sort::TimeAscending, Some(time)) => (false, time, number),
                (Sort::TimeDescending, Some(time)) => (false, -time, number),
                (_, None) => (true, 0, number),
            });
            let found: Vec<(String, Option<i64>)> = index
                .pages_where(None, sort, offset, limit)
                .into_iter()
                .map(|page| (page.url, page.time_ms))
                .collect();
            let expected: Vec<(String, Option<i64>)> = expected
                .into_iter()
                .skip(offset)
                .take(limit)
                .map(|(number, time)| (format!("u{number}"), time))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}

#[test]
fn dates_times_and_folders_are_counted() {
    let page = |url: &str, time_ms, fields: Value| {
        let mut page = pages::page(url, &["One."], DIMENSION, url.len() as u64);
        (page.page.time_ms, page.page.fields) = (time_ms, fields_of(&fields));
        page
    };
    let day = 86_400_000i64;
    let index = index_of(&[
        page("https://e.org/docs/a/b", Some(0), json!({ "on": { "date": 19_000 * day } })),
        page("https://e.org/docs/c", Some(day - 1), json!({ "on": { "date": 19_001 * day } })),
        page("https://e.org/", Some(day), json!({ "on": { "date": 19_001 * day - 1 } })),
        page("https://f.org:8080/docs/", None, json!({})),
    ]);
    let counts = |facet: &burrow::index::facets::Facet| -> Vec<(String, usize)> {
        let counts = facet.counts.iter().map(|it| match &it.value {
            FacetValue::Text(text) => (text.clone(), it.count),
            FacetValue::Number(number) => (number.to_string(), it.count),
        });
        counts.collect()
    };
    let pairs = |list: &[(&str, usize)]| -> Vec<(String, usize)> {
        list.iter().map(|&(text, count)| (text.to_owned(), count)).collect()
    };
    let json = r#"[{"field": "on"}, {"field": "time", "by": "year"}, {"field": "url", "limit": 3},
        {"field": "site"}, {"field": "on", "by": "month", "limit": 1}]"#;
    let asked = asked_from_json(json).unwrap();
    assert_eq!((asked[0].limit, asked[1].by), (20, DatePart::Year));
    let found = index.facets(None, &asked);
    assert_eq!(counts(&found[0]), pairs(&[("2022-01-08", 2), ("2022-01-09", 1)]));
    assert_eq!(found[0].max, Some((19_001 * day) as f64));
    assert_eq!(counts(&found[1]), pairs(&[("1970", 3)]));
    assert_eq!((found[1].min, found[1].max, found[1].pages), (Some(0.0), Some(day as f64), 3));
    let folders = [("https://e.org/", 3), ("https://e.org/docs/", 2), ("https://e.org/docs/a/", 1)];
    assert_eq!((counts(&found[2]), found[2].values), (pairs(&folders), 5));
    assert_eq!(counts(&found[3]), pairs(&[("e.org", 3), ("f.org:8080", 1)]));
    assert_eq!(counts(&found[4]), pairs(&[("2022-01", 3)]));

    // What a facet counts, a filter by its value finds.
    for (folder, count) in folders {
        let filter = json!({ "url": { "prefix": folder } }).to_string();
        assert_eq!(index.filter(&Filter::from_json(&filter).unwrap()).len(), count);
    }
    let site = Filter::from_json(r#"{"site": "f.org:8080"}"#).unwrap();
    assert_eq!(
        index.pages_where(Some(&site), Sort::Relevance, 0, 9)[0].url,
        "https://f.org:8080/docs/"
    );
}

#[test]
fn facets_that_cannot_be_are_refused() {
    let kind = |json: &str| asked_from_json(json).unwrap_err().kind();
    for json in [
        "{}",
        r#"["a"]"#,
        r#"[{}]"#,
        r#"[{"field": "a", "limit": 0}]"#,
        r#"[{"field": "a", "limit": 1001}]"#,
        r#"[{"field": "a", "by": "week"}]"#,
        r#"[{"field": "a", "top": 3}]"#,
    ] {
        assert_eq!(kind(json), ErrorKind::Input, "{json}");
    }
    let many = json!(vec![json!({ "field": "a" }); 33]).to_string();
    assert_eq!(kind(&many), ErrorKind::Limit);
    assert_eq!(Sort::from_name("date").unwrap_err().kind(), ErrorKind::Input);
    assert_eq!(Sort::from_name("oldest").unwrap(), Sort::TimeAscending);
}
