//! What Unicode says of characters: which are marks, and what the composed ones are made of.
//!
//! `unicode.bin` is what the crate `unicode-normalization` says, in 7 KB instead of 27 after
//! compression; the test below compares the two and prints what the file is to be.

use std::sync::OnceLock;

/// Ranges of marks, then what characters are made of; see [`read`].
const BYTES: &[u8] = include_bytes!("unicode.bin");

/// Hangul is made by rule: 19 initial, 21 middle and 28 final letters, the first of which is none.
const HANGUL: std::ops::Range<u32> = 0xAC00..0xAC00 + 19 * 21 * 28;

struct Tables {
    /// The first and last of each range, in order.
    marks: Vec<(u32, u32)>,
    /// In order.
    composed: Vec<(u32, &'static str)>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| read(BYTES))
}

/// Numbers are in base 128, each byte but the last with its highest bit set. First how many ranges
/// of marks there are, and of each how far it is from the one before and how long; then of each
/// character how far it is from the one before, how many bytes it is made of, and these.
fn read(mut bytes: &'static [u8]) -> Tables {
    let mut tables = Tables { marks: Vec::new(), composed: Vec::new() };
    let mut at = 0;
    for _ in 0..number(&mut bytes) {
        let first = at + number(&mut bytes);
        at = first + number(&mut bytes);
        tables.marks.push((first, at));
    }
    at = 0;
    while !bytes.is_empty() {
        at += number(&mut bytes);
        let length = number(&mut bytes) as usize;
        let Some((parts, rest)) = bytes.split_at_checked(length) else { break };
        tables.composed.push((at, str::from_utf8(parts).unwrap_or_default()));
        bytes = rest;
    }
    tables
}

fn number(bytes: &mut &'static [u8]) -> u32 {
    let mut number = 0;
    while let Some((&byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number = number << 7 | u32::from(byte & 0x7F);
        if byte < 0x80 {
            break;
        }
    }
    number
}

/// Whether a character is a mark on the one before it.
pub(crate) fn is_combining_mark(c: char) -> bool {
    let marks = &tables().marks;
    let after = marks.partition_point(|&(first, _)| first <= u32::from(c));
    after.checked_sub(1).is_some_and(|at| u32::from(c) <= marks[at].1)
}

/// Calls back with each of the characters that one is made of, which may be itself.
pub(crate) fn decompose_canonical(c: char, mut take: impl FnMut(char)) {
    let code = u32::from(c);
    if HANGUL.contains(&code) {
        let at = code - HANGUL.start;
        let parts = [0x1100 + at / (21 * 28), 0x1161 + at / 28 % 21, 0x11A7 + at % 28];
        let count = if at.is_multiple_of(28) { 2 } else { 3 };
        return parts.into_iter().take(count).filter_map(char::from_u32).for_each(take);
    }
    let composed = &tables().composed;
    match composed.binary_search_by_key(&code, |&(code, _)| code) {
        Ok(at) => composed[at].1.chars().for_each(take),
        Err(_) => take(c),
    }
}

#[cfg(test)]
mod tests {
    use unicode_normalization::char as reference;

    fn all() -> impl Iterator<Item = char> {
        (0..=u32::from(char::MAX)).filter_map(char::from_u32)
    }

    fn parts(c: char, decompose: impl Fn(char, &mut dyn FnMut(char))) -> String {
        let mut parts = String::new();
        decompose(c, &mut |part| parts.push(part));
        parts
    }

    fn push(bytes: &mut Vec<u8>, number: u32) {
        for shift in [14, 7, 0].into_iter().filter(|&shift| shift == 0 || number >> shift > 0) {
            bytes.push((number >> shift & 0x7F) as u8 | if shift > 0 { 0x80 } else { 0 });
        }
    }

    fn written() -> Vec<u8> {
        let mut marks: Vec<(u32, u32)> = Vec::new();
        for code in all().filter(|&c| reference::is_combining_mark(c)).map(u32::from) {
            match marks.last_mut() {
                Some((_, last)) if *last + 1 == code => *last = code,
                _ => marks.push((code, code)),
            }
        }
        let (mut bytes, mut at) = (Vec::new(), 0);
        push(&mut bytes, marks.len() as u32);
        for (first, last) in marks {
            push(&mut bytes, first - at);
            push(&mut bytes, last - first);
            at = last;
        }
        at = 0;
        for c in all().filter(|&c| !super::HANGUL.contains(&u32::from(c))) {
            let parts = parts(c, |c, take| reference::decompose_canonical(c, take));
            if parts != c.to_string() {
                push(&mut bytes, u32::from(c) - at);
                push(&mut bytes, parts.len() as u32);
                bytes.extend(parts.bytes());
                at = u32::from(c);
            }
        }
        bytes
    }

    #[test]
    fn says_what_the_crate_says() {
        let hex = || written().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert!(super::BYTES == written(), "unicode.bin is to be, by `xxd -r -p`:\n{}", hex());
        for c in all() {
            assert_eq!(super::is_combining_mark(c), reference::is_combining_mark(c), "{c:?}");
            let own = parts(c, |c, take| super::decompose_canonical(c, take));
            let expected = parts(c, |c, take| reference::decompose_canonical(c, take));
            assert_eq!(own, expected, "{c:?}");
        }
    }
}
