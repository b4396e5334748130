//! Records as a store, a log or an exported index: all that an index can do is done with them.

use std::collections::BTreeSet;

use burrow::fingerprint::Fingerprint;
use burrow::index::format::{page_key, segment_key};
use burrow::index::{Importer, Index, Problem};
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::{Change, Commit, FilesStore, HEAD_KEY, MemoryStore, Space, Store};
use pollster::block_on;

use crate::sealed::sealed;

/// Wider vectors than this try nothing else and take long.
const DIMENSION_MAX: usize = 1024;

/// More steps than a look at so few records can take.
const STEPS_MAX: usize = 20_000;

/// Opens, searches, tidies, verifies, mends, exports and imports what lies in these records.
pub(crate) fn store(records: &[Vec<u8>]) {
    let mut store = MemoryStore::new();
    let dictionaries = records.iter().filter(|record| record[3] == b'Y').count() as u64;
    let changes = records.iter().map(|record| {
        let (space, key) = place(record, dictionaries);
        let mut bytes = record.clone();
        bytes[3].make_ascii_uppercase();
        // The letter is part of what the checksums cover.
        Change::Put { space, key, bytes: sealed(&bytes) }
    });
    assert_eq!(block_on(store.commit(None, changes.collect())).ok(), Some(Commit::Done));
    let Some(mut index) = opened(store) else { return };
    exercise(&mut index);
    if block_on(index.repair()).is_err() {
        return;
    }
    assert_eq!(verified(&mut index), Some(vec![]), "what was mended is whole");
    exercise(&mut index);
    assert_eq!(verified(&mut index), Some(vec![]), "what is whole stays whole");
    let urls: Vec<String> = index.pages().into_iter().map(|page| page.url).collect();
    let file = exported(&mut index).expect("what is whole can be exported");
    let copy = imported(&file, index.fingerprint());
    let copied: BTreeSet<String> = copy.pages().into_iter().map(|page| page.url).collect();
    assert_eq!(copied, urls.into_iter().collect());
    let again = block_on(Index::open(index.into_store())).expect("what is whole can be opened");
    assert_eq!((again.problems(), again.page_count()), (vec![], copied.len()));
}

/// Where a record lies, by its letter and the number of its page; a small letter lies one page off.
/// The blocks of postings lie after so many of the dictionary.
fn place(record: &[u8], dictionaries: u64) -> (Space, u64) {
    let word = |at: usize| {
        let bytes = record.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    let page = word(16).wrapping_add(u32::from(record[3].is_ascii_lowercase()));
    match record[3].to_ascii_uppercase() {
        b'M' => (Space::Meta, 0),
        b'H' => (Space::Meta, HEAD_KEY),
        b'D' | b'E' => (Space::Directory, page_key(page)),
        b'B' | b'R' => (Space::Bits, page_key(page)),
        b'C' => (Space::Codes, page_key(page) + u64::from(word(20))),
        b'S' => (Space::Sentences, page_key(page)),
        b'P' => (Space::Pages, page_key(page)),
        b'T' => (Space::Terms, page_key(page)),
        b'G' => (Space::Terms, segment_key(page)),
        b'Y' => (Space::Terms, segment_key(page) + 1 + u64::from(word(20))),
        b'O' => (Space::Terms, segment_key(page) + 1 + dictionaries + u64::from(word(20))),
        b'Q' => (Space::Queue, u64::from(page)),
        b'N' => (Space::Queue, (1 << 50) + u64::from(page)),
        b'F' => (Space::Queue, (1 << 51) + u64::from(page)),
        _ => (Space::Gone, page_key(page)),
    }
}

/// The log of a folder, whatever is in it.
pub(crate) fn log(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("burrow.log"), bytes).expect("the log");
    let Ok(store) = FilesStore::open(folder.path()) else { return };
    let Some(mut index) = opened(store) else { return };
    exercise(&mut index);
    if block_on(index.repair()).is_err() {
        return;
    }
    exercise(&mut index);
    let pages = index.page_count();
    drop(index);
    // What was mended is so in the log, too.
    let store = FilesStore::open(folder.path()).expect("it could be opened before");
    let index = block_on(Index::open(store)).expect("it could be opened before");
    assert_eq!(index.page_count(), pages);
}

/// An exported index, in pieces, into an index that has none of its pages.
pub(crate) fn import(file: &[u8]) {
    let mut index = block_on(Index::open(MemoryStore::new())).expect("an empty store");
    let mut importer = Importer::new();
    for piece in file.chunks(7) {
        if block_on(importer.push(&mut index, piece)).is_err() {
            break;
        }
    }
    let _ = importer.finish();
    assert_eq!(verified(&mut index), Some(vec![]), "what was taken in is whole");
    exercise(&mut index);
    assert_eq!(index.problems(), vec![]);
}

fn opened<S: Store>(store: S) -> Option<Index<S>> {
    let mut index = block_on(Index::open(store)).ok()?;
    let fingerprint = index.fingerprint()?.clone();
    block_on(index.bind(&fingerprint)).ok()?;
    (fingerprint.dimension <= DIMENSION_MAX).then_some(index)
}

fn exercise<S: Store>(index: &mut Index<S>) {
    let Some(dimension) = index.fingerprint().map(|it| it.dimension) else { return };
    let vector: Vec<f32> = (0..dimension).map(|at| if at % 3 == 0 { -0.5 } else { 1.0 }).collect();
    for mode in [Mode::Hybrid, Mode::Semantic, Mode::Keyword] {
        let options = SearchOptions { mode, exact: mode == Mode::Semantic, ..Default::default() };
        let query = Query { text: "the fox and the hound", vector: Some(&vector) };
        let Ok(hits) = block_on(index.search(query, &options)) else { continue };
        let mut seen = BTreeSet::new();
        for hit in hits {
            assert!(index.find(&hit.url).is_some(), "a hit is a page that is there");
            assert!(seen.insert(hit.url), "a page is a hit once");
        }
    }
    let _ = (index.queued(), index.failures());
    // Damaged ones are settled on the way.
    if let Ok(Some(waiting)) = block_on(index.peek(None)) {
        assert!(block_on(index.settle(waiting.key, "input", "no page")).unwrap_or(true));
    }
    // A step that changes nothing would be done again and again.
    let steps = index.page_count() * 2 + 8;
    assert!((0..steps).any(|_| !block_on(index.compact()).unwrap_or(false)));
    let _ = verified(index);
}

/// All that is not whole; `None` where the store cannot be read.
fn verified<S: Store>(index: &mut Index<S>) -> Option<Vec<Problem>> {
    let mut under_way = block_on(index.verify_begin()).ok()?;
    for _ in 0..STEPS_MAX {
        if let Some(problems) = block_on(index.verify_next(&mut under_way)).ok()? {
            return Some(problems);
        }
    }
    panic!("verifying comes to no end")
}

fn exported(index: &mut Index<MemoryStore>) -> Option<Vec<u8>> {
    let mut export = index.export_begin().ok()?;
    let mut file = Vec::new();
    while let Some(part) = block_on(index.export_next(&mut export)).ok()? {
        file.extend(part);
    }
    Some(file)
}

fn imported(file: &[u8], fingerprint: Option<&Fingerprint>) -> Index<MemoryStore> {
    let mut index = block_on(Index::open(MemoryStore::new())).expect("an empty store");
    let mut importer = Importer::new();
    block_on(importer.push(&mut index, file)).expect("an export can be taken in");
    importer.finish().expect("an export is whole");
    assert_eq!(index.fingerprint(), fingerprint);
    index
}
