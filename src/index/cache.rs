//! INT8 blocks that were read lately: the next query often needs them again.

use crate::sorted::SortedMap;

/// Blocks of so many bytes in all are kept: some 250 blocks of 1,024 components.
pub(crate) const CACHE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Blocks by their keys; the one that was not used for longest goes first.
#[derive(Debug, Default)]
pub(crate) struct BlockCache {
    blocks: SortedMap<u64, Block>,
    /// The keys, by when they were last used.
    uses: SortedMap<u64, u64>,
    bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Block {
    rows: Vec<u8>,
    used: u64,
}

impl BlockCache {
    /// The rows under a key, if they are here.
    pub(crate) fn get(&mut self, key: u64) -> Option<&[u8]> {
        let block = self.blocks.get_mut(&key)?;
        self.uses.remove(&block.used);
        self.clock += 1;
        block.used = self.clock;
        self.uses.insert(self.clock, key);
        Some(&block.rows)
    }

    /// Keeps rows, at the cost of those not used for longest.
    pub(crate) fn insert(&mut self, key: u64, rows: Vec<u8>) {
        self.remove(key);
        self.clock += 1;
        self.bytes += rows.len();
        self.uses.insert(self.clock, key);
        self.blocks.insert(key, Block { rows, used: self.clock });
        // The last one stays even where it alone is too large: whoever put it here will ask for it.
        while self.bytes > CACHE_BYTES_MAX && self.blocks.len() > 1 {
            let Some((_, oldest)) = self.uses.pop_first() else { return };
            self.remove(oldest);
        }
    }

    fn remove(&mut self, key: u64) {
        if let Some(block) = self.blocks.remove(&key) {
            self.bytes -= block.rows.len();
            self.uses.remove(&block.used);
        }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = BlockCache::default();
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockCache, CACHE_BYTES_MAX};

    #[test]
    fn what_was_used_lately_stays() {
        let mut cache = BlockCache::default();
        let third = CACHE_BYTES_MAX / 3;
        for key in 0..3 {
            cache.insert(key, vec![key as u8; third]);
        }
        assert!(cache.get(0).is_some());
        cache.insert(3, vec![3; third]);
        let there: Vec<bool> = (0..4).map(|key| cache.get(key).is_some()).collect();
        assert_eq!(there, [true, false, true, true]);
        cache.insert(3, vec![9; 5]);
        assert_eq!(cache.get(3), Some([9; 5].as_slice()));
        assert_eq!(cache.bytes, 2 * third + 5);
        cache.insert(7, vec![0; 2 * CACHE_BYTES_MAX]);
        assert_eq!((cache.blocks.len(), cache.uses.len()), (1, 1));
        cache.clear();
        assert!(cache.get(7).is_none() && cache.bytes == 0);
    }
}
