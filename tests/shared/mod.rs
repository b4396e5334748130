//! A store that several indexes have open, as tabs do.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use std::cell::RefCell;
use std::rc::Rc;

use burrow::Result;
use burrow::store::{Change, Commit, MemoryStore, Space, Store, StoreKind};
use pollster::block_on;

/// One store, and how many records were asked of it.
#[derive(Debug, Clone, Default)]
pub struct Shared {
    pub store: Rc<RefCell<MemoryStore>>,
    pub records_read: Rc<RefCell<usize>>,
}

impl Store for Shared {
    fn kind(&self) -> StoreKind {
        StoreKind::Memory
    }

    fn damage(&self) -> &[String] {
        &[]
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        block_on(self.store.borrow().keys(space, from))
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let records = block_on(self.store.borrow().scan(space, from, count))?;
        *self.records_read.borrow_mut() += records.len();
        Ok(records)
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        *self.records_read.borrow_mut() += keys.len();
        block_on(self.store.borrow().read(keys))
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        block_on(self.store.borrow_mut().commit(expected, changes))
    }
}
