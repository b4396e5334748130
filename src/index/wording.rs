//! How the words of pages go along with the pages.

use super::Index;
use super::format::{self, Effect, Entry, page_key};
use super::lexical::{Damage, Lexicon, Merge, MergeLimits, PageWords};
use super::state::{Problem, State, whole};
use super::transaction::Transaction;
use crate::error::Result;
use crate::page::Page;
use crate::store::{Space, Store};

/// Pages whose words are made again in one transaction.
const MADE_AT_ONCE: usize = 32;

impl State {
    /// Takes up words that a commit has written.
    pub(super) fn take_words(&mut self, merge: Option<Merge>, words: &[PageWords]) {
        if let Some(merge) = merge {
            let there = merge.unmade.iter().filter(|page| self.entries.contains_key(page));
            self.wordless.extend(there.copied());
            let problem = |message: &String| Problem { url: None, message: message.clone() };
            self.damage.extend(merge.problems.iter().map(problem));
            self.lexicon.merged(merge);
        }
        for words in words {
            self.wordless.remove(words.page());
            self.lexicon.take_up(words);
        }
    }

    /// Leaves out words that are damaged; they are made again from the texts.
    pub(crate) fn leave_words_out(&mut self, damage: &[Damage]) {
        for damage in damage {
            let message = format!("{damage}; the words are read again from the texts");
            self.damage.push(Problem { url: None, message });
        }
        let pages = self.lexicon.leave_out(damage);
        self.wordless.extend(pages.into_iter().filter(|page| self.entries.contains_key(page)));
    }
}

impl<S: Store> Index<S> {
    /// Reads where the words lie, where that is not known yet or others have changed it.
    pub(crate) async fn refresh_words(&mut self) -> Result<()> {
        if !self.state.words_are_stale {
            return Ok(());
        }
        let (mut lexicon, problems) = Lexicon::load(&self.store).await?;
        let pages = self.state.entries.iter().map(|(&page, entry)| (page, entry.passages));
        self.state.wordless = lexicon.settle(pages).into_iter().collect();
        self.state.lexicon = lexicon;
        self.state.damage.extend(problems);
        self.state.words_are_stale = false;
        Ok(())
    }

    /// The transaction that makes the words of some pages again, if any has none. Pages of an index
    /// of version 1 have none: with their words, their language comes into the directory.
    pub(super) async fn words_to_make(&mut self) -> Result<Option<Transaction>> {
        self.refresh_words().await?;
        let pages: Vec<u32> = self.state.wordless.iter().take(MADE_AT_ONCE).collect();
        if pages.is_empty() {
            return Ok(None);
        }
        let keys: Vec<_> = pages.iter().map(|&page| (Space::Pages, page_key(page))).collect();
        let mut plan = Transaction::new(self.state.head.next_page);
        for (&page, record) in pages.iter().zip(self.store.read(&keys).await?) {
            let text = record.as_deref().map(|bytes| format::page_from_bytes(page, bytes));
            match whole(text.unwrap_or_else(|| Err(super::read::missing())))? {
                Ok(text) => {
                    let (change, words) = self.recorder.record(page, &text)?;
                    plan.changes.push(change);
                    plan.words.push(words);
                    plan.entries.extend(self.with_language(page, text).map(|entry| (page, entry)));
                }
                Err(message) => self.state.leave_out(page, message),
            }
        }
        plan.effects.push(Effect::Words);
        Ok(Some(plan))
    }

    /// A page's directory record with the language that the page says it is in, where that is not
    /// there yet. Version 1 kept it in the page's own record alone.
    fn with_language(&self, page: u32, text: Page) -> Option<Entry> {
        let entry = self.state.entries.get(&page)?;
        let is_missing = entry.lang.is_none() && text.lang.is_some();
        // In a run, the record is not the page's own. Runs are made only after the words.
        let is_own = self.state.runs.of(page).is_none();
        (is_missing && is_own).then(|| Entry { lang: text.lang, ..entry.clone() })
    }

    /// The transaction of the next merge of words, if one is due.
    pub(super) async fn words_to_merge(&mut self) -> Result<Option<Transaction>> {
        self.refresh_words().await?;
        let limits = MergeLimits::default();
        let Some(mut words) = self.state.lexicon.merge_step(&self.store, limits).await? else {
            return Ok(None);
        };
        let mut plan = Transaction::new(self.state.head.next_page);
        plan.changes = std::mem::take(&mut words.changes);
        plan.merge = Some(words);
        Ok(Some(plan))
    }
}
