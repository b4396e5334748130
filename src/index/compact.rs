//! Keeps the number of records small that are read on opening, and lets no byte of a removed page
//! stay: bits and directory records of neighbours are brought together into runs.

use super::build::{self, RUN_ROWS_MAX};
use super::format::{self, BitsRun, Effect, Entry, page_key};
use super::page_set::PageSet;
use super::state::attempts;
use super::transaction::Transaction;
use super::{Index, busy};
use crate::error::{ErrorKind, Result};
use crate::sorted::SortedMap;
use crate::store::{Change, Space, Store};

/// So many records in a row are brought together even where they fill no run. Each row is
/// rewritten a few times on its way into a full run.
const LOOSE_MAX: usize = 64;

/// A run is rewritten when one of so many of its pages is gone.
const GONE_SHARE: usize = 4;

/// Records that lie side by side: the first pages of each, and the rows they have together.
#[derive(Default)]
struct Group {
    homes: Vec<u32>,
    rows: usize,
}

impl<S: Store> Index<S> {
    /// Does one small step of tidying the store, in one transaction; `false` where there is
    /// nothing to do. It may be left off or interrupted at any moment.
    ///
    /// # Errors
    ///
    /// `Storage` or `StorageFull` where the store fails: then it is as it was.
    pub async fn compact(&mut self) -> Result<bool> {
        for _ in attempts() {
            let Some(plan) = self.next_step().await? else { return Ok(false) };
            if self.transact(plan).await? {
                return Ok(true);
            }
        }
        Err(busy())
    }

    async fn next_step(&mut self) -> Result<Option<Transaction>> {
        if let Some(plan) = self.words_to_make().await? {
            return Ok(Some(plan));
        }
        if let Some(plan) = self.words_to_merge().await? {
            return Ok(Some(plan));
        }
        match self.to_bring_together() {
            Some(homes) => self.brought_together(&homes, &PageSet::new()).await.map(Some),
            None => Ok(None),
        }
    }

    /// The first records that are worth it.
    fn to_bring_together(&self) -> Option<Vec<u32>> {
        let mut group = Group::default();
        for (home, rows) in self.homes().into_entries() {
            if self.is_mostly_gone(home) {
                return Some(vec![home]);
            }
            if group.rows + rows > RUN_ROWS_MAX {
                if group.homes.len() > 1 && group.rows * 2 >= RUN_ROWS_MAX {
                    return Some(group.homes);
                }
                group = Group::default();
            }
            group.homes.push(home);
            group.rows += rows;
            if group.homes.len() >= LOOSE_MAX {
                return Some(group.homes);
            }
        }
        None
    }

    /// The records that hold pages, by their first page, and how many rows of whole pages each
    /// has. Records with damage in them are left as they are.
    fn homes(&self) -> SortedMap<u32, usize> {
        let damaged: PageSet =
            self.state.broken.keys().map(|&page| self.state.runs.home(page)).collect();
        // A run all of whose pages are gone still lies there.
        let mut homes: SortedMap<u32, usize> =
            self.state.runs.firsts().map(|first| (first, 0)).collect();
        for (&page, entry) in self.state.entries.iter() {
            *homes.or_insert(self.state.runs.home(page), 0) += entry.passages;
        }
        homes.retain(|home, _| !damaged.contains(*home));
        homes
    }

    fn is_mostly_gone(&self, home: u32) -> bool {
        let Some((first, last)) = self.state.runs.of(home) else { return false };
        let gone = self.state.runs.gone_within(first, last).len();
        let live = self.state.entries.from(&first).take_while(|(page, _)| **page <= last).count();
        gone > 0 && gone * GONE_SHARE >= gone + live
    }

    /// The transaction that makes one run of the records under these first pages, without the
    /// pages that are gone and those `without`.
    ///
    /// A record that cannot be read is removed: its pages are left out already, and can be mended
    /// only by being added again.
    pub(super) async fn brought_together(
        &self,
        homes: &[u32],
        without: &PageSet,
    ) -> Result<Transaction> {
        let mut plan = Transaction::new(self.state.head.next_page);
        let Some(&first) = homes.first() else { return Ok(plan) };
        let (mut entries, mut pages, mut bits) = (Vec::new(), Vec::new(), Vec::new());
        let dimension = self.state.dimension();
        let row_bytes = format::Rows::Bits.row_bytes(dimension);
        let mut last = first;
        for &home in homes {
            let end = self.state.runs.of(home).map_or(home, |(_, last)| last);
            last = last.max(end);
            plan.changes.extend(build::removal_of_shared(home));
            for page in self.state.runs.gone_within(home, end) {
                plan.changes.push(build::no_longer_gone(page));
            }
            let stays = |page: u32| !without.contains(page) && !self.state.runs.is_gone(page);
            let (found, mut rows) = self.read_home(home).await?;
            for (page, entry) in found.into_iter().filter(|&(page, _)| stays(page)) {
                if let Some(page_bits) = rows.remove(&page) {
                    pages.push((page, page_bits.len() / row_bytes));
                    bits.extend(page_bits);
                }
                entries.push((page, entry));
            }
        }
        plan.effects.push(Effect::Merged(first, last));
        if entries.iter().all(|&(page, _)| page == first) {
            // Nothing lies there any more, or one page's own record.
            plan.effects.push(Effect::Merged(first, first));
        }
        if !entries.is_empty() {
            let listed: Vec<(u32, &Entry)> =
                entries.iter().map(|(page, entry)| (*page, entry)).collect();
            let run = BitsRun { pages, bits: &bits };
            let key = page_key(first);
            let put = |space, bytes| Change::Put { space, key, bytes };
            plan.changes.push(put(Space::Directory, format::entries_run_to_bytes(first, &listed)?));
            plan.changes.push(put(Space::Bits, format::bits_run_to_bytes(first, dimension, &run)?));
        }
        Ok(plan)
    }

    /// The entries in the record of a first page, and the bits of each page.
    async fn read_home(&self, home: u32) -> Result<(Vec<(u32, Entry)>, SortedMap<u32, Vec<u8>>)> {
        let key = page_key(home);
        let mut records = self.store.read(&[(Space::Directory, key), (Space::Bits, key)]).await?;
        let (bits, entries) = (records.pop().flatten(), records.pop().flatten());
        let entries = entries.map(|bytes| format::entries_from_bytes(home, &bytes));
        let entries = or_none(entries.transpose())?.unwrap_or_default();
        let dimension = self.state.dimension();
        let Some(bytes) = bits else { return Ok((entries, SortedMap::new())) };
        let run = or_none(format::bits_from_bytes(home, dimension, &bytes).map(Some))?;
        let rows = run.map(|run| rows_by_page(&run, dimension)).unwrap_or_default();
        Ok((entries, rows))
    }
}

fn rows_by_page(run: &BitsRun<'_>, dimension: usize) -> SortedMap<u32, Vec<u8>> {
    let row_bytes = format::Rows::Bits.row_bytes(dimension);
    let mut rest = run.bits;
    let mut rows = SortedMap::new();
    for &(page, count) in &run.pages {
        let (bits, after) = rest.split_at(count * row_bytes);
        rest = after;
        rows.insert(page, bits.to_vec());
    }
    rows
}

/// Damage is nothing; every other error stays one.
fn or_none<T>(read: Result<Option<T>>) -> Result<Option<T>> {
    match read {
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
        other => other,
    }
}
