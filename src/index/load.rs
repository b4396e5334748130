//! How an index is read: all of it when it is opened, what has changed when another tab has written.

use super::format::{self, Effect, Head};
use super::page_set::PageSet;
use super::queue::Queue;
use super::state::{META_KEY, Problem, State, attempts, busy, read_head, whole};
use super::strides::{Records, Strides};
use crate::begun::Begun;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{HEAD_KEY, Space, Store};

/// More pages than this are not read one by one: then everything is read anew.
const FOLLOW_PAGES_MAX: usize = 64;

impl State {
    /// Reads the head, the fingerprint, the directory and the bits; no texts and no INT8.
    pub(crate) async fn load<S: Store>(store: &S) -> Result<State> {
        State::load_kept(store, true).await
    }

    /// Reads the same and looks at all of it, but keeps no bits: an index that is open has them in
    /// memory already.
    pub(super) async fn check<S: Store>(store: &S) -> Result<State> {
        State::load_kept(store, false).await
    }

    async fn load_kept<S: Store>(store: &S, keeps_bits: bool) -> Result<State> {
        store.begin_reading();
        let nothing = Begun::new(std::future::ready(Ok(()))).await;
        let state = State::load_whole(nothing, store, keeps_bits).await;
        store.end_reading();
        state
    }

    /// As [`State::load`], if that which has been asked for before, since reading was begun, is no
    /// error.
    pub(super) async fn load_if<S: Store>(allowed: Begun<'_, ()>, store: &S) -> Result<State> {
        let state = State::load_whole(allowed, store, true).await;
        store.end_reading();
        state
    }

    async fn load_whole<S: Store>(
        allowed: Begun<'_, ()>,
        store: &S,
        keeps_bits: bool,
    ) -> Result<State> {
        let mut allowed = Some(allowed);
        for _ in attempts() {
            let asked = Asked::of(store).await;
            if let Some(allowed) = allowed.take() {
                allowed.end().await?;
            }
            let mut meta = asked.meta.end().await?.into_iter();
            let (head_bytes, made_with) = (meta.next().flatten(), meta.next().flatten());
            let state = State::read(head_bytes.clone(), made_with, asked.rest, keeps_bits).await;
            let is_one_moment = asked.moment.is_some() && asked.moment == store.moment();
            if is_one_moment || read_head(store).await? == head_bytes {
                return state;
            }
            store.begin_reading();
        }
        Err(busy())
    }

    async fn read<S: Store>(
        head_bytes: Option<Vec<u8>>,
        made_with: Option<Vec<u8>>,
        asked: Spaces<'_, S>,
        keeps_bits: bool,
    ) -> Result<State> {
        let made_with = made_with.as_deref().map(format::meta_from_bytes).transpose()?;
        let mut state = State { keeps_bits, ..State::empty(head_bytes, made_with) };
        let Spaces { store, gone, directory, bits, queue } = asked;
        let sentence = |message: &String| Problem { url: None, message: message.clone() };
        state.damage = store.damage().iter().map(sentence).collect();
        let (gone, directory, bits) =
            (gone.records().await?, directory.records().await?, bits.records().await?);
        gone.show_pages(|page, _| {
            state.runs.set_gone(page);
            Ok(())
        })
        .await?;
        directory.show_pages(|first, bytes| state.take_entries(first, bytes)).await?;
        state.read_bits(bits).await?;
        state.read_numbers()?;
        state.queue = Queue::read_from(queue, &mut state.damage).await?;
        Ok(state)
    }

    fn take_entries(&mut self, first: u32, bytes: &[u8]) -> Result<()> {
        let entries = match whole(format::entries_from_bytes(first, bytes))? {
            Ok(entries) => entries,
            Err(message) => {
                self.leave_out(first, message);
                return Ok(());
            }
        };
        let last = entries.last().map_or(first, |&(page, _)| page);
        self.runs.insert(first, last);
        for (page, entry) in entries {
            if !self.runs.is_gone(page) {
                self.enter(page, entry);
            }
        }
        Ok(())
    }

    async fn read_bits<S: Store>(&mut self, records: Records<'_, S>) -> Result<()> {
        let mut found = PageSet::new();
        records.show_pages(|first, bytes| self.take_bits(first, bytes, &mut found)).await?;
        let missing: Vec<u32> =
            self.entries.keys().filter(|&&page| !found.contains(page)).copied().collect();
        for page in missing {
            self.leave_out(page, "its bits are missing; add the page again".into());
        }
        Ok(())
    }

    fn take_bits(&mut self, first: u32, bytes: &[u8], found: &mut PageSet) -> Result<()> {
        let dimension = self.dimension();
        let run = match whole(format::bits_from_bytes(first, dimension, bytes))? {
            Ok(run) => run,
            Err(message) => {
                found.insert(first);
                self.leave_out(first, message);
                return Ok(());
            }
        };
        let row_bytes = format::Rows::Bits.row_bytes(dimension);
        if self.made_with.is_some() && self.has_whole(&run.pages, found) {
            found.extend(run.pages.iter().map(|&(page, _)| page));
            if self.keeps_bits {
                self.resident.add_many(&run.pages, run.bits, row_bytes);
            }
            return Ok(());
        }
        let mut rest = run.bits;
        for (page, rows) in run.pages {
            let (bits, after) = rest.split_at(rows * row_bytes);
            rest = after;
            if found.contains(page) && self.entries.contains_key(&page) {
                self.leave_out(page, format!("page {page} has its bits twice"));
            }
            found.insert(page);
            self.take_page_bits(page, bits, row_bytes);
        }
        Ok(())
    }

    /// Whether the directory has these pages, with as many passages, and none of them was found yet.
    fn has_whole(&self, pages: &[(u32, usize)], found: &PageSet) -> bool {
        // Nearly always these are the next pages of the directory.
        let mut entries = pages.first().into_iter().flat_map(|(first, _)| self.entries.from(first));
        pages.iter().all(|&(page, rows)| {
            let entry = entries.find(|(number, _)| **number >= page);
            let is_whole =
                |(number, entry): (&u32, &format::Entry)| *number == page && entry.passages == rows;
            entry.is_some_and(is_whole) && !found.contains(page)
        })
    }

    fn take_page_bits(&mut self, page: u32, bits: &[u8], row_bytes: usize) {
        if self.broken.contains_key(&page) || self.runs.is_gone(page) {
            return;
        }
        match self.entries.get(&page) {
            None => {
                self.leave_out(page, format!("page {page} has bits and no directory record"));
            }
            Some(entry) if self.made_with.is_none() || bits.len() != entry.passages * row_bytes => {
                self.leave_out(page, "its bits are not as many as its passages".into());
            }
            Some(_) if self.keeps_bits => self.resident.add(page, bits, row_bytes),
            Some(_) => {}
        }
    }

    fn read_numbers(&mut self) -> Result<()> {
        let head = self.head_bytes.as_deref().map(format::head_from_bytes);
        match head.map(whole).transpose()? {
            Some(Ok(head)) => self.head = head,
            Some(Err(message)) => self.damage.push(Problem { url: None, message }),
            None => {}
        }
        // Without a head that can be read, what is there says which numbers have been given: also
        // those of pages that are gone, whose rows and marks would be taken for the new page's.
        let pages = self.entries.keys().chain(self.broken.keys()).copied();
        let next = pages.chain(self.runs.greatest()).max().map_or(0, |page| page.saturating_add(1));
        self.head.next_page = self.head.next_page.max(next);
        if self.made_with.is_none() && !(self.entries.is_empty() && self.broken.is_empty()) {
            let message = "the index has pages but its meta record is missing: clear it and add \
                           its pages again";
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        Ok(())
    }

    /// Takes up what others have committed since, page by page. Says whether that could be done;
    /// where not, this state is of no use any more and all is to be read anew.
    pub(crate) async fn follow<S: Store>(
        &mut self,
        store: &S,
        head_bytes: Option<Vec<u8>>,
    ) -> Result<bool> {
        let read = head_bytes.as_deref().map(format::head_from_bytes);
        let Some(Ok(head)) = read else { return Ok(false) };
        let Some(added) = self.take_effects(&head) else { return Ok(false) };
        let homes: Vec<(u32, u32)> =
            added.into_iter().map(|page| (self.runs.home(page), page)).collect();
        for of_home in homes.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(home, _)) = of_home.first() else { continue };
            let pages: Vec<u32> = of_home.iter().map(|&(_, page)| page).collect();
            if !self.follow_home(store, home, &pages).await? {
                return Ok(false);
            }
        }
        self.head = head;
        self.head_bytes = head_bytes;
        Ok(true)
    }

    /// Takes up pages that have come to lie in one record, in the order of their numbers.
    async fn follow_home<S: Store>(&mut self, store: &S, home: u32, pages: &[u32]) -> Result<bool> {
        let (key, dimension) = (format::page_key(home), self.dimension());
        let records = store.read(&[(Space::Directory, key), (Space::Bits, key)]).await?;
        let [Some(entries), Some(bits)] = records.as_slice() else { return Ok(false) };
        let (Ok(entries), Ok(run)) = (
            format::entries_from_bytes(home, entries),
            format::bits_from_bytes(home, dimension, bits),
        ) else {
            return Ok(false);
        };
        for (page, entry) in entries.into_iter().filter(|(page, _)| pages.contains(page)) {
            let Some(bits) = bits_of(&run, page, dimension) else { return Ok(false) };
            self.take_up(page, entry, bits, dimension);
        }
        Ok(pages.iter().all(|page| self.entries.contains_key(page)))
    }

    /// Goes along with what others did, and gives the pages that came and are still there.
    fn take_effects(&mut self, head: &Head) -> Option<Vec<u32>> {
        let effects: Vec<Effect> = head.since(&self.head)?.collect();
        let mut added = Vec::new();
        for effect in &effects {
            match *effect {
                Effect::Added(page) => added.push(page),
                Effect::Removed(page) => added.retain(|&other| other != page),
                Effect::Queue => self.queue_is_stale = true,
                Effect::Words => self.words_are_stale = true,
                Effect::Merged(..) | Effect::All => {}
            }
        }
        self.apply(&effects);
        self.words_are_stale |= !added.is_empty();
        (self.made_with.is_some() && added.len() <= FOLLOW_PAGES_MAX).then_some(added)
    }
}

/// What is asked of the store at once, in this order: the head must be what it was before all else.
struct Asked<'a, S> {
    /// The head, and what the index was made with.
    meta: Begun<'a, Vec<Option<Vec<u8>>>>,
    /// That of the head: see [`Store::moment`].
    moment: Option<u64>,
    rest: Spaces<'a, S>,
}

struct Spaces<'a, S> {
    store: &'a S,
    gone: Strides<'a, S>,
    directory: Strides<'a, S>,
    bits: Strides<'a, S>,
    queue: Strides<'a, S>,
}

impl<'a, S: Store> Asked<'a, S> {
    async fn of(store: &'a S) -> Self {
        const META: [(Space, u64); 2] = [(Space::Meta, HEAD_KEY), (Space::Meta, META_KEY)];
        let meta = Begun::new(store.read(&META)).await;
        let moment = store.moment();
        let gone = Strides::begin(store, Space::Gone, 0).await;
        let directory = Strides::begin(store, Space::Directory, 0).await;
        let bits = Strides::begin(store, Space::Bits, 0).await;
        let queue = Queue::begin_to_read(store).await;
        Asked { meta, moment, rest: Spaces { store, gone, directory, bits, queue } }
    }
}

/// The rows of one page of a run.
pub(super) fn bits_of<'a>(
    run: &format::BitsRun<'a>,
    page: u32,
    dimension: usize,
) -> Option<&'a [u8]> {
    let row_bytes = format::Rows::Bits.row_bytes(dimension);
    let at = run.pages.iter().position(|&(number, _)| number == page)?;
    let before: usize = run.pages[..at].iter().map(|&(_, rows)| rows).sum();
    run.bits.get(before * row_bytes..(before + run.pages[at].1) * row_bytes)
}
