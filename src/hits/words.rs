//! Which words of a text are words of the query, as a reader would say.

use std::ops::Range;

use crate::order;
use crate::words::stems::Language;
use crate::words::{WordKind, folded, is_telling, stretches, words};

/// Words of a query beyond these are not marked.
const QUERY_WORDS_MAX: usize = 256;

/// Letters a word must have to be compared by its beginning; a shorter one must hold a digit.
const WORD_LETTERS_MIN: usize = 3;

/// Words of so many equal first letters are one word with other endings, of at most
/// [`ENDING_LETTERS_MAX`] letters: `photosynthesis` and `photosynthetic`.
const STEM_LETTERS_MIN: usize = 5;

/// See [`STEM_LETTERS_MIN`].
const ENDING_LETTERS_MAX: usize = 3;

/// Endings that make no other word of a short one: `eat` and `eating`, but not `car` and `care`.
const ENDINGS: [&str; 8] = ["", "s", "es", "ed", "d", "ing", "y", "ies"];

/// The words of a query, made ready for being found in texts.
#[derive(Debug, Clone, Default)]
pub struct QueryWords {
    words: Vec<String>,
    /// As they were typed, to be stemmed.
    typed: Vec<String>,
    /// Identifiers with their signs, as the index has them: `c++`.
    wholes: Vec<String>,
    /// Pairs of neighbouring characters of scripts that put no space between words; one that
    /// stands alone in the query, alone.
    grams: Vec<String>,
}

impl QueryWords {
    /// Leaves out words that say nothing, unless the query has no others.
    pub fn new(query: &str) -> Self {
        let all = QueryWords::collect(query, |_| true);
        let telling = QueryWords::collect(query, is_telling);
        let says_nothing = telling.words.is_empty() && telling.grams.is_empty();
        let mut found = if says_nothing { all } else { telling };
        let wholes = words(query).0.into_iter().filter(|word| word.kind == WordKind::Whole);
        found.wholes = wholes.take(QUERY_WORDS_MAX).map(|word| word.term).collect();
        found
    }

    fn collect(query: &str, keep: impl Fn(&str) -> bool) -> Self {
        let mut found = QueryWords::default();
        for stretch in stretches(query).take(QUERY_WORDS_MAX) {
            if stretch.units.is_empty() {
                let typed = &query[stretch.range];
                let word = folded(typed);
                let is_long = word.chars().count() >= WORD_LETTERS_MIN;
                if keep(&word) && (is_long || word.chars().any(char::is_numeric)) {
                    found.words.push(word);
                    found.typed.push(typed.to_owned());
                }
            } else {
                let count = stretch.units.len().min(2);
                let grams =
                    (0..stretch.units.len()).filter_map(|at| stretch.gram(query, at, count));
                found.grams.extend(grams.map(|(gram, _)| gram).filter(|gram| keep(gram)));
            }
        }
        found
    }

    /// The stretches of a text that are words of the query, in bytes, in order, apart. `lang` is
    /// the text's language, whose forms of a word are the word.
    pub fn found_in(&self, text: &str, lang: Option<&str>) -> Vec<Range<usize>> {
        let language = Language::of(lang);
        let stem = |word: &str| language.and_then(|language| language.stem(word));
        let stems: Vec<String> = self.typed.iter().filter_map(|word| stem(word)).collect();
        // A stem begins as its word does: most words need not be stemmed to be told apart.
        let is_like = |word: &str| stems.iter().any(|it| it.chars().next() == word.chars().next());
        let is_form = |typed: &str, word: &str| {
            is_like(word) && stem(typed).is_some_and(|stem| stems.contains(&stem))
        };
        let mut found: Vec<Range<usize>> = Vec::new();
        for stretch in stretches(text) {
            if stretch.units.is_empty() {
                let typed = &text[stretch.range.clone()];
                let word = folded(typed);
                if self.words.iter().any(|query| is_same_word(query, &word))
                    || is_form(typed, &word)
                {
                    found.push(stretch.range);
                }
                continue;
            }
            let places = (0..stretch.units.len()).flat_map(|at| [(at, 1), (at, 2)]);
            let grams = places.filter_map(|(at, count)| stretch.gram(text, at, count));
            found.extend(grams.filter(|(gram, _)| self.grams.contains(gram)).map(|it| it.1));
        }
        if !self.wholes.is_empty() {
            let wholes = words(text).0.into_iter().filter(|word| self.wholes.contains(&word.term));
            found.extend(wholes.map(|word| word.range));
        }
        apart(found)
    }
}

/// Puts stretches in order, and those that meet together.
fn apart(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    order::sort_by(&mut found, |a, b| a.start.cmp(&b.start));
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for range in found {
        match apart.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => apart.push(range),
        }
    }
    apart
}

/// Whether a reader would take the two, both folded, for forms of one word.
fn is_same_word(query: &str, word: &str) -> bool {
    // Most words differ at once.
    if query.as_bytes().first() != word.as_bytes().first() {
        return false;
    }
    if query == word {
        return true;
    }
    let is_short = |word: &str| word.chars().nth(WORD_LETTERS_MIN - 1).is_none();
    if is_short(query) || is_short(word) {
        return false;
    }
    let equal = query.chars().zip(word.chars()).take_while(|(a, b)| a == b);
    let (letters, bytes) =
        equal.fold((0, 0), |(letters, bytes), (c, _)| (letters + 1, bytes + c.len_utf8()));
    let (one, other) = (&query[bytes..], &word[bytes..]);
    let is_ending = |rest: &str| rest.chars().count() <= ENDING_LETTERS_MAX;
    (letters >= STEM_LETTERS_MIN && is_ending(one) && is_ending(other))
        || (letters >= WORD_LETTERS_MIN && ENDINGS.contains(&one) && ENDINGS.contains(&other))
}
