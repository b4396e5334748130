//! Any text as a query, a filter or facets, and against any other text.
#![no_main]

use burrow::fields::{FieldValue, Fields};
use burrow::fingerprint::Fingerprint;
use burrow::hits::{Found, MarkKind, QueryWords, hit};
use burrow::index::Index;
use burrow::index::facets::{asked_from_json, facets};
use burrow::index::filter::{Filter, pages};
use burrow::index::format::Entry;
use burrow::page::{EncodedPage, Page, Passage};
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::sorted::SortedMap;
use burrow::store::MemoryStore;
use libfuzzer_sys::fuzz_target;
use pollster::block_on;

// The first line is the query; the lines after it are the passages of a page.
fuzz_target!(|input: &str| {
    let (query, text) = input.split_once('\n').unwrap_or((input, ""));
    words(query, text);
    keywords(query, text);
    filters(input);
});

/// A language, so that its stems are tried.
fn lang(text: &str) -> Option<&'static str> {
    [Some("en"), Some("de"), Some("ru"), None][text.len() % 4]
}

fn words(query: &str, text: &str) {
    let words = QueryWords::new(query);
    let mut end = 0;
    for range in words.found_in(text, lang(text)) {
        assert!(range.start >= end && range.start < range.end && text.get(range.clone()).is_some());
        end = range.end;
    }
    let page = page(text);
    for passage in 0..page.passages.len() {
        let found = Found {
            page: &page,
            passage,
            score: 1.0,
            cosine: None,
            bm25: None,
            sentence_bits: &[],
        };
        let hit = hit(found, None, &words);
        let length = hit.excerpt.encode_utf16().count();
        for mark in &hit.marks {
            assert!(mark.start < mark.end && mark.end <= length);
            assert_eq!(mark.kind, MarkKind::Word, "no sentence is nearest without bits");
        }
    }
}

/// The page is in an index, and the query is asked there.
fn keywords(query: &str, text: &str) {
    const DIMENSION: usize = 8;
    let page = page(text);
    let passages = page.passages.len();
    let (model, digest) = ("tiny".into(), "ab".into());
    let quantizer = Quantizer::MaxAbs;
    let fingerprint = Fingerprint { model, dimension: DIMENSION, quantizer, digest };
    let mut index = block_on(Index::open(MemoryStore::new())).expect("an empty store");
    block_on(index.bind(&fingerprint)).expect("a dimension that can be");
    let (bits, sentence_bits) = (vec![0; passages], vec![0; passages]);
    let int8 = vec![1; passages * DIMENSION];
    let encoded = EncodedPage { page, dimension: DIMENSION, bits, int8, sentence_bits };
    if block_on(index.commit(encoded)).is_err() {
        assert_eq!(passages, 0, "a page with passages can be committed");
        return;
    }
    for prefix in [false, true] {
        let options = SearchOptions { mode: Mode::Keyword, prefix, ..SearchOptions::default() };
        let query = Query { text: query, vector: None };
        let hits = block_on(index.search(query, &options)).expect("any text can be looked for");
        assert!(hits.iter().all(|hit| hit.passage < passages && hit.score.is_finite()));
        assert_eq!(index.problems(), []);
    }
}

/// A page of one passage a line, of one sentence each.
fn page(text: &str) -> Page {
    let mut start = 0;
    let mut passages = Vec::new();
    for line in text.split_inclusive('\n') {
        let range = start..start + line.len();
        let sentences = vec![range.clone()];
        passages.push(Passage {
            range: range.clone(),
            headings: Vec::new(),
            anchor: None,
            sentences,
        });
        start = range.end;
    }
    Page {
        url: "https://example.org/page".into(),
        title: "Page".into(),
        lang: lang(text).map(str::to_owned),
        hash: [0; 32],
        fields: Fields::new(),
        time_ms: None,
        text: text.to_owned(),
        passages,
    }
}

fn filters(json: &str) {
    let _ = SearchOptions::from_json(json);
    let entries = entries();
    if let Ok(filter) = Filter::from_json(json) {
        let found = pages(&entries, &filter);
        for (&page, entry) in entries.iter() {
            assert_eq!(found.contains(page), filter.matches(entry));
        }
    }
    if let Ok(asked) = asked_from_json(json) {
        for facet in facets(&entries, None, &asked) {
            assert!(facet.pages <= entries.len() && facet.counts.len() <= facet.values);
            assert!(facet.counts.iter().all(|it| (1..=entries.len()).contains(&it.count)));
        }
    }
}

fn entries() -> SortedMap<u32, Entry> {
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let entry = |number: u32| {
        let mut fields = Fields::new();
        let values = [
            ("tag", text("tea")),
            ("year", FieldValue::Number(f64::from(number) - 1.5)),
            ("read", FieldValue::Date(i64::from(number) * 86_400_000)),
            ("tags", FieldValue::List(vec!["a".into(), "b".into()])),
        ];
        for (name, value) in values.into_iter().take(number as usize) {
            fields.insert(name, value).expect("a name that may be given");
        }
        Entry {
            url: format!("https://{number}.example.org/a/b?c#d"),
            title: "Title".into(),
            hash: [0; 32],
            passages: 1,
            lang: (number > 1).then(|| "en".to_owned()),
            fields,
            time_ms: (number > 2).then_some(i64::from(number) * 1000),
        }
    };
    (0..5).map(|number| (number, entry(number))).collect()
}
