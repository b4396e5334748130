//! How pages go out, and how what other writers did is noticed.

use super::filter::Filter;
use super::format::Effect;
use super::page_set::PageSet;
use super::queue::Queue;
use super::state::{State, attempts, busy, read_head};
use super::transaction::Transaction;
use super::{Index, build, check_same_space, cleared_by_another};
use crate::begun::Boxed;
use crate::error::Result;
use crate::store::Store;

/// Pages removed in one transaction: few enough that the head can tell others of them.
const REMOVED_AT_ONCE: usize = 32;

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

    /// Boxed, as is [`Index::transact_with`]: many wait for it, and the search module is to hold its
    /// code once.
    pub(super) fn reload(&mut self) -> Boxed<'_, ()> {
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

    /// Reads the queue anew where others have changed it: whoever only follows need not know it.
    pub(super) async fn refresh_queue(&mut self) -> Result<()> {
        if self.state.queue_is_stale {
            self.state.queue = Queue::read(&self.store, &mut self.state.damage).await?;
            self.state.queue_is_stale = false;
        }
        Ok(())
    }
}
