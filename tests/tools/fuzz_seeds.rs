//! Writes the seeds of the fuzz targets, `fuzz/corpus/TARGET/seed-*`, from the tests' data.
//!
//! `cargo run --no-default-features --example fuzz_seeds`

#[path = "../pages/mod.rs"]
mod pages;

use std::fs;
use std::path::{Path, PathBuf};

use burrow::fields::FieldValue;
use burrow::fingerprint::Fingerprint;
use burrow::index::format::{self, BitsRun, Entry};
use burrow::index::queue::{NewPage, Priority};
use burrow::index::{Export, Index};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::store::{FilesStore, MemoryStore, Space, Store};
use pollster::block_on;

const DIMENSION: usize = 8;

const MANIFEST: &str = r#"{"files": {"config.json": {"bytes": 512, "sha256": "00ff"}},
"packed": {"version": 1, "weights": "q8", "source": "ab12"},
"goldens": [{"ids": [101, 7592, 102], "vector": [0.25, -1e-3, 3e38]}]}"#;

/// Filters and facets, one of every form.
const QUERIES: [(&str, &str); 5] = [
    (
        "words",
        "how do plants eat light?\nPlants eat light, eating café İstanbul.\n漢字検索文章 かな\n",
    ),
    ("spaceless", "検索エンジン 서울\n文章の検索と検索エンジン。서울에서\n"),
    (
        "filter",
        r#"{"and": [{"site": "2.example.org"}, {"not": {"tags": {"all": ["a", "b"]}}}],
"or": [{"year": {"gte": 0, "lt": 2.5}}, {"url": {"prefix": "https://"}}], "lang": "en",
"read": {"exists": true}, "tag": {"none": ["x"]}, "time": {"gt": 1, "lte": 9e15}}"#,
    ),
    (
        "facets",
        r#"[{"field": "tags", "limit": 5}, {"field": "read", "by": "month"}, {"field": "url"}]"#,
    ),
    ("marks", "\"exact phrase\" -without tit* title:tea\nTitle of tea: the exact phrase, titled\n"),
];

const FACTS: &str = r#"{"fields": {"tag": "tea", "year": 2026, "read": {"date": 1795219200000}, "tags": ["a"]}, "time": 5}"#;

fn main() {
    for (name, bytes) in records() {
        write("records", &name, &bytes);
    }
    for (name, bytes) in documents() {
        write("pages", &name, &bytes);
    }
    write("manifest", "packed", MANIFEST.as_bytes());
    write("manifest", "facts", FACTS.as_bytes());
    for (name, text) in QUERIES {
        write("queries", name, text.as_bytes());
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn write(target: &str, name: &str, bytes: &[u8]) {
    let folder = root().join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("seed-{name}")), bytes).unwrap();
}

/// The pages of the tests, each after the letter of its format.
fn documents() -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(root().join("tests/data/pages")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let document = |path: PathBuf| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let letter = match path.extension()?.to_str()? {
            "html" => b'h',
            "md" => b'm',
            "txt" if !name.ends_with(".expected.txt") => b't',
            _ => return None,
        };
        Some((name, [vec![letter], fs::read(path).unwrap()].concat()))
    };
    files.into_iter().filter_map(document).collect()
}

/// Stores, logs and exports of a few pages, as Burrow writes them now and as it did first.
fn records() -> Vec<(String, Vec<u8>)> {
    let pages: Vec<EncodedPage> = (0..4).map(page).collect();
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    fill(&mut index, &pages);
    let mut export: Export = index.export_begin().unwrap();
    let mut file = Vec::new();
    while let Some(part) = block_on(index.export_next(&mut export)).unwrap() {
        file.extend(part);
    }
    let words = words();
    let store = index.into_store();
    vec![
        ("words".into(), words),
        ("queue".into(), queue()),
        ("export".into(), file),
        ("log".into(), log(&pages)),
        ("store".into(), all_records(&store, &Space::ALL)),
        ("runs".into(), [runs(&pages), all_records(&store, &OWN)].concat()),
        ("store-v1".into(), first_version()),
        ("log-v1".into(), fs::read(root().join("tests/data/index-v1/burrow.log")).unwrap()),
    ]
}

/// The spaces whose records are never brought together.
const OWN: [Space; 5] = [Space::Meta, Space::Codes, Space::Sentences, Space::Pages, Space::Terms];

fn page(number: u64) -> EncodedPage {
    let mut page = pages::page(
        &format!("https://{number}.example.org"),
        &["One. Two.", "Three."][..1 + number as usize % 2],
        DIMENSION,
        number * 10_000,
    );
    let values = [
        ("tag", FieldValue::Text("tea".into())),
        ("year", FieldValue::Number(2026.0)),
        ("read", FieldValue::Date(1_795_219_200_000)),
        ("tags", FieldValue::List(vec!["a".into(), "b".into()])),
    ];
    for (name, value) in values.into_iter().take(number as usize) {
        page.page.fields.insert(name, value).unwrap();
    }
    page.page.time_ms = (number > 1).then_some(5);
    page
}

fn fill<S: Store>(index: &mut Index<S>, pages: &[EncodedPage]) {
    let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
    let quantizer = Quantizer::MaxAbs;
    let fingerprint = Fingerprint { model, dimension: DIMENSION, quantizer, digest };
    block_on(index.bind(&fingerprint)).unwrap();
    for page in pages {
        block_on(index.commit(page.clone())).unwrap();
    }
}

fn all_records(store: &MemoryStore, spaces: &[Space]) -> Vec<u8> {
    let records = spaces.iter().flat_map(|&space| block_on(store.scan(space, 0, 99)).unwrap());
    records.flat_map(|(_, bytes)| bytes).collect()
}

/// A segment of words: as few pages as are merged.
fn words() -> Vec<u8> {
    let pages: Vec<EncodedPage> = (0..8).map(page).collect();
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    fill(&mut index, &pages);
    while block_on(index.compact()).unwrap() {}
    let store = index.into_store();
    all_records(&store, &[Space::Meta, Space::Terms, Space::Directory, Space::Bits, Space::Pages])
}

/// A page that waits, and one that has failed.
fn queue() -> Vec<u8> {
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    let page = |number: u8| NewPage {
        url: format!("u{number}"),
        title: None,
        format: 2,
        content: b"Waits.".into(),
        facts: Some("{}".into()),
        hash: [number; 32],
        priority: Priority::Normal,
    };
    fill(&mut index, &[]);
    block_on(index.enqueue(vec![page(1), page(2)])).unwrap();
    let first = block_on(index.peek(None)).unwrap().unwrap();
    block_on(index.settle(first.key, "empty", "It has no text.")).unwrap();
    all_records(&index.into_store(), &[Space::Meta, Space::Queue])
}

/// The pages' bits and directory records in one run each.
fn runs(pages: &[EncodedPage]) -> Vec<u8> {
    let entry = |encoded: &EncodedPage| Entry {
        url: encoded.page.url.clone(),
        title: encoded.page.title.clone(),
        hash: encoded.page.hash,
        passages: encoded.page.passages.len(),
        lang: encoded.page.lang.clone(),
        fields: encoded.page.fields.clone(),
        time_ms: encoded.page.time_ms,
    };
    let entries: Vec<Entry> = pages.iter().map(entry).collect();
    let numbered: Vec<(u32, &Entry)> = (0..).zip(&entries).collect();
    let rows = (0..).zip(pages).map(|(page, it)| (page, it.page.passages.len())).collect();
    let bits: Vec<u8> = pages.iter().flat_map(|page| page.bits.clone()).collect();
    let bits = BitsRun { pages: rows, bits: &bits };
    let bits = format::bits_run_to_bytes(0, DIMENSION, &bits).unwrap();
    [format::entries_run_to_bytes(0, &numbered).unwrap(), bits].concat()
}

fn log(pages: &[EncodedPage]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut index = block_on(Index::open(FilesStore::open(folder.path()).unwrap())).unwrap();
    fill(&mut index, pages);
    block_on(index.remove(&pages[1].page.url)).unwrap();
    fs::read(folder.path().join("burrow.log")).unwrap()
}

fn first_version() -> Vec<u8> {
    let files = fs::read_dir(root().join("tests/data/index-v1")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "bin"));
    files.iter().flat_map(|path| fs::read(path).unwrap()).collect()
}
