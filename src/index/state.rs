//! What of an index is in memory, and how it is read when the index is opened.

use std::collections::BTreeMap;
use std::fmt;

use super::format::{self, Entry, Head, Rows};
use super::queue::Queue;
use super::resident::Resident;
use crate::error::{Error, ErrorKind, Result};
use crate::fingerprint::Fingerprint;
use crate::store::{HEAD_KEY, Space, Store};

/// The key, in [`Space::Meta`], of what the index was made with.
pub(crate) const META_KEY: u64 = 0;

/// Records read at once on opening: enough that a database is not asked often, few enough that
/// what is read and not yet unpacked stays small.
const SCAN_RECORDS: usize = 256;

/// Opening is tried again when another tab commits meanwhile; a tab that never stops is an error.
const ATTEMPTS: usize = 8;

/// A page, or a part of the store, that is damaged and left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The page's address, where it could be read. Adding that page again mends it.
    pub url: Option<String>,
    /// What is wrong, as a sentence.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.url {
            Some(url) => write!(f, "{url}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// All that is known without asking the store.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) head: Head,
    /// As the store has it: what the next commit must find there.
    pub(crate) head_bytes: Option<Vec<u8>>,
    pub(crate) made_with: Option<Fingerprint>,
    /// Every whole page.
    pub(crate) entries: BTreeMap<u32, Entry>,
    /// Where an address's page is in `entries`.
    pub(crate) urls: BTreeMap<String, u32>,
    /// Pages left out: their records stay until their address is added again.
    pub(crate) broken: BTreeMap<u32, Problem>,
    /// Other damage.
    pub(crate) damage: Vec<Problem>,
    pub(crate) resident: Resident,
    /// What waits to be encoded.
    pub(crate) queue: Queue,
}

impl State {
    /// Reads the head, the fingerprint, the directory and the bits; no texts and no INT8.
    pub(crate) async fn load<S: Store>(store: &S) -> Result<State> {
        for _ in 0..ATTEMPTS {
            let head_bytes = read_head(store).await?;
            let state = State::read(store, head_bytes.clone()).await;
            if read_head(store).await? == head_bytes {
                return state;
            }
        }
        Err(busy())
    }

    async fn read<S: Store>(store: &S, head_bytes: Option<Vec<u8>>) -> Result<State> {
        let meta = store.read(&[(Space::Meta, META_KEY)]).await?.into_iter().next().flatten();
        let made_with = meta.as_deref().map(format::meta_from_bytes).transpose()?;
        let dimension = made_with.as_ref().map_or(8, |fingerprint| fingerprint.dimension);
        let sentence = |message: &String| Problem { url: None, message: message.clone() };
        let mut state = State {
            head: Head::default(),
            head_bytes,
            made_with,
            entries: BTreeMap::new(),
            urls: BTreeMap::new(),
            broken: BTreeMap::new(),
            damage: store.damage().iter().map(sentence).collect(),
            resident: Resident::new(dimension),
            queue: Queue::default(),
        };
        state.read_directory(store).await?;
        state.read_bits(store, dimension).await?;
        state.read_numbers()?;
        state.queue = Queue::read(store, &mut state.damage).await?;
        Ok(state)
    }

    async fn read_directory<S: Store>(&mut self, store: &S) -> Result<()> {
        let mut from = 0;
        loop {
            let records = store.scan(Space::Directory, from, SCAN_RECORDS).await?;
            let Some((last, _)) = records.last() else { return Ok(()) };
            from = last + 1;
            for (key, bytes) in &records {
                let page = format::page_of_key(*key);
                match whole(format::entry_from_bytes(page, bytes))? {
                    Ok(entry) => self.enter(page, entry),
                    Err(message) => self.leave_out(page, message),
                }
            }
        }
    }

    /// Takes up a page; of two with one address the later is right.
    fn enter(&mut self, page: u32, entry: Entry) {
        let earlier = self.urls.insert(entry.url.clone(), page);
        self.entries.insert(page, entry);
        if let Some(earlier) = earlier {
            let message = "a page of this address was added later".to_owned();
            self.leave_out(earlier, message);
        }
    }

    async fn read_bits<S: Store>(&mut self, store: &S, dimension: usize) -> Result<()> {
        let mut from = 0;
        let mut found = std::collections::BTreeSet::new();
        loop {
            let records = store.scan(Space::Bits, from, SCAN_RECORDS).await?;
            let Some((last, _)) = records.last() else { break };
            from = last + 1;
            for (key, bytes) in &records {
                let page = format::page_of_key(*key);
                found.insert(page);
                self.take_bits(page, bytes, dimension)?;
            }
        }
        let missing: Vec<u32> =
            self.entries.keys().filter(|page| !found.contains(page)).copied().collect();
        for page in missing {
            self.leave_out(page, "its bits are missing; add the page again".into());
        }
        Ok(())
    }

    fn take_bits(&mut self, page: u32, bytes: &[u8], dimension: usize) -> Result<()> {
        if self.broken.contains_key(&page) {
            return Ok(());
        }
        let Some(entry) = self.entries.get(&page) else {
            self.leave_out(page, format!("page {page} has bits and no directory record"));
            return Ok(());
        };
        let row_bytes = Rows::Bits.row_bytes(dimension);
        match whole(format::rows_from_bytes(page, Rows::Bits, dimension, bytes))? {
            Ok(rows) if self.made_with.is_some() && rows.len() == entry.passages * row_bytes => {
                self.resident.add(page, rows, row_bytes);
            }
            Ok(_) => self.leave_out(page, "its bits are not as many as its passages".into()),
            Err(message) => self.leave_out(page, message),
        }
        Ok(())
    }

    fn read_numbers(&mut self) -> Result<()> {
        let head = self.head_bytes.as_deref().map(format::head_from_bytes);
        match head.map(whole).transpose()? {
            Some(Ok(head)) => self.head = head,
            Some(Err(message)) => self.damage.push(Problem { url: None, message }),
            None => {}
        }
        // Without a head that can be read, what is there says which numbers have been given.
        let pages = self.entries.keys().chain(self.broken.keys());
        let next = pages.max().map_or(0, |page| page.saturating_add(1));
        self.head.next_page = self.head.next_page.max(next);
        if self.made_with.is_none() && !(self.entries.is_empty() && self.broken.is_empty()) {
            let message = "the index has pages but its meta record is missing: clear it and add \
                           its pages again";
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        Ok(())
    }

    /// No longer counts, finds or searches a page.
    pub(crate) fn leave_out(&mut self, page: u32, message: String) {
        let url = self.entries.remove(&page).map(|entry| entry.url);
        if let Some(url) = &url
            && self.urls.get(url) == Some(&page)
        {
            self.urls.remove(url);
        }
        self.resident.remove(page);
        self.broken.insert(page, Problem { url, message });
    }

    /// The pages, whole or not, that lie under an address.
    pub(crate) fn pages_of(&self, url: &str) -> Vec<u32> {
        let broken = self.broken.iter().filter(|(_, problem)| problem.url.as_deref() == Some(url));
        broken.map(|(&page, _)| page).chain(self.urls.get(url).copied()).collect()
    }

    /// Forgets pages whose records are gone.
    pub(crate) fn forget(&mut self, pages: &[u32]) {
        for &page in pages {
            self.leave_out(page, String::new());
            self.broken.remove(&page);
        }
    }

    /// Takes up a page whose records are stored.
    pub(crate) fn take_up(&mut self, page: u32, entry: Entry, bits: &[u8], dimension: usize) {
        self.resident.add(page, bits, Rows::Bits.row_bytes(dimension));
        self.urls.insert(entry.url.clone(), page);
        self.entries.insert(page, entry);
    }
}

/// The head as the store has it.
pub(crate) async fn read_head<S: Store>(store: &S) -> Result<Option<Vec<u8>>> {
    Ok(store.read(&[(Space::Meta, HEAD_KEY)]).await?.into_iter().next().flatten())
}

/// Other tabs write without pause.
pub(crate) fn busy() -> Error {
    let message = format!(
        "the index was changed by others {ATTEMPTS} times while it was read: close other tabs that \
         write to it, or try again"
    );
    Error::new(ErrorKind::Storage, message)
}

/// How often a commit that others have overtaken is tried.
pub(crate) fn attempts() -> std::ops::Range<usize> {
    0..ATTEMPTS
}

/// Takes damage out of the errors, since a damaged page is left out and the others are read.
pub(super) fn whole<T>(read: Result<T>) -> Result<std::result::Result<T, String>> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
