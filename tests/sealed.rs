//! An encrypted store is a store like any other, and shows nothing to whoever reads the one below.

mod cipher;
mod pages;
mod shared;

use std::cell::Cell;
use std::rc::Rc;

use burrow::fingerprint::Fingerprint;
use burrow::index::{Index, Outcome};
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::{
    Change, Commit, FilesStore, HEAD_KEY, MemoryStore, SEAL_KEY, SealedStore, Space, Store,
    StoreKind,
};
use burrow::{ErrorKind, Result};
use cipher::TestCipher;
use pollster::block_on;
use proptest::prelude::*;
use shared::Shared;

const DIMENSION: usize = 16;

type Sealed<S> = SealedStore<S, TestCipher>;

fn sealed<S: Store>(store: S, key: u8) -> Sealed<S> {
    block_on(SealedStore::open(store, TestCipher::new(key, 0))).unwrap()
}

fn refusal<S: Store>(store: S, key: u8) -> burrow::Error {
    match block_on(SealedStore::open(store, TestCipher::new(key, 0))) {
        Ok(_) => panic!("it opened"),
        Err(error) => error,
    }
}

fn fingerprint() -> Fingerprint {
    let (model, quantizer) = ("tiny".into(), Quantizer::MaxAbs);
    Fingerprint { model, dimension: DIMENSION, quantizer, digest: "d".into() }
}

fn index<S: Store>(store: S) -> Index<S> {
    let mut index = block_on(Index::open(store)).unwrap();
    block_on(index.bind(&fingerprint())).unwrap();
    index
}

const TEXT: &str = "The marmot sleeps. It is winter.";

fn add<S: Store>(index: &mut Index<S>, number: u64) -> burrow::Result<Outcome> {
    let url = format!("https://burrow.example/{number}");
    block_on(index.commit(pages::page(&url, &[TEXT, "More."], DIMENSION, number * 10)))
}

fn count<S: Store>(index: &Index<S>) -> usize {
    index.page_count()
}

/// Searching for a page's own vector finds it first, with its own text.
fn assert_found<S: Store>(index: &mut Index<S>, number: u64) {
    let vector = pages::vector(number * 10, DIMENSION);
    let query = Query { text: "marmot", vector: Some(&vector) };
    let hits = block_on(
        index.search(query, &SearchOptions { mode: Mode::Semantic, ..SearchOptions::default() }),
    )
    .unwrap();
    assert_eq!(hits[0].url, format!("https://burrow.example/{number}"));
    assert_eq!(hits[0].excerpt, TEXT);
}

async fn everything<S: Store>(store: &S) -> Vec<(Space, u64, Vec<u8>)> {
    let mut all = Vec::new();
    for space in Space::ALL {
        let records = store.scan(space, 0, usize::MAX).await.unwrap();
        all.extend(records.into_iter().map(|(key, bytes)| (space, key, bytes)));
    }
    all
}

/// Steps of commits over few keys, so that they meet; each writes a new head.
fn any_changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let space = prop::sample::select(Space::ALL.to_vec());
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    let put = (space.clone(), 2u64..12, bytes).prop_map(|(space, key, bytes)| Change::Put {
        space,
        key,
        bytes,
    });
    let end = prop_oneof![4 => (0u64..6).prop_map(Some), 1 => Just(None)];
    let delete = (space, 2u64..12, end).prop_map(|(space, key, count)| Change::Delete {
        space,
        keys: key..count.map_or(burrow::store::KEY_END, |count| key + count),
    });
    let change = prop_oneof![3 => put, 1 => delete];
    prop::collection::vec(prop::collection::vec(change, 0..5), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn sealed_equals_plain_also_when_opened_again(commits in any_changes()) {
        let mut plain = MemoryStore::new();
        let mut store = sealed(MemoryStore::new(), 1);
        let mut head: Option<Vec<u8>> = None;
        for (number, mut changes) in commits.into_iter().enumerate() {
            let next = vec![number as u8; 9];
            let change = Change::Put { space: Space::Meta, key: HEAD_KEY, bytes: next.clone() };
            changes.push(change);
            for expected in [Some(b"stale".to_vec()), head.clone()] {
                let done = block_on(plain.commit(expected.as_deref(), changes.clone())).unwrap();
                let sealed = block_on(store.commit(expected.as_deref(), changes.clone())).unwrap();
                prop_assert_eq!(sealed, done);
            }
            head = Some(next);
            if number % 3 == 2 {
                store = sealed(store.into_store(), 1);
            }
            prop_assert_eq!(block_on(everything(&store)), block_on(everything(&plain)));
            let keys: Vec<(Space, u64)> =
                Space::ALL.into_iter().flat_map(|space| (0..14).map(move |key| (space, key))).collect();
            prop_assert_eq!(block_on(store.read(&keys)).unwrap(), block_on(plain.read(&keys)).unwrap());
        }
    }
}

#[test]
fn an_index_in_a_sealed_folder_is_found_again_with_its_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let open = || FilesStore::open(folder.path()).unwrap();
    let mut first = index(sealed(open(), 1));
    assert_eq!(first.store_kind(), StoreKind::Files);
    for number in 1..=3 {
        assert_eq!(add(&mut first, number).unwrap(), Outcome::Added);
    }
    assert!(block_on(first.remove("https://burrow.example/2")).unwrap());
    drop(first);

    let error = refusal(open(), 2);
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("another key"), "{error}");
    for open in [block_on(Index::open(open())).err(), block_on(Index::open_cleared(open())).err()] {
        let error = open.unwrap();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.to_string().contains("is encrypted"), "{error}");
    }

    let mut again = index(sealed(open(), 1));
    assert_eq!(count(&again), 2);
    assert!(again.problems().is_empty());
    assert_found(&mut again, 1);
    assert_found(&mut again, 3);
}

#[test]
fn nothing_readable_is_in_the_store_below() {
    let words = ["marmot", "burrow.example", "Title of", "tiny", "Top"];
    let bytes_of = |store: &MemoryStore| -> Vec<u8> {
        block_on(everything(store)).into_iter().flat_map(|(.., bytes)| bytes).collect()
    };
    let has = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|it| it == word.as_bytes());
    let mut plain = index(MemoryStore::new());
    add(&mut plain, 1).unwrap();
    let plain = bytes_of(&plain.into_store());
    assert!(words.iter().all(|word| has(&plain, word)), "the words are where they are looked for");

    let mut secret = index(sealed(MemoryStore::new(), 1));
    add(&mut secret, 1).unwrap();
    let store = secret.into_store().into_store();
    let secret = bytes_of(&store);
    assert!(secret.len() > plain.len());
    for word in words {
        assert!(!has(&secret, word), "{word} can be read");
    }
    // Neither a page's codes nor the headers of records: every record but the mark is noise.
    let codes = pages::page("u", &[TEXT], DIMENSION, 10).int8;
    let codes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
    assert!(plain.windows(codes.len()).any(|it| it == codes));
    assert!(!secret.windows(codes.len()).any(|it| it == codes));
    let named = block_on(everything(&store)).into_iter().filter(|(.., bytes)| has(bytes, "BRW"));
    let named: Vec<(Space, u64)> = named.map(|(space, key, _)| (space, key)).collect();
    assert_eq!(named, [(Space::Meta, SEAL_KEY)]);
}

#[test]
fn an_index_that_is_not_encrypted_is_not_taken_for_one_that_is() {
    let mut plain = index(MemoryStore::new());
    add(&mut plain, 1).unwrap();
    let error = refusal(plain.into_store(), 1);
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("is not encrypted"), "{error}");

    // Also where it has no page yet, and where pages only wait.
    assert_eq!(refusal(index(MemoryStore::new()).into_store(), 1).kind(), ErrorKind::Input);
    let mut store = MemoryStore::new();
    let waits = Change::Put { space: Space::Queue, key: 3, bytes: b"page".to_vec() };
    assert_eq!(block_on(store.commit(None, vec![waits])).unwrap(), Commit::Done);
    assert_eq!(refusal(store, 1).kind(), ErrorKind::Input);
}

#[test]
fn what_was_altered_or_moved_is_damage_and_the_others_are_read() {
    let mut first = index(sealed(MemoryStore::new(), 1));
    for number in 1..=3 {
        add(&mut first, number).unwrap();
    }
    let store = first.into_store().into_store();
    let records = block_on(everything(&store));
    let directory: Vec<_> =
        records.iter().filter(|(space, ..)| *space == Space::Directory).collect();
    let [one, two, _] = directory.as_slice() else { panic!("three pages") };
    let put = |to: &(Space, u64, Vec<u8>), bytes: &[u8]| {
        let change = Change::Put { space: to.0, key: to.1, bytes: bytes.to_vec() };
        let mut store = store.clone();
        let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
        assert_eq!(block_on(store.commit(head.as_deref(), vec![change])).unwrap(), Commit::Done);
        store
    };
    let mut altered = two.2.clone();
    *altered.last_mut().unwrap() ^= 1;
    let short = &two.2[..5];
    // The record of another page; the same altered; cut off; gone but for its place.
    for bytes in [one.2.as_slice(), &altered, short, &[]] {
        let mut index = index(sealed(put(two, bytes), 1));
        assert_eq!((count(&index), index.problems().len()), (2, 1));
        assert_found(&mut index, 1);
        assert_found(&mut index, 3);
    }
    // In another space, too, a record is not what it was.
    let bits = records.iter().find(|(space, ..)| *space == Space::Bits).unwrap();
    let sentences = records.iter().find(|(space, ..)| *space == Space::Sentences).unwrap();
    let store = sealed(put(bits, &sentences.2), 1);
    assert_eq!(block_on(store.read(&[(bits.0, bits.1)])).unwrap(), [Some(vec![])]);
}

#[test]
fn two_writers_with_one_key_do_not_undo_each_other() {
    let store = Shared::default();
    let open = |writer| {
        let cipher = TestCipher::new(1, writer);
        block_on(SealedStore::open(store.clone(), cipher)).unwrap()
    };
    // Both begin with an empty store.
    let (mut one, mut other) =
        (block_on(Index::open(open(0))).unwrap(), block_on(Index::open(open(1))).unwrap());
    block_on(one.bind(&fingerprint())).unwrap();
    block_on(other.bind(&fingerprint())).unwrap();
    assert_eq!(add(&mut one, 1).unwrap(), Outcome::Added);
    assert_eq!(add(&mut other, 2).unwrap(), Outcome::Added);
    assert_eq!(add(&mut one, 3).unwrap(), Outcome::Added);
    assert_eq!(add(&mut other, 3).unwrap(), Outcome::Unchanged);
    let mut third = index(open(2));
    assert_eq!(count(&third), 3);
    (1..=3).for_each(|number| assert_found(&mut third, number));
}

#[test]
fn of_two_who_begin_at_once_only_the_first_writes() {
    for (first, second, kind) in
        [(Some(1), Some(2), ErrorKind::Locked), (None, Some(2), ErrorKind::Input)]
    {
        let store = Shared::default();
        let late = second.map(|key| sealed(store.clone(), key)).unwrap();
        let mut late = block_on(Index::open(late)).unwrap();
        match first {
            Some(key) => {
                assert_eq!(add(&mut index(sealed(store.clone(), key)), 1).unwrap(), Outcome::Added)
            }
            None => assert_eq!(add(&mut index(store.clone()), 1).unwrap(), Outcome::Added),
        }
        let before = block_on(everything(&store));
        assert_eq!(block_on(late.bind(&fingerprint())).unwrap_err().kind(), kind);
        assert_eq!(block_on(late.clear()).unwrap_err().kind(), kind);
        assert_eq!(block_on(everything(&store)), before);
    }
    // One that knows of no key does not write into what is encrypted meanwhile.
    let store = Shared::default();
    let mut late = block_on(Index::open(store.clone())).unwrap();
    add(&mut index(sealed(store.clone(), 1)), 1).unwrap();
    let before = block_on(everything(&store));
    assert!(block_on(late.bind(&fingerprint())).is_err());
    assert!(block_on(late.clear()).is_err());
    assert_eq!(block_on(everything(&store)), before);
}

/// A store in which another tab begins an encrypted index between two looks.
#[derive(Clone, Default)]
struct Raced {
    store: Shared,
    has_begun: Rc<Cell<bool>>,
}

impl Store for Raced {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn damage(&self) -> &[String] {
        self.store.damage()
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        if !self.has_begun.replace(true) {
            add(&mut index(sealed(self.store.clone(), 1)), 1)?;
        }
        self.store.keys(space, from).await
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        if !self.has_begun.replace(true) {
            add(&mut index(sealed(self.store.clone(), 1)), 1)?;
        }
        self.store.scan(space, from, count).await
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        self.store.read(keys).await
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        self.store.commit(expected, changes).await
    }
}

#[test]
fn an_index_that_another_begins_while_it_is_opened_is_seen_to_be_encrypted() {
    assert_eq!(count(&index(sealed(Raced::default(), 1))), 1);
    assert_eq!(refusal(Raced::default(), 2).kind(), ErrorKind::Locked);
}

#[test]
fn a_cleared_index_stays_encrypted() {
    let mut first = index(sealed(MemoryStore::new(), 1));
    add(&mut first, 1).unwrap();
    block_on(first.clear()).unwrap();
    let store = first.into_store().into_store();
    assert_eq!(refusal(store.clone(), 2).kind(), ErrorKind::Locked);
    let cleared = block_on(Index::open_cleared(sealed(store, 1))).unwrap();
    let store = cleared.into_store().into_store();
    assert_eq!(block_on(Index::open(store.clone())).err().unwrap().kind(), ErrorKind::Locked);
    let mut again = index(sealed(store, 1));
    assert_eq!((count(&again), add(&mut again, 2).unwrap()), (0, Outcome::Added));
}

#[test]
fn a_mark_that_is_damaged_opens_nothing() {
    let mut first = index(sealed(MemoryStore::new(), 1));
    add(&mut first, 1).unwrap();
    let mut store = first.into_store().into_store();
    let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
    let bytes = b"noise".to_vec();
    let mark = Change::Put { space: Space::Meta, key: SEAL_KEY, bytes };
    assert_eq!(block_on(store.commit(head.as_deref(), vec![mark])).unwrap(), Commit::Done);
    assert_eq!(refusal(store.clone(), 1).kind(), ErrorKind::Corrupt);
    assert_eq!(block_on(Index::open(store)).err().unwrap().kind(), ErrorKind::Locked);
}
