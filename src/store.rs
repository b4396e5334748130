//! Where an index lives: a small transactional store of records, in memory, in files or in the
//! browser's IndexedDB.

use std::ops::Range;

use crate::error::Result;

#[cfg(not(target_family = "wasm"))]
mod files;
#[cfg(feature = "web")]
mod indexeddb;
mod memory;
mod sealed;
#[cfg(feature = "web")]
mod webcrypto;

#[cfg(not(target_family = "wasm"))]
pub use files::FilesStore;
#[cfg(feature = "web")]
pub use indexeddb::{Durability, IndexedDbStore};
pub use memory::MemoryStore;
pub(crate) use sealed::refuse_sealed;
pub use sealed::{Cipher, Place, SEAL_KEY, SealedStore};
#[cfg(feature = "web")]
pub use webcrypto::WebCipher;

/// A kind of record. Each has keys of its own; IndexedDB keeps each in an object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// What the index was made with, and its head.
    Meta,
    /// A page's address, title and hash. Read on opening.
    Directory,
    /// A page's bits. Read on opening.
    Bits,
    /// Blocks of a page's INT8 rows. Read for candidates only.
    Codes,
    /// The bits of a page's sentences. Read for hits only.
    Sentences,
    /// A page's text and passages. Read for hits only.
    Pages,
    /// The words of passages: lexical segments.
    Terms,
    /// Pages that wait to be encoded.
    Queue,
    /// Pages that were replaced and whose rows still lie in a segment with those of others.
    Gone,
}

impl Space {
    /// All of them. Their order is part of the files' format: add at the end.
    pub const ALL: [Space; 9] = [
        Space::Meta,
        Space::Directory,
        Space::Bits,
        Space::Codes,
        Space::Sentences,
        Space::Pages,
        Space::Terms,
        Space::Queue,
        Space::Gone,
    ];

    /// Its name in a database.
    pub fn name(self) -> &'static str {
        match self {
            Space::Meta => "meta",
            Space::Directory => "directory",
            Space::Bits => "bits",
            Space::Codes => "codes",
            Space::Sentences => "sentences",
            Space::Pages => "pages",
            Space::Terms => "terms",
            Space::Queue => "queue",
            Space::Gone => "gone",
        }
    }
}

/// Keys are below 2^53, since IndexedDB keeps them as JavaScript numbers.
pub const KEY_END: u64 = 1 << 53;

/// The key, in [`Space::Meta`], of the record that every commit rewrites: a commit whose maker has
/// not seen the last head is refused, so two writers cannot undo each other.
pub const HEAD_KEY: u64 = 1;

/// One step of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Writes a record, over the one that was there.
    Put {
        /// Where.
        space: Space,
        /// Its key, below [`KEY_END`].
        key: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// Removes the records with these keys.
    Delete {
        /// Where.
        space: Space,
        /// Their keys, the end at most [`KEY_END`].
        keys: Range<u64>,
    },
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// All of it is stored.
    Done,
    /// Someone else has committed meanwhile: nothing is stored. Read anew and try again.
    Conflict,
}

/// Where an index lives, as `status` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// Gone when it is dropped.
    Memory,
    /// A folder.
    Files,
    /// A database of the browser.
    IndexedDb,
}

impl StoreKind {
    /// The name that JavaScript sees.
    pub fn name(self) -> &'static str {
        match self {
            StoreKind::Memory => "memory",
            StoreKind::Files => "files",
            StoreKind::IndexedDb => "indexeddb",
        }
    }
}

/// Takes a record, and its key's place among the keys that were asked for.
pub type Show<'a> = &'a mut dyn FnMut(usize, Option<Vec<u8>>) -> Result<()>;

/// Bytes in, bytes out: what every place of storage can do.
///
/// A commit is one transaction: after a crash at any moment all of it is there or none of it.
// The futures need not be `Send`: in the browser a store lives in one worker, which is one thread.
#[allow(async_fn_in_trait)]
pub trait Store {
    /// Where this is.
    fn kind(&self) -> StoreKind;

    /// What the store itself found damaged and left out when it was opened, as sentences.
    fn damage(&self) -> &[String];

    /// Names the moment of the last read, where the store can tell: all that is read at one moment
    /// was so together, whatever others have written meanwhile.
    fn moment(&self) -> Option<u64> {
        None
    }

    /// Tells that several readings follow at once, so that the store can make them one: the next is
    /// asked for as soon as the answer is there.
    fn begin_reading(&self) {}

    /// They are done.
    fn end_reading(&self) {}

    /// The keys of a space's records, from `from` on, in their order.
    ///
    /// # Errors
    ///
    /// `Storage` where the place of storage fails.
    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>>;

    /// At most `count` records of a space whose keys are at least `from`, in the order of keys; fewer
    /// only where there are no more.
    ///
    /// # Errors
    ///
    /// `Storage` where the place of storage fails.
    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>>;

    /// The records under these keys, in one transaction; `None` where there is none.
    ///
    /// # Errors
    ///
    /// As [`Store::scan`].
    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>>;

    /// As [`Store::read`], but shows each record, with its key's place among the keys and in their
    /// order: those that are there while the others are on their way.
    ///
    /// # Errors
    ///
    /// As [`Store::scan`], and the first that `show` gives: then the rest is not shown.
    async fn read_each(&self, keys: &[(Space, u64)], show: Show<'_>) -> Result<()> {
        let records = self.read(keys).await?.into_iter().enumerate();
        records.into_iter().try_for_each(|(at, record)| show(at, record))
    }

    /// Makes all the changes, in their order, if the head is still the one `expected`.
    ///
    /// # Errors
    ///
    /// `StorageFull` or `Storage`; then nothing of it is stored and what was there still is.
    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit>;

    /// As [`Store::commit`], of changes that are made one by one: the store may take the first of
    /// them while those behind are still to be made. Where one cannot be made, nothing is stored.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`], and that of the first change that is one.
    async fn commit_each(
        &mut self,
        expected: Option<&[u8]>,
        changes: &mut dyn Iterator<Item = Result<Change>>,
    ) -> Result<Commit> {
        self.commit(expected, changes.collect::<Result<_>>()?).await
    }
}

/// A store whose place is chosen when the program runs.
pub enum AnyStore {
    /// Gone when it is dropped.
    Memory(MemoryStore),
    /// A folder.
    #[cfg(not(target_family = "wasm"))]
    Files(FilesStore),
    /// A database of the browser.
    #[cfg(feature = "web")]
    IndexedDb(IndexedDbStore),
    /// A database of the browser, encrypted.
    #[cfg(feature = "web")]
    Sealed(SealedStore<IndexedDbStore, WebCipher>),
}

/// Calls the same method of whichever store it is.
macro_rules! delegate {
    ($any:expr, $store:ident => $call:expr) => {
        match $any {
            AnyStore::Memory($store) => $call,
            #[cfg(not(target_family = "wasm"))]
            AnyStore::Files($store) => $call,
            #[cfg(feature = "web")]
            AnyStore::IndexedDb($store) => $call,
            #[cfg(feature = "web")]
            AnyStore::Sealed($store) => $call,
        }
    };
}

impl Store for AnyStore {
    fn kind(&self) -> StoreKind {
        delegate!(self, store => store.kind())
    }

    fn damage(&self) -> &[String] {
        delegate!(self, store => store.damage())
    }

    fn moment(&self) -> Option<u64> {
        delegate!(self, store => store.moment())
    }

    fn begin_reading(&self) {
        delegate!(self, store => store.begin_reading())
    }

    fn end_reading(&self) {
        delegate!(self, store => store.end_reading())
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        delegate!(self, store => store.keys(space, from).await)
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        delegate!(self, store => store.scan(space, from, count).await)
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        delegate!(self, store => store.read(keys).await)
    }

    async fn read_each(&self, keys: &[(Space, u64)], show: Show<'_>) -> Result<()> {
        delegate!(self, store => store.read_each(keys, show).await)
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        delegate!(self, store => store.commit(expected, changes).await)
    }

    async fn commit_each(
        &mut self,
        expected: Option<&[u8]>,
        changes: &mut dyn Iterator<Item = Result<Change>>,
    ) -> Result<Commit> {
        delegate!(self, store => store.commit_each(expected, changes).await)
    }
}
