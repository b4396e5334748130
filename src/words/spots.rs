//! Where are the words of a text, and the identifiers that some of them make?

use std::ops::Range;

use super::{Stretch, WordKind, next_stretch};

/// What joins the parts of an identifier, an address or a version: `foo_bar::baz`, `node:fs`.
const JOINERS: &str = "_-.:/@'’#+&\\$%~";

/// Joiners in a row beyond these part words: `a----b` is a drawing.
const JOINERS_MAX: usize = 3;

/// What may lead an identifier: `--flag-name`, `.gitignore`, `#include`, `$PATH`, `/etc`.
const LEADING: &str = "-.#@$/~:_";

/// What may end one: `C++`, `F#`, `100%`, `foo_`.
const TRAILING: &str = "+#%_";

/// Parts of one identifier; a longer one is a list, and its parts alone are words.
const PARTS_MAX: usize = 16;

/// Bytes that a word and what parts it from the next take, about.
const WORD_BYTES: usize = 6;

/// Where a word of a text is, and what: its term is [`term_of`](super::term_of) what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    /// As [`Word::range`](super::Word::range).
    pub(crate) range: Range<usize>,
    /// As [`Word::position`](super::Word::position).
    pub(crate) position: u32,
    /// As [`Word::kind`](super::Word::kind).
    pub(crate) kind: WordKind,
}

/// As [`words`](super::words), without their terms.
pub(crate) fn spots(text: &str) -> (Vec<Spot>, u32) {
    spots_with(text, lone_word)
}

/// As [`spots`], some of which are found sooner by `quick`.
#[inline(always)]
fn spots_with(
    text: &str,
    quick: impl Fn(&[u8], usize) -> Option<Range<usize>>,
) -> (Vec<Spot>, u32) {
    let mut words = Vec::with_capacity(text.len() / WORD_BYTES);
    let mut parts: Vec<Range<usize>> = Vec::new();
    let (mut at, mut position, mut first) = (0, 0, 0);
    loop {
        while let Some(range) = quick(text.as_bytes(), at) {
            if !parts.is_empty() {
                push_wholes(&mut words, text, &parts, first);
                parts.clear();
            }
            at = range.end;
            words.push(Spot { range, position, kind: WordKind::Plain });
            position += 1;
        }
        let Some(stretch) = next_stretch(text, at) else { break };
        at = stretch.range.end;
        let follows =
            parts.last().is_some_and(|last| is_joined(&text[last.end..stretch.range.start]));
        if !(follows && stretch.units.is_empty()) {
            push_wholes(&mut words, text, &parts, first);
            parts.clear();
            first = position;
        }
        if stretch.units.is_empty() {
            let range = stretch.range;
            parts.push(range.clone());
            words.push(Spot { range, position, kind: WordKind::Plain });
            position += 1;
        } else {
            push_grams(&mut words, &stretch, position);
            position += stretch.units.len() as u32;
        }
    }
    push_wholes(&mut words, text, &parts, first);
    (words, position)
}

/// Where the next word is, if it is of ASCII and stands between bytes that join it to nothing and are
/// no part of an identifier. Most words do: these are found without further questions.
#[inline(always)]
fn lone_word(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let class = |at: usize| bytes.get(at).map(|&byte| CLASSES[usize::from(byte)]);
    let mut start = from;
    while matches!(class(start), Some(Class::Gap | Class::Sign)) {
        start += 1;
    }
    let mut end = start;
    while class(end) == Some(Class::Letter) {
        end += 1;
    }
    let is_parted = |at| matches!(class(at), None | Some(Class::Gap));
    (end > start && is_parted(start.wrapping_sub(1)) && is_parted(end)).then_some(start..end)
}

/// What a byte is, for [`lone_word`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// A letter or digit of ASCII.
    Letter,
    /// What neither joins words nor leads or ends an identifier.
    Gap,
    /// What may.
    Sign,
    /// Of another letter or sign.
    Other,
}

/// Of each byte.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte = 0;
    while byte < 128 {
        let is_letter = (byte as u8).is_ascii_alphanumeric();
        classes[byte] = if is_letter { Class::Letter } else { Class::Gap };
        byte += 1;
    }
    let signs = [JOINERS.as_bytes(), LEADING.as_bytes(), TRAILING.as_bytes()];
    let mut list = 0;
    while list < signs.len() {
        let mut at = 0;
        while at < signs[list].len() {
            let byte = signs[list][at];
            if byte.is_ascii() {
                classes[byte as usize] = Class::Sign;
            }
            at += 1;
        }
        list += 1;
    }
    classes
};

fn is_joined(gap: &str) -> bool {
    // Most gaps are a space, which is seen at once.
    !gap.is_empty()
        && !gap.starts_with(' ')
        && gap.chars().all(|c| JOINERS.contains(c))
        && gap.chars().nth(JOINERS_MAX).is_none()
}

/// The identifier that these parts make, with and without the signs around it.
fn push_wholes(words: &mut Vec<Spot>, text: &str, parts: &[Range<usize>], position: u32) {
    let (Some(head), Some(tail)) = (parts.first(), parts.last()) else { return };
    if parts.len() > PARTS_MAX {
        return;
    }
    // Most words stand between spaces, which is seen at once; the signs are of one byte each.
    let bytes = text.as_bytes();
    let is_any = |signs: &str, byte: Option<&u8>| {
        byte.is_some_and(|byte| *byte != b' ' && signs.as_bytes().contains(byte))
    };
    let leads = is_any(LEADING, bytes[..head.start].last());
    if parts.len() == 1 && !leads && !is_any(TRAILING, bytes.get(tail.end)) {
        return;
    }
    let signs = |signs: &str, c: char| c != ' ' && signs.contains(c);
    let before = &text[..head.start];
    let lead = head.start - before.trim_end_matches(|c| signs(LEADING, c)).len();
    let lead = if lead > JOINERS_MAX { 0 } else { lead };
    let after = &text[tail.end..];
    let trail = after.len() - after.trim_start_matches(|c| signs(TRAILING, c)).len();
    let trail = if trail > JOINERS_MAX { 0 } else { trail };
    // After the first of the parts, which are the last words so far.
    let mut at = words.len() + 1 - parts.len();
    let mut push = |range: Range<usize>| {
        words.insert(at, Spot { range, position, kind: WordKind::Whole });
        at += 1;
    };
    if parts.len() > 1 {
        push(head.start..tail.end);
    }
    if lead + trail > 0 {
        push(head.start - lead..tail.end + trail);
    }
}

fn push_grams(words: &mut Vec<Spot>, stretch: &Stretch, position: u32) {
    let grams = (0..stretch.units.len()).map(|at| (at, 2, WordKind::Gram));
    let tail = stretch.units.len().checked_sub(1).map(|at| (at, 1, WordKind::Tail));
    for (at, count, kind) in grams.chain(tail) {
        if let Some(range) = stretch.units_from(at, count) {
            words.push(Spot { range, position: position + at as u32, kind });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{spots, spots_with};

    proptest! {
        #[test]
        fn lone_words_are_those_that_all_rules_find(
            parts in prop::collection::vec("[a-z0-9A]{0,3}[ \n,()_.:/@'’#+&\\\\$%~é木́-]{0,2}", 0..40),
        ) {
            let text = parts.concat();
            prop_assert_eq!(spots(&text), spots_with(&text, |_, _| None));
        }
    }

    #[test]
    fn words_between_spaces_are_found_at_once() {
        let text = "One two, (three) 4th\nfive foo_bar. Six";
        let lone: Vec<&str> = std::iter::successors(super::lone_word(text.as_bytes(), 0), |last| {
            super::lone_word(text.as_bytes(), last.end)
        })
        .map(|range| &text[range])
        .collect();
        assert_eq!(lone, ["One", "two", "three", "4th", "five"], "up to an identifier");
    }
}
