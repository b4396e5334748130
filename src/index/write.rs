//! What changes an index: one transaction each, checked against what other writers did.

use super::filter::Filter;
use super::format::{self, Effect, Entry};
use super::lexical::{Merge, PageWords};
use super::page_set::PageSet;
use super::queue::{Edit, Queue};
use super::state::{State, attempts, busy, read_head};
use super::{Boxed, Index, build, check_same_space, cleared_by_another};
use crate::error::{ErrorKind, Result};
use crate::store::{Change, Commit, HEAD_KEY, Space, Store};

/// Pages removed in one transaction: few enough that the head can tell others of them.
const REMOVED_AT_ONCE: usize = 32;

/// Changes that are committed together, and what they mean to whoever follows.
pub(super) struct Transaction {
    pub(super) next_page: u32,
    pub(super) changes: Vec<Change>,
    pub(super) effects: Vec<Effect>,
    /// Of the queue.
    pub(super) edits: Vec<Edit>,
    /// Words that lie elsewhere afterwards.
    pub(super) merge: Option<Merge>,
    /// Words of pages that are new, or had none.
    pub(super) words: Vec<PageWords>,
    /// Directory records that are written anew, each of a page that shares it with no other.
    pub(super) entries: Vec<(u32, Entry)>,
}

impl Transaction {
    /// Nothing yet; `next_page` is the number that the next page will get.
    pub(super) fn new(next_page: u32) -> Self {
        let (changes, effects, edits) = (Vec::new(), Vec::new(), Vec::new());
        let (words, entries) = (Vec::new(), Vec::new());
        Transaction { next_page, changes, effects, edits, merge: None, words, entries }
    }
}

impl<S: Store> Index<S> {
    /// Removes the page under an address, and says whether there was one. What waits under that
    /// address is removed, too. Afterwards no byte of it is in the store.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails: then the page is still there.
    pub async fn remove(&mut self, url: &str) -> Result<bool> {
        for _ in attempts() {
            self.refresh_queue().await?;
            let pages = self.state.pages_of(url);
            let edits = self.state.queue.forgetting(url);
            if pages.is_empty() && edits.is_empty() {
                // Another tab may have added it since this one last looked.
                if self.catch_up().await? {
                    continue;
                }
                return Ok(false);
            }
            let is_there = !pages.is_empty();
            let mut plan = self.removal(&pages.into_iter().collect()).await?;
            plan.edits = edits;
            if self.transact_removal(plan).await? {
                return Ok(is_there);
            }
        }
        Err(busy())
    }

    /// Removes the pages that meet a filter's conditions, and gives their number. Afterwards no byte
    /// of them is in the store. Each transaction removes some of them: where one fails, those before
    /// it are gone.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails: then some of the pages are still there.
    pub async fn remove_where(&mut self, filter: &Filter) -> Result<usize> {
        let mut removed = 0;
        for _ in attempts() {
            loop {
                let pages = self.filter(filter);
                let numbers = self.state.entries.keys().filter(|&&page| pages.contains(page));
                let some: PageSet = numbers.take(REMOVED_AT_ONCE).copied().collect();
                if some.is_empty() {
                    if self.catch_up().await? {
                        continue;
                    }
                    return Ok(removed);
                }
                let plan = self.removal(&some).await?;
                if !self.transact_removal(plan).await? {
                    break;
                }
                removed += some.len();
            }
        }
        Err(busy())
    }

    /// The transaction that removes pages, their rows in runs too.
    pub(super) async fn removal(&mut self, pages: &PageSet) -> Result<Transaction> {
        let mut plan = Transaction::new(self.state.head.next_page);
        let mut runs = PageSet::new();
        for page in pages.iter() {
            plan.changes.extend(build::removal_of_own(page));
            plan.effects.push(Effect::Removed(page));
            match self.state.runs.of(page) {
                Some((first, _)) => drop(runs.insert(first)),
                None => plan.changes.extend(build::removal_of_shared(page)),
            }
        }
        if !pages.is_empty() {
            self.refresh_words().await?;
            let numbers: Vec<u32> = pages.iter().collect();
            let words = self.state.lexicon.removal(&self.store, &numbers).await?;
            plan.changes.extend(words.changes.iter().cloned());
            plan.merge = Some(words);
        }
        for first in runs.iter() {
            let rewritten = self.brought_together(&[first], pages).await?;
            plan.changes.extend(rewritten.changes);
            plan.effects.extend(rewritten.effects);
        }
        Ok(plan)
    }

    /// Removes all pages, what waits and what the index was made with: [`Index::bind`] begins anew.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails: then all is still there.
    pub async fn clear(&mut self) -> Result<()> {
        self.clear_by(false).await
    }

    /// [`Index::clear`] or [`Index::clear_pages`].
    pub(crate) async fn clear_by(&mut self, keep_waiting: bool) -> Result<()> {
        let removal =
            if keep_waiting { build::removal_of_all_pages } else { build::removal_of_all };
        for _ in attempts() {
            self.bound = None;
            let mut plan = Transaction::new(self.state.head.next_page);
            plan.changes = removal();
            plan.effects.push(Effect::All);
            if self.transact_removal(plan).await? {
                self.state = State::load(&self.store).await?;
                self.cache.clear();
                return Ok(());
            }
        }
        Err(busy())
    }

    /// Looks again at the store if someone else has committed since. Says whether it was so.
    ///
    /// # Errors
    ///
    /// `Fingerprint` where another tab has begun the index anew with another model, `Storage`
    /// where it was cleared or the store fails.
    pub async fn catch_up(&mut self) -> Result<bool> {
        let head_bytes = read_head(&self.store).await?;
        let is_current = head_bytes == self.state.head_bytes;
        if !is_current && !self.state.follow(&self.store, head_bytes).await? {
            self.reload().await?;
        }
        Ok(!is_current)
    }

    /// Boxed, as is [`Index::transact`]: many wait for it, and the search module is to hold its code
    /// once.
    fn reload(&mut self) -> Boxed<'_, ()> {
        Box::pin(self.reload_here())
    }

    async fn reload_here(&mut self) -> Result<()> {
        let state = State::load(&self.store).await?;
        if let Some(bound) = &self.bound {
            match &state.made_with {
                Some(made_with) => check_same_space(made_with, bound)?,
                None => return Err(cleared_by_another()),
            }
        }
        self.state = state;
        // Where the head was lost, numbers may have been given again.
        self.cache.clear();
        Ok(())
    }

    /// As [`Index::transact`], for changes that only remove: a full disk does not hinder them.
    ///
    /// A browser without space refuses every transaction that writes, and so the new head and the
    /// rewritten runs, too. Then only the removing changes are made, and the head is removed
    /// instead, which other writers notice as well. A page's number may be given again after that;
    /// a writer that still knows the former page finds that address and hash differ, and looks
    /// again. What is left of the pages in runs goes with the next step of [`Index::compact`].
    pub(super) async fn transact_removal(&mut self, plan: Transaction) -> Result<bool> {
        let (mut changes, effects) = (plan.changes.clone(), plan.effects.clone());
        let edits = plan.edits.clone();
        changes.extend(self.state.queue.changes(&edits)?);
        match self.transact(plan).await {
            Err(error) if error.kind() == ErrorKind::StorageFull => {}
            other => return other,
        }
        let rewritten: Vec<u64> = changes.iter().filter_map(put_key).collect();
        changes.retain(|change| !touches(change, &rewritten));
        let keys = HEAD_KEY..HEAD_KEY + 1;
        changes.push(Change::Delete { space: Space::Meta, keys });
        let commit = self.store.commit(self.state.head_bytes.as_deref(), changes).await?;
        match commit {
            Commit::Done => {
                let removed = |effect: &&Effect| matches!(effect, Effect::Removed(_));
                let effects: Vec<Effect> = effects.iter().filter(removed).copied().collect();
                self.state.apply(&effects);
                self.state.queue.apply_all(edits);
                self.state.head_bytes = None;
            }
            Commit::Conflict => self.reload().await?,
        }
        Ok(commit == Commit::Done)
    }

    /// Commits changes and the head that goes with them; `false` where another writer was there
    /// first: then the state is as that writer left it and the caller decides anew.
    pub(super) fn transact(&mut self, plan: Transaction) -> Boxed<'_, bool> {
        Box::pin(self.transact_here(plan))
    }

    async fn transact_here(&mut self, plan: Transaction) -> Result<bool> {
        let Transaction { next_page, mut changes, effects, edits, merge, words, entries } = plan;
        changes.extend(self.state.queue.changes(&edits)?);
        changes.extend(words.iter().map(|words| words.change.clone()));
        for (page, entry) in &entries {
            changes.push(build::entry_change(*page, entry)?);
        }
        let mut told = effects.clone();
        if merge.is_some() {
            told.push(Effect::Words);
        }
        if !edits.is_empty() {
            told.push(Effect::Queue);
        }
        if !entries.is_empty() {
            told.push(Effect::All);
        }
        let head = self.state.head.after(next_page, &told);
        let bytes = format::head_to_bytes(&head)?;
        changes.push(build::head_change(bytes.clone()));
        match self.store.commit(self.state.head_bytes.as_deref(), changes).await? {
            Commit::Done => {
                self.state.apply(&effects);
                self.state.queue.apply_all(edits);
                self.state.take_words(merge, &words);
                self.state.entries.extend(entries);
                self.state.head = head;
                self.state.head_bytes = Some(bytes);
                Ok(true)
            }
            Commit::Conflict => {
                self.catch_up().await?;
                Ok(false)
            }
        }
    }

    /// Reads the queue anew where others have changed it: whoever only follows need not know it.
    pub(super) async fn refresh_queue(&mut self) -> Result<()> {
        if self.state.queue_is_stale {
            self.state.queue = Queue::read(&self.store, &mut self.state.damage).await?;
            self.state.queue_is_stale = false;
        }
        Ok(())
    }
}

fn put_key(change: &Change) -> Option<u64> {
    match change {
        Change::Put { key, .. } => Some(*key),
        Change::Delete { .. } => None,
    }
}

/// Whether a change writes, or makes room for what is written under one of these keys.
fn touches(change: &Change, rewritten: &[u64]) -> bool {
    match change {
        Change::Put { .. } => true,
        // A segment of words has those of other pages, too.
        Change::Delete { space: Space::Terms, keys } => {
            format::segment_of_key(keys.start).is_some()
        }
        Change::Delete { space: Space::Directory | Space::Bits, keys } => {
            rewritten.iter().any(|key| keys.contains(key))
        }
        Change::Delete { .. } => false,
    }
}
