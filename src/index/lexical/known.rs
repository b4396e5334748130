//! What was found out of a word that was met before? Its term and its stem, in one place of memory.

use super::names::mix;
use crate::words::Spot;

/// Words of more bytes are not remembered: few are as long.
const WORD_BYTES_MAX: usize = 23;

/// Slots at first; at least half of them are free, so that a word is among the first of its own.
const SLOTS_MIN: usize = 1 << 12;

/// No stem that is not the term.
const NO_STEM: u32 = u32::MAX;

/// A word's bytes and, in the last one, its length and kind, counted from 1: all zeros are no word.
type Bytes = [u64; 3];

/// What a word is looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    bytes: Bytes,
    hash: u32,
}

/// That of words which are too long to be remembered.
const NO_KEY: Key = Key { bytes: [0; 3], hash: 0 };

/// What is known of a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The number of its term.
    pub(super) term: u32,
    stem: u32,
}

impl Known {
    /// The numbers of a word's term and, where that is another, of its stem.
    pub(super) fn new(term: u32, stem: Option<u32>) -> Self {
        Known { term, stem: stem.unwrap_or(NO_STEM) }
    }

    pub(super) fn stem(self) -> Option<u32> {
        (self.stem != NO_STEM).then_some(self.stem)
    }
}

/// As many as two lie in a line of the processor's cache: most of the time of looking up words is
/// waiting for the memory.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    bytes: Bytes,
    known: Known,
}

/// Words, each with the numbers of its term and of its stem.
#[derive(Debug, Default)]
pub(super) struct KnownWords {
    slots: Vec<Slot>,
    len: usize,
}

/// What a word of a text is looked up by.
#[inline(always)]
pub(super) fn key_of(text: &str, spot: &Spot) -> Key {
    let length = spot.range.len();
    if length > WORD_BYTES_MAX {
        return NO_KEY;
    }
    let [b0, b1, b2] = bytes_from(text.as_bytes(), spot.range.start);
    // Of what follows the word, nothing.
    let kept = |part: usize| match (8 * length).saturating_sub(64 * part) {
        bits @ 0..64 => (1 << bits) - 1,
        _ => u64::MAX,
    };
    let mark = (length << 2 | spot.kind as usize) as u64 + 1;
    let bytes = [b0 & kept(0), b1 & kept(1), b2 & kept(2) | mark << 56];
    Key { bytes, hash: hash(&bytes) }
}

/// The bytes from a place on; zeros beyond the end.
#[inline(always)]
fn bytes_from(text: &[u8], start: usize) -> Bytes {
    let rest = text.get(start..).unwrap_or_default();
    let mut some = [0; 24];
    let all = rest.first_chunk().unwrap_or_else(|| {
        some[..rest.len()].copy_from_slice(rest);
        &some
    });
    let mut bytes = [0; 3];
    for (into, part) in bytes.iter_mut().zip(all.as_chunks().0) {
        *into = u64::from_le_bytes(*part);
    }
    bytes
}

impl KnownWords {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What is known of a word.
    #[inline(always)]
    pub(super) fn get(&self, key: &Key) -> Option<Known> {
        let slot = self.slots.get(self.find(key))?;
        (slot.bytes == key.bytes && *key != NO_KEY).then_some(slot.known)
    }

    /// Asks the memory for the slots of all these words at once. Looked up one by one, each would be
    /// waited for before the next is asked for, since where a slot is taken by another word is hard
    /// for the processor to foretell.
    pub(super) fn fetch(&self, keys: &[Key]) {
        let slot = |key: &Key| self.slots.get(key.hash as usize & self.slots.len().wrapping_sub(1));
        let all = keys.iter().filter_map(slot).fold(0, |all, slot| all ^ slot.bytes[2]);
        std::hint::black_box(all);
    }

    /// Remembers a word that is new, unless it is too long.
    pub(super) fn insert(&mut self, key: &Key, known: Known) {
        if *key == NO_KEY {
            return;
        }
        if self.len * 2 >= self.slots.len() {
            let larger = vec![Slot::default(); (self.slots.len() * 2).max(SLOTS_MIN)];
            for slot in std::mem::replace(&mut self.slots, larger) {
                if slot.bytes[2] != 0 {
                    self.put(&Key { bytes: slot.bytes, hash: hash(&slot.bytes) }, slot.known);
                }
            }
        }
        self.put(key, known);
        self.len += 1;
    }

    fn put(&mut self, key: &Key, known: Known) {
        let at = self.find(key);
        self.slots[at] = Slot { bytes: key.bytes, known };
    }

    /// The slot of a word, or the free one that it would take.
    #[inline(always)]
    fn find(&self, key: &Key) -> usize {
        let mut at = key.hash as usize;
        // Their number is a power of two.
        let mask = self.slots.len().wrapping_sub(1);
        loop {
            at &= mask;
            match self.slots.get(at) {
                Some(slot) if slot.bytes != key.bytes && slot.bytes[2] != 0 => at += 1,
                _ => return at,
            }
        }
    }
}

/// As that of names.
#[inline(always)]
fn hash(bytes: &Bytes) -> u32 {
    (bytes.iter().fold(0, |hash, &part| mix(hash, part)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{Key, Known, KnownWords, NO_KEY, SLOTS_MIN, key_of};
    use crate::words::{Spot, WordKind};

    /// The key of all of a text, as a word.
    fn key(text: &str, kind: WordKind) -> Key {
        key_of(text, &Spot { range: 0..text.len(), position: 0, kind })
    }

    #[test]
    fn words_of_all_lengths_and_kinds_are_apart() {
        let mut known = KnownWords::default();
        let kinds = [WordKind::Plain, WordKind::Whole, WordKind::Gram, WordKind::Tail];
        let text = "ab".repeat(12);
        let words = (0..=23).flat_map(|length| kinds.map(|kind| (&text[..length], kind)));
        let keys: Vec<_> = words.map(|(word, kind)| key(word, kind)).collect();
        let of = |number: u32| Known::new(number, (number % 2 == 1).then_some(number + 1000));
        for (number, key) in (0..).zip(&keys) {
            assert_eq!(known.get(key), None);
            known.insert(key, of(number));
        }
        for (number, key) in (0..).zip(&keys) {
            assert_eq!(known.get(key), Some(of(number)));
        }
        let long = key(&text, WordKind::Plain);
        known.insert(&long, of(0));
        assert_eq!((known.get(&long), known.len()), (None, keys.len()), "too long");
    }

    proptest! {
        #[test]
        fn what_is_inserted_is_found(words in prop::collection::vec(".{0,12}", 0..200)) {
            let (mut known, mut twin) = (KnownWords::default(), HashMap::new());
            for (number, word) in (0..).zip(words.iter().chain(&words)) {
                let key = key(word, WordKind::Plain);
                if key == NO_KEY {
                    continue;
                }
                prop_assert_eq!(known.get(&key), twin.get(word).copied());
                if known.get(&key).is_none() {
                    known.insert(&key, Known::new(number, None));
                    twin.insert(word, Known::new(number, None));
                }
            }
            prop_assert_eq!(known.len(), twin.len());
        }

        #[test]
        fn what_stands_around_a_word_is_no_part_of_it(before in ".{0,9}", word in ".{0,12}", after in ".{0,30}") {
            let text = format!("{before}{word}{after}");
            let range = before.len()..before.len() + word.len();
            let within = key_of(&text, &Spot { range, position: 0, kind: WordKind::Whole });
            prop_assert_eq!(within, key(&word, WordKind::Whole));
        }
    }

    #[test]
    fn many_words_are_found_again() {
        let mut known = KnownWords::default();
        let key = |number: u32| key(&format!("w{}", number * 7919), WordKind::Plain);
        let keys: Vec<_> = (0..SLOTS_MIN as u32 * 5).map(key).collect();
        (0..).zip(&keys).for_each(|(number, key)| known.insert(key, Known::new(number, None)));
        let is_found = |(number, key)| known.get(key) == Some(Known::new(number, None));
        assert!((0..).zip(&keys).all(is_found));
        assert!(known.slots.len() >= known.len() * 2 && known.slots.len().is_power_of_two());
    }
}
