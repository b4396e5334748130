//! What opening asks of the store: everything at once, every record once, and no more often than it must.

mod pages;
mod shared;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use burrow::Result;
use burrow::fingerprint::Fingerprint;
use burrow::index::Index;
use burrow::index::format::{self, BitsRun};
use burrow::quantize::Quantizer;
use burrow::store::{Change, Commit, HEAD_KEY, Space, Store, StoreKind};
use pollster::block_on;
use shared::Shared;

const DIMENSION: usize = 16;

/// A store that answers when it is asked for the second time, as a browser does later.
#[derive(Clone, Default)]
struct Slow {
    store: Shared,
    under_way: Rc<Cell<usize>>,
    /// The most that was under way at once.
    most: Rc<Cell<usize>>,
    scanned: Rc<RefCell<Vec<Space>>>,
    /// How often the head, what the index was made with, or whether it is encrypted were asked for.
    reads: Rc<Cell<usize>>,
    /// How often anything was asked for.
    asked: Rc<Cell<usize>>,
    /// The moment that it tells; none where it cannot.
    moment: Rc<Cell<Option<u64>>>,
    /// At which of what is asked the next moment comes.
    next_moment: Rc<Cell<Option<usize>>>,
}

impl Slow {
    async fn wait(&self) {
        self.asked.update(|count| count + 1);
        if self.next_moment.get() == Some(self.asked.get()) {
            self.moment.update(|moment| moment.map(|moment| moment + 1));
        }
        self.under_way.update(|count| count + 1);
        self.most.set(self.most.get().max(self.under_way.get()));
        let mut is_asked = false;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut is_asked, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.under_way.update(|count| count - 1);
    }
}

impl Store for Slow {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn damage(&self) -> &[String] {
        self.store.damage()
    }

    fn moment(&self) -> Option<u64> {
        self.moment.get()
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        self.scanned.borrow_mut().push(space);
        self.wait().await;
        self.store.keys(space, from).await
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        self.scanned.borrow_mut().push(space);
        self.wait().await;
        self.store.scan(space, from, count).await
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        let is_meta = keys.iter().all(|&(space, _)| space == Space::Meta);
        self.reads.update(|count| count + usize::from(is_meta));
        self.wait().await;
        self.store.read(keys).await
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        self.store.commit(expected, changes).await
    }
}

/// A store with so many pages, each with records of its own.
fn filled(count: usize) -> Slow {
    filled_with(count, 0)
}

/// The same, with so many bytes more in each address, which the directory has.
fn filled_with(count: usize, more: usize) -> Slow {
    let store = Slow::default();
    let mut index = block_on(Index::open(store.clone())).unwrap();
    let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
    let quantizer = Quantizer::MaxAbs;
    block_on(index.bind(&Fingerprint { model, dimension: DIMENSION, quantizer, digest })).unwrap();
    for number in 0..count {
        let url = format!("u{number}{}", "/".repeat(more));
        let page = pages::page(&url, &["A text."], DIMENSION, number as u64);
        block_on(index.commit(page)).unwrap();
    }
    store.scanned.borrow_mut().clear();
    store.most.set(0);
    store.reads.set(0);
    store.asked.set(0);
    store
}

#[test]
fn every_record_is_read_however_many_there_are() {
    // Small records are listed from the third step on, large ones are not.
    for more in [0, 8 * 1024] {
        for count in [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 700] {
            let store = filled_with(count, more);
            let index = block_on(Index::open(store.clone())).unwrap();
            assert_eq!((index.page_count(), index.passage_count()), (count, count));
            assert_eq!(index.problems(), []);
            let of_directory = |space: &&Space| **space == Space::Directory;
            let asked = store.scanned.take().iter().filter(of_directory).count();
            assert_eq!(asked > 1, count > 64 && more == 0, "{count} records: {asked} times");
        }
    }
}

#[test]
fn what_is_asked_first_is_asked_at_once() {
    let store = filled(40);
    let index = block_on(Index::open(store.clone())).unwrap();
    assert_eq!(index.page_count(), 40);
    assert_eq!(store.scanned.take(), [Space::Gone, Space::Directory, Space::Bits, Space::Queue]);
    assert_eq!(store.most.get(), 6, "the four, the head, and whether it is encrypted");
}

#[test]
fn the_head_is_read_again_unless_all_was_read_at_one_moment() {
    // Whether the index is encrypted, the head and what it was made with, the keys of four spaces,
    // the records of two.
    for (moment, next_moment, reads) in [
        (None, None, 3),
        (Some(7), None, 2),
        (Some(7), Some(2), 2),
        (Some(7), Some(3), 3),
        (Some(7), Some(6), 3),
        (Some(7), Some(8), 3),
    ] {
        let store = filled(3);
        store.moment.set(moment);
        store.next_moment.set(next_moment);
        let index = block_on(Index::open(store.clone())).unwrap();
        assert_eq!((index.page_count(), store.reads.get()), (3, reads), "{next_moment:?}");
    }
}

#[test]
fn bits_that_are_not_as_many_as_the_passages_are_left_out_and_named() {
    let mut store = filled(3);
    let key = block_on(store.keys(Space::Bits, 0)).unwrap()[1];
    let page = format::page_of_key(key);
    let run = BitsRun { pages: vec![(page, 2)], bits: &[0; 2 * DIMENSION / 8] };
    let bytes = format::bits_run_to_bytes(page, DIMENSION, &run).unwrap();
    let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
    let change = Change::Put { space: Space::Bits, key, bytes };
    assert_eq!(block_on(store.commit(head.as_deref(), vec![change])).unwrap(), Commit::Done);
    let index = block_on(Index::open(store)).unwrap();
    assert_eq!((index.page_count(), index.passage_count(), index.problems().len()), (2, 2, 1));
    assert!(index.problems()[0].message.contains("not as many"), "{:?}", index.problems());
}
