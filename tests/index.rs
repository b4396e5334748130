//! Records survive the way to bytes and back; damage never passes for a value; scans equal their
//! naive twins.

#[path = "support/forged.rs"]
mod forged;
mod oracle;
mod pages;

use burrow::ErrorKind;
use burrow::fields::{FieldValue, Fields};
use burrow::fingerprint::Fingerprint;
use burrow::index::format::{
    self, BitsRun, DictionaryEntry, Effect, Entry, Head, PageTerms, PageTermsWriter, PostingsBlock,
    Rows, SegmentHead, SegmentPage,
};
use burrow::index::hamming::{self, TopK};
use burrow::index::rescore::Rescorer;
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::store::{Change, Space};
use forged::forged;
use proptest::prelude::*;

/// What a record of each kind reads as, so that two readings can be compared.
type Reading = Result<String, ErrorKind>;

/// Reads a record.
type Reader = fn(&[u8]) -> Reading;

/// A small record of every kind, and its reader.
fn records() -> Vec<(Vec<u8>, Reader)> {
    fn shown<T: std::fmt::Debug>(read: burrow::Result<T>) -> Reading {
        read.map(|value| format!("{value:?}")).map_err(|error| error.kind())
    }
    let mut page = pages::page("https://a.example/", &["One. Two.", "Drei, 🦊."], 8, 1);
    (page.page.fields, page.page.time_ms) = (fields(), Some(-5));
    let entry = entry();
    let head = Head::default().after(2, &[Effect::Added(1), Effect::Merged(0, 1), Effect::All]);
    let run = BitsRun { pages: vec![(5, 1), (9, 2)], bits: &[1, 2, 3, 4, 5, 6] };
    let changes = [
        Change::Put { space: Space::Bits, key: 7, bytes: vec![1, 2, 3] },
        Change::Delete { space: Space::Pages, keys: 3..5 },
    ];
    let beginning = format::ExportHead { fingerprint: fingerprint(), pages: 3 };
    let end = format::ExportEnd { pages: 3, sha256: [7; 32] };
    vec![
        (format::meta_to_bytes(&fingerprint()).unwrap(), |b| shown(format::meta_from_bytes(b))),
        (format::head_to_bytes(&head).unwrap(), |b| shown(format::head_from_bytes(b))),
        (format::entry_to_bytes(5, &entry).unwrap(), |b| shown(format::entry_from_bytes(5, b))),
        (format::rows_to_bytes(5, Rows::Bits, 16, &[1, 2, 3, 4]).unwrap(), |b| {
            shown(format::rows_from_bytes(5, Rows::Bits, 16, b))
        }),
        (format::rows_to_bytes(5, Rows::Sentences, 8, &[1, 2]).unwrap(), |b| {
            shown(format::rows_from_bytes(5, Rows::Sentences, 8, b))
        }),
        (format::rows_to_bytes(5, Rows::Codes { block: 3 }, 8, &[7; 16]).unwrap(), |b| {
            shown(format::rows_from_bytes(5, Rows::Codes { block: 3 }, 8, b))
        }),
        (format::page_to_bytes(5, &page.page).unwrap(), |b| shown(format::page_from_bytes(5, b))),
        (format::bits_run_to_bytes(5, 16, &run).unwrap(), |b| {
            shown(format::bits_from_bytes(5, 16, b))
        }),
        (format::entries_run_to_bytes(5, &[(5, &entry), (9, &entry)]).unwrap(), |b| {
            shown(format::entries_from_bytes(5, b))
        }),
        (format::to_wire(&page).unwrap(), |b| shown(format::from_wire(b))),
        (format::frame(&changes).unwrap(), |b| shown(format::frame_parts(b))),
        (format::seal_to_bytes(&[1, 2, 3]).unwrap(), |b| shown(format::seal_from_bytes(b))),
        (format::export_head_to_bytes(&beginning).unwrap(), |b| {
            shown(format::export_head_from_bytes(b))
        }),
        (format::export_end_to_bytes(&end).unwrap(), |b| shown(format::export_end_from_bytes(b))),
        (page_terms(), |b| {
            shown(PageTerms::from_bytes(5, b.to_vec()).and_then(|terms| {
                let lists = terms.terms()?;
                let rows = |list: &(String, _)| Ok(format!("{:?}", terms.rows(list.1, true)?));
                let rows = lists.iter().map(rows).collect::<burrow::Result<Vec<_>>>()?;
                Ok((terms.language, terms.lengths.clone(), lists, rows))
            }))
        }),
        (format::segment_to_bytes(3, &segment_head()).unwrap(), |b| {
            shown(format::segment_from_bytes(3, b))
        }),
        (format::dictionary_to_bytes(3, 1, &dictionary()).unwrap(), |b| {
            shown(format::dictionary_from_bytes(3, 1, b))
        }),
        (format::postings_to_bytes(3, 1, &[2, 0, 2, 1, 3, 3, 1, 0, 7]).unwrap(), |b| {
            let block = PostingsBlock::from_bytes(3, 1, b.to_vec());
            shown(
                block.and_then(|block| {
                    Ok(format!("{:?}", block.rows(PostingsBlock::START, 9, true)?))
                }),
            )
        }),
    ]
}

fn page_terms() -> Vec<u8> {
    let mut writer = PageTermsWriter::new(5, 1, &[7, 0, 3], (2, 12)).unwrap();
    for term in ["light", "lights"] {
        writer.term(term, 2).unwrap();
        for (passage, places) in [(0, &[1, 4][..]), (2, &[0])] {
            writer.row(passage, (places.len() as u32, 0), places);
        }
        writer.end_term().unwrap();
    }
    writer.seal().unwrap()
}

fn segment_head() -> SegmentHead {
    let page = |page, passages| SegmentPage { page, passages, language: 1 };
    let pages = vec![page(4, 2), page(7, 1)];
    let first_terms = vec!["a".to_owned(), "word".to_owned()];
    SegmentHead { pages, lengths: vec![300, 2, 65_535], first_terms, postings_blocks: 3 }
}

fn dictionary() -> Vec<DictionaryEntry> {
    let entry = |term: &str, block, more_blocks| {
        let (term, passages, offset) = (term.to_owned(), 300, 24);
        DictionaryEntry { term, passages, block, offset, more_blocks }
    };
    vec![entry("light", 0, 0), entry("lights", 0, 2), entry("木", 2, 0)]
}

fn entry() -> Entry {
    Entry {
        url: "u".into(),
        title: "t".into(),
        hash: [9; 32],
        passages: 2,
        lang: Some("en".into()),
        fields: fields(),
        time_ms: Some(1_700_000_000_000),
    }
}

fn fields() -> Fields {
    let mut fields = Fields::new();
    for (name, value) in [
        ("author", FieldValue::Text("Ada".into())),
        ("published", FieldValue::Date(1_600_000_000_000)),
        ("tags", FieldValue::List(vec!["b".into(), "a".into()])),
        ("year", FieldValue::Number(2020.5)),
    ] {
        fields.insert(name, value).unwrap();
    }
    fields
}

fn fingerprint() -> Fingerprint {
    let (model, digest) = ("tiny".into(), "ab".repeat(32));
    Fingerprint { model, dimension: 16, quantizer: Quantizer::MaxAbs, digest }
}

#[test]
fn every_truncation_is_damage() {
    for (bytes, read) in records() {
        assert!(read(&bytes).is_ok(), "{:?}", read(&bytes));
        for length in 0..bytes.len() {
            assert_eq!(read(&bytes[..length]), Err(ErrorKind::Corrupt), "first {length} bytes");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(read(&longer), Err(ErrorKind::Corrupt));
    }
}

#[test]
fn every_changed_byte_is_damage() {
    for (bytes, read) in records() {
        for at in 0..bytes.len() {
            for flip in [1, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                assert_eq!(read(&changed), Err(ErrorKind::Corrupt), "byte {at} ^ {flip}");
            }
        }
    }
}

#[test]
fn a_record_of_another_kind_or_page_is_damage() {
    let all = records();
    for (at, (bytes, _)) in all.iter().enumerate() {
        for (other, (_, read)) in all.iter().enumerate().filter(|&(other, _)| other != at) {
            // Where a run can lie, a page's own record can lie too.
            if [(2, 8), (3, 7)].contains(&(at, other)) {
                continue;
            }
            assert_eq!(read(bytes), Err(ErrorKind::Corrupt), "record {at} read as {other}");
        }
    }
    let rows = format::rows_to_bytes(5, Rows::Codes { block: 3 }, 8, &[7; 16]).unwrap();
    for (page, block, dimension) in [(6, 3, 8), (5, 2, 8), (5, 3, 16)] {
        let error = format::rows_from_bytes(page, Rows::Codes { block }, dimension, &rows);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn a_newer_version_is_refused_and_named() {
    for (bytes, read) in records() {
        assert_eq!(read(&forged(&bytes, 4, &[3, 0])), Err(ErrorKind::Fingerprint));
        assert_eq!(read(&forged(&bytes, 4, &[0, 0])), Err(ErrorKind::Fingerprint));
    }
    let bytes = format::meta_to_bytes(&fingerprint()).unwrap();
    let error = format::meta_from_bytes(&forged(&bytes, 4, &[3, 0])).unwrap_err().to_string();
    assert!(error.contains("version 3") && error.contains("version 2"), "{error}");
}

#[test]
fn forged_payloads_never_panic() {
    for (bytes, read) in records() {
        for at in 16..bytes.len().saturating_sub(4) {
            for with in [[0xff; 4], [0; 4], [0xff, 0xff, 0xff, 0x7f], [1, 0, 0, 0]] {
                // Whatever it reads as, it reads without a panic, and damage has its kind.
                if let Err(kind) = read(&forged(&bytes, at, &with)) {
                    assert_eq!(kind, ErrorKind::Corrupt);
                }
            }
        }
    }
}

#[test]
fn forged_ranges_are_damage() {
    let page = pages::page("u", &["é."], 8, 1);
    let bytes = format::page_to_bytes(5, &page.page).unwrap();
    // The passage's range is the last `0..3` but one: those of its only sentence follow.
    let range = [0, 0, 0, 0, 3, 0, 0, 0];
    let at = bytes.windows(8).position(|window| window == range).unwrap();
    for (start, end) in [(1u32, 3u32), (0, 1), (3, 0), (0, 4), (u32::MAX, u32::MAX)] {
        let with = [start.to_le_bytes(), end.to_le_bytes()].concat();
        let error = format::page_from_bytes(5, &forged(&bytes, at, &with)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{start}..{end}");
    }
}

#[test]
fn pages_that_are_not_whole_are_refused() {
    let whole = pages::page("u", &["One. Two."], 16, 1);
    format::check_page(&whole).unwrap();
    let broken: [fn(&mut EncodedPage); 8] = [
        |page| page.page.url.clear(),
        |page| page.page.passages.clear(),
        |page| page.page.passages[0].range.end += 1,
        |page| page.page.passages[0].sentences.swap(0, 1),
        |page| page.page.text = "é".repeat(4) + ".",
        |page| page.bits.truncate(1),
        |page| page.int8.truncate(1),
        |page| page.sentence_bits.truncate(1),
    ];
    for (number, breaks) in broken.iter().enumerate() {
        let mut page = whole.clone();
        breaks(&mut page);
        let error = format::check_page(&page).expect_err(&format!("case {number}"));
        assert_eq!(error.kind(), ErrorKind::Input);
    }
}

#[test]
fn keys_lead_back_to_their_pages() {
    for page in [0, 1, 77, u32::MAX] {
        for passage in [0, 63, 64, format::PASSAGES_MAX - 1] {
            let (key, row) = format::block_key(page, passage);
            assert_eq!(format::page_of_key(key), page);
            assert_eq!(row, passage % 64);
            assert!(key < burrow::store::KEY_END);
        }
    }
}

#[test]
fn keys_of_words_are_kept_apart() {
    for page in [0, 1, 77, u32::MAX] {
        let key = format::page_key(page);
        assert_eq!(format::page_of_terms_key(key), Some(page));
        assert_eq!(format::page_of_terms_key(key + 1), None);
        assert_eq!(format::segment_of_key(key), None);
    }
    for segment in [0, 1, 77, format::SEGMENT_NUMBER_END - 1] {
        let key = format::segment_key(segment) + 5;
        assert_eq!(format::segment_of_key(key), Some((segment, 5)));
        assert_eq!(format::page_of_terms_key(key), None);
        assert!(key < burrow::store::KEY_END);
    }
}

fn scanned(rows: &[Vec<u8>], query: &[u8], count: usize) -> Vec<hamming::Candidate> {
    let mut words = Vec::new();
    rows.iter().for_each(|row| hamming::push_words(&mut words, row));
    let mut query_words = Vec::new();
    hamming::push_words(&mut query_words, query);
    let mut top = TopK::new(count);
    // In two parts, as segments are.
    let half = rows.len() / 2 * query_words.len();
    hamming::scan(&words[..half], &query_words, 0, &mut top);
    hamming::scan(&words[half..], &query_words, (rows.len() / 2) as u64, &mut top);
    top.into_sorted()
}

/// Rows and a query of one dimension: random, or nearly all alike so that most are ties.
fn rows_and_query() -> impl Strategy<Value = (Vec<Vec<u8>>, Vec<u8>)> {
    let byte = prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(1)];
    (1usize..=140, any::<bool>(), byte).prop_flat_map(|(width, alike, byte)| {
        let part = if alike { Just(byte).boxed() } else { any::<u8>().boxed() };
        let row = prop::collection::vec(part, width);
        (prop::collection::vec(row, 0..60), prop::collection::vec(any::<u8>(), width))
    })
}

proptest! {
    #[test]
    fn wire_pages_come_back(page in pages::any_page()) {
        let bytes = format::to_wire(&page).unwrap();
        prop_assert_eq!(&bytes, &format::to_wire(&page.clone()).unwrap());
        prop_assert_eq!(format::from_wire(&bytes).unwrap(), page);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(format::from_wire(&bytes).is_err());
        prop_assert!(format::page_from_bytes(0, &bytes).is_err());
        prop_assert!(format::frame_parts(&bytes).is_err());
    }

    #[test]
    fn scan_equals_the_naive_twin((rows, query) in rows_and_query(), count in 0usize..70) {
        prop_assert_eq!(scanned(&rows, &query, count), oracle::nearest(&rows, &query, count));
    }

    #[test]
    fn cosine_equals_the_naive_twin(
        (query, row) in (1usize..300).prop_flat_map(|width| (
            prop::collection::vec(-1e3f32..1e3, width),
            prop::collection::vec(prop_oneof![any::<i8>(), Just(-128), Just(127), Just(0)], width),
        ))
    ) {
        prop_assume!(query.iter().any(|&x| x != 0.0));
        let bytes: Vec<u8> = row.iter().map(|code| code.cast_unsigned()).collect();
        let (found, expected) = (Rescorer::new(&query).cosine(&bytes), oracle::cosine(&query, &row));
        prop_assert!((found - expected).abs() < 1e-9, "{} {}", found, expected);
    }
}

#[test]
fn cosine_of_extremes() {
    let cosine = |query: &[f32], row: &[i8]| {
        Rescorer::new(query)
            .cosine(&row.iter().map(|code| code.cast_unsigned()).collect::<Vec<_>>())
    };
    assert_eq!(cosine(&[1.0; 8], &[0; 8]), 0.0);
    assert!((cosine(&[3e38; 65_536], &[-128; 65_536]) + 1.0).abs() < 1e-12);
    assert!((cosine(&[1e-45; 16], &[127; 16]) - 1.0).abs() < 1e-12);
}
