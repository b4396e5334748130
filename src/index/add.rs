//! How pages come in: one or several in one transaction, in place of what was under their addresses.

use super::format::Effect;
use super::queue::Edit;
use super::state::{attempts, busy};
use super::transaction::Transaction;
use super::{Index, Outcome, build, check_fits};
use crate::begun::Boxed;
use crate::error::{Error, ErrorKind, Result};
use crate::page::EncodedPage;
use crate::store::Store;

/// Passages, and pages, of which one transaction costs little more than their bytes do. Of so many
/// pages the head can tell.
const BATCH: (usize, usize) = (256, 40);

/// Whether so many pages have come together that [`Index::commit_all`] gains little by more.
pub fn is_batch(pages: &[EncodedPage]) -> bool {
    let passages: usize = pages.iter().map(|encoded| encoded.page.passages.len()).sum();
    passages >= BATCH.0 || pages.len() >= BATCH.1
}

impl<S: Store> Index<S> {
    /// Stores a page and its codes in one transaction, in place of what was under its address.
    ///
    /// # Errors
    ///
    /// As [`Index::commit_all`].
    pub async fn commit(&mut self, encoded: EncodedPage) -> Result<Outcome> {
        let outcomes = self.commit_all(&[encoded]).await?;
        // One page has one outcome.
        Ok(outcomes.first().copied().unwrap_or(Outcome::Unchanged))
    }

    /// Stores pages and their codes in one transaction, all of them or none, each in place of what
    /// was under its address. Says of each what has become of it: compared with what was there
    /// before, also where several have one address, of which the last is stored.
    ///
    /// The bits and the directory of pages that come together lie in one record each. Tabs that
    /// follow read what some 40 pages of a transaction brought; of more they read the whole index
    /// anew.
    ///
    /// # Errors
    ///
    /// `Input` where a page is not whole or [`Index::bind`] was not called, `Limit` where one has
    /// too many passages, `StorageFull` or `Storage` where the store fails: then the index is as
    /// it was.
    pub async fn commit_all(&mut self, pages: &[EncodedPage]) -> Result<Vec<Outcome>> {
        for _ in attempts() {
            self.refresh_queue().await?;
            let queue = &self.state.queue;
            let edits = pages.iter().flat_map(|encoded| queue.forgiving(&encoded.page.url));
            let edits = edits.collect();
            if let Some(outcomes) = self.commit_with(pages, edits).await? {
                return Ok(outcomes);
            }
        }
        Err(busy())
    }

    /// Tries once to commit pages, and edits of the queue in the same transaction; `None` where
    /// another writer was there first.
    pub(super) fn commit_with<'a>(
        &'a mut self,
        pages: &'a [EncodedPage],
        edits: Vec<Edit>,
    ) -> Boxed<'a, Option<Vec<Outcome>>> {
        Box::pin(self.commit_with_here(pages, edits))
    }

    async fn commit_with_here(
        &mut self,
        pages: &[EncodedPage],
        edits: Vec<Edit>,
    ) -> Result<Option<Vec<Outcome>>> {
        let dimension = self.bound()?.dimension;
        pages.iter().try_for_each(|encoded| check_fits(encoded, dimension))?;
        let outcomes = pages.iter().map(|encoded| self.outcome_of(encoded)).collect();
        let (new, next) = self.numbered(pages)?;
        if new.is_empty() && edits.is_empty() {
            // What is in memory says so. Another tab may have replaced the pages meanwhile.
            return Ok((!self.catch_up().await?).then_some(outcomes));
        }
        let mut plan = Transaction::new(next);
        plan.edits = edits;
        for &(page, encoded) in &new {
            for old in self.state.pages_of(&encoded.page.url) {
                self.replace(old, &mut plan);
            }
            plan.effects.push(Effect::Added(page));
        }
        let runs = build::runs_of(&new).into_iter().filter(|run| run.len() > 1);
        let merged = runs.filter_map(|run| Some(Effect::Merged(run.first()?.0, run.last()?.0)));
        plan.effects.extend(merged);
        if !self.transact_with(plan, &new).await? {
            return Ok(None);
        }
        for (page, encoded) in new {
            self.state.take_up(page, build::entry_of(encoded), &encoded.bits, dimension);
        }
        Ok(Some(outcomes))
    }

    fn outcome_of(&self, encoded: &EncodedPage) -> Outcome {
        let url = &encoded.page.url;
        if self.find(url) == Some(encoded.page.hash) {
            Outcome::Unchanged
        } else if self.state.pages_of(url).is_empty() {
            Outcome::Added
        } else {
            Outcome::Replaced
        }
    }

    /// The pages that are to be stored, each with its number, and the number that the next page
    /// gets.
    fn numbered<'a>(&self, pages: &'a [EncodedPage]) -> Result<(Vec<(u32, &'a EncodedPage)>, u32)> {
        let is_last = |&(at, encoded): &(usize, &EncodedPage)| {
            let url = &encoded.page.url;
            pages[at + 1..].iter().all(|later| later.page.url != *url)
        };
        let last = pages.iter().enumerate().filter(is_last).map(|(_, encoded)| encoded);
        let new = last.filter(|encoded| self.outcome_of(encoded) != Outcome::Unchanged);
        let new: Vec<&EncodedPage> = new.collect();
        let first = self.state.head.next_page;
        let next = u32::try_from(new.len()).ok().and_then(|count| first.checked_add(count));
        let next = next.ok_or_else(no_numbers_left)?;
        Ok(((first..).zip(new).collect(), next))
    }

    /// Takes a page out that another takes the place of. Its rows in a run stay until the run is
    /// rewritten: replacing a page must not cost the rewriting of its neighbours.
    fn replace(&self, page: u32, plan: &mut Transaction) {
        plan.changes.extend(build::removal_of_own(page));
        if self.state.runs.of(page).is_some() {
            plan.changes.push(build::gone(page));
        } else {
            plan.changes.extend(build::removal_of_shared(page));
        }
        plan.effects.push(Effect::Removed(page));
    }
}

fn no_numbers_left() -> Error {
    let message = "the index has given 2^32 pages a number: clear it and add its pages again";
    Error::new(ErrorKind::Limit, message)
}
