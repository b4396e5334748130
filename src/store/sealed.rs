//! A store whose records are encrypted, each by itself, before another store gets them.
//!
//! What the other store sees: which records there are and how long each is, as one random nonce
//! and ciphertext each; nothing of what is in them. A record is bound to its place: one that was
//! altered, or moved under another key, does not open and counts as damaged. That a record was
//! removed, or put back as it was earlier, is not noticed here.
//!
//! Encryption cannot run within a transaction of the browser's database, which ends as soon as
//! nothing is asked of it. So all is encrypted before, and whether the head is still the one
//! expected is decided by its encrypted bytes, which are never the same twice.

use super::{Change, Commit, HEAD_KEY, KEY_END, Space, Store, StoreKind};
use crate::error::{Error, ErrorKind, Result};
use crate::index::format;

/// The key, in [`Space::Meta`], of the record that is not encrypted and tells that all others are.
/// It is the last that there is, so that a scan may leave it out.
pub const SEAL_KEY: u64 = KEY_END - 1;

/// What is encrypted in that record, to see whether a key is the right one.
const CHECK: &[u8] = b"Burrow's index is encrypted with this key";

/// Where a record lies, as the bytes to which its encryption binds it.
pub type Place = [u8; 9];

/// Encrypts and decrypts with a key that it holds.
#[allow(async_fn_in_trait, reason = "as with Store: one worker is one thread")]
pub trait Cipher {
    /// Encrypts records, each for its place and with a new random nonce, which is kept with it.
    ///
    /// # Errors
    ///
    /// `Storage` where the platform fails.
    async fn seal(&self, records: &[(Place, &[u8])]) -> Result<Vec<Vec<u8>>>;

    /// Decrypts records; `None` for one that was not encrypted just so, with this key and for this
    /// place.
    ///
    /// # Errors
    ///
    /// `Storage` where the platform fails.
    async fn open(&self, records: &[(Place, &[u8])]) -> Result<Vec<Option<Vec<u8>>>>;
}

/// Encrypted records in another store.
#[derive(Debug)]
pub struct SealedStore<S, C> {
    store: S,
    cipher: C,
    /// Whether the store says already that it is encrypted. The first commit writes it down.
    is_marked: bool,
}

impl<S: Store, C: Cipher> SealedStore<S, C> {
    /// Goes on with a store that was encrypted with this key, or begins with an empty one.
    ///
    /// # Errors
    ///
    /// `Locked` where it was encrypted with another key, `Input` where it is not encrypted and not
    /// empty, `Corrupt` or `Fingerprint` where it cannot be told, `Storage` where the store fails.
    pub async fn open(store: S, cipher: C) -> Result<Self> {
        let is_marked = is_marked(&store, &cipher).await?;
        Ok(SealedStore { store, cipher, is_marked })
    }

    /// Gives the store below back.
    pub fn into_store(self) -> S {
        self.store
    }

    /// What was not encrypted here becomes an empty record, which fails as every damaged one: one
    /// damaged page must not hide the others.
    async fn opened(&self, records: &[(Place, &[u8])]) -> Result<Vec<Vec<u8>>> {
        let opened = self.cipher.open(records).await?;
        Ok(opened.into_iter().map(Option::unwrap_or_default).collect())
    }

    /// The changes as the store below gets them.
    async fn sealed(&self, changes: &[Change]) -> Result<Vec<Change>> {
        let puts = changes.iter().filter_map(|change| match change {
            Change::Put { space, key, bytes } => Some((place(*space, *key), bytes.as_slice())),
            Change::Delete { .. } => None,
        });
        let mut puts: Vec<_> = puts.collect();
        // What only removes must go through on a full disk, and a first commit writes something.
        let is_first = !self.is_marked && !puts.is_empty();
        if is_first {
            puts.push((place(Space::Meta, SEAL_KEY), CHECK));
        }
        let mut sealed = self.cipher.seal(&puts).await?.into_iter();
        let mut all = Vec::with_capacity(changes.len() + 1);
        for change in changes {
            match change {
                Change::Put { space, key, .. } => {
                    let bytes = sealed.next().ok_or_else(too_few)?;
                    all.push(Change::Put { space: *space, key: *key, bytes });
                }
                Change::Delete { space, keys } => {
                    // Also what is cleared stays encrypted: the mark is left.
                    let end = if *space == Space::Meta { SEAL_KEY } else { KEY_END };
                    let keys = keys.start..keys.end.min(end);
                    all.push(Change::Delete { space: *space, keys });
                }
            }
        }
        if is_first {
            let bytes = format::seal_to_bytes(&sealed.next().ok_or_else(too_few)?)?;
            all.push(Change::Put { space: Space::Meta, key: SEAL_KEY, bytes });
        }
        Ok(all)
    }
}

impl<S: Store, C: Cipher> Store for SealedStore<S, C> {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn damage(&self) -> &[String] {
        self.store.damage()
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        let mut keys = self.store.keys(space, from).await?;
        keys.retain(|&key| !is_mark(space, key));
        Ok(keys)
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let mut records = self.store.scan(space, from, count).await?;
        records.retain(|&(key, _)| !is_mark(space, key));
        let sealed: Vec<_> =
            records.iter().map(|(key, bytes)| (place(space, *key), bytes.as_slice())).collect();
        let opened = self.opened(&sealed).await?;
        Ok(records.iter().map(|&(key, _)| key).zip(opened).collect())
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        let mut records = self.store.read(keys).await?;
        for (record, &(space, key)) in records.iter_mut().zip(keys) {
            record.take_if(|_| is_mark(space, key));
        }
        let found = keys
            .iter()
            .zip(&records)
            .filter_map(|(&(space, key), record)| Some((place(space, key), record.as_deref()?)));
        let mut opened = self.opened(&found.collect::<Vec<_>>()).await?.into_iter();
        // One was opened for each that was found, in their order.
        Ok(records.into_iter().map(|record| record.and_then(|_| opened.next())).collect())
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        let head = [(Space::Meta, HEAD_KEY)];
        let sealed_head = self.store.read(&head).await?.into_iter().next().flatten();
        let there = sealed_head.as_deref().map(|bytes| (place(Space::Meta, HEAD_KEY), bytes));
        let there = self.opened(there.as_slice()).await?.into_iter().next();
        let mut commit = Commit::Conflict;
        if there.as_deref() == expected {
            let sealed = self.sealed(&changes).await?;
            commit = self.store.commit(sealed_head.as_deref(), sealed).await?;
        }
        if !self.is_marked {
            // Whoever was first may have another key, or none.
            self.is_marked = is_marked(&self.store, &self.cipher).await?;
        }
        Ok(commit)
    }
}

/// Refuses a store that is encrypted and was opened as if it were not.
///
/// # Errors
///
/// `Locked` then, `Storage` where the store fails.
pub(crate) async fn refuse_sealed<S: Store>(store: &S) -> Result<()> {
    match read_mark(store).await? {
        None => Ok(()),
        Some(_) => {
            let message = "the index is encrypted: open it with the key that it was made with, by \
                           the option encryption";
            Err(Error::new(ErrorKind::Locked, message))
        }
    }
}

/// Whether a store is encrypted with this key; else it must be empty.
async fn is_marked<S: Store, C: Cipher>(store: &S, cipher: &C) -> Result<bool> {
    let mut mark = read_mark(store).await?;
    if mark.is_none() {
        if is_empty(store).await? {
            return Ok(false);
        }
        // Another tab may have begun meanwhile: what it wrote first has the mark with it.
        mark = read_mark(store).await?;
    }
    let mark = mark.ok_or_else(not_encrypted)?;
    let check = format::seal_from_bytes(&mark)?;
    let opened = cipher.open(&[(place(Space::Meta, SEAL_KEY), check)]).await?;
    if opened.into_iter().next().flatten().as_deref() == Some(CHECK) {
        return Ok(true);
    }
    let message = "the index is encrypted with another key: give the key that it was made with; if \
                   that is lost, so are its pages: delete the index and add them again";
    Err(Error::new(ErrorKind::Locked, message))
}

async fn is_empty<S: Store>(store: &S) -> Result<bool> {
    for space in Space::ALL {
        if !store.scan(space, 0, 1).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn read_mark<S: Store>(store: &S) -> Result<Option<Vec<u8>>> {
    Ok(store.read(&[(Space::Meta, SEAL_KEY)]).await?.into_iter().next().flatten())
}

fn is_mark(space: Space, key: u64) -> bool {
    space == Space::Meta && key == SEAL_KEY
}

fn place(space: Space, key: u64) -> Place {
    let mut place = [space as u8; 9];
    place[1..].copy_from_slice(&key.to_le_bytes());
    place
}

fn not_encrypted() -> Error {
    let message = "the index is not encrypted and a key was given: open it without one or, to \
                   encrypt it, export it, delete it, and import it into one that is opened with \
                   the key";
    Error::new(ErrorKind::Input, message)
}

fn too_few() -> Error {
    let message = "fewer records were encrypted than given: this is a bug of Burrow";
    Error::new(ErrorKind::Storage, message)
}
