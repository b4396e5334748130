//! The last resort of a repair: every whole page is written anew, and all else is removed.
//!
//! Records that are whole each for themselves can still lie where none can: within a run that has
//! their page, or twice. Taking out page by page does not put that in order.

use super::format::{Effect, Entry, page_key};
use super::state::whole;
use super::transaction::Transaction;
use super::verify::Repaired;
use super::{Index, build, busy, lexical};
use crate::error::{Error, ErrorKind, Result};
use crate::order;
use crate::page::EncodedPage;
use crate::sorted::SortedMap;
use crate::store::{Change, KEY_END, Space, Store};

impl<S: Store> Index<S> {
    /// Gives every whole page a new number, and removes all records of other numbers.
    ///
    /// What is in memory is of no use afterwards.
    pub(super) async fn rebuild(&mut self, repaired: &mut Repaired) -> Result<()> {
        let entries: Vec<(u32, Entry)> =
            self.state.entries.iter().map(|(&page, entry)| (page, entry.clone())).collect();
        let mut rest = self.left_over().await?.pages;
        rest.extend(self.state.broken.keys().copied());
        let first = self.remove_from_next().await?;
        let mut written = SortedMap::new();
        for (page, entry) in entries {
            match whole(self.read_page(page, &entry).await)? {
                Ok(encoded) => {
                    self.rewrite(page, encoded).await?;
                    written.insert(entry.url, page);
                }
                Err(_) => drop(rest.insert(page)),
            }
        }
        // Of two with one address the later is right.
        let rest: Vec<u32> = rest.iter().filter(|&page| page < first).collect();
        for page in rest.into_iter().rev() {
            let found = self.read_without_entry(page).await?;
            if let Some(encoded) = found.filter(|it| !written.contains_key(&it.page.url)) {
                written.insert(encoded.page.url.clone(), page);
                repaired.saved.push(encoded.page.url.clone());
                self.rewrite(page, encoded).await?;
            }
        }
        let of_pages = |space| Change::Delete { space, keys: 0..page_key(first) };
        self.remove_records(build::PAGE_SPACES.map(of_pages).into()).await?;
        self.tell_lost(&written, repaired);
        Ok(())
    }

    fn tell_lost(&self, written: &SortedMap<String, u32>, repaired: &mut Repaired) {
        let known = self.state.broken.values().filter_map(|problem| problem.url.clone());
        repaired.lost.extend(known.chain(self.state.urls.keys().cloned()));
        repaired.lost.retain(|url| !written.contains_key(url));
        for urls in [&mut repaired.lost, &mut repaired.saved] {
            order::sort(urls);
            urls.dedup();
        }
    }

    /// Makes room: nothing lies under numbers that are still to be given. Words are made anew.
    async fn remove_from_next(&mut self) -> Result<u32> {
        let first = self.state.head.next_page;
        let of_pages = |space| Change::Delete { space, keys: page_key(first)..KEY_END };
        let words = Change::Delete { space: Space::Terms, keys: 0..KEY_END };
        self.remove_records(build::PAGE_SPACES.map(of_pages).into_iter().chain([words]).collect())
            .await?;
        Ok(first)
    }

    /// A writer that was there first knows the store as it was before: it must end, and then this is
    /// begun anew.
    async fn remove_records(&mut self, changes: Vec<Change>) -> Result<()> {
        let mut plan = Transaction::new(self.state.head.next_page);
        plan.changes = changes;
        plan.effects.push(Effect::All);
        if self.transact(plan).await? { Ok(()) } else { Err(busy()) }
    }

    /// Writes a page under the next number, in place of its own records.
    async fn rewrite(&mut self, page: u32, encoded: EncodedPage) -> Result<()> {
        let number = self.state.head.next_page;
        let next = number.checked_add(1).ok_or_else(no_numbers_left)?;
        let mut plan = Transaction::new(next);
        plan.changes.extend(build::removal_of_own(page));
        plan.changes.extend(build::page_changes(number, &encoded)?);
        let (change, words) = lexical::page_record(number, &encoded.page)?;
        plan.changes.push(change);
        plan.words.push(words);
        plan.effects.push(Effect::All);
        if self.transact(plan).await? { Ok(()) } else { Err(busy()) }
    }
}

fn no_numbers_left() -> Error {
    let message = "the index has no number left for a page: clear it and add its pages again";
    Error::new(ErrorKind::Limit, message)
}
