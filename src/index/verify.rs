//! Is everything whole? Reads all records, names what is not, and saves what can be saved.

use super::format::{self, BLOCK_ROWS, Entry, Rows, page_key, page_of_key};
use super::left_over::LeftOver;
use super::load::bits_of;
use super::page_set::PageSet;
use super::state::{Problem, State, attempts, whole};
use super::transaction::Transaction;
use super::{Index, build, busy};
use crate::error::Result;
use crate::order;
use crate::page::EncodedPage;
use crate::store::{Space, Store};

/// Pages that are looked at in one step, so that a search can come in between.
const PAGES_AT_ONCE: usize = 32;

/// Records of which only the keys are of interest are read so many at a time.
const RECORDS_AT_ONCE: usize = 32;

/// A look at everything under way.
#[derive(Debug)]
pub struct Verification {
    /// The next page to look at; none after the last number that a page can have.
    next: Option<u32>,
    /// The key of the next words to look at; none at the end.
    next_words: Option<u64>,
    /// At last, what belongs to nothing.
    left_over: LeftOver,
    problems: Vec<Problem>,
}

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Addresses of pages that were put in order again.
    pub saved: Vec<String>,
    /// Addresses of pages that must be added again; they are in the index no more.
    pub lost: Vec<String>,
    /// How many records that belonged to nothing were removed.
    pub left_over: usize,
}

impl<S: Store> Index<S> {
    /// Begins to look whether everything is whole: [`Index::verify_next`] goes on.
    ///
    /// # Errors
    ///
    /// As [`Index::open`]: what is read on opening is read again.
    pub async fn verify_begin(&mut self) -> Result<Verification> {
        let state = State::check(&self.store).await?;
        let mut problems: Vec<Problem> =
            state.damage.iter().chain(state.broken.values()).cloned().collect();
        // What a search has come upon is left out already.
        problems.extend(self.state.broken.values().cloned());
        let left_over = LeftOver::default();
        Ok(Verification { next: Some(0), next_words: Some(0), left_over, problems })
    }

    /// Looks at some more pages. `None` while there are more to come; at the end all that is not
    /// whole.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails.
    pub async fn verify_next(
        &mut self,
        under_way: &mut Verification,
    ) -> Result<Option<Vec<Problem>>> {
        let pages = under_way.next.map(|next| self.state.entries.from(&next).take(PAGES_AT_ONCE));
        let pages = pages.into_iter().flatten();
        let pages: Vec<(u32, Entry)> = pages.map(|(&page, entry)| (page, entry.clone())).collect();
        for (page, entry) in &pages {
            if let Err(message) = whole(self.read_page(*page, entry).await)? {
                // Another tab may have removed it: that is no damage.
                self.catch_up().await?;
                if self.state.entries.get(page) == Some(entry) {
                    let url = Some(entry.url.clone());
                    under_way.problems.push(Problem { url, message });
                }
            }
        }
        if let Some((last, _)) = pages.last() {
            under_way.next = last.checked_add(1);
            return Ok(None);
        }
        under_way.next = None;
        if let Some(from) = under_way.next_words {
            under_way.next_words = self.verify_words(from, &mut under_way.problems).await?;
            return Ok(None);
        }
        if self.look_for_left_over(&mut under_way.left_over).await? {
            return Ok(None);
        }
        let mut problems = std::mem::take(&mut under_way.problems);
        problems.extend(named(&under_way.left_over));
        order::sort_by(&mut problems, |a, b| (&a.url, &a.message).cmp(&(&b.url, &b.message)));
        problems.dedup();
        Ok(Some(problems))
    }

    /// Puts in order again what can be: pages of which the text and all codes are whole are saved,
    /// other damaged pages and records that belong to nothing are removed. Words that are damaged are
    /// read again from the texts.
    ///
    /// # Errors
    ///
    /// `Storage` or `StorageFull` where the store fails: then what was saved so far stays so.
    pub async fn repair(&mut self) -> Result<Repaired> {
        self.state = State::load(&self.store).await?;
        self.cache.clear();
        let bound = self.bound.clone();
        self.bound = self.state.made_with.clone();
        self.remove_damaged_words().await?;
        let mut repaired = Repaired::default();
        let entries: Vec<(u32, Entry)> =
            self.state.entries.iter().map(|(&page, entry)| (page, entry.clone())).collect();
        for (page, entry) in entries {
            if let Err(message) = whole(self.read_page(page, &entry).await)? {
                self.state.leave_out(page, message);
            }
        }
        let left_over = self.left_over().await?;
        let mut damaged = left_over.pages;
        damaged.extend(self.state.broken.keys().copied());
        let damaged: Vec<u32> = damaged.iter().collect();
        repaired.left_over += left_over.waiting.len();
        self.state.queue.give_up(left_over.waiting);
        // From the last: a run goes with its first page, and the others are read from it before.
        for page in damaged.into_iter().rev() {
            self.repair_page(page, &mut repaired).await?;
        }
        // Damage of the head and the queue goes with the next commit, whatever it is.
        if self.has_damage() || self.state.queue.has_useless() {
            let plan = Transaction::new(self.state.head.next_page);
            let _ = self.transact(plan).await?;
        }
        self.state = State::load(&self.store).await?;
        if self.has_damage() || !self.left_over().await?.pages.is_empty() {
            self.rebuild(&mut repaired).await?;
            self.state = State::load(&self.store).await?;
        }
        self.make_missing_words().await?;
        self.bound = bound;
        Ok(repaired)
    }

    /// Whether something is damaged that the store itself has not told of.
    fn has_damage(&self) -> bool {
        !self.state.broken.is_empty() || self.state.damage.len() > self.store.damage().len()
    }

    async fn repair_page(&mut self, page: u32, repaired: &mut Repaired) -> Result<()> {
        let url = self.state.broken.get(&page).and_then(|problem| problem.url.clone());
        let saved = self.read_without_entry(page).await?;
        let is_replaced = saved.as_ref().is_some_and(|it| self.find(&it.page.url).is_some());
        for _ in attempts() {
            let plan = self.removal_of_damaged(page).await?;
            if !self.transact_removal(plan).await? {
                continue;
            }
            match saved {
                // A later page of the same address is there: this one was left over.
                Some(_) if is_replaced => repaired.left_over += 1,
                Some(encoded) => {
                    repaired.saved.push(encoded.page.url.clone());
                    self.commit(encoded).await?;
                }
                None => match url {
                    Some(url) if self.find(&url).is_none() => repaired.lost.push(url),
                    _ => repaired.left_over += 1,
                },
            }
            return Ok(());
        }
        Err(busy())
    }

    /// Removes all records of a page, also where they lie in a run that cannot be read.
    async fn removal_of_damaged(&mut self, page: u32) -> Result<Transaction> {
        let mut plan = self.removal(&PageSet::from_iter([page])).await?;
        plan.changes.push(build::no_longer_gone(page));
        Ok(plan)
    }

    /// A page from its own records and its bits, where these are whole, though the directory does
    /// not know it.
    pub(super) async fn read_without_entry(&self, page: u32) -> Result<Option<EncodedPage>> {
        let dimension = self.state.dimension();
        let key = page_key(page);
        let records = self.store.read(&[(Space::Pages, key), (Space::Sentences, key)]).await?;
        let [Some(content), Some(sentences)] = records.as_slice() else { return Ok(None) };
        let Ok(content) = whole(format::page_from_bytes(page, content))? else { return Ok(None) };
        let sentences = format::rows_from_bytes(page, Rows::Sentences, dimension, sentences);
        let Ok(sentence_bits) = whole(sentences)? else { return Ok(None) };
        let Some(bits) = self.find_bits(page, dimension).await? else { return Ok(None) };
        let Some(int8) = self.read_codes(page, content.passages.len()).await? else {
            return Ok(None);
        };
        let sentence_bits = sentence_bits.to_vec();
        let encoded = EncodedPage { page: content, dimension, bits, int8, sentence_bits };
        Ok(format::check_page(&encoded).is_ok().then_some(encoded))
    }

    async fn read_codes(&self, page: u32, passages: usize) -> Result<Option<Vec<i8>>> {
        let dimension = self.state.dimension();
        let blocks = 0..passages.div_ceil(BLOCK_ROWS) as u64;
        let keys: Vec<_> = blocks.map(|block| (Space::Codes, page_key(page) + block)).collect();
        let mut int8 = Vec::new();
        for (block, record) in self.store.read(&keys).await?.into_iter().enumerate() {
            let Some(bytes) = record else { return Ok(None) };
            let rows = format::rows_from_bytes(page, Rows::Codes { block }, dimension, &bytes);
            let Ok(rows) = whole(rows)? else { return Ok(None) };
            int8.extend(rows.iter().map(|byte| byte.cast_signed()));
        }
        Ok(Some(int8))
    }

    /// The bits of a page, wherever they lie.
    async fn find_bits(&self, page: u32, dimension: usize) -> Result<Option<Vec<u8>>> {
        let mut from = 0;
        loop {
            let records = self.store.scan(Space::Bits, from, RECORDS_AT_ONCE).await?;
            let Some((last, _)) = records.last() else { return Ok(None) };
            from = last + 1;
            for (key, bytes) in &records {
                let first = page_of_key(*key);
                if first > page {
                    return Ok(None);
                }
                let run = whole(format::bits_from_bytes(first, dimension, bytes))?;
                let bits = run.ok().and_then(|run| bits_of(&run, page, dimension).map(Vec::from));
                if bits.is_some() {
                    return Ok(bits);
                }
            }
        }
    }
}

/// What belongs to nothing, as problems.
fn named(left_over: &LeftOver) -> impl Iterator<Item = Problem> + '_ {
    let pages = left_over.pages.iter();
    let pages = pages.map(|page| format!("page {page} has records and is not in the directory"));
    let waiting = left_over.waiting.iter();
    let waiting = waiting.map(|number| format!("what waits under number {number} has no note"));
    pages.chain(waiting).map(|message| Problem { url: None, message })
}
