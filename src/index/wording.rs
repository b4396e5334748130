//! How the words of pages go along with the pages.

use super::Index;
use super::format::{self, Effect, page_key};
use super::lexical::{Damage, Lexicon, Merge, MergeLimits, PageWords};
use super::state::{Problem, State, whole};
use super::write::Transaction;
use crate::error::Result;
use crate::store::{Space, Store};

/// Pages whose words are made again in one transaction.
const MADE_AT_ONCE: usize = 32;

impl State {
    /// Takes up words that a commit has written.
    pub(super) fn take_words(&mut self, merge: Option<Merge>, words: &[PageWords]) {
        if let Some(merge) = merge {
            let there = merge.unmade.iter().filter(|page| self.entries.contains_key(page));
            self.wordless.extend(there);
            let problem = |message: &String| Problem { url: None, message: message.clone() };
            self.damage.extend(merge.problems.iter().map(problem));
            self.lexicon.merged(merge);
        }
        for words in words {
            self.wordless.remove(&words.page());
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
        self.wordless.extend(pages.iter().filter(|page| self.entries.contains_key(page)));
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

    /// The transaction that makes the words of some pages again, if any has none.
    pub(super) async fn words_to_make(&mut self) -> Result<Option<Transaction>> {
        self.refresh_words().await?;
        let pages: Vec<u32> = self.state.wordless.iter().take(MADE_AT_ONCE).copied().collect();
        if pages.is_empty() {
            return Ok(None);
        }
        let keys: Vec<_> = pages.iter().map(|&page| (Space::Pages, page_key(page))).collect();
        let mut plan = Transaction::new(self.state.head.next_page);
        for (&page, record) in pages.iter().zip(self.store.read(&keys).await?) {
            let text = record.as_deref().map(|bytes| format::page_from_bytes(page, bytes));
            match whole(text.unwrap_or_else(|| Err(super::read::missing())))? {
                Ok(text) => plan.words.push(self.recorder.record(page, &text)?),
                Err(message) => self.state.leave_out(page, message),
            }
        }
        plan.effects.push(Effect::Words);
        Ok(Some(plan))
    }

    /// The transaction of the next merge of words, if one is due.
    pub(super) async fn words_to_merge(&mut self) -> Result<Option<Transaction>> {
        self.refresh_words().await?;
        let limits = MergeLimits::default();
        let Some(words) = self.state.lexicon.merge_step(&self.store, limits).await? else {
            return Ok(None);
        };
        let mut plan = Transaction::new(self.state.head.next_page);
        plan.changes = words.changes.clone();
        plan.merge = Some(words);
        Ok(Some(plan))
    }
}
