//! A store that is gone when it is dropped: for tests, and where the browser refuses storage.

use super::{Change, Commit, HEAD_KEY, Space, Store, StoreKind};
use crate::error::Result;
use crate::sorted::SortedMap;

/// Records in memory.
#[derive(Debug, Default, Clone)]
pub struct MemoryStore {
    records: SortedMap<(Space, u64), Vec<u8>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        MemoryStore::default()
    }
}

impl Store for MemoryStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn damage(&self) -> &[String] {
        &[]
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        let records = self.records.from(&(space, from)).take_while(|(key, _)| key.0 == space);
        Ok(records.map(|(&(_, key), _)| key).collect())
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let records = self.records.from(&(space, from)).take_while(|(key, _)| key.0 == space);
        Ok(records.take(count).map(|(&(_, key), bytes)| (key, bytes.clone())).collect())
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        Ok(keys.iter().map(|key| self.records.get(key).cloned()).collect())
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        let head = self.records.get(&(Space::Meta, HEAD_KEY));
        if head.map(Vec::as_slice) != expected {
            return Ok(Commit::Conflict);
        }
        for change in changes {
            match change {
                Change::Put { space, key, bytes } => {
                    self.records.insert((space, key), bytes);
                }
                Change::Delete { space, keys } => {
                    let rest = self.records.from(&(space, keys.start)).map(|(key, _)| *key);
                    let gone: Vec<_> = rest.take_while(|&key| key < (space, keys.end)).collect();
                    for key in gone {
                        self.records.remove(&key);
                    }
                }
            }
        }
        Ok(Commit::Done)
    }
}
