//! Which words of a text are words of the query, as a reader would say.

use std::collections::BTreeSet;
use std::ops::Range;

use unicode_normalization::char::{decompose_canonical, is_combining_mark};

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

/// Words of three and more letters that say nothing about what is looked for, without accents, in
/// English, German, French, Spanish, Italian and Portuguese.
const STOP_WORDS: &str = " \
    about after all also and any are because been before being between both but can could did does \
    doing for from had has have having her here him his how into its itself just more most not now \
    off once only other our out over own same she should some such than that the their them then \
    there these they this those through under until very was were what when where which while who \
    whom why will with would you your \
    aber als auch auf aus bei bin bis das dass dem den der des die dies diese dieser ein eine einem \
    einen einer eines fur hat hatte ich ihr ist kann mein mit nach nicht noch nur oder sein sich sie \
    sind uber und uns vom von vor war warum was wenn wer werden wie wir wird zum zur \
    aux avec ces cette comme dans des elle elles est etre ils leur les mais meme nous ont par pas \
    pour quand que quel quelle qui sans ses son sont sur une vous \
    como con cual cuando donde ella ellos entre era esta este esto fue hay las los mas muy nos para \
    pero por porque quien ser sin sobre son sus una uno unos \
    che chi come dei del della delle gli nel nella non per piu quale quando questa questo sono sulla \
    ate com das dos ela ele foi isso mais nao nas onde pela pelo qual quem sao sem seu sua uma ";

/// The words of a query, made ready for being found in texts.
#[derive(Debug, Clone, Default)]
pub struct QueryWords {
    words: BTreeSet<String>,
    /// Pairs of neighbouring characters of scripts that put no space between words; one that
    /// stands alone in the query, alone.
    grams: BTreeSet<String>,
}

impl QueryWords {
    /// Leaves out words that say nothing, unless the query has no others.
    pub fn new(query: &str) -> Self {
        let all = QueryWords::collect(query, |_| true);
        let telling = QueryWords::collect(query, is_telling);
        if telling.words.is_empty() && telling.grams.is_empty() { all } else { telling }
    }

    fn collect(query: &str, keep: impl Fn(&str) -> bool) -> Self {
        let mut found = QueryWords::default();
        for stretch in stretches(query).take(QUERY_WORDS_MAX) {
            if stretch.units.is_empty() {
                let word = folded(&query[stretch.range]);
                let is_long = word.chars().count() >= WORD_LETTERS_MIN;
                if keep(&word) && (is_long || word.chars().any(char::is_numeric)) {
                    found.words.insert(word);
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

    /// The stretches of a text that are words of the query, in bytes, in order, apart.
    pub fn found_in(&self, text: &str) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for stretch in stretches(text) {
            if stretch.units.is_empty() {
                let word = folded(&text[stretch.range.clone()]);
                if self.words.iter().any(|query| is_same_word(query, &word)) {
                    found.push(stretch.range);
                }
                continue;
            }
            let places = (0..stretch.units.len()).flat_map(|at| [(at, 1), (at, 2)]);
            let grams = places.filter_map(|(at, count)| stretch.gram(text, at, count));
            for (_, range) in grams.filter(|(gram, _)| self.grams.contains(gram)) {
                match found.last_mut() {
                    Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
                    _ => found.push(range),
                }
            }
        }
        found
    }
}

/// A word, or a run of characters of a script without spaces, which then are its `units`.
struct Stretch {
    range: Range<usize>,
    units: Vec<Range<usize>>,
}

impl Stretch {
    /// So many neighbours from here, without case and accents, and where they are.
    fn gram(&self, text: &str, start: usize, count: usize) -> Option<(String, Range<usize>)> {
        let units = self.units.get(start..start + count)?;
        let range = units.first()?.start..units.last()?.end;
        Some((folded(&text[range.clone()]), range))
    }
}

/// The words of a text; each with the marks that belong to its letters.
fn stretches(text: &str) -> impl Iterator<Item = Stretch> {
    let mut letters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        while letters.next_if(|(_, c)| !c.is_alphanumeric()).is_some() {}
        let &(start, first) = letters.peek()?;
        let spaceless = is_spaceless(first);
        let mut stretch = Stretch { range: start..start, units: Vec::new() };
        while let Some((at, c)) = letters
            .next_if(|&(_, c)| is_mark(c) || (c.is_alphanumeric() && is_spaceless(c) == spaceless))
        {
            let end = at + c.len_utf8();
            stretch.range.end = end;
            match stretch.units.last_mut() {
                Some(unit) if is_mark(c) => unit.end = end,
                _ if spaceless => stretch.units.push(at..end),
                _ => {}
            }
        }
        Some(stretch)
    })
}

/// Whether a character belongs to the one before it.
fn is_mark(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{200C}' | '\u{200D}')
}

/// Han, kana and Hangul: words are not parted by spaces, or carry endings as whole syllables.
fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}' | '\u{20000}'..='\u{3FFFF}' | '々')
}

/// Without case and accents. Marks that are letters of their own, as in Indic scripts and in kana,
/// stay.
fn folded(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for letter in word.chars() {
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

/// Whether a word or pair says something. Two hiragana are mostly grammar.
fn is_telling(word: &str) -> bool {
    let is_grammar = word.chars().all(|c| matches!(c, '\u{3040}'..='\u{309F}'));
    !is_grammar && !STOP_WORDS.contains(&format!(" {word} "))
}

/// Whether a reader would take the two, both folded, for forms of one word.
fn is_same_word(query: &str, word: &str) -> bool {
    if query == word {
        return true;
    }
    let is_short = |word: &str| word.chars().nth(WORD_LETTERS_MIN - 1).is_none();
    if is_short(query) || is_short(word) {
        return false;
    }
    let common: Vec<char> =
        query.chars().zip(word.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect();
    let bytes: usize = common.iter().map(|c| c.len_utf8()).sum();
    let (one, other) = (&query[bytes..], &word[bytes..]);
    let is_ending = |rest: &str| rest.chars().count() <= ENDING_LETTERS_MAX;
    (common.len() >= STEM_LETTERS_MIN && is_ending(one) && is_ending(other))
        || (common.len() >= WORD_LETTERS_MIN && ENDINGS.contains(&one) && ENDINGS.contains(&other))
}
