//! How all records of a space are read: some at a time, the next already on their way.

use super::format;
use crate::begun::Begun;
use crate::error::Result;
use crate::store::{Space, Store};

/// Records read at once on opening, at first and at least.
const SCAN_RECORDS: usize = 64;

/// Later, as many as have so many bytes together, if they are as those before: enough that a
/// database is not asked often, few enough that what is read and not yet unpacked stays small.
const SCAN_BYTES: usize = 2 * 1024 * 1024;

/// And no more than this.
const SCAN_RECORDS_MAX: usize = 4096;

/// The first records of a space, asked for; then all others.
pub(super) struct Strides<'a, S> {
    store: &'a S,
    space: Space,
    first: Begun<'a, Vec<(u64, Vec<u8>)>>,
}

impl<'a, S: Store> Strides<'a, S> {
    /// Asks for the first records from a key on.
    pub(super) async fn begin(store: &'a S, space: Space, from: u64) -> Self {
        let first = Begun::new(store.scan(space, from, SCAN_RECORDS)).await;
        Strides { store, space, first }
    }

    /// Shows every record with its key. While some are shown, the next are on their way.
    pub(super) async fn show(self, mut show: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<()> {
        let (mut records, mut count) = (self.first.end().await?, SCAN_RECORDS);
        while let Some((last, _)) = records.last() {
            // Fewer than asked for: these are the last.
            let is_end = records.len() < count;
            let bytes: usize = records.iter().map(|(_, bytes)| bytes.len()).sum();
            count =
                (SCAN_BYTES * records.len() / bytes.max(1)).clamp(SCAN_RECORDS, SCAN_RECORDS_MAX);
            let next = match is_end {
                true => None,
                false => Some(Begun::new(self.store.scan(self.space, last + 1, count)).await),
            };
            for (key, bytes) in &records {
                show(*key, bytes)?;
            }
            records = match next {
                Some(next) => next.end().await?,
                None => return Ok(()),
            };
        }
        Ok(())
    }

    /// As [`Strides::show`], with the page that each key stands for.
    pub(super) async fn show_pages(
        self,
        mut show: impl FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.show(|key, bytes| show(format::page_of_key(key), bytes)).await
    }
}
