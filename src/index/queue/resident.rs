//! What of the queue is in memory, how it is read on opening, and how it changes.

use super::{ENQUEUE_PAGES_MAX, FailedPage, Priority};
use crate::error::Result;
use crate::index::Problem;
use crate::index::format::{self, NOTES_KEY, NUMBER_END, QueueKey};
use crate::index::state::whole;
use crate::index::strides::Strides;
use crate::sorted::SortedMap;
use crate::store::{Change, Space, Store};

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
    /// A page waits, or waits with another priority. Its content is a change of its own.
    Wait(u64, Note),
    /// The page of this address waits no longer.
    Leave(u64, String),
    /// A page could not be indexed.
    Fail(u64, FailedPage),
    /// That is of no interest any more.
    Forgive(u64),
}

/// All that is known of the queue without asking the store. At most one page waits per address,
/// and at most one failure is kept.
///
/// Lists that are gone through, and one map of a type that the index has anyway: every further
/// kind of map would add some 8 KB to the search module. To go through 100,000 waiting pages takes
/// a millisecond or two, to encode one of them a hundred times that.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// Pages that wait, with their numbers, in no order. A free slot is taken again.
    slots: Vec<Option<(u64, Note)>>,
    free: Vec<u32>,
    /// The slots by address.
    pub(super) urls: SortedMap<String, u32>,
    /// In the order of their numbers.
    pub(super) failures: Vec<(u64, FailedPage)>,
    /// Of all contents.
    pub(super) bytes: u64,
    /// Records that are of no use, to be removed with the next change.
    useless: Vec<QueueKey>,
}

impl Queue {
    /// Reads notes and failures; what is damaged is told in `problems`.
    pub(crate) async fn read<S: Store>(store: &S, problems: &mut Vec<Problem>) -> Result<Queue> {
        Queue::read_from(Queue::begin_to_read(store).await, problems).await
    }

    /// Asks for what [`Queue::read_from`] then reads.
    pub(in crate::index) async fn begin_to_read<S: Store>(store: &S) -> Strides<'_, S> {
        Strides::begin(store, Space::Queue, NOTES_KEY).await
    }

    /// As [`Queue::read`], of records that are asked for already.
    pub(in crate::index) async fn read_from<S: Store>(
        records: Strides<'_, S>,
        problems: &mut Vec<Problem>,
    ) -> Result<Queue> {
        let mut queue = Queue::default();
        let take = |key, bytes: &[u8]| {
            if let Err(message) = queue.take(QueueKey::of(key), bytes)? {
                problems.push(Problem { url: None, message });
                queue.useless.push(QueueKey::of(key));
            }
            Ok(())
        };
        records.records().await?.show(take).await?;
        Ok(queue)
    }

    fn take(&mut self, key: QueueKey, bytes: &[u8]) -> Result<std::result::Result<(), String>> {
        let edit = match key {
            QueueKey::Content(_) => return Ok(Ok(())),
            QueueKey::Note(number) => {
                whole(format::note_from_bytes(number, bytes))?.map(|note| Edit::Wait(number, note))
            }
            QueueKey::Failure(number) => whole(format::failure_from_bytes(number, bytes))?
                .map(|failed| Edit::Fail(number, failed)),
        };
        Ok(edit.map(|edit| {
            // Of two with one address the later is right.
            if let Edit::Wait(_, note) = &edit
                && let Some((earlier, _)) = self.waiting(&note.url)
            {
                self.useless.push(QueueKey::Note(earlier));
            }
            self.apply(edit);
        }))
    }

    /// What these edits, and tidying up, change in the store.
    pub(crate) fn changes(&self, edits: &[Edit]) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for key in &self.useless {
            changes.push(deletion(*key));
            if let QueueKey::Note(number) = key {
                changes.push(deletion(QueueKey::Content(*number)));
            }
        }
        for edit in edits {
            match edit {
                Edit::Wait(number, note) => {
                    let bytes = format::note_to_bytes(*number, note)?;
                    changes.push(put(QueueKey::Note(*number), bytes));
                }
                Edit::Leave(number, _) => {
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
            Edit::Wait(number, note) => {
                self.leave(&note.url);
                self.bytes = self.bytes.saturating_add(note.bytes);
                let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
                self.urls.insert(note.url.clone(), slot);
                if slot as usize == self.slots.len() {
                    self.slots.push(None);
                }
                self.slots[slot as usize] = Some((number, note));
            }
            Edit::Leave(_, url) => self.leave(&url),
            Edit::Fail(number, failed) => {
                let at = self.failures.partition_point(|(other, _)| *other < number);
                self.failures.insert(at, (number, failed));
            }
            Edit::Forgive(number) => self.failures.retain(|(other, _)| *other != number),
        }
    }

    fn leave(&mut self, url: &str) {
        let Some(slot) = self.urls.remove(url) else { return };
        if let Some((_, note)) = self.slots.get_mut(slot as usize).and_then(Option::take) {
            self.bytes = self.bytes.saturating_sub(note.bytes);
        }
        self.free.push(slot);
    }

    /// The page that waits under an address, and its number.
    pub(super) fn waiting(&self, url: &str) -> Option<(u64, &Note)> {
        let slot = self.slots.get(*self.urls.get(url)? as usize)?;
        slot.as_ref().map(|(number, note)| (*number, note))
    }

    /// The numbers of the pages that wait, in no order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.notes().map(|(number, _)| *number)
    }

    /// Whether a page of this number waits. Goes through all of them.
    pub(crate) fn has(&self, number: u64) -> bool {
        self.numbers().any(|other| other == number)
    }

    /// Contents of these numbers have no note: they go with the next change.
    pub(crate) fn give_up(&mut self, numbers: Vec<u64>) {
        self.useless.extend(numbers.into_iter().map(QueueKey::Content));
    }

    /// Whether the next change removes what is of no use.
    pub(crate) fn has_useless(&self) -> bool {
        !self.useless.is_empty()
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = &(u64, Note)> {
        self.slots.iter().flatten()
    }

    /// The page whose turn it is.
    pub(super) fn first(&self) -> Option<(Priority, u64)> {
        self.notes().map(|(number, note)| (note.priority, *number)).min()
    }

    /// Edits after which nothing is known of an address.
    pub(crate) fn forgetting(&self, url: &str) -> Vec<Edit> {
        let mut edits = self.forgiving(url);
        edits.extend(self.waiting(url).map(|(number, note)| Edit::Leave(number, note.url.clone())));
        edits
    }

    /// Edits after which no failure of an address is kept.
    pub(crate) fn forgiving(&self, url: &str) -> Vec<Edit> {
        let failures = self.failures.iter().filter(|(_, failed)| failed.url == url);
        failures.map(|(number, _)| Edit::Forgive(*number)).collect()
    }

    /// A number from which on none has been given, where so many commits have been made.
    pub(super) fn next_number(&self, commits: u64) -> u64 {
        let numbers = self.notes().map(|(number, _)| *number);
        let highest = numbers.chain(self.failures.iter().map(|(number, _)| *number)).max();
        let above = highest.map_or(0, |number| number.saturating_add(1));
        // Numbers that count commits are given once, also by another writer. A head that was lost
        // counts from 0 again, so what is there counts, too.
        let counted = commits.saturating_add(1).checked_mul(ENQUEUE_PAGES_MAX as u64);
        counted.filter(|&number| number < NUMBER_END / 2).unwrap_or(0).max(above)
    }

    pub(super) fn is_there(&self, url: &str, key: u64) -> bool {
        self.waiting(url).is_some_and(|(number, _)| number == key)
    }
}

pub(super) fn put(key: QueueKey, bytes: Vec<u8>) -> Change {
    Change::Put { space: Space::Queue, key: key.key(), bytes }
}

fn deletion(key: QueueKey) -> Change {
    Change::Delete { space: Space::Queue, keys: key.key()..key.key() + 1 }
}
