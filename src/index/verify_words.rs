//! Are the words of pages whole, and are they there? What is not is made again from the texts.

use super::Index;
use super::format::Effect;
use super::lexical::{self, Lexicon};
use super::state::{Problem, attempts, busy};
use super::transaction::Transaction;
use crate::error::Result;
use crate::store::{Change, Space, Store};

impl<S: Store> Index<S> {
    /// Looks at some words, from a key on; gives the key from which to go on, `None` at the end.
    pub(super) async fn verify_words(
        &mut self,
        from: u64,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<u64>> {
        let Some(checked) = lexical::check_from(&self.store, from).await? else {
            self.name_missing_words(problems).await?;
            return Ok(None);
        };
        // Another tab may have merged them: then they are not damaged, only elsewhere.
        if !checked.damaged.is_empty() && self.catch_up().await? {
            return Ok(Some(from));
        }
        let problem = |(_, message)| Problem { url: None, message };
        problems.extend(checked.damaged.into_iter().map(problem));
        Ok(Some(checked.next))
    }

    async fn name_missing_words(&self, problems: &mut Vec<Problem>) -> Result<()> {
        let (mut lexicon, _) = Lexicon::load(&self.store).await?;
        let pages = self.state.entries.iter().map(|(&page, entry)| (page, entry.passages));
        for page in lexicon.settle(pages) {
            let url = self.state.entries.get(&page).map(|entry| entry.url.clone());
            let message = "its words are missing; they are read again from its text".to_owned();
            problems.push(Problem { url, message });
        }
        Ok(())
    }

    /// Removes words that are not whole.
    pub(super) async fn remove_damaged_words(&mut self) -> Result<()> {
        for _ in attempts() {
            let (mut from, mut changes) = (0, Vec::new());
            while let Some(checked) = lexical::check_from(&self.store, from).await? {
                from = checked.next;
                let delete = |(keys, _)| Change::Delete { space: Space::Terms, keys };
                changes.extend(checked.damaged.into_iter().map(delete));
            }
            if changes.is_empty() {
                return Ok(());
            }
            let mut plan = Transaction::new(self.state.head.next_page);
            plan.changes = changes;
            plan.effects.push(Effect::Words);
            let is_done = self.transact(plan).await?;
            self.state.words_are_stale = true;
            if is_done {
                return Ok(());
            }
        }
        Err(busy())
    }

    /// Makes the words of all pages that have none.
    pub(super) async fn make_missing_words(&mut self) -> Result<()> {
        let mut conflicts = attempts();
        while let Some(plan) = self.words_to_make().await? {
            if !self.transact(plan).await? && conflicts.next().is_none() {
                return Err(busy());
            }
        }
        Ok(())
    }
}
