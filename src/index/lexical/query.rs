//! From what was typed to the words that are looked up.

use std::ops::Range;

use crate::words::{Word, WordKind, is_telling, words};

/// Words of a query beyond these are not looked up.
const CLAUSES_MAX: usize = 64;

/// Marks that open and close a phrase.
const QUOTES: [(char, char); 4] = [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»')];

/// How to read a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexicalOptions {
    /// Whether the last word may be the beginning of one: search as you type. Default false.
    pub prefix: bool,
    /// Whether a word that is nowhere may be a slip for another. Default true.
    pub typos: bool,
}

impl Default for LexicalOptions {
    fn default() -> Self {
        LexicalOptions { prefix: false, typos: true }
    }
}

/// A word that is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clause {
    /// As it was typed: what is stemmed.
    pub(super) word: String,
    pub(super) term: String,
    pub(super) kind: WordKind,
    /// Whether it may be the beginning of a word.
    pub(super) is_prefix: bool,
    /// Whether it is looked up by its stem, too.
    pub(super) has_stem: bool,
    /// Whether it may be a slip.
    pub(super) has_typos: bool,
    /// Whether its places are needed.
    pub(super) in_phrase: bool,
}

/// What was typed, as words and phrases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LexicalQuery {
    pub(super) clauses: Vec<Clause>,
    /// Each the clauses that must stand one after another, with their places.
    pub(super) phrases: Vec<Vec<(usize, u32)>>,
}

impl LexicalQuery {
    /// Reads a query. What stands in quotation marks must stand so in a passage; of other words,
    /// those that say nothing are left out, unless there are no others.
    pub fn new(text: &str, options: LexicalOptions) -> Self {
        let mut query = LexicalQuery::default();
        let mut loose = Vec::new();
        for (range, is_phrase) in parts(text) {
            let part = &text[range.clone()];
            if is_phrase {
                query.add_phrase(part);
                continue;
            }
            let words = looked_up(words(part).0);
            loose.extend(words.into_iter().map(|word| {
                let is_last = range.start + word.range.end == text.len();
                clause(part, word, LexicalOptions { prefix: options.prefix && is_last, ..options })
            }));
        }
        let is_telling =
            |clause: &Clause| clause.kind == WordKind::Whole || is_telling(&clause.term);
        if !query.clauses.is_empty() || loose.iter().any(is_telling) {
            loose.retain(is_telling);
        }
        for clause in loose {
            if !query.clauses.contains(&clause) {
                query.clauses.push(clause);
            }
        }
        // Clauses of phrases come first, so that none of them is cut off.
        let in_phrases = query.clauses.iter().filter(|clause| clause.in_phrase).count();
        query.clauses.truncate(CLAUSES_MAX.max(in_phrases));
        query
    }

    /// Whether there is nothing to look up.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    fn add_phrase(&mut self, text: &str) {
        let mut phrase = Vec::new();
        for word in looked_up(words(text).0).into_iter().take(CLAUSES_MAX) {
            // An identifier is found by its parts, unless it has signs that no part has: `C++`.
            let has_signs = |c: Option<char>| c.is_some_and(|c| !c.is_alphanumeric());
            let is_whole = word.kind == WordKind::Whole;
            let bare =
                !has_signs(word.term.chars().next()) && !has_signs(word.term.chars().next_back());
            if is_whole && bare {
                continue;
            }
            let place = word.position;
            let clause = Clause {
                has_stem: false,
                has_typos: false,
                in_phrase: true,
                ..clause(text, word, LexicalOptions { prefix: false, typos: false })
            };
            let at = self.clauses.iter().position(|other| *other == clause);
            let at = at.unwrap_or_else(|| {
                self.clauses.push(clause);
                self.clauses.len() - 1
            });
            phrase.push((at, place));
        }
        if !phrase.is_empty() {
            self.phrases.push(phrase);
        }
    }
}

fn clause(text: &str, word: Word, options: LexicalOptions) -> Clause {
    let is_plain = word.kind == WordKind::Plain;
    Clause {
        word: text[word.range].to_owned(),
        is_prefix: options.prefix && (is_plain || word.kind == WordKind::Whole),
        has_stem: is_plain,
        // A number or an error code that is nowhere is no other one.
        has_typos: options.typos && is_plain && word.term.chars().all(char::is_alphabetic),
        in_phrase: false,
        term: word.term,
        kind: word.kind,
    }
}

/// Without the last characters of runs: the pair before has them.
fn looked_up(words: Vec<Word>) -> Vec<Word> {
    let ends: Vec<usize> = words
        .iter()
        .filter(|word| word.kind == WordKind::Gram)
        .map(|word| word.range.end)
        .collect();
    let is_in_pair = |word: &Word| word.kind == WordKind::Tail && ends.contains(&word.range.end);
    words.into_iter().filter(|word| !is_in_pair(word)).collect()
}

/// The parts of a query, in order, and whether each stands in quotation marks. A mark that is not
/// closed is none.
fn parts(text: &str) -> Vec<(Range<usize>, bool)> {
    let mut parts = Vec::new();
    let mut rest = 0;
    let mut from = 0;
    while let Some((open, mark)) = text[from..].char_indices().next() {
        let open = from + open;
        from = open + mark.len_utf8();
        let closes = QUOTES.iter().filter(|(opening, _)| *opening == mark);
        let close = closes.filter_map(|(_, closing)| Some((text[from..].find(*closing)?, closing)));
        if let Some((length, closing)) = close.min() {
            parts.push((rest..open, false));
            parts.push((from..from + length, true));
            rest = from + length + closing.len_utf8();
            from = rest;
        }
    }
    parts.push((rest..text.len(), false));
    parts
}
