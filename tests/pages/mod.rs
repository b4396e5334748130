//! Encoded pages for tests: of given texts, or any.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses its own part"
)]

use std::ops::Range;

use burrow::fields::{FieldValue, Fields, TIME_MS_MAX};
use burrow::index::format::Entry;
use burrow::page::{EncodedPage, Page, Passage, content_hash};
use burrow::quantize::{Quantizer, bits, int8};
use proptest::prelude::*;

/// A vector that depends on its seed alone, each component between -1 and 1.
pub fn vector(seed: u64, dimension: usize) -> Vec<f32> {
    // splitmix64: well mixed from any seed.
    let component = |index: u64| {
        let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..dimension as u64).map(component).collect()
}

/// A page with these passages, each a paragraph; sentences end at a full stop and a space. The
/// vector of passage `p` is `vector(seed + p)`, that of its sentence `s` is
/// `vector(seed + 1000 · (p + 1) + s)`.
pub fn page(url: &str, texts: &[&str], dimension: usize, seed: u64) -> EncodedPage {
    let text = texts.join("\n");
    let mut passages = Vec::new();
    let (mut codes, mut code_bits, mut sentence_bits) = (Vec::new(), Vec::new(), Vec::new());
    let mut start = 0;
    for (number, passage) in texts.iter().enumerate() {
        let range = start..start + passage.len();
        let sentences = sentences(passage, start);
        let passage_seed = seed + number as u64;
        codes.extend(int8(Quantizer::MaxAbs, &vector(passage_seed, dimension)));
        code_bits.extend(bits(&vector(passage_seed, dimension)));
        for sentence in 0..sentences.len() as u64 {
            let seed = seed + 1000 * (number as u64 + 1) + sentence;
            sentence_bits.extend(bits(&vector(seed, dimension)));
        }
        let (headings, anchor) = (vec!["Top".into()], Some(format!("p{number}")));
        passages.push(Passage { range: range.clone(), headings, anchor, sentences });
        start = range.end + 1;
    }
    let hash = content_hash(&[url.as_bytes(), text.as_bytes(), &seed.to_le_bytes()]);
    let (url, title) = (url.to_owned(), format!("Title of {url}"));
    let (lang, fields) = (Some("en".into()), Fields::new());
    let page = Page { url, title, lang, hash, fields, time_ms: None, text, passages };
    EncodedPage { page, dimension, bits: code_bits, int8: codes, sentence_bits }
}

fn sentences(passage: &str, shift: usize) -> Vec<Range<usize>> {
    let mut start = shift;
    let mut ranges = Vec::new();
    for sentence in passage.split_inclusive(". ") {
        ranges.push(start..start + sentence.trim_end().len());
        start += sentence.len();
    }
    ranges
}

/// Text of many scripts, with emoji, combining marks and line breaks.
pub fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,400}",
        "[a-z]{1,9}( [a-zäöüé]{1,12}){0,90}\\.",
        "([a-z]{1,8} ){0,20}[👩🏽‍🚀🇩🇪🦊é\u{301}漢字かな한국어 عربىעברית .\n]{0,300}",
        "[漢字検索文章東京大学かなカナ。]{0,500}",
    ]
}

/// Any page that is whole.
pub fn any_page() -> impl Strategy<Value = EncodedPage> {
    let texts = prop::collection::vec(any_text(), 1..5);
    let dimension = (1usize..6).prop_map(|bytes| bytes * 8);
    (texts, dimension, any::<u32>(), any::<bool>()).prop_map(|(texts, dimension, seed, bare)| {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut page = page("https://example.org/ü", &texts, dimension, seed.into());
        if bare {
            page.page.lang = None;
            page.page.passages[0].anchor = None;
            page.page.passages[0].headings.clear();
        }
        page
    })
}

/// Any value of a field.
pub fn any_value() -> impl Strategy<Value = FieldValue> {
    let word = || prop_oneof!["[ab]", "[a-c]{0,2}", "\\PC{0,6}"];
    prop_oneof![
        word().prop_map(FieldValue::Text),
        prop_oneof![(-3i32..4).prop_map(f64::from), prop::num::f64::NORMAL]
            .prop_map(FieldValue::Number),
        prop_oneof![-3i64..4, -TIME_MS_MAX..=TIME_MS_MAX].prop_map(FieldValue::Date),
        prop::collection::vec(word(), 0..4).prop_map(FieldValue::List),
    ]
}

/// Any fields; names are often the same.
pub fn any_fields() -> impl Strategy<Value = Fields> {
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

/// Any time, or none.
pub fn any_time() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![Just(None), (-3i64..4).prop_map(Some), (-TIME_MS_MAX..=TIME_MS_MAX).prop_map(Some)]
}

/// What is resident of any page.
pub fn any_entry() -> impl Strategy<Value = Entry> {
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
