//! Filters, facets and order, as their naive twins have them.

mod pages;

use burrow::ErrorKind;
use burrow::fields::{self, FieldValue, Fields};
use burrow::fingerprint::Fingerprint;
use burrow::index::facets::{DatePart, FacetAsk, FacetValue, asked_from_json, facets};
use burrow::index::filter::{self, Filter};
use burrow::index::format::Entry;
use burrow::index::{Index, PageSet};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::search::Sort;
use burrow::sorted::SortedMap;
use burrow::store::MemoryStore;
use pages::{any_entry, any_time};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};

const DIMENSION: usize = 16;

fn index_of(pages: &[EncodedPage]) -> Index<MemoryStore> {
    let (model, digest) = ("tiny".into(), "ab".repeat(32));
    let fingerprint =
        Fingerprint { model, dimension: DIMENSION, quantizer: Quantizer::MaxAbs, digest };
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    block_on(index.bind(&fingerprint)).unwrap();
    for page in pages {
        block_on(index.commit(page.clone())).unwrap();
    }
    index
}

fn fields_of(json: &Value) -> Fields {
    fields::from_json(&json!({ "fields": json }).to_string()).unwrap().fields
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

fn entries(list: Vec<Entry>) -> SortedMap<u32, Entry> {
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
