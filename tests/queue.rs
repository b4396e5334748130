//! What waits is what was enqueued and neither removed nor committed, also after a restart, with
//! two writers, and with damaged records.

mod pages;
mod shared;

use burrow::ErrorKind;
use burrow::fingerprint::Fingerprint;
use burrow::index::queue::{ENQUEUE_PAGES_MAX, Enqueued, FAILURES_MAX, NewPage, Priority, Queued};
use burrow::index::{Index, Outcome};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::store::{Change, Commit, FilesStore, HEAD_KEY, MemoryStore, Space, Store};
use pollster::block_on;
use proptest::prelude::*;
use shared::Shared;

const DIMENSION: usize = 8;

fn fingerprint() -> Fingerprint {
    let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
    Fingerprint { model, dimension: DIMENSION, quantizer: Quantizer::MaxAbs, digest }
}

fn opened<S: Store>(store: S) -> Index<S> {
    let mut index = block_on(Index::open(store)).unwrap();
    block_on(index.bind(&fingerprint())).unwrap();
    index
}

/// A page whose content and hash are of one byte.
fn new_page(url: &str, content: u8, priority: Priority) -> NewPage {
    NewPage {
        url: url.into(),
        title: content.is_multiple_of(2).then(|| format!("Title {content}")),
        format: content % 3,
        content: vec![content; 10 + usize::from(content)],
        facts: content.is_multiple_of(5).then(|| "{}".into()),
        hash: [content; 32],
        priority,
    }
}

/// The same page, encoded.
fn encoded(page: &NewPage) -> EncodedPage {
    let mut encoded = pages::page(&page.url, &["One."], DIMENSION, u64::from(page.hash[0]));
    encoded.page.hash = page.hash;
    encoded
}

fn enqueue<S: Store>(index: &mut Index<S>, pages: &[NewPage]) -> Enqueued {
    block_on(index.enqueue(pages.to_vec())).unwrap()
}

/// Works the queue off, and gives the addresses in the order in which their turns came.
fn work_off<S: Store>(index: &mut Index<S>) -> Vec<String> {
    let mut urls = Vec::new();
    while let Some(waiting) = block_on(index.peek(None)).unwrap() {
        let outcome = block_on(index.commit_queued(waiting.key, encoded(&waiting.page))).unwrap();
        assert!(outcome.is_some(), "what was read a moment ago still waits");
        urls.push(waiting.page.url);
    }
    assert_eq!((index.queued().waiting, index.queued().bytes), (0, 0));
    urls
}

/// What a queue and an index must hold, written down simply.
#[derive(Debug, Default)]
struct Model {
    /// In the order in which they came.
    waiting: Vec<NewPage>,
    indexed: Vec<(String, [u8; 32])>,
    failed: Vec<String>,
}

impl Model {
    fn forget(&mut self, url: &str) {
        self.waiting.retain(|page| page.url != url);
        self.failed.retain(|failed| failed != url);
    }

    fn enqueue(&mut self, page: &NewPage) {
        if self.indexed.iter().any(|(url, hash)| *url == page.url && *hash == page.hash) {
            return self.forget(&page.url);
        }
        let same = |it: &&mut NewPage| it.url == page.url && it.hash == page.hash;
        if let Some(there) = self.waiting.iter_mut().find(same) {
            there.priority = there.priority.min(page.priority);
        } else {
            self.forget(&page.url);
            self.waiting.push(page.clone());
        }
    }

    fn next(&self) -> Option<&NewPage> {
        // The first of those that are least: `min_by_key` gives that.
        self.waiting.iter().min_by_key(|page| page.priority)
    }

    fn index(&mut self, page: &NewPage) {
        self.indexed.retain(|(url, _)| *url != page.url);
        self.indexed.push((page.url.clone(), page.hash));
        self.failed.retain(|failed| *failed != page.url);
    }

    fn assert_is<S: Store>(&self, index: &mut Index<S>) {
        let bytes = self.waiting.iter().map(|page| page.content.len() as u64).sum();
        let queued = Queued { waiting: self.waiting.len(), bytes, failed: self.failed.len() };
        assert_eq!(index.queued(), queued);
        assert_eq!(block_on(index.peek(None)).unwrap().map(|it| it.page).as_ref(), self.next());
        let failed: Vec<String> = index.failures().into_iter().map(|it| it.url).collect();
        assert_eq!(sorted(failed), sorted(self.failed.clone()));
        assert_eq!(index.page_count(), self.indexed.len());
        for (url, hash) in &self.indexed {
            assert_eq!(index.find(url), Some(*hash));
        }
        assert!(index.problems().is_empty(), "{:?}", index.problems());
    }
}

fn sorted(mut urls: Vec<String>) -> Vec<String> {
    urls.sort();
    urls
}

#[derive(Debug, Clone)]
enum Step {
    Enqueue(Vec<NewPage>),
    Commit,
    Settle,
    Add(NewPage),
    Remove(String),
    Clear,
    Reopen,
}

fn any_new_page() -> impl Strategy<Value = NewPage> {
    (0..6, 0..3u8, prop::sample::select(Priority::ALL.to_vec()))
        .prop_map(|(url, content, priority)| new_page(&format!("u{url}"), content, priority))
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::collection::vec(any_new_page(), 0..5).prop_map(Step::Enqueue),
        4 => Just(Step::Commit),
        2 => Just(Step::Settle),
        2 => any_new_page().prop_map(Step::Add),
        2 => (0..6).prop_map(|url| Step::Remove(format!("u{url}"))),
        1 => Just(Step::Clear),
        2 => Just(Step::Reopen),
    ]
}

/// Does a step in the model and in an index; the index may be opened anew.
fn take(step: &Step, model: &mut Model, mut index: Index<Shared>) -> Index<Shared> {
    match step {
        Step::Enqueue(pages) => {
            let latest = |(at, page): &(usize, &NewPage)| {
                pages.iter().rposition(|it| it.url == page.url) == Some(*at)
            };
            pages.iter().enumerate().filter(latest).for_each(|(_, page)| model.enqueue(page));
            enqueue(&mut index, pages);
        }
        Step::Commit => {
            if let Some(waiting) = block_on(index.peek(None)).unwrap() {
                let page = encoded(&waiting.page);
                let outcome = block_on(index.commit_queued(waiting.key, page.clone())).unwrap();
                assert!(outcome.is_some());
                model.index(&waiting.page);
                model.waiting.retain(|it| it.url != waiting.page.url);
                // Twice is once.
                assert_eq!(block_on(index.commit_queued(waiting.key, page)).unwrap(), None);
            }
        }
        Step::Settle => {
            if let Some(waiting) = block_on(index.peek(None)).unwrap() {
                assert!(block_on(index.settle(waiting.key, "empty", "nothing in it")).unwrap());
                assert!(!block_on(index.settle(waiting.key, "empty", "again")).unwrap());
                model.forget(&waiting.page.url);
                model.failed.push(waiting.page.url);
            }
        }
        Step::Add(page) => {
            block_on(index.commit(encoded(page))).unwrap();
            model.index(page);
        }
        Step::Remove(url) => {
            let was_there = model.indexed.iter().any(|(it, _)| it == url);
            assert_eq!(block_on(index.remove(url)).unwrap(), was_there);
            model.forget(url);
            model.indexed.retain(|(it, _)| it != url);
        }
        Step::Clear => {
            block_on(index.clear()).unwrap();
            block_on(index.bind(&fingerprint())).unwrap();
            *model = Model::default();
        }
        Step::Reopen => index = opened(index.into_store()),
    }
    index
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_queue_is_its_model(steps in prop::collection::vec((any_step(), any::<bool>()), 1..40)) {
        let (mut model, store) = (Model::default(), Shared::default());
        // Two writers that take turns, and never agree beforehand.
        let mut writers = [opened(store.clone()), opened(store)];
        for (step, which) in steps {
            let [one, other] = writers;
            let (mut writer, idle) = if which { (one, other) } else { (other, one) };
            // What only reads need not notice what others did; it is asked to look here.
            block_on(writer.follow(Some(&fingerprint()))).unwrap();
            block_on(writer.bind(&fingerprint())).unwrap();
            writer = take(&step, &mut model, writer);
            model.assert_is(&mut writer);
            writers = [writer, idle];
        }
        let [mut one, mut other] = writers;
        block_on(other.follow(Some(&fingerprint()))).unwrap();
        model.assert_is(&mut one);
        let mut order = model.waiting.clone();
        order.sort_by_key(|page| page.priority);
        let order: Vec<String> = order.into_iter().map(|page| page.url).collect();
        block_on(one.bind(&fingerprint())).unwrap();
        prop_assert_eq!(work_off(&mut one), order);
    }

    #[test]
    fn whatever_lies_in_the_queue_is_read_without_a_panic(
        records in prop::collection::vec(
            (prop_oneof![0u64..4, (0u64..4).prop_map(|n| (1 << 50) + n), (0u64..4).prop_map(|n| (1 << 51) + n), 0u64..1 << 53],
             prop::collection::vec(any::<u8>(), 0..60)),
            0..8),
    ) {
        let mut store = MemoryStore::new();
        let changes = records.into_iter().map(|(key, bytes)| put(key, bytes)).collect();
        prop_assert_eq!(block_on(store.commit(None, changes)).unwrap(), Commit::Done);
        let mut index = opened(store);
        prop_assert_eq!(index.queued(), Queued::default());
        enqueue(&mut index, &[new_page("a", 1, Priority::Normal)]);
        prop_assert_eq!(work_off(&mut index), ["a"]);
        // What is of no use has gone with the next change.
        prop_assert!(block_on(Index::open(index.into_store())).unwrap().problems().is_empty());
    }
}

fn put(key: u64, bytes: Vec<u8>) -> Change {
    Change::Put { space: Space::Queue, key, bytes }
}

#[test]
fn what_waits_survives_a_restart_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = opened(FilesStore::open(folder.path()).unwrap());
    let pages = [
        new_page("later", 1, Priority::Background),
        new_page("first", 2, Priority::Normal),
        new_page("second", 3, Priority::Normal),
        new_page("seen", 4, Priority::Visible),
    ];
    assert_eq!(enqueue(&mut index, &pages), Enqueued { waiting: 4, unchanged: 0 });
    let seen = block_on(index.peek(Some(Priority::Normal))).unwrap().unwrap();
    assert_eq!(seen.page, pages[3]);
    assert!(block_on(index.settle(seen.key, "empty", "nothing to read")).unwrap());
    assert_eq!(block_on(index.peek(Some(Priority::Normal))).unwrap(), None);
    drop(index);

    let mut index = opened(FilesStore::open(folder.path()).unwrap());
    let failures = index.failures();
    assert_eq!(failures.len(), 1);
    assert_eq!((failures[0].url.as_str(), failures[0].kind.as_str()), ("seen", "empty"));
    assert_eq!(work_off(&mut index), ["first", "second", "later"]);
    drop(index);

    let mut index = opened(FilesStore::open(folder.path()).unwrap());
    assert_eq!((index.queued().waiting, index.page_count()), (0, 3));
    assert_eq!(enqueue(&mut index, &pages), Enqueued { waiting: 1, unchanged: 3 });
    assert!(index.failures().is_empty(), "a page that is enqueued again has not failed");
}

#[test]
fn two_writers_commit_a_page_once() {
    let store = Shared::default();
    let (mut one, mut other) = (opened(store.clone()), opened(store));
    let page = new_page("a", 1, Priority::Normal);
    enqueue(&mut one, std::slice::from_ref(&page));
    block_on(other.catch_up()).unwrap();
    let [seen, also] = [&mut one, &mut other].map(|it| block_on(it.peek(None)).unwrap().unwrap());
    assert_eq!(seen, also);
    let outcome = block_on(one.commit_queued(seen.key, encoded(&page))).unwrap();
    assert_eq!(outcome, Some(Outcome::Added));
    assert_eq!(block_on(other.commit_queued(also.key, encoded(&page))).unwrap(), None);

    // A number is not given again: what one writer has read is not taken for a newer page.
    let newer = new_page("a", 2, Priority::Normal);
    enqueue(&mut one, std::slice::from_ref(&newer));
    assert_ne!(one.waiting_key("a"), Some(seen.key));
    assert_eq!(block_on(other.commit_queued(also.key, encoded(&page))).unwrap(), None);
    block_on(other.catch_up()).unwrap();
    assert_eq!(work_off(&mut other), ["a"]);
    assert_eq!(other.find("a"), Some(newer.hash));
}

#[test]
fn damaged_records_cost_their_page_alone() {
    let pages = ["a", "b", "c"].map(|url| new_page(url, 1, Priority::Normal));
    let mut index = opened(MemoryStore::new());
    enqueue(&mut index, &pages);
    let key = index.waiting_key("a").unwrap();
    let store = index.into_store();
    // Note and content of the first page: shortened, changed, another's, and gone.
    for target in [(1 << 50) + key, key] {
        let whole = block_on(store.read(&[(Space::Queue, target)])).unwrap().remove(0).unwrap();
        let another = block_on(store.read(&[(Space::Queue, target + 1)])).unwrap().remove(0);
        let mut damaged: Vec<Vec<u8>> =
            (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
        damaged.extend((0..whole.len()).map(|at| {
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            changed
        }));
        damaged.extend(another);
        for bytes in damaged {
            let mut store = store.clone();
            let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
            let commit = block_on(store.commit(head.as_deref(), vec![put(target, bytes)])).unwrap();
            assert_eq!(commit, Commit::Done);
            let mut index = opened(store);
            let is_note = target >= 1 << 50;
            assert_eq!(index.problems().len(), usize::from(is_note));
            assert_eq!(work_off(&mut index), ["b", "c"]);
            let failed: Vec<_> = index.failures().into_iter().map(|it| (it.url, it.kind)).collect();
            let lost = [("a".to_owned(), "corrupt".to_owned())];
            assert_eq!(failed, if is_note { &[] } else { &lost[..] });
            let again = opened(index.into_store());
            assert!(again.problems().is_empty());
        }
    }
}

#[test]
fn a_content_without_a_note_is_named_and_removed() {
    let verified = |index: &mut Index<Shared>| {
        let mut under_way = block_on(index.verify_begin()).unwrap();
        loop {
            if let Some(problems) = block_on(index.verify_next(&mut under_way)).unwrap() {
                return problems;
            }
        }
    };
    let store = Shared::default();
    let mut index = opened(store.clone());
    let pages: Vec<NewPage> =
        (0..20).map(|at| new_page(&format!("u{at}"), at, Priority::Normal)).collect();
    enqueue(&mut index, &pages);
    assert_eq!(verified(&mut index), vec![]);
    let waiting = block_on(store.scan(Space::Queue, 0, 20)).unwrap();
    let lonely = [waiting[2].0 + 1000, waiting[2].0 + 1001, waiting[19].0 + 5000];
    let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
    let contents = lonely.map(|key| put(key, waiting[2].1.clone())).to_vec();
    let commit = block_on(store.clone().commit(head.as_deref(), contents)).unwrap();
    assert_eq!(commit, Commit::Done);
    let problems: Vec<String> = verified(&mut index).iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems.iter().all(|message| message.ends_with("has no note")), "{problems:?}");
    assert_eq!(block_on(index.repair()).unwrap().left_over, 3);
    assert_eq!(verified(&mut index), vec![]);
    let left = block_on(store.read(&lonely.map(|key| (Space::Queue, key)))).unwrap();
    assert_eq!(left, [None, None, None]);
    assert_eq!(work_off(&mut index).len(), 20);
}

#[test]
fn failures_do_not_pile_up_and_messages_are_cut() {
    let mut index = opened(MemoryStore::new());
    let long = "ä".repeat(5000);
    let count = FAILURES_MAX + 5;
    let pages: Vec<NewPage> =
        (0..count).map(|number| new_page(&format!("u{number}"), 1, Priority::Normal)).collect();
    enqueue(&mut index, &pages);
    while let Some(waiting) = block_on(index.peek(None)).unwrap() {
        assert!(block_on(index.settle(waiting.key, "limit", &long)).unwrap());
    }
    let failures = block_on(Index::open(index.into_store())).unwrap().failures();
    assert_eq!(failures.len(), FAILURES_MAX);
    assert_eq!(
        (failures[0].url.as_str(), failures[FAILURES_MAX - 1].url.as_str()),
        ("u5", "u1004")
    );
    assert!(failures.iter().all(|it| it.message.len() <= 2000 && long.starts_with(&it.message)));
}

#[test]
fn what_cannot_wait_is_refused_whole() {
    let mut index = opened(MemoryStore::new());
    let good = new_page("a", 1, Priority::Normal);
    let bad = new_page("", 1, Priority::Normal);
    let error = block_on(index.enqueue(vec![good.clone(), bad])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    let many = vec![good; ENQUEUE_PAGES_MAX + 1];
    assert_eq!(block_on(index.enqueue(many)).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(index.queued(), Queued::default());
}

#[test]
fn another_model_takes_the_queue_over() {
    let mut index = opened(MemoryStore::new());
    enqueue(&mut index, &["a", "b"].map(|url| new_page(url, 1, Priority::Normal)));
    let first = block_on(index.peek(None)).unwrap().unwrap();
    block_on(index.commit_queued(first.key, encoded(&first.page))).unwrap();
    block_on(index.clear_pages()).unwrap();
    assert_eq!((index.page_count(), index.queued().waiting), (0, 1));
    assert!(!block_on(index.follow(Some(&fingerprint()))).unwrap(), "made with nothing");
    assert!(!block_on(index.follow(None)).unwrap());
    let other = Fingerprint { digest: "other".into(), ..fingerprint() };
    block_on(index.bind(&other)).unwrap();
    assert_eq!(
        block_on(index.follow(Some(&fingerprint()))).unwrap_err().kind(),
        ErrorKind::Fingerprint
    );
    block_on(index.bind(&other)).unwrap();
    assert_eq!(work_off(&mut index), ["b"]);
    block_on(index.clear()).unwrap();
}
