//! A commit is there as a whole or not at all, whatever becomes of the process or the disk.

mod cipher;
mod oracle;
mod pages;

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use burrow::fingerprint::Fingerprint;
use burrow::index::{Index, Outcome, format};
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::{
    AnyStore, Change, Commit, FilesStore, HEAD_KEY, MemoryStore, SealedStore, Space, Store,
    StoreKind,
};
use burrow::{Error, ErrorKind};
use cipher::TestCipher;
use pollster::block_on;
use proptest::prelude::*;

const DIMENSION: usize = 16;

fn fingerprint(digest: &str) -> Fingerprint {
    let (model, quantizer) = ("tiny".into(), Quantizer::MaxAbs);
    Fingerprint { model, dimension: DIMENSION, quantizer, digest: digest.into() }
}

fn put(space: Space, key: u64, bytes: &[u8]) -> Change {
    Change::Put { space, key, bytes: bytes.to_vec() }
}

fn opened<S: Store>(store: S) -> Index<S> {
    let mut index = block_on(Index::open(store)).unwrap();
    block_on(index.bind(&fingerprint("d"))).unwrap();
    index
}

/// The page that the tests commit under this number, and the vector that finds it.
fn add<S: Store>(index: &mut Index<S>, number: u64) -> burrow::Result<Outcome> {
    let (url, text) = (format!("u{number}"), format!("Page {number}. It is short."));
    block_on(index.commit(pages::page(&url, &[&text, "More."], DIMENSION, number * 10)))
}

fn urls<S: Store>(index: &Index<S>) -> Vec<String> {
    index.pages().into_iter().map(|page| page.url).collect()
}

/// Searching for a page's own vector finds it first, with its own text.
fn assert_found<S: Store>(index: &mut Index<S>, number: u64) {
    let vector = pages::vector(number * 10, DIMENSION);
    let query = Query { text: "page", vector: Some(&vector) };
    let hits = block_on(
        index.search(query, &SearchOptions { mode: Mode::Semantic, ..SearchOptions::default() }),
    )
    .unwrap();
    assert_eq!(hits[0].url, format!("u{number}"));
    assert_eq!(hits[0].excerpt, format!("Page {number}. It is short."));
}

async fn everything<S: Store>(store: &S) -> Vec<(Space, u64, Vec<u8>)> {
    let mut all = Vec::new();
    for space in Space::ALL {
        let records = store.scan(space, 0, usize::MAX).await.unwrap();
        all.extend(records.into_iter().map(|(key, bytes)| (space, key, bytes)));
    }
    all
}

async fn keeps_the_laws(mut store: impl Store) {
    let (a, b) = (Space::Bits, Space::Codes);
    let first =
        vec![put(a, 1, b"x"), put(a, 2, b"y"), put(a, 9, b"z"), put(b, 2, b""), put(a, 2, b"w")];
    assert_eq!(store.commit(None, first).await.unwrap(), Commit::Done);
    assert_eq!(store.scan(a, 0, 2).await.unwrap(), [(1, b"x".to_vec()), (2, b"w".to_vec())]);
    assert_eq!(store.scan(a, 3, 9).await.unwrap(), [(9, b"z".to_vec())]);
    assert_eq!(store.scan(Space::Pages, 0, 9).await.unwrap(), []);
    let read = store.read(&[(b, 2), (a, 9), (a, 8), (b, 2)]).await.unwrap();
    assert_eq!(read, [Some(vec![]), Some(b"z".to_vec()), None, Some(vec![])]);

    // The key at the end of a range stays, and so do those of another space.
    let delete = |keys| Change::Delete { space: a, keys };
    let second =
        vec![delete(2..9), delete(5..5), put(a, 3, b"n"), put(Space::Meta, HEAD_KEY, b"h")];
    assert_eq!(store.commit(None, second).await.unwrap(), Commit::Done);
    let left = [(1, b"x".to_vec()), (3, b"n".to_vec()), (9, b"z".to_vec())];
    assert_eq!(store.scan(a, 0, 9).await.unwrap(), left);
    assert_eq!(store.scan(b, 0, 9).await.unwrap().len(), 1);

    // A writer that does not know the head is refused.
    for expected in [None, Some(b"other".as_slice())] {
        let commit = store.commit(expected, vec![put(a, 1, b"lost")]).await.unwrap();
        assert_eq!(commit, Commit::Conflict);
    }
    assert_eq!(store.scan(a, 0, 9).await.unwrap(), left);
    // A change that cannot be made takes those before it back.
    let made = [Ok(put(a, 1, b"lost")), Err(Error::new(ErrorKind::Limit, "too long"))];
    let error = store.commit_each(Some(b"h"), &mut made.into_iter()).await.unwrap_err();
    assert_eq!((error.kind(), store.scan(a, 0, 9).await.unwrap()), (ErrorKind::Limit, left.into()));
    let mut made = [Ok(put(a, 1, b"kept"))].into_iter();
    assert_eq!(store.commit_each(Some(b"h"), &mut made).await.unwrap(), Commit::Done);
    assert_eq!(store.read(&[(a, 1)]).await.unwrap(), [Some(b"kept".to_vec())]);
}

#[test]
fn memory_and_files_keep_the_laws() {
    block_on(keeps_the_laws(MemoryStore::new()));
    let folder = tempfile::tempdir().unwrap();
    block_on(keeps_the_laws(FilesStore::open(folder.path().join("a/b")).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let any = AnyStore::Files(FilesStore::open(folder.path()).unwrap());
    assert_eq!(any.kind(), StoreKind::Files);
    block_on(keeps_the_laws(any));
    let cipher = TestCipher::new(1, 0);
    let sealed = block_on(SealedStore::open(MemoryStore::new(), cipher)).unwrap();
    block_on(keeps_the_laws(sealed));
}

/// Steps of commits over few keys, so that they meet.
fn any_changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let space = prop::sample::select(Space::ALL.to_vec());
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    let put = (space.clone(), 2u64..12, bytes).prop_map(|(space, key, bytes)| Change::Put {
        space,
        key,
        bytes,
    });
    let delete = (space, 2u64..12, 0u64..6)
        .prop_map(|(space, key, count)| Change::Delete { space, keys: key..key + count });
    let change = prop_oneof![3 => put, 1 => delete];
    prop::collection::vec(prop::collection::vec(change, 0..5), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn files_equal_memory_also_when_opened_again(commits in any_changes()) {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = MemoryStore::new();
        let mut files = FilesStore::open(folder.path()).unwrap();
        for (number, changes) in commits.into_iter().enumerate() {
            let done = block_on(memory.commit(None, changes.clone())).unwrap();
            prop_assert_eq!(block_on(files.commit(None, changes)).unwrap(), done);
            if number % 3 == 2 {
                drop(files);
                files = FilesStore::open(folder.path()).unwrap();
                prop_assert_eq!(files.damage(), &[] as &[String]);
            }
            prop_assert_eq!(block_on(everything(&files)), block_on(everything(&memory)));
        }
    }
}

/// A folder with some pages, and the log's length after each of them was committed.
fn log_of_pages(folder: &Path, count: u64) -> Vec<u64> {
    let length = || fs::metadata(folder.join("burrow.log")).unwrap().len();
    let mut index = opened(FilesStore::open(folder).unwrap());
    let mut ends = vec![length()];
    for number in 0..count {
        assert_eq!(add(&mut index, number).unwrap(), Outcome::Added);
        ends.push(length());
    }
    ends
}

#[test]
fn a_log_cut_at_any_byte_keeps_every_whole_commit() {
    let source = tempfile::tempdir().unwrap();
    let ends = log_of_pages(source.path(), 3);
    let log = fs::read(source.path().join("burrow.log")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for cut in 0..=log.len() {
        fs::write(folder.path().join("burrow.log"), &log[..cut]).unwrap();
        let whole = ends.iter().filter(|&&end| end <= cut as u64).count().saturating_sub(1) as u64;
        let store = FilesStore::open(folder.path()).unwrap();
        let is_end = cut == 0 || ends.contains(&(cut as u64));
        assert_eq!(store.damage().is_empty(), is_end, "cut at {cut}");
        let mut index = block_on(Index::open(store)).unwrap();
        let expected: Vec<String> = (0..whole).map(|number| format!("u{number}")).collect();
        assert_eq!(urls(&index), expected, "cut at {cut}");
        if cut % 61 == 0 {
            block_on(index.bind(&fingerprint("d"))).unwrap();
            (0..whole).for_each(|number| assert_found(&mut index, number));
            assert_eq!(add(&mut index, 7).unwrap(), Outcome::Added);
            drop(index);
            let mut again = opened(FilesStore::open(folder.path()).unwrap());
            assert!(again.problems().is_empty(), "what the cut left was written over");
            (0..whole).chain([7]).for_each(|number| assert_found(&mut again, number));
        }
    }
}

#[test]
fn a_damaged_byte_costs_its_own_commit_only() {
    let source = tempfile::tempdir().unwrap();
    let ends = log_of_pages(source.path(), 3);
    let log = fs::read(source.path().join("burrow.log")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // From the end of the first commit, which says what the index was made with.
    for at in (ends[0] as usize..log.len()).step_by(7) {
        let mut damaged = log.clone();
        damaged[at] ^= 0x10;
        fs::write(folder.path().join("burrow.log"), &damaged).unwrap();
        let mut index = opened(FilesStore::open(folder.path()).unwrap());
        let hurt = ends.iter().filter(|&&end| end <= at as u64).count() as u64 - 1;
        let expected: Vec<u64> = (0..3).filter(|&number| number != hurt).collect();
        let names: Vec<String> = expected.iter().map(|number| format!("u{number}")).collect();
        assert_eq!(urls(&index), names, "byte {at}");
        assert_eq!(index.problems().len(), 1);
        expected.iter().for_each(|&number| assert_found(&mut index, number));
        assert_eq!(add(&mut index, hurt).unwrap(), Outcome::Added);
        assert_found(&mut index, hurt);
    }
}

#[test]
fn a_page_that_holds_the_bytes_of_a_commit_is_not_taken_for_one() {
    let folder = tempfile::tempdir().unwrap();
    log_of_pages(folder.path(), 1);
    let path = folder.path().join("burrow.log");
    let mut log = fs::read(&path).unwrap();
    let inner = format::frame(&[put(Space::Pages, 99, b"smuggled")]).unwrap();
    let outer = format::frame(&[put(Space::Pages, 98, &[inner, vec![0; 50]].concat())]).unwrap();
    log.extend(&outer[..outer.len() - 10]);
    fs::write(&path, &log).unwrap();
    let store = FilesStore::open(folder.path()).unwrap();
    assert_eq!(store.damage().len(), 1);
    assert_eq!(block_on(store.read(&[(Space::Pages, 99)])).unwrap(), [None]);
}

#[test]
fn a_folder_is_open_once() {
    let folder = tempfile::tempdir().unwrap();
    let first = FilesStore::open(folder.path()).unwrap();
    let error = FilesStore::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.to_string().contains("another process"), "{error}");
    drop(first);
    FilesStore::open(folder.path()).unwrap();
}

#[test]
fn a_folder_that_cannot_be_used_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    assert_eq!(FilesStore::open(&file).unwrap_err().kind(), ErrorKind::Storage);
    fs::create_dir(folder.path().join("burrow.log")).unwrap();
    assert_eq!(FilesStore::open(folder.path()).unwrap_err().kind(), ErrorKind::Storage);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("burrow.log")).unwrap();
    let mut store = FilesStore::open(folder.path()).unwrap();
    let error = block_on(store.commit(None, vec![put(Space::Pages, 1, b"x")])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(block_on(everything(&store)), []);
    // A device cannot be cut back to its former length, so the store asks to be opened again.
    let error = block_on(store.commit(None, vec![put(Space::Pages, 1, b"x")])).unwrap_err();
    assert!(error.to_string().contains("open the index again"), "{error}");
}

#[test]
fn a_log_of_replaced_records_is_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let length = || fs::metadata(folder.path().join("burrow.log")).unwrap().len();
    let mut store = FilesStore::open(folder.path()).unwrap();
    for round in 0..12u8 {
        let changes = vec![put(Space::Pages, 1, &[round; 200_000]), put(Space::Bits, 3, b"bits")];
        assert_eq!(block_on(store.commit(None, changes)).unwrap(), Commit::Done);
    }
    let before = block_on(everything(&store));
    assert!(length() > 2_400_000);
    drop(store);
    // A rewriting that a crash has cut short is no hindrance.
    fs::write(folder.path().join("burrow.log.new"), b"half").unwrap();
    let mut store = FilesStore::open(folder.path()).unwrap();
    assert!(length() < 300_000, "{}", length());
    assert_eq!(block_on(everything(&store)), before);
    assert_eq!(
        block_on(store.commit(None, vec![put(Space::Bits, 4, b"x")])).unwrap(),
        Commit::Done
    );
    drop(store);
    let store = FilesStore::open(folder.path()).unwrap();
    assert_eq!(block_on(everything(&store)).len(), before.len() + 1);
}

/// A store that several indexes share, as tabs do, and that fails when it is told to.
#[derive(Clone, Default)]
struct Shared {
    store: Rc<RefCell<MemoryStore>>,
    fails: Rc<RefCell<Option<ErrorKind>>>,
}

impl Shared {
    fn check(&self) -> burrow::Result<()> {
        match *self.fails.borrow() {
            Some(kind) => Err(burrow::Error::new(kind, "told to fail")),
            None => Ok(()),
        }
    }
}

impl Store for Shared {
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn damage(&self) -> &[String] {
        &[]
    }

    async fn keys(&self, space: Space, from: u64) -> burrow::Result<Vec<u64>> {
        self.check()?;
        block_on(self.store.borrow().keys(space, from))
    }

    async fn scan(
        &self,
        space: Space,
        from: u64,
        count: usize,
    ) -> burrow::Result<Vec<(u64, Vec<u8>)>> {
        self.check()?;
        block_on(self.store.borrow().scan(space, from, count))
    }

    async fn read(&self, keys: &[(Space, u64)]) -> burrow::Result<Vec<Option<Vec<u8>>>> {
        self.check()?;
        block_on(self.store.borrow().read(keys))
    }

    async fn commit(
        &mut self,
        expected: Option<&[u8]>,
        changes: Vec<Change>,
    ) -> burrow::Result<Commit> {
        self.check()?;
        block_on(self.store.borrow_mut().commit(expected, changes))
    }
}

#[test]
fn a_failed_commit_leaves_the_index_as_it_was() {
    let store = Shared::default();
    let mut index = opened(store.clone());
    add(&mut index, 1).unwrap();
    for kind in [ErrorKind::StorageFull, ErrorKind::Storage] {
        *store.fails.borrow_mut() = Some(kind);
        assert_eq!(add(&mut index, 2).unwrap_err().kind(), kind);
        let changed = pages::page("u1", &["New."], DIMENSION, 500);
        assert_eq!(block_on(index.commit(changed)).unwrap_err().kind(), kind);
        assert_eq!(block_on(index.remove("u1")).unwrap_err().kind(), kind);
        let vector = pages::vector(10, DIMENSION);
        let query = Query { text: "", vector: Some(&vector) };
        let error = block_on(
            index
                .search(query, &SearchOptions { mode: Mode::Semantic, ..SearchOptions::default() }),
        )
        .unwrap_err();
        assert_eq!(error.kind(), kind, "a failing store is no damaged page");
        *store.fails.borrow_mut() = None;
        assert_eq!(urls(&index), ["u1"]);
        assert!(index.problems().is_empty());
        assert_found(&mut index, 1);
    }
    assert_eq!(add(&mut index, 2).unwrap(), Outcome::Added);
    assert_found(&mut index, 2);
}

/// A place without space: what only removes still goes through, as in browsers.
struct Full(Shared);

impl Store for Full {
    fn kind(&self) -> StoreKind {
        self.0.kind()
    }

    fn damage(&self) -> &[String] {
        self.0.damage()
    }

    async fn keys(&self, space: Space, from: u64) -> burrow::Result<Vec<u64>> {
        self.0.keys(space, from).await
    }

    async fn scan(
        &self,
        space: Space,
        from: u64,
        count: usize,
    ) -> burrow::Result<Vec<(u64, Vec<u8>)>> {
        self.0.scan(space, from, count).await
    }

    async fn read(&self, keys: &[(Space, u64)]) -> burrow::Result<Vec<Option<Vec<u8>>>> {
        self.0.read(keys).await
    }

    async fn commit(
        &mut self,
        expected: Option<&[u8]>,
        changes: Vec<Change>,
    ) -> burrow::Result<Commit> {
        if changes.iter().any(|change| matches!(change, Change::Put { .. })) {
            return Err(burrow::Error::new(ErrorKind::StorageFull, "no space"));
        }
        self.0.commit(expected, changes).await
    }
}

#[test]
fn pages_can_be_removed_where_there_is_no_space() {
    let store = Shared::default();
    let mut other = opened(store.clone());
    for number in 1..=3 {
        assert_eq!(add(&mut other, number).unwrap(), Outcome::Added);
    }
    let mut index = opened(Full(store.clone()));
    assert_eq!(add(&mut index, 4).unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(block_on(index.remove("u3")).unwrap());
    assert_eq!(urls(&index), ["u1", "u2"]);

    // There is space again: another writer, who has not seen the removal, goes on rightly.
    assert_eq!(add(&mut other, 4).unwrap(), Outcome::Added);
    assert_eq!(urls(&other), ["u1", "u2", "u4"]);
    // The first has not seen the new page, which may have the number of the removed one.
    assert!(block_on(index.remove("u1")).unwrap());
    assert_eq!(urls(&index), ["u2", "u4"]);
    assert_found(&mut index, 4);
    block_on(index.clear()).unwrap();
    assert_eq!(urls(&opened(store)), [] as [String; 0]);
}

#[test]
fn two_writers_do_not_undo_each_other() {
    let store = Shared::default();
    let (mut one, mut other) = (opened(store.clone()), opened(store.clone()));
    assert_eq!(add(&mut one, 1).unwrap(), Outcome::Added);
    assert_eq!(add(&mut other, 2).unwrap(), Outcome::Added);
    assert_eq!(urls(&other), ["u1", "u2"], "a refused commit looks again");
    assert_eq!(add(&mut one, 1).unwrap(), Outcome::Unchanged);
    assert_eq!(add(&mut one, 3).unwrap(), Outcome::Added);
    assert_eq!(urls(&one), ["u1", "u2", "u3"]);
    assert_eq!(add(&mut other, 3).unwrap(), Outcome::Unchanged);

    // What one has removed, the other neither shows nor takes for damage.
    assert!(block_on(one.remove("u2")).unwrap());
    assert_eq!(urls(&other), ["u1", "u2", "u3"]);
    assert_found(&mut other, 1);
    let vector = pages::vector(20, DIMENSION);
    let query = Query { text: "", vector: Some(&vector) };
    let hits = block_on(
        other.search(query, &SearchOptions { mode: Mode::Semantic, ..SearchOptions::default() }),
    )
    .unwrap();
    assert!(hits.iter().all(|hit| hit.url != "u2"));
    assert_eq!(urls(&other), ["u1", "u3"]);
    assert!(other.problems().is_empty());
}

#[test]
fn an_index_cleared_or_made_anew_by_another_is_told() {
    let store = Shared::default();
    let (mut one, mut other) = (opened(store.clone()), opened(store.clone()));
    add(&mut one, 1).unwrap();
    block_on(one.clear()).unwrap();
    assert_eq!(add(&mut other, 2).unwrap_err().kind(), ErrorKind::Storage);
    block_on(one.bind(&fingerprint("another"))).unwrap();
    assert_eq!(add(&mut other, 2).unwrap_err().kind(), ErrorKind::Fingerprint);
    assert_eq!(add(&mut one, 2).unwrap(), Outcome::Added);
}
