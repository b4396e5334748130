//! Pages that wait to be encoded, and those that could not be: they survive a restart.
//!
//! A page leaves the queue in the transaction that commits it, so it is neither lost nor committed
//! twice. Resident are addresses, sizes and hashes; contents are read when their turn comes.

mod entries;
mod resident;

use super::format::{self, NUMBER_END, QueueKey};
use super::state::{self, attempts, whole};
use super::transaction::Transaction;
use super::{Index, Outcome};
use crate::error::{Error, ErrorKind, Result};
use crate::page::EncodedPage;
use crate::sorted::SortedMap;
use crate::store::{Change, Space, Store};
pub use entries::{Enqueued, FailedPage, NewPage, Priority, Queued, WaitingPage};
use resident::put;
pub(crate) use resident::{Edit, Note, Queue};

/// Bits of a waiting page's number that count the pages of one call of [`Index::enqueue`]; the
/// bits above count commits, so that a number is not given twice.
const BATCH_BITS: u32 = 14;

/// The most pages that one call of [`Index::enqueue`] takes.
pub const ENQUEUE_PAGES_MAX: usize = 1 << BATCH_BITS;

/// Pages that could not be indexed are remembered up to this number, the latest of them.
pub const FAILURES_MAX: usize = 1000;

/// The longest message of a failure that is kept, in bytes: it goes into every opening.
const MESSAGE_BYTES_MAX: usize = 2000;

/// What is to be done in one transaction.
#[derive(Default)]
struct Plan {
    contents: Vec<Change>,
    edits: Vec<Edit>,
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
        let mut latest = SortedMap::new();
        for (at, page) in (0u32..).zip(&pages) {
            latest.insert(page.url.clone(), at);
        }
        for _ in attempts() {
            self.refresh_queue().await?;
            let first = self.state.queue.next_number(self.state.head.commits);
            let (mut plan, mut enqueued) = (Plan::default(), Enqueued::default());
            for (at, page) in (0..).zip(&pages) {
                if latest.get(&page.url) != Some(&at) {
                    continue;
                }
                if self.find(&page.url) == Some(page.hash) {
                    plan.edits.extend(self.state.queue.forgetting(&page.url));
                    enqueued.unchanged += 1;
                } else {
                    self.plan_page(page, first.saturating_add(u64::from(at)), &mut plan)?;
                    enqueued.waiting += 1;
                }
            }
            let is_done = match plan.edits.is_empty() {
                // What is in memory says so. Another tab may have changed it meanwhile.
                true => !self.catch_up().await?,
                false => self.transact_queue(plan.contents, plan.edits).await?,
            };
            if is_done {
                return Ok(enqueued);
            }
        }
        Err(state::busy())
    }

    /// How a page comes to wait.
    fn plan_page(&self, page: &NewPage, number: u64, plan: &mut Plan) -> Result<()> {
        let (hash, priority) = (page.hash, page.priority);
        let note = Note { url: page.url.clone(), hash, priority, bytes: page.content.len() as u64 };
        match self.state.queue.waiting(&page.url) {
            Some((_, there)) if there.hash == hash && there.priority <= priority => {}
            Some((there, same)) if same.hash == hash => plan.edits.push(Edit::Wait(there, note)),
            _ if number >= NUMBER_END => return Err(no_numbers_left()),
            _ => {
                plan.edits.extend(self.state.queue.forgetting(&page.url));
                plan.edits.push(Edit::Wait(number, note));
                let bytes = format::waiting_to_bytes(number, page)?;
                plan.contents.push(put(QueueKey::Content(number), bytes));
            }
        }
        Ok(())
    }

    /// How much waits, and how much has failed.
    pub fn queued(&self) -> Queued {
        let queue = &self.state.queue;
        Queued { waiting: queue.urls.len(), bytes: queue.bytes, failed: queue.failures.len() }
    }

    /// The key of the page that waits under an address.
    pub fn waiting_key(&self, url: &str) -> Option<u64> {
        self.state.queue.waiting(url).map(|(number, _)| number)
    }

    /// Reads the page whose turn it is. With `before`, only of those that go before the pages of
    /// that priority. One whose record is damaged is settled as a failure, and the next is read.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails.
    pub async fn peek(&mut self, before: Option<Priority>) -> Result<Option<WaitingPage>> {
        loop {
            self.refresh_queue().await?;
            let Some((priority, key)) = self.state.queue.first() else { return Ok(None) };
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
            self.refresh_queue().await?;
            if !self.state.queue.is_there(&encoded.page.url, key) {
                return Ok(None);
            }
            let mut edits = self.state.queue.forgiving(&encoded.page.url);
            edits.push(Edit::Leave(key, encoded.page.url.clone()));
            let pages = std::slice::from_ref(&encoded);
            if let Some(outcomes) = self.commit_with(pages, edits).await? {
                return Ok(outcomes.first().copied());
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
            self.refresh_queue().await?;
            let queue = &self.state.queue;
            let Some((_, note)) = queue.notes().find(|(number, _)| *number == key) else {
                return Ok(false);
            };
            let failed = FailedPage {
                url: note.url.clone(),
                kind: kind.to_owned(),
                message: cut(message).to_owned(),
            };
            let mut edits = queue.forgetting(&failed.url);
            let surplus = (queue.failures.len() + 1).saturating_sub(FAILURES_MAX);
            edits.extend(
                queue.failures.iter().take(surplus).map(|(number, _)| Edit::Forgive(*number)),
            );
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
        self.state.queue.failures.iter().map(|(_, failed)| failed.clone()).collect()
    }

    /// Removes all pages and what the index was made with, as [`Index::clear`], but leaves what
    /// waits: it is to be encoded by another model.
    ///
    /// # Errors
    ///
    /// As [`Index::clear`].
    pub async fn clear_pages(&mut self) -> Result<()> {
        self.clear_by(true).await
    }

    /// Commits changes and edits of the queue with them; `false` as [`Index::transact`].
    pub(super) async fn transact_queue(
        &mut self,
        changes: Vec<Change>,
        edits: Vec<Edit>,
    ) -> Result<bool> {
        let mut plan = Transaction::new(self.state.head.next_page);
        (plan.changes, plan.edits) = (changes, edits);
        self.transact(plan).await
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
