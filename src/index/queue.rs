//! Pages that wait to be encoded, and those that could not be: they survive a restart.
//!
//! A page leaves the queue in the transaction that commits it, so it is neither lost nor committed
//! twice. Resident are addresses, sizes and hashes; contents are read when their turn comes.

use std::collections::{BTreeMap, BTreeSet};

use super::format::{self, NOTES_KEY, NUMBER_END, QueueKey};
use super::state::{self, attempts, whole};
use super::{Index, Outcome, Problem, build};
use crate::error::{Error, ErrorKind, Result};
use crate::page::EncodedPage;
use crate::store::{Change, Space, Store};

/// Records read at once on opening. They are small: no content is among them.
const SCAN_RECORDS: usize = 256;

/// Bits of a waiting page's number that count the pages of one call of [`Index::enqueue`]; the
/// bits above count commits, so that a number is not given twice.
const BATCH_BITS: u32 = 14;

/// The most pages that one call of [`Index::enqueue`] takes.
pub const ENQUEUE_PAGES_MAX: usize = 1 << BATCH_BITS;

/// Pages that could not be indexed are remembered up to this number, the latest of them.
pub const FAILURES_MAX: usize = 1000;

/// The longest message of a failure that is kept, in bytes: it goes into every opening.
const MESSAGE_BYTES_MAX: usize = 2000;

/// Which of the waiting pages goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// What the reader looks at.
    Visible = 0,
    /// The usual.
    Normal = 1,
    /// What can wait for all others.
    Background = 2,
}

impl Priority {
    /// All of them, the first to be encoded first.
    pub const ALL: [Priority; 3] = [Priority::Visible, Priority::Normal, Priority::Background];

    /// The name that JavaScript sees.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Visible => "visible",
            Priority::Normal => "normal",
            Priority::Background => "background",
        }
    }
}

/// A page that is to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPage {
    /// The address.
    pub url: String,
    /// A title that outranks the page's own.
    pub title: Option<String>,
    /// The form of the content, as a number that the caller understands.
    pub format: u8,
    /// The page as it came.
    pub content: Vec<u8>,
    /// What else is known of the page, as JSON that the caller understands.
    pub facts: Option<String>,
    /// [`crate::page::content_hash`] of all this, as [`Index::find`] compares it.
    pub hash: [u8; 32],
    /// When its turn comes.
    pub priority: Priority,
}

/// A page whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPage {
    /// Its number in the queue, for [`Index::commit_queued`] and [`Index::settle`].
    pub key: u64,
    /// What was enqueued.
    pub page: NewPage,
}

/// A page that left the queue without being indexed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FailedPage {
    /// Its address.
    pub url: String,
    /// What class of failure it was, as the caller names it.
    pub kind: String,
    /// Why, as a sentence.
    pub message: String,
}

/// What became of pages that were enqueued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Enqueued {
    /// Pages that wait now, also those that did so before with the same content.
    pub waiting: usize,
    /// Pages whose content is in the index already.
    pub unchanged: usize,
}

/// How much there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Queued {
    /// Pages that wait.
    pub waiting: usize,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Pages that left the queue without being indexed, at most [`FAILURES_MAX`].
    pub failed: usize,
}

/// What is resident of a page that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) url: String,
    pub(crate) hash: [u8; 32],
    pub(crate) priority: Priority,
    pub(crate) bytes: u64,
}

/// A change of the queue: first in the store, then in memory.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// A page waits, or waits with another priority: then its content is there.
    Wait(u64, Note, Option<NewPage>),
    /// A page waits no longer.
    Leave(u64),
    /// A page could not be indexed.
    Fail(u64, FailedPage),
    /// That is of no interest any more.
    Forgive(u64),
}

/// All that is known of the queue without asking the store. At most one page waits per address,
/// and at most one failure is kept.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    notes: BTreeMap<u64, Note>,
    /// The numbers in the order in which their turns come.
    order: BTreeSet<(Priority, u64)>,
    urls: BTreeMap<String, u64>,
    failures: BTreeMap<u64, FailedPage>,
    bytes: u64,
    /// Records that are of no use, to be removed with the next change.
    useless: Vec<QueueKey>,
}

impl Queue {
    /// Reads notes and failures; what is damaged is told in `problems`.
    pub(crate) async fn read<S: Store>(store: &S, problems: &mut Vec<Problem>) -> Result<Queue> {
        let mut queue = Queue::default();
        let mut from = NOTES_KEY;
        loop {
            let records = store.scan(Space::Queue, from, SCAN_RECORDS).await?;
            let Some((last, _)) = records.last() else { return Ok(queue) };
            from = last + 1;
            for (key, bytes) in &records {
                if let Err(message) = queue.take(QueueKey::of(*key), bytes)? {
                    problems.push(Problem { url: None, message });
                    queue.useless.push(QueueKey::of(*key));
                }
            }
        }
    }

    fn take(&mut self, key: QueueKey, bytes: &[u8]) -> Result<std::result::Result<(), String>> {
        let edit = match key {
            QueueKey::Content(_) => return Ok(Ok(())),
            QueueKey::Note(number) => whole(format::note_from_bytes(number, bytes))?
                .map(|note| Edit::Wait(number, note, None)),
            QueueKey::Failure(number) => whole(format::failure_from_bytes(number, bytes))?
                .map(|failed| Edit::Fail(number, failed)),
        };
        Ok(edit.map(|edit| {
            // Of two with one address the later is right.
            if let Edit::Wait(_, note, _) = &edit
                && let Some(&earlier) = self.urls.get(&note.url)
            {
                self.useless.push(QueueKey::Note(earlier));
                self.apply(Edit::Leave(earlier));
            }
            self.apply(edit);
        }))
    }

    /// What these edits, and tidying up, change in the store.
    pub(crate) fn changes(&self, edits: &[Edit]) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        let put = |key: QueueKey, bytes| Change::Put { space: Space::Queue, key: key.key(), bytes };
        for key in &self.useless {
            changes.push(deletion(*key));
            if let QueueKey::Note(number) = key {
                changes.push(deletion(QueueKey::Content(*number)));
            }
        }
        for edit in edits {
            match edit {
                Edit::Wait(number, note, page) => {
                    let bytes = format::note_to_bytes(*number, note)?;
                    changes.push(put(QueueKey::Note(*number), bytes));
                    if let Some(page) = page {
                        let bytes = format::waiting_to_bytes(*number, page)?;
                        changes.push(put(QueueKey::Content(*number), bytes));
                    }
                }
                Edit::Leave(number) => {
                    let keys = [QueueKey::Note(*number), QueueKey::Content(*number)];
                    changes.extend(keys.map(deletion));
                }
                Edit::Fail(number, failed) => {
                    let bytes = format::failure_to_bytes(*number, failed)?;
                    changes.push(put(QueueKey::Failure(*number), bytes));
                }
                Edit::Forgive(number) => changes.push(deletion(QueueKey::Failure(*number))),
            }
        }
        Ok(changes)
    }

    /// Takes up what the store has.
    pub(crate) fn apply_all(&mut self, edits: Vec<Edit>) {
        self.useless.clear();
        edits.into_iter().for_each(|edit| self.apply(edit));
    }

    fn apply(&mut self, edit: Edit) {
        match edit {
            Edit::Wait(number, note, _) => {
                self.apply(Edit::Leave(number));
                self.bytes = self.bytes.saturating_add(note.bytes);
                self.order.insert((note.priority, number));
                self.urls.insert(note.url.clone(), number);
                self.notes.insert(number, note);
            }
            Edit::Leave(number) => {
                if let Some(note) = self.notes.remove(&number) {
                    self.bytes = self.bytes.saturating_sub(note.bytes);
                    self.order.remove(&(note.priority, number));
                    self.urls.remove(&note.url);
                }
            }
            Edit::Fail(number, failed) => drop(self.failures.insert(number, failed)),
            Edit::Forgive(number) => drop(self.failures.remove(&number)),
        }
    }

    /// Edits after which nothing is known of an address.
    pub(crate) fn forgetting(&self, url: &str) -> Vec<Edit> {
        let waiting = self.urls.get(url).map(|&number| Edit::Leave(number));
        waiting.into_iter().chain(self.forgiving(url)).collect()
    }

    /// Edits after which no failure of an address is kept.
    pub(crate) fn forgiving(&self, url: &str) -> Vec<Edit> {
        let failures = self.failures.iter().filter(|(_, failed)| failed.url == url);
        failures.map(|(&number, _)| Edit::Forgive(number)).collect()
    }

    /// The lowest number that has not been given, where so many commits have been made.
    fn next_number(&self, commits: u64) -> u64 {
        let numbers = self.notes.keys().chain(self.failures.keys()).max();
        let above = numbers.map_or(0, |number| number.saturating_add(1));
        // Numbers that count commits are given once, also by another writer. A head that was lost
        // counts from 0 again, so what is there counts, too.
        let counted = commits.saturating_add(1).checked_mul(ENQUEUE_PAGES_MAX as u64);
        counted.filter(|&number| number < NUMBER_END / 2).unwrap_or(0).max(above)
    }

    fn is_there(&self, url: &str, key: u64) -> bool {
        self.notes.get(&key).is_some_and(|note| note.url == url)
    }
}

impl<S: Store> Index<S> {
    /// Has pages wait to be encoded, all of them or none. A page takes the place of the one that
    /// waits under its address; one whose content is in the index does not wait. Of several with
    /// one address the last counts. Nothing need be bound to the index for this.
    ///
    /// # Errors
    ///
    /// `Input` where an address is empty, `Limit` where there are more than [`ENQUEUE_PAGES_MAX`]
    /// pages or one is too long for a record, `StorageFull` or `Storage` where the store fails:
    /// then the queue is as it was.
    pub async fn enqueue(&mut self, pages: Vec<NewPage>) -> Result<Enqueued> {
        check_pages(&pages)?;
        let latest: BTreeMap<String, usize> =
            pages.iter().enumerate().map(|(at, page)| (page.url.clone(), at)).collect();
        for _ in attempts() {
            let first = self.state.queue.next_number(self.state.head.commits);
            let (mut edits, mut enqueued) = (Vec::new(), Enqueued::default());
            for (at, page) in pages.iter().enumerate().filter(|(at, page)| latest[&page.url] == *at)
            {
                let number = first.saturating_add(at as u64);
                if number >= NUMBER_END {
                    return Err(no_numbers_left());
                }
                match self.edits_of(page, number) {
                    Some(of_page) => {
                        edits.extend(of_page);
                        enqueued.waiting += 1;
                    }
                    None => {
                        edits.extend(self.state.queue.forgetting(&page.url));
                        enqueued.unchanged += 1;
                    }
                }
            }
            if edits.is_empty() || self.transact_queue(Vec::new(), edits).await? {
                return Ok(enqueued);
            }
        }
        Err(state::busy())
    }

    /// How a page comes to wait; `None` where it is in the index.
    fn edits_of(&self, page: &NewPage, number: u64) -> Option<Vec<Edit>> {
        if self.find(&page.url) == Some(page.hash) {
            return None;
        }
        let queue = &self.state.queue;
        let there =
            queue.urls.get(&page.url).and_then(|number| Some((number, queue.notes.get(number)?)));
        if let Some((&number, note)) = there
            && note.hash == page.hash
        {
            let is_sooner = page.priority < note.priority;
            let note = Note { priority: page.priority, ..note.clone() };
            return Some(if is_sooner { vec![Edit::Wait(number, note, None)] } else { Vec::new() });
        }
        let note = Note {
            url: page.url.clone(),
            hash: page.hash,
            priority: page.priority,
            bytes: page.content.len() as u64,
        };
        let mut edits = queue.forgetting(&page.url);
        edits.push(Edit::Wait(number, note, Some(page.clone())));
        Some(edits)
    }

    /// How much waits, and how much has failed.
    pub fn queued(&self) -> Queued {
        let queue = &self.state.queue;
        Queued { waiting: queue.notes.len(), bytes: queue.bytes, failed: queue.failures.len() }
    }

    /// The key of the page that waits under an address.
    pub fn waiting_key(&self, url: &str) -> Option<u64> {
        self.state.queue.urls.get(url).copied()
    }

    /// Reads the page whose turn it is. With `before`, only of those that go before the pages of
    /// that priority. One whose record is damaged is settled as a failure, and the next is read.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails.
    pub async fn peek(&mut self, before: Option<Priority>) -> Result<Option<WaitingPage>> {
        loop {
            let Some(&(priority, key)) = self.state.queue.order.first() else {
                return Ok(None);
            };
            if before.is_some_and(|before| priority >= before) {
                return Ok(None);
            }
            let record = self.store.read(&[(Space::Queue, QueueKey::Content(key).key())]).await?;
            let record = record.into_iter().next().flatten();
            let read =
                record.as_deref().map(|bytes| format::waiting_from_bytes(key, priority, bytes));
            match whole(read.unwrap_or_else(|| Err(content_missing())))? {
                Ok(page) if self.state.queue.is_there(&page.url, key) => {
                    return Ok(Some(WaitingPage { key, page }));
                }
                // Another tab may have taken it off the queue: then it is not damaged, only gone.
                _ if self.catch_up().await? => {}
                Ok(_) => {
                    let why = "what was kept of it is another page's; add the page again";
                    self.settle(key, ErrorKind::Corrupt.name(), why).await?;
                }
                Err(message) => {
                    self.settle(key, ErrorKind::Corrupt.name(), &message).await?;
                }
            }
        }
    }

    /// As [`Index::commit`], for a page that waits: in the same transaction it leaves the queue.
    /// `None`, and nothing is done, where it waits no longer: it was removed, or enqueued anew with
    /// another content, or another tab has committed it.
    ///
    /// # Errors
    ///
    /// As [`Index::commit`].
    pub async fn commit_queued(
        &mut self,
        key: u64,
        encoded: EncodedPage,
    ) -> Result<Option<Outcome>> {
        for _ in attempts() {
            if !self.state.queue.is_there(&encoded.page.url, key) {
                return Ok(None);
            }
            let mut edits = self.state.queue.forgiving(&encoded.page.url);
            edits.push(Edit::Leave(key));
            if let Some(outcome) = self.commit_with(&encoded, edits).await? {
                return Ok(Some(outcome));
            }
        }
        Err(state::busy())
    }

    /// Takes a page off the queue that cannot be indexed, and keeps why. Says whether it waited.
    ///
    /// # Errors
    ///
    /// `StorageFull` or `Storage` where the store fails: then it still waits.
    pub async fn settle(&mut self, key: u64, kind: &str, message: &str) -> Result<bool> {
        for _ in attempts() {
            let queue = &self.state.queue;
            let Some(note) = queue.notes.get(&key) else { return Ok(false) };
            let failed = FailedPage {
                url: note.url.clone(),
                kind: kind.to_owned(),
                message: cut(message).to_owned(),
            };
            let mut edits = queue.forgetting(&failed.url);
            let surplus = (queue.failures.len() + 1).saturating_sub(FAILURES_MAX);
            edits.extend(queue.failures.keys().take(surplus).map(|&number| Edit::Forgive(number)));
            edits.push(Edit::Fail(key, failed));
            if self.transact_queue(Vec::new(), edits).await? {
                return Ok(true);
            }
        }
        Err(state::busy())
    }

    /// The pages that left the queue without being indexed, the latest last. One is forgotten when
    /// its address is added, enqueued or removed, and when more than [`FAILURES_MAX`] are kept.
    pub fn failures(&self) -> Vec<FailedPage> {
        self.state.queue.failures.values().cloned().collect()
    }

    /// Removes all pages and what the index was made with, as [`Index::clear`], but leaves what
    /// waits: it is to be encoded by another model.
    ///
    /// # Errors
    ///
    /// As [`Index::clear`].
    pub async fn clear_pages(&mut self) -> Result<()> {
        self.clear_by(build::removal_of_all_pages).await
    }

    /// Commits changes and edits of the queue with them; `false` as [`Index::transact`].
    pub(super) async fn transact_queue(
        &mut self,
        mut changes: Vec<Change>,
        edits: Vec<Edit>,
    ) -> Result<bool> {
        changes.extend(self.state.queue.changes(&edits)?);
        let is_done = self.transact(self.state.head.next_page, changes).await?;
        if is_done {
            self.state.queue.apply_all(edits);
        }
        Ok(is_done)
    }
}

fn check_pages(pages: &[NewPage]) -> Result<()> {
    if pages.len() > ENQUEUE_PAGES_MAX {
        let message = format!(
            "{} pages were enqueued at once: give at most {ENQUEUE_PAGES_MAX} at a time",
            pages.len()
        );
        return Err(Error::new(ErrorKind::Limit, message));
    }
    if pages.iter().any(|page| page.url.is_empty()) {
        let message = "a page to be enqueued has an empty address: give it one";
        return Err(Error::new(ErrorKind::Input, message));
    }
    Ok(())
}

fn deletion(key: QueueKey) -> Change {
    Change::Delete { space: Space::Queue, keys: key.key()..key.key() + 1 }
}

/// The beginning of a message, cut at a character.
fn cut(message: &str) -> &str {
    let mut end = message.len().min(MESSAGE_BYTES_MAX);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

fn content_missing() -> Error {
    Error::new(ErrorKind::Corrupt, "what was kept of it is gone; add the page again")
}

fn no_numbers_left() -> Error {
    let message = "the queue has given all its numbers: clear the index and add its pages again";
    Error::new(ErrorKind::Limit, message)
}
