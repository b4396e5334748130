//! What was found out of a word that was met before? Its term and its stem, in one place of memory.

use super::names::mix;
use crate::words::WordKind;

/// Words of more bytes are not remembered: few are as long.
const WORD_BYTES_MAX: usize = 23;

/// Slots at first; at least half of them are free, so that a word is among the first of its own.
const SLOTS_MIN: usize = 1 << 12;

/// No stem that is not the term.
const NO_STEM: u32 = u32::MAX;

/// A word's bytes and, in the last one, its length and kind, counted from 1: all zeros are no word.
pub(super) type Key = [u64; 3];

/// As many as two lie in a line of the processor's cache: most of the time of looking up words is
/// waiting for the memory.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: Key,
    term: u32,
    stem: u32,
}

/// Words, each with the numbers of its term and of its stem.
#[derive(Debug, Default)]
pub(super) struct KnownWords {
    slots: Vec<Slot>,
    len: usize,
}

/// What a word is looked up by; none for a long one.
pub(super) fn key_of(word: &str, kind: WordKind) -> Option<Key> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let mut key = [0; 3];
    let (parts, rest) = word.as_bytes().as_chunks::<8>();
    for (into, part) in key.iter_mut().zip(parts) {
        *into = u64::from_le_bytes(*part);
    }
    key[parts.len()] = rest.iter().rev().fold(0, |part, &byte| part << 8 | u64::from(byte));
    let mark = word.len() << 2 | kind as usize;
    key[2] |= (mark as u64 + 1) << 56;
    Some(key)
}

impl KnownWords {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The term and, where it is another, the stem of a word.
    pub(super) fn get(&self, key: &Key) -> Option<(u32, Option<u32>)> {
        let slot = self.slots.get(self.find(key))?;
        let stem = (slot.stem != NO_STEM).then_some(slot.stem);
        (slot.key == *key).then_some((slot.term, stem))
    }

    /// Asks the memory for the slots of all these words at once. Looked up one by one, each would be
    /// waited for before the next is asked for, since where a slot is taken by another word is hard
    /// for the processor to foretell.
    pub(super) fn fetch(&self, keys: &[Option<Key>]) {
        let slot = |key: &Key| self.slots.get(hash(key) & self.slots.len().wrapping_sub(1));
        let all = keys.iter().flatten().filter_map(slot).fold(0, |all, slot| all ^ slot.key[2]);
        std::hint::black_box(all);
    }

    /// Remembers a word that is new.
    pub(super) fn insert(&mut self, key: Key, term: u32, stem: Option<u32>) {
        if self.len * 2 >= self.slots.len() {
            let larger = vec![Slot::default(); (self.slots.len() * 2).max(SLOTS_MIN)];
            let slots = std::mem::replace(&mut self.slots, larger);
            slots.into_iter().filter(|slot| slot.key[2] != 0).for_each(|slot| self.put(slot));
        }
        self.put(Slot { key, term, stem: stem.unwrap_or(NO_STEM) });
        self.len += 1;
    }

    fn put(&mut self, slot: Slot) {
        let at = self.find(&slot.key);
        self.slots[at] = slot;
    }

    /// The slot of a word, or the free one that it would take.
    fn find(&self, key: &Key) -> usize {
        let mut at = hash(key);
        // Their number is a power of two.
        let mask = self.slots.len().wrapping_sub(1);
        loop {
            at &= mask;
            match self.slots.get(at) {
                Some(slot) if slot.key != *key && slot.key[2] != 0 => at += 1,
                _ => return at,
            }
        }
    }
}

/// As that of names.
fn hash(key: &Key) -> usize {
    (key.iter().fold(0, |hash, &part| mix(hash, part)) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{KnownWords, SLOTS_MIN, key_of};
    use crate::words::WordKind;

    #[test]
    fn words_of_all_lengths_and_kinds_are_apart() {
        let mut known = KnownWords::default();
        let kinds = [WordKind::Plain, WordKind::Whole, WordKind::Gram, WordKind::Tail];
        let text = "ab".repeat(12);
        let words = (0..=23).flat_map(|length| kinds.map(|kind| (&text[..length], kind)));
        let keys: Vec<_> = words.filter_map(|(word, kind)| key_of(word, kind)).collect();
        assert_eq!(keys.len(), 24 * kinds.len());
        for (number, key) in (0..).zip(&keys) {
            assert_eq!(known.get(key), None);
            known.insert(*key, number, (number % 2 == 1).then_some(number + 1000));
        }
        for (number, key) in (0..).zip(&keys) {
            let stem = (number % 2 == 1).then_some(number + 1000);
            assert_eq!(known.get(key), Some((number, stem)));
        }
        assert_eq!(key_of(&text, WordKind::Plain), None, "too long");
    }

    proptest! {
        #[test]
        fn what_is_inserted_is_found(words in prop::collection::vec(".{0,12}", 0..200)) {
            let (mut known, mut twin) = (KnownWords::default(), HashMap::new());
            for (number, word) in (0..).zip(words.iter().chain(&words)) {
                let Some(key) = key_of(word, WordKind::Plain) else { continue };
                prop_assert_eq!(known.get(&key), twin.get(word).map(|&term| (term, None)));
                if known.get(&key).is_none() {
                    known.insert(key, number, None);
                    twin.insert(word, number);
                }
            }
            prop_assert_eq!(known.len(), twin.len());
        }
    }

    #[test]
    fn many_words_are_found_again() {
        let mut known = KnownWords::default();
        let key = |number: u32| key_of(&format!("w{}", number * 7919), WordKind::Plain);
        let keys: Vec<_> = (0..SLOTS_MIN as u32 * 5).filter_map(key).collect();
        (0..).zip(&keys).for_each(|(number, key)| known.insert(*key, number, None));
        assert!((0..).zip(&keys).all(|(number, key)| known.get(key) == Some((number, None))));
        assert!(known.slots.len() >= known.len() * 2 && known.slots.len().is_power_of_two());
    }
}
