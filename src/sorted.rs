//! What is kept in the order of its keys: a map of little code.
//!
//! The standard library's map is a tree, of which each pair of types brings 5 to 8 KB of code to
//! the search module; this one, which is a list of short lists, brings about one.

use std::borrow::Borrow;

/// Entries in a list: what an insertion moves at most.
const BLOCK_ENTRIES: usize = 128;

/// A map in the order of its keys. Looking up takes a binary search, inserting and removing move a
/// few entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortedMap<K, V> {
    /// None is empty. Together in order.
    blocks: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        SortedMap { blocks: Vec::new(), len: 0 }
    }
}

impl<K, V> SortedMap<K, V> {
    /// An empty map.
    pub fn new() -> Self {
        SortedMap::default()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All entries, in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.blocks.iter().flatten().map(|(key, value)| (key, value))
    }

    /// All keys, in their order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All entries, in the order of their keys; their values can be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.blocks.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    /// All values, in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// All entries, in the order of their keys.
    pub fn into_entries(self) -> impl Iterator<Item = (K, V)> {
        self.blocks.into_iter().flatten()
    }

    /// Removes what does not stay.
    pub fn retain(&mut self, mut stays: impl FnMut(&K, &mut V) -> bool) {
        self.blocks.iter_mut().for_each(|block| block.retain_mut(|(key, value)| stays(key, value)));
        self.blocks.retain(|block| !block.is_empty());
        self.len = self.blocks.iter().map(Vec::len).sum();
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where a key is, as block and place in it, or is to be inserted.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<(usize, usize), (usize, usize)>
    where
        K: Borrow<Q>,
    {
        let is_before = |block: &Vec<(K, V)>| block.first().is_some_and(|it| it.0.borrow() <= key);
        let block = self.blocks.partition_point(is_before).saturating_sub(1);
        let entries = self.blocks.get(block).map_or(&[][..], Vec::as_slice);
        match entries.binary_search_by(|(there, _)| there.borrow().cmp(key)) {
            Ok(at) => Ok((block, at)),
            Err(at) => Err((block, at)),
        }
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|(block, at)| &self.blocks[block][at].1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|(block, at)| &mut self.blocks[block][at].1)
    }

    /// Whether there is a value for a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// The last entry whose key is at most this one.
    pub fn last_up_to(&self, key: &K) -> Option<(&K, &V)> {
        let (block, at) = match self.find(key) {
            Ok(place) => place,
            Err((block, at)) => (block, at.checked_sub(1)?),
        };
        self.blocks.get(block)?.get(at).map(|(key, value)| (key, value))
    }

    /// The entries from this key on, in the order of their keys.
    pub fn from<'a>(&'a self, key: &K) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        let (Ok((block, at)) | Err((block, at))) = self.find(key);
        let blocks = self.blocks.get(block..).unwrap_or(&[]);
        blocks.iter().flatten().skip(at).map(|(key, value)| (key, value))
    }

    /// Sets the value of a key, and gives the one it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok((block, at)) => Some(std::mem::replace(&mut self.blocks[block][at].1, value)),
            Err((block, at)) => {
                self.insert_at(block, at, (key, value));
                None
            }
        }
    }

    /// The value of a key; the one given here where it has none.
    pub fn or_insert(&mut self, key: K, value: V) -> &mut V {
        let (block, at) = match self.find(&key) {
            Ok(place) => place,
            Err((block, at)) => self.insert_at(block, at, (key, value)),
        };
        &mut self.blocks[block][at].1
    }

    /// Inserts an entry there, and says where it then is.
    fn insert_at(&mut self, mut block: usize, mut at: usize, entry: (K, V)) -> (usize, usize) {
        self.len += 1;
        if self.blocks.is_empty() {
            self.blocks.push(Vec::new());
        }
        let entries = &mut self.blocks[block];
        if entries.len() >= BLOCK_ENTRIES {
            // What comes in order fills the blocks; else each half has room again.
            let half = if at == entries.len() { at } else { entries.len() / 2 };
            let rest = entries.split_off(half);
            self.blocks.insert(block + 1, rest);
            if at >= half {
                (block, at) = (block + 1, at - half);
            }
        }
        self.blocks[block].insert(at, entry);
        (block, at)
    }

    /// Removes a key, and gives its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (block, at) = self.find(key).ok()?;
        Some(self.remove_at(block, at).1)
    }

    /// Removes the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.remove_at(0, 0))
    }

    fn remove_at(&mut self, block: usize, at: usize) -> (K, V) {
        self.len -= 1;
        let entry = self.blocks[block].remove(at);
        if self.blocks[block].is_empty() {
            self.blocks.remove(block);
        }
        entry
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = SortedMap::new();
        map.extend(entries);
        map
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{BLOCK_ENTRIES, SortedMap};

    /// A key, and what is done with it.
    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16),
        OrInsert(u16),
        Remove(u16),
        PopFirst,
        Retain(u16),
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = || 0..2000u16;
        prop_oneof![
            8 => key().prop_map(Step::Insert),
            4 => key().prop_map(Step::OrInsert),
            6 => key().prop_map(Step::Remove),
            1 => Just(Step::PopFirst),
            1 => (900..1000u16).prop_map(Step::Retain),
        ]
    }

    proptest! {
        #[test]
        fn is_as_the_map_of_the_standard_library(
            start in 0..1500u16,
            steps in prop::collection::vec(step(), 0..400),
        ) {
            let mut twin: BTreeMap<u16, usize> = (0..start).map(|key| (key, 0)).collect();
            let mut map: SortedMap<u16, usize> = (0..start).map(|key| (key, 0)).collect();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Insert(key) => {
                        prop_assert_eq!(map.insert(key, number), twin.insert(key, number));
                    }
                    Step::OrInsert(key) => {
                        let (one, other) = (map.or_insert(key, number), twin.entry(key).or_insert(number));
                        *one += 1;
                        *other += 1;
                        prop_assert_eq!(one, other);
                    }
                    Step::Remove(key) => prop_assert_eq!(map.remove(&key), twin.remove(&key)),
                    Step::PopFirst => prop_assert_eq!(map.pop_first(), twin.pop_first()),
                    Step::Retain(modulus) => {
                        map.retain(|key, _| key % modulus != 0);
                        twin.retain(|key, _| key % modulus != 0);
                    }
                }
                prop_assert_eq!(map.len(), twin.len());
            }
            prop_assert!(map.iter().eq(twin.iter()) && map.iter().rev().eq(twin.iter().rev()));
            prop_assert!(map.blocks.iter().all(|it| (1..=BLOCK_ENTRIES).contains(&it.len())));
            for key in 0..2001 {
                prop_assert_eq!(map.get(&key), twin.get(&key));
                prop_assert_eq!(map.last_up_to(&key), twin.range(..=key).next_back());
                prop_assert!(map.from(&key).take(3).eq(twin.range(key..).take(3)));
            }
            prop_assert!(map.into_entries().eq(twin));
        }
    }

    #[test]
    fn what_comes_in_order_fills_the_blocks() {
        let map: SortedMap<usize, ()> = (0..BLOCK_ENTRIES * 5).map(|key| (key, ())).collect();
        assert_eq!(map.blocks.len(), 5);
    }
}
