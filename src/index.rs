//! Keep it and find it: the index of one fingerprint's pages over a [`Store`].

mod add;
mod build;
mod cache;
mod compact;
mod export;
pub mod facets;
pub mod filter;
mod follow;
pub mod format;
pub mod hamming;
mod import;
mod left_over;
pub mod lexical;
mod listing;
mod load;
pub mod page_set;
pub mod queue;
mod read;
mod rebuild;
pub mod rescore;
pub mod resident;
mod runs;
mod state;
mod strides;
mod transaction;
mod verify;
mod verify_words;
mod wording;
mod write;

pub use add::is_batch;
use cache::BlockCache;
pub use export::Export;
pub use import::{Imported, Importer, PAGE_BYTES_MAX};
pub use page_set::PageSet;
pub(crate) use resident::place_of;
pub use state::Problem;
use state::{State, attempts, busy};
use transaction::Transaction;
pub use verify::{Repaired, Verification};

use serde::Serialize;

use crate::begun::Begun;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::hits::Hit;
use crate::page::EncodedPage;
use crate::search::{self, Query, SearchOptions};
use crate::store::{Change, Commit, HEAD_KEY, Space, Store, StoreKind, refuse_sealed};
use format::Effect;
use lexical::WordRecorder;

/// What became of a page that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Added,
    /// It took the place of what was under its address.
    Replaced,
    /// The same content was there: nothing was done.
    Unchanged,
}

impl Outcome {
    /// The name that JavaScript sees.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Added => "added",
            Outcome::Replaced => "replaced",
            Outcome::Unchanged => "unchanged",
        }
    }
}

/// A page that is in the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
    /// How many passages it has.
    pub passages: usize,
    /// When it was read or written, as was said when it was added: milliseconds since 1970, UTC.
    #[serde(rename = "time", skip_serializing_if = "Option::is_none")]
    pub time_ms: Option<i64>,
}

impl PageInfo {
    fn of(entry: &format::Entry) -> Self {
        PageInfo {
            url: entry.url.clone(),
            title: entry.title.clone(),
            passages: entry.passages,
            time_ms: entry.time_ms,
        }
    }
}

/// Pages that can be searched. Bits and addresses are in memory, texts and INT8 in the store.
///
/// What is in memory changes only after the store has committed. Numbers of pages are never given
/// twice, and every commit checks that no other writer (another tab) has been there since this
/// index last looked; then it looks again and goes on from what it finds.
pub struct Index<S> {
    pub(crate) store: S,
    pub(crate) state: State,
    pub(crate) cache: BlockCache,
    recorder: WordRecorder,
    bound: Option<Fingerprint>,
}

impl<S: Store> Index<S> {
    /// Reads what must be in memory: per passage its bits, per page its address, title and hash.
    ///
    /// Damaged pages are left out and named by [`Index::problems`].
    ///
    /// # Errors
    ///
    /// `Fingerprint` where a newer version has written the index, `Corrupt` where it cannot be
    /// told what the index was made with, `Locked` where it is encrypted, `Storage` where the store
    /// fails.
    pub async fn open(store: S) -> Result<Self> {
        store.begin_reading();
        let allowed = Begun::new(refuse_sealed(&store)).await;
        let state = State::load_if(allowed, &store).await?;
        let (cache, recorder) = (BlockCache::default(), WordRecorder::default());
        Ok(Index { store, state, cache, recorder, bound: None })
    }

    /// Removes all that is in the store, without having to understand it, and opens it.
    ///
    /// # Errors
    ///
    /// `Locked` where it is encrypted, `Storage` where the store fails.
    pub async fn open_cleared(mut store: S) -> Result<Self> {
        refuse_sealed(&store).await?;
        for _ in attempts() {
            let head = state::read_head(&store).await?;
            let changes = build::removal_of_all();
            if store.commit(head.as_deref(), changes).await? == Commit::Done {
                return Self::open_with_new_head(store, head).await;
            }
        }
        Err(busy())
    }

    /// Opens a cleared store. A head that this version cannot read is removed too.
    async fn open_with_new_head(mut store: S, head: Option<Vec<u8>>) -> Result<Self> {
        let unreadable =
            head.as_deref().is_some_and(|bytes| format::head_from_bytes(bytes).is_err());
        if unreadable {
            let keys = HEAD_KEY..HEAD_KEY + 1;
            let change = Change::Delete { space: Space::Meta, keys };
            if store.commit(head.as_deref(), vec![change]).await? == Commit::Conflict {
                return Err(busy());
            }
        }
        Self::open(store).await
    }

    /// Says with which encoder pages and queries will come. The first one is written down.
    ///
    /// # Errors
    ///
    /// `Fingerprint` where the index was made with another one, `Input` where the dimension is
    /// not a multiple of 8 in 8..=65,536.
    pub async fn bind(&mut self, fingerprint: &Fingerprint) -> Result<()> {
        check_dimension(fingerprint.dimension)?;
        for _ in attempts() {
            if let Some(made_with) = &self.state.made_with {
                check_same_space(made_with, fingerprint)?;
                self.bound = Some(fingerprint.clone());
                return Ok(());
            }
            let bytes = format::meta_to_bytes(fingerprint)?;
            let mut plan = Transaction::new(self.state.head.next_page);
            plan.changes.push(Change::Put { space: Space::Meta, key: state::META_KEY, bytes });
            plan.effects.push(Effect::All);
            if self.transact(plan).await? {
                self.state.made_with = Some(fingerprint.clone());
                self.state.resident = resident::Resident::new(fingerprint.dimension);
            }
        }
        Err(busy())
    }

    /// What the index was made with, if something has ever been bound to it.
    pub fn fingerprint(&self) -> Option<&Fingerprint> {
        self.state.made_with.as_ref()
    }

    /// The hash of the page under an address: equal to that of what is to be added, nothing to do.
    pub fn find(&self, url: &str) -> Option<[u8; 32]> {
        self.entry(url).map(|entry| entry.hash)
    }

    /// How many passages the page under an address has.
    pub fn passages_of(&self, url: &str) -> Option<usize> {
        self.entry(url).map(|entry| entry.passages)
    }

    fn entry(&self, url: &str) -> Option<&format::Entry> {
        self.state.entries.get(self.state.urls.get(url)?)
    }

    /// The best passage of each of the best pages, the best first.
    ///
    /// A page that turns out to be damaged is left out from then on and named by
    /// [`Index::problems`].
    ///
    /// # Errors
    ///
    /// `Input` where the vector is zero, not finite or of another dimension, or an option is out
    /// of its range; `Storage` where the store fails.
    pub async fn search(&mut self, query: Query<'_>, options: &SearchOptions) -> Result<Vec<Hit>> {
        search::search(self, query, options).await
    }

    /// The pages, in the order in which they were added.
    pub fn pages(&self) -> Vec<PageInfo> {
        self.state.entries.values().map(PageInfo::of).collect()
    }

    /// How many pages there are.
    pub fn page_count(&self) -> usize {
        self.state.entries.len()
    }

    /// How many passages all pages have together.
    pub fn passage_count(&self) -> usize {
        self.state.entries.values().map(|entry| entry.passages).sum()
    }

    /// What was found damaged and is left out, so far.
    pub fn problems(&self) -> Vec<Problem> {
        self.state.damage.iter().chain(self.state.broken.values()).cloned().collect()
    }

    /// Where the index lives.
    pub fn store_kind(&self) -> StoreKind {
        self.store.kind()
    }

    /// Gives the store back.
    pub fn into_store(self) -> S {
        self.store
    }

    pub(crate) fn bound(&self) -> Result<&Fingerprint> {
        self.bound.as_ref().ok_or_else(|| {
            let message = "the index does not know its encoder yet: bind it to a fingerprint first";
            Error::new(ErrorKind::Input, message)
        })
    }
}

fn check_dimension(dimension: usize) -> Result<()> {
    if dimension.is_multiple_of(8) && (8..=format::DIMENSION_MAX).contains(&dimension) {
        return Ok(());
    }
    let message = format!(
        "vectors of {dimension} components cannot be indexed: a multiple of 8 up to {} is needed",
        format::DIMENSION_MAX
    );
    Err(Error::new(ErrorKind::Input, message))
}

fn check_fits(encoded: &EncodedPage, dimension: usize) -> Result<()> {
    if encoded.dimension != dimension {
        let message = format!(
            "page {:?} has vectors of {} components, the index of {dimension}: encode it with the \
             index's model",
            encoded.page.url, encoded.dimension
        );
        return Err(Error::new(ErrorKind::Input, message));
    }
    format::check_page(encoded)
}

fn check_same_space(made_with: &Fingerprint, fingerprint: &Fingerprint) -> Result<()> {
    if made_with.same_space(fingerprint) {
        return Ok(());
    }
    let name = |it: &Fingerprint| {
        let digest: String = it.digest.chars().take(12).collect();
        format!("{} ({} components, {digest})", it.model, it.dimension)
    };
    let message = format!(
        "the index was made with {} and the encoder is {}: open it with the model it was made \
         with, or clear it and add its pages again",
        name(made_with),
        name(fingerprint)
    );
    Err(Error::new(ErrorKind::Fingerprint, message))
}

fn cleared_by_another() -> Error {
    let message = "the index was cleared by another tab: open it again";
    Error::new(ErrorKind::Storage, message)
}
