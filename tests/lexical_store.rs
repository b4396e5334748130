//! The records of words: damage is told and mended, removal leaves nothing, queries read little.

#[path = "support/forged.rs"]
mod forged;
mod lexical_support;

use std::path::PathBuf;

use burrow::ErrorKind;
use burrow::index::format;
use burrow::index::lexical::{LexicalOptions, LexicalQuery, Lexicon, MergeLimits};
use burrow::page::Page;
use burrow::store::{Change, Commit, MemoryStore, Space, Store};
use forged::forged;
use lexical_support::{Words, page, page_of};
use pollster::block_on;

const SMALL: MergeLimits = MergeLimits { factor: 2, passages_max: 100 };

const QUERIES: [&str; 5] = ["plants", "\"green light\"", "e0308", "wather", "foo_bar red"];

fn some_pages() -> Vec<Page> {
    vec![
        page(Some("en"), "Plants", &["Planted in green light.", "Water and plants"]),
        page(Some("de"), "Licht", &["Grün, rot und error E0308."]),
        page(None, "", &["foo_bar in red", "light green water", ""]),
        page(Some("ja"), "植物", &["植物は光を食べる。plants"]),
    ]
}

/// Three pages in a segment and one that is in none.
fn some_words() -> Words {
    let mut index = Words::new();
    for (number, page) in some_pages().iter().enumerate() {
        index.add(page);
        if number == 2 {
            assert_eq!(index.merge_all(SMALL).len(), 1);
        }
    }
    assert_eq!(index.lexicon.source_count(), 2);
    index
}

/// What is found in a store, when what is damaged is left out; and whether anything was.
fn found_in(store: &MemoryStore) -> Result<(Vec<Vec<u32>>, bool), ErrorKind> {
    let pages = some_pages();
    let (mut lexicon, problems) = block_on(Lexicon::load(store)).map_err(|error| error.kind())?;
    let passages = (0u32..).zip(pages.iter().map(|page| page.passages.len()));
    let mut is_damaged = !problems.is_empty() | !lexicon.settle(passages).is_empty();
    let mut all = Vec::new();
    for query in QUERIES {
        let query = LexicalQuery::new(query, LexicalOptions { prefix: true, typos: true });
        let found = loop {
            let found = block_on(lexicon.search(store, &query, None, 100));
            match found.map_err(|error| error.kind())? {
                Ok(found) => break found,
                Err(damage) => {
                    assert!(!damage[0].to_string().is_empty());
                    assert!(!lexicon.leave_out(&damage).is_empty());
                    is_damaged = true;
                }
            }
        };
        all.push(found.iter().map(|it| it.page).collect());
    }
    let mut steps = 0;
    while let Some(merge) = block_on(lexicon.merge_step(store, SMALL)).map_err(|it| it.kind())? {
        is_damaged |= !merge.problems.is_empty();
        lexicon.merged(merge);
        steps += 1;
        if steps > 1 {
            // What was merged is not in this store.
            break;
        }
    }
    Ok((all, is_damaged))
}

fn with_record(records: &[(u64, Vec<u8>)], at: usize, bytes: Option<Vec<u8>>) -> MemoryStore {
    let mut store = MemoryStore::new();
    let mut records = records.to_vec();
    match bytes {
        Some(bytes) => records[at].1 = bytes,
        None => drop(records.remove(at)),
    }
    let put = |(key, bytes)| Change::Put { space: Space::Terms, key, bytes };
    let changes = records.into_iter().map(put).collect();
    assert_eq!(block_on(store.commit(None, changes)).unwrap(), Commit::Done);
    store
}

#[test]
fn every_changed_byte_and_every_cut_is_told() {
    let records = some_words().records();
    let whole = found_in(&with_record(&records, 0, Some(records[0].1.clone()))).unwrap();
    assert!(!whole.1 && whole.0.iter().all(|found| !found.is_empty()), "{whole:?}");
    for (at, (_, bytes)) in records.iter().enumerate() {
        let mut changed: Vec<Option<Vec<u8>>> = vec![None];
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= [1, 0x80, 0xff][place % 3];
            changed.push(Some(flipped));
            changed.push(Some(bytes[..place].to_vec()));
        }
        for (number, bytes) in changed.into_iter().enumerate() {
            let (found, is_damaged) = found_in(&with_record(&records, at, bytes)).unwrap();
            assert!(is_damaged, "record {at}, change {number}");
            for (found, whole) in found.iter().zip(&whole.0) {
                assert!(found.iter().all(|page| whole.contains(page)), "record {at}");
            }
        }
    }
}

#[test]
fn forged_records_never_panic() {
    let records = some_words().records();
    for (at, (_, bytes)) in records.iter().enumerate() {
        for place in 16..bytes.len().saturating_sub(4) {
            for with in [&[0xff; 4][..], &[0], &[0xff, 0xff, 0xff, 0x7f], &[1], &[0x7f]] {
                let store = with_record(&records, at, Some(forged(bytes, place, with)));
                // Whatever is found is found without a panic, and damage is no other error.
                found_in(&store).unwrap();
            }
        }
    }
    let newer = forged(&records[1].1, 4, &(format::VERSION + 1).to_le_bytes());
    let error = found_in(&with_record(&records, 1, Some(newer))).unwrap_err();
    assert_eq!(error, ErrorKind::Fingerprint, "a newer version is not damage");
}

#[test]
fn pages_whose_words_are_damaged_are_made_again() {
    let whole = some_words();
    let ask =
        |index: &Words| QUERIES.map(|query| index.search(query, LexicalOptions::default(), 100));
    for (at, (key, bytes)) in whole.records().into_iter().enumerate() {
        let mut index = some_words();
        let cut = bytes[..bytes.len() / 2].to_vec();
        index.commit(vec![Change::Put { space: Space::Terms, key, bytes: cut }]);
        let (lexicon, problems) = block_on(Lexicon::load(&index.store)).unwrap();
        index.lexicon = lexicon;
        let passages: Vec<_> = index.passages.iter().map(|(&page, &count)| (page, count)).collect();
        let mut missing = index.lexicon.settle(passages.into_iter());
        assert_eq!(problems.is_empty(), missing.is_empty());
        for query in QUERIES {
            let query = LexicalQuery::new(query, LexicalOptions::default());
            let found = block_on(index.lexicon.search(&index.store, &query, None, 100)).unwrap();
            missing.extend(found.err().iter().flat_map(|damage| index.lexicon.leave_out(damage)));
        }
        assert!(!missing.is_empty(), "record {at}");
        for page in missing {
            index.put(page, &some_pages()[page as usize]);
        }
        assert_eq!(ask(&index), ask(&whole), "record {at}");
        index.merge_all(SMALL);
        assert_eq!(ask(&index), ask(&whole), "record {at}, merged");
        index.reopen();
        assert_eq!(ask(&index), ask(&whole), "record {at}, opened again");
    }
}

#[test]
fn a_merge_tells_damage_and_removes_it() {
    let mut index = some_words();
    let (key, bytes) = index.records().pop().unwrap();
    index.commit(vec![Change::Put { space: Space::Terms, key, bytes: bytes[..20].to_vec() }]);
    let merge = index.remove(&[1]);
    assert_eq!((merge.unmade, merge.problems.len(), merge.dropped), (vec![0, 2], 1, vec![1]));
    assert_eq!(index.records().len(), 1, "the page in no segment");
}

fn contains(records: &[(u64, Vec<u8>)], text: &str) -> bool {
    records.iter().any(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
}

#[test]
fn removal_leaves_no_byte_of_a_pages_words() {
    // No other word begins alike, so the words stand in the records as they are.
    let secrets = ["zebrafinch", "quagmire", "xylophonists", "xylophonist", "e7q3z9", "秘密"];
    let secret = page(Some("en"), "Quagmire", &["A zebrafinch, xylophonists.", "e7q3z9 秘密"]);
    let others: Vec<Page> = (0..9).map(|n| page_of(&format!("plain text number {n}"))).collect();
    let is_left = |index: &Words| secrets.iter().any(|secret| contains(&index.records(), secret));
    for (merges, deletes) in [(false, true), (true, true), (true, false)] {
        let mut index = Words::new();
        others.iter().take(4).for_each(|page| _ = index.add(page));
        let number = index.add(&secret);
        others.iter().skip(4).for_each(|page| _ = index.add(page));
        if merges {
            index.merge_all(SMALL);
        }
        assert!(secrets.iter().all(|secret| contains(&index.records(), secret)));
        assert_eq!(index.lexicon.holds_in_segment(number), merges);
        if deletes {
            assert_eq!(index.remove(&[number]).dropped, [number]);
        } else {
            // Replaced: forgotten first, merged away later.
            index.forget(number);
            assert!(index.lexicon.holds(number) && is_left(&index));
            let options = LexicalOptions::default();
            assert_eq!(index.pages_found("zebrafinch", options), [] as [u32; 0]);
            // As many again, so that both segments are of one size.
            (0..10).for_each(|n| _ = index.add(&page_of(&format!("more text {n}"))));
            let merges = index.merge_all(SMALL);
            assert!(merges.iter().any(|merge| merge.dropped == [number]));
        }
        assert!(!is_left(&index) && !index.lexicon.holds(number));
        for (key, bytes) in index.records() {
            if let Some((segment, 0)) = format::segment_of_key(key) {
                let head = format::segment_from_bytes(segment, &bytes).unwrap();
                assert!(head.pages.iter().all(|page| page.page != number));
            }
        }
        assert_eq!(index.pages_found("plain", LexicalOptions::default()).len(), others.len());
        index.reopen();
        assert!(!index.lexicon.holds(number));
    }
}

#[test]
fn adding_a_page_writes_one_record_and_the_same_words_give_the_same_bytes() {
    let build = || {
        let mut index = Words::new();
        for number in 0..30 {
            index.add(&page_of(&format!("page number {number} of some")));
            index.merge_step(SMALL);
        }
        index.remove(&[4, 9]);
        index.merge_all(SMALL);
        index.records()
    };
    assert_eq!(build(), build());
    let mut index = some_words();
    let before = index.records().len();
    index.add(&page_of("one more"));
    assert_eq!(index.records().len(), before + 1);
}

/// A word that depends on its number alone; small numbers are common.
fn word(seed: &mut u64) -> String {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let uniform = (*seed >> 33) as f64 / (1u64 << 31) as f64;
    let number = (20_000.0 * uniform * uniform * uniform) as u32;
    let letters = "bcdfghjklmnpqrstvwz".as_bytes();
    let letter = |at: u32| char::from(letters[(number / at % 19) as usize]);
    [letter(361), 'a', letter(19), 'o', letter(1), 'u', letter(6859)].iter().collect()
}

#[test]
fn a_query_over_ten_thousand_passages_reads_few_records() {
    let mut index = Words::new();
    let mut seed = 7;
    let mut text = || (0..60).map(|_| word(&mut seed)).collect::<Vec<_>>().join(" ");
    for _ in 0..1000 {
        let texts: Vec<String> = (0..10).map(|_| text()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        index.add(&page(None, "Title", &texts));
    }
    let records = index.merge_all(MergeLimits::default());
    assert!(!records.is_empty());
    index.reopen();
    let stored: usize = index.records().iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(index.lexicon.memory_bytes() < 10_000 * 8, "{}", index.lexicon.memory_bytes());
    let mut seed = 99;
    let query: Vec<String> = (0..4).map(|_| word(&mut seed)).collect();
    for (query, prefix) in
        [(query.join(" "), false), ("bab".into(), true), ("babobub".into(), false)]
    {
        index.store.reads.set(0);
        index.store.bytes.set(0);
        let found = index.search(&query, LexicalOptions { prefix, typos: true }, 10);
        assert!(!found.is_empty());
        let (reads, bytes) = (index.store.reads.get(), index.store.bytes.get());
        println!(
            "{query:?}: {reads} records, {bytes} of {stored} bytes, {} places",
            index.lexicon.source_count()
        );
        assert!(reads <= 64, "{query:?} reads {reads} records");
    }
}

/// Real documents of a language, where they are.
fn documents(language: &str) -> Vec<String> {
    let root = std::env::var_os("BURROW_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = root.join(format!("fastapi-xling/corpus.{language}.jsonl"));
    let Ok(lines) = std::fs::read_to_string(&path) else {
        println!("skipped: {} is not there", path.display());
        return Vec::new();
    };
    let text = |line: &str| {
        let document: serde_json::Value = serde_json::from_str(line).unwrap();
        document["text"].as_str().unwrap().to_owned()
    };
    lines.lines().take(60).map(text).collect()
}

#[test]
fn every_word_of_real_documents_finds_its_document() {
    for language in ["en", "de", "fr", "ja", "zh"] {
        let documents = documents(language);
        let mut index = Words::new();
        for text in &documents {
            index.add(&page(Some(language), "", &[text]));
        }
        index.merge_all(SMALL);
        for (number, text) in (0u32..).zip(&documents) {
            let words =
                text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
            for word in words.step_by(23) {
                let found = index.pages_found(word, LexicalOptions::default());
                assert!(found.contains(&number), "{language}: {word:?} in {number}");
            }
        }
    }
}
