//! What changes an index: one transaction each, checked against what other writers did.

use super::format::{self, Effect, Entry};
use super::lexical::{Merge, PageWords};
use super::queue::Edit;
use super::{Index, build};
use crate::begun::Boxed;
use crate::error::{ErrorKind, Result};
use crate::page::EncodedPage;
use crate::store::{Change, Commit, HEAD_KEY, Space, Store};

/// Changes that are committed together, and what they mean to whoever follows.
pub(super) struct Transaction {
    pub(super) next_page: u32,
    pub(super) changes: Vec<Change>,
    pub(super) effects: Vec<Effect>,
    /// Of the queue.
    pub(super) edits: Vec<Edit>,
    /// Words that lie elsewhere afterwards.
    pub(super) merge: Option<Merge>,
    /// Words of pages that are new, or had none, whose records are among the changes.
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
        self.transact_with(plan, &[])
    }

    /// As [`Index::transact`], with pages that are new, in the order of their numbers. Their records
    /// are made while the store takes those before. They are still to be taken up.
    pub(super) fn transact_with<'a>(
        &'a mut self,
        plan: Transaction,
        pages: &'a [(u32, &'a EncodedPage)],
    ) -> Boxed<'a, bool> {
        Box::pin(self.transact_here(plan, pages))
    }

    async fn transact_here(
        &mut self,
        plan: Transaction,
        pages: &[(u32, &EncodedPage)],
    ) -> Result<bool> {
        let Transaction { next_page, mut changes, effects, edits, merge, mut words, entries } =
            plan;
        changes.extend(self.state.queue.changes(&edits)?);
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
        let of_runs: Result<Vec<_>> =
            build::runs_of(pages).into_iter().map(build::shared_changes).collect();
        changes.extend(of_runs?.into_iter().flatten());
        let of_pages = pages.iter().flat_map(|&(page, encoded)| {
            let records = build::own_changes(page, encoded);
            records.map_or_else(|error| vec![Err(error)], |made| made.into_iter().map(Ok).collect())
        });
        // Words take most of the time: the store has all other records to take meanwhile.
        let recorder = &mut self.recorder;
        let of_words = pages.iter().map(|(page, encoded)| {
            let (change, made) = recorder.record(*page, &encoded.page)?;
            words.push(made);
            Ok(change)
        });
        let head_change = build::head_change(bytes.clone());
        let changes = changes.into_iter().map(Ok).chain(of_pages).chain(of_words);
        let mut changes = changes.chain([Ok(head_change)]);
        let expected = self.state.head_bytes.as_deref();
        let commit = self.store.commit_each(expected, &mut changes).await?;
        drop(changes);
        match commit {
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
