//! Which words a text has: split, without case and accents, the same for pages and for queries.

use std::ops::Range;

use crate::checksum::checksum;

mod spots;
pub(crate) mod stems;
mod stop;
mod unicode;

pub(crate) use spots::{Spot, spots};
pub(crate) use stop::is_telling;
use unicode::decompose_canonical;
pub(crate) use unicode::is_combining_mark;

/// A word that is longer is kept as its beginning and a checksum, so that a term stays small.
pub(crate) const TERM_BYTES_MAX: usize = 64;

/// How much of a longer word is kept as it is; 9 more bytes are the checksum's.
const TERM_BYTES_KEPT: usize = TERM_BYTES_MAX - 9;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordKind {
    /// Letters and digits between spaces or signs.
    Plain,
    /// Several of those with the signs between, before or after them: an identifier. It stands
    /// where its first part does.
    Whole,
    /// Two neighbouring characters of a script that puts no space between words.
    Gram,
    /// The last character of a run of such a script, alone: so that each character of a text
    /// begins a term.
    Tail,
}

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without case and accents, at most [`TERM_BYTES_MAX`] bytes.
    pub(crate) term: String,
    /// Its bytes in the text.
    pub(crate) range: Range<usize>,
    /// Its place among the text's words; the parts of an identifier and the characters of a
    /// script without spaces each count.
    pub(crate) position: u32,
    /// What it is.
    pub(crate) kind: WordKind,
}

/// All words of a text in the order of their places, and how many places there are.
pub(crate) fn words(text: &str) -> (Vec<Word>, u32) {
    let (spots, count) = spots(text);
    let word = |Spot { range, position, kind }| {
        let term = term_of(&text[Range::clone(&range)]);
        Word { term, range, position, kind }
    };
    (spots.into_iter().map(word).collect(), count)
}

/// A word as the index has it.
pub(crate) fn term_of(word: &str) -> String {
    bounded(folded(word))
}

/// Cuts a long term; its checksum keeps it apart from others that begin alike.
fn bounded(term: String) -> String {
    if term.len() <= TERM_BYTES_MAX {
        return term;
    }
    let kept = term.floor_char_boundary(TERM_BYTES_KEPT);
    format!("{}~{:08x}", &term[..kept], checksum(term.as_bytes()))
}

/// A word, or a run of characters of a script without spaces, which then are its `units`.
pub(crate) struct Stretch {
    /// Its bytes in the text.
    pub(crate) range: Range<usize>,
    /// Each character with its marks; empty for a word.
    pub(crate) units: Vec<Range<usize>>,
}

impl Stretch {
    /// So many neighbours from here, without case and accents, and where they are.
    pub(crate) fn gram(
        &self,
        text: &str,
        start: usize,
        count: usize,
    ) -> Option<(String, Range<usize>)> {
        let range = self.units_from(start, count)?;
        Some((folded(&text[range.clone()]), range))
    }

    /// Where so many neighbours from here are.
    fn units_from(&self, start: usize, count: usize) -> Option<Range<usize>> {
        let units = self.units.get(start..start + count)?;
        Some(units.first()?.start..units.last()?.end)
    }
}

/// The words of a text; each with the marks that belong to its letters.
pub(crate) fn stretches(text: &str) -> impl Iterator<Item = Stretch> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let stretch = next_stretch(text, at)?;
        at = stretch.range.end;
        Some(stretch)
    })
}

/// The first of the words from a place on.
fn next_stretch(text: &str, from: usize) -> Option<Stretch> {
    let start = start_of_word(text, from)?;
    let plain = end_of_ascii(text, start);
    let mut stretch = Stretch { range: start..plain, units: Vec::new() };
    if text.as_bytes().get(plain).is_none_or(u8::is_ascii) && plain > start {
        return Some(stretch);
    }
    let spaceless = text[start..].chars().next().is_some_and(is_spaceless);
    let letters = text[plain..].char_indices().map(|(from, c)| (plain + from, c));
    for (from, c) in letters {
        if !(is_mark(c) || (c.is_alphanumeric() && is_spaceless(c) == spaceless)) {
            break;
        }
        let end = from + c.len_utf8();
        stretch.range.end = end;
        match stretch.units.last_mut() {
            Some(unit) if is_mark(c) => unit.end = end,
            _ if spaceless => stretch.units.push(from..end),
            _ => {}
        }
    }
    Some(stretch)
}

/// Where the next letter or digit is.
#[inline(always)]
fn start_of_word(text: &str, from: usize) -> Option<usize> {
    // Most texts are of ASCII for the most part, whose letters are told by their bytes.
    let is_sign = |byte: &u8| byte.is_ascii() && !byte.is_ascii_alphanumeric();
    let bytes = text.as_bytes();
    let mut at = from;
    while bytes.get(at).is_some_and(is_sign) {
        at += 1;
    }
    let rest = text.get(at..)?;
    if rest.starts_with(|c: char| c.is_ascii()) {
        return Some(at);
    }
    rest.find(char::is_alphanumeric).map(|letter| at + letter)
}

/// Where the letters and digits of ASCII end that begin here.
#[inline(always)]
fn end_of_ascii(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while bytes.get(at).is_some_and(u8::is_ascii_alphanumeric) {
        at += 1;
    }
    at
}

/// Whether a character belongs to the one before it: accents, vowel signs, joiners, the voicing
/// marks of narrow kana, and the vowels and final consonants of Hangul written in parts.
pub(crate) fn is_mark(c: char) -> bool {
    // Most texts have none: the first of them all is U+0300.
    c >= '\u{300}' && is_mark_beyond_latin(c)
}

fn is_mark_beyond_latin(c: char) -> bool {
    is_combining_mark(c)
        || matches!(c, '\u{200C}' | '\u{200D}' | '\u{FF9E}' | '\u{FF9F}' | '\u{1160}'..='\u{11FF}')
}

/// Han, kana, Hangul, Thai, Lao, Khmer and Burmese: words are not parted by spaces, or carry
/// endings as whole syllables.
pub(crate) fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}' | '\u{20000}'..='\u{3FFFF}' | '々' | '\u{1100}'..='\u{115F}'
        | '\u{0E01}'..='\u{0E4E}' | '\u{0E81}'..='\u{0ECD}' | '\u{1780}'..='\u{17D3}'
        | '\u{1000}'..='\u{103F}')
}

/// Narrow kana from U+FF66 on, as the wide ones they stand for.
const NARROW_KANA: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u{3099}\u{309A}";

/// Letters from U+FB00 on that are several.
const LIGATURES: [&str; 7] = ["ff", "fi", "fl", "ffi", "ffl", "st", "st"];

/// Without case, width and accents. Marks that are letters of their own, as in Indic scripts and in
/// kana, stay.
// The tables of compatibility forms would double what normalization adds to the module; of them
// only wide letters, narrow kana and ligatures are common in pages.
pub(crate) fn folded(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(word.len());
    for letter in word.chars() {
        let letter = match letter {
            '\u{FF01}'..='\u{FF5E}' => {
                char::from_u32(letter as u32 - 0xFF01 + 0x21).unwrap_or(letter)
            }
            '\u{FF66}'..='\u{FF9F}' => {
                NARROW_KANA.chars().nth(letter as usize - 0xFF66).unwrap_or(letter)
            }
            '\u{FB00}'..='\u{FB06}' => {
                folded.push_str(LIGATURES[letter as usize - 0xFB00]);
                continue;
            }
            '’' => '\'',
            other => other,
        };
        decompose_canonical(letter, |part| {
            match part {
                // Letters whose capitals have another small letter.
                'ß' => folded.push_str("ss"),
                'ς' => folded.push('σ'),
                'ı' => folded.push('i'),
                part => folded.extend(part.to_lowercase()),
            }
        });
    }
    // Only now, since lower case brings accents of its own: `İ` becomes `i` and a dot above.
    folded.retain(|c| !is_accent(c));
    folded
}

/// Accents of Latin, Greek and Cyrillic; vowel points of Hebrew and Arabic; joiners.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{0300}'..='\u{036F}' | '\u{0591}'..='\u{05C7}' | '\u{0610}'..='\u{061A}'
        | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{200C}' | '\u{200D}')
}

#[cfg(test)]
mod tests {
    use super::{WordKind, words};

    fn terms(text: &str) -> Vec<(String, u32)> {
        words(text).0.into_iter().map(|word| (word.term, word.position)).collect()
    }

    fn whole(text: &str) -> Vec<String> {
        let words = words(text).0.into_iter();
        words.filter(|word| word.kind == WordKind::Whole).map(|word| word.term).collect()
    }

    #[test]
    fn identifiers_are_words_and_so_are_their_parts() {
        for (text, expected) in [
            ("error[E0308]: mismatched", &[][..]),
            ("use foo_bar::Baz;", &["foo_bar::baz"]),
            ("ERR_CONNECTION_REFUSED.", &["err_connection_refused"]),
            ("In C++, C# and F#.", &["c++", "c#", "f#"]),
            ("(node:fs)", &["node:fs"]),
            ("v1.2.3", &["v1.2.3"]),
            ("`--flag-name=3`", &["flag-name", "--flag-name"]),
            ("see user@example.org!", &["user@example.org"]),
            (".gitignore, /etc/passwd", &[".gitignore", "etc/passwd", "/etc/passwd"]),
            ("don’t", &["don't"]),
            ("one - two ---- three", &[]),
        ] {
            assert_eq!(whole(text), expected, "{text}");
        }
        let found = terms("a foo.bar b");
        let expected = [("a", 0), ("foo", 1), ("foo.bar", 1), ("bar", 2), ("b", 3)];
        assert_eq!(found, expected.map(|(term, at)| (term.to_owned(), at)));
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        let only = |text: &str| terms(text).into_iter().map(|(term, _)| term).collect::<Vec<_>>();
        assert_eq!(only("東京大学"), ["東京", "京大", "大学", "学"]);
        assert_eq!(only("木"), ["木"]);
        assert_eq!(only("ｶﾞｽ"), only("ガス"), "narrow as wide");
        assert_eq!(only("ＡＢＣ１"), ["abc1"]);
        assert_eq!(only("학교"), only("\u{1112}\u{1161}\u{11A8}\u{1100}\u{116D}"), "in parts");
        assert_eq!(only("ที่นี่").len(), 2, "vowel signs belong to their letters");
        assert_eq!(terms("第3章"), [("第".into(), 0), ("3".into(), 1), ("章".into(), 2)]);
    }

    #[test]
    fn long_words_are_cut_and_stay_apart() {
        let (one, other) = ("x".repeat(100), format!("{}y", "x".repeat(99)));
        let (one, other) = (terms(&one), terms(&other));
        assert_ne!(one, other);
        assert_eq!((one.len(), one[0].0.len()), (1, super::TERM_BYTES_MAX));
        let emoji = "é".repeat(10_000);
        assert!(terms(&emoji)[0].0.len() <= super::TERM_BYTES_MAX);
    }
}
