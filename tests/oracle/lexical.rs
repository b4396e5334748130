//! The naive twin of the lexical search: BM25 by its definition, over texts.

#![allow(unreachable_pub, reason = "as in the other twins")]

use std::collections::BTreeSet;

use burrow::page::Page;
use rust_stemmers::{Algorithm, Stemmer};

/// A page with its number.
pub type Numbered = (u32, Page);

/// What is looked for: words, phrases, and whether the last word may be a beginning.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub words: Vec<String>,
    pub phrase: Vec<String>,
    pub prefix: bool,
    pub typos: bool,
}

/// The words of a passage as its text, and as each of its fields.
struct Words {
    place: (u32, usize),
    algorithm: Option<Algorithm>,
    body: Vec<String>,
    fields: Vec<Vec<String>>,
}

impl Words {
    fn count(&self, is_it: impl Fn(&str) -> bool) -> f64 {
        let count = |words: &[String]| words.iter().filter(|word| is_it(word)).count() as f64;
        count(&self.body) + 2.0 * self.fields.iter().map(|words| count(words)).sum::<f64>()
    }

    fn has_phrase(&self, phrase: &[String]) -> bool {
        let parts = std::iter::once(&self.body).chain(&self.fields);
        parts.into_iter().any(|words| words.windows(phrase.len()).any(|found| found == phrase))
    }

    fn terms(&self) -> BTreeSet<&String> {
        self.body.iter().chain(self.fields.iter().flatten()).collect()
    }
}

fn split(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}

fn algorithm(lang: Option<&str>) -> Option<Algorithm> {
    match lang {
        None | Some("en") => Some(Algorithm::English),
        Some("de") => Some(Algorithm::German),
        Some("fr") => Some(Algorithm::French),
        _ => None,
    }
}

fn stem(algorithm: Algorithm, word: &str) -> Option<String> {
    let is_word = word.chars().all(char::is_alphabetic);
    is_word.then(|| Stemmer::create(algorithm).stem(word).into_owned())
}

fn passages(pages: &[Numbered]) -> Vec<Words> {
    let mut all = Vec::new();
    for (number, page) in pages {
        for (at, passage) in page.passages.iter().enumerate() {
            let fields = std::iter::once(&page.title).chain(&passage.headings);
            all.push(Words {
                place: (*number, at),
                algorithm: algorithm(page.lang.as_deref()),
                body: split(&page.text[passage.range.clone()]),
                fields: fields.map(|field| split(field)).collect(),
            });
        }
    }
    all
}

/// How often a word counts as being in a passage.
fn occurrences(passages: &[Words], word: &str, prefix: bool) -> Vec<f64> {
    let algorithms: Vec<Algorithm> = [Algorithm::English, Algorithm::German, Algorithm::French]
        .into_iter()
        .filter(|it| passages.iter().any(|passage| passage.algorithm == Some(*it)))
        .collect();
    let count = |passage: &Words| {
        let mut most = passage.count(|other| other == word);
        for stem_of_word in algorithms.iter().filter_map(|it| stem(*it, word)) {
            if let Some(own) = passage.algorithm {
                let is_form = |other: &str| {
                    other != stem_of_word && stem(own, other).as_ref() == Some(&stem_of_word)
                };
                most = most.max(0.7 * passage.count(is_form));
            }
            most = most.max(0.7 * passage.count(|other| other == stem_of_word));
            if stem_of_word == word {
                most = most.max(passage.count(|other| other == word));
            }
        }
        if prefix {
            for term in passage.terms().into_iter().filter(|term| term.starts_with(word)) {
                most = most.max(0.7 * passage.count(|other| other == term));
            }
        }
        most
    };
    passages.iter().map(count).collect()
}

fn near(passages: &[Words], word: &str) -> Vec<f64> {
    let most_edits = match word.len() {
        0..4 => return vec![0.0; passages.len()],
        4..8 => 1,
        _ => 2,
    };
    let count = |passage: &Words| {
        let mut most = 0.0f64;
        for term in passage.terms() {
            let edits = edits(word.as_bytes(), term.as_bytes());
            let is_word = term.chars().all(char::is_alphabetic);
            if is_word && term.as_bytes()[0] == word.as_bytes()[0] && edits <= most_edits {
                most = most.max([1.0, 0.5, 0.3][edits] * passage.count(|other| other == term));
            }
        }
        most
    };
    passages.iter().map(count).collect()
}

/// The slips between two words, by the table of all their beginnings.
fn edits(one: &[u8], other: &[u8]) -> usize {
    let mut table = vec![vec![0; other.len() + 1]; one.len() + 1];
    for row in 0..=one.len() {
        for column in 0..=other.len() {
            table[row][column] = if row == 0 || column == 0 {
                row + column
            } else {
                let (a, b) = (one[row - 1], other[column - 1]);
                let replaced = table[row - 1][column - 1] + usize::from(a != b);
                let best = replaced.min(table[row - 1][column] + 1).min(table[row][column - 1] + 1);
                let swaps = row > 1 && column > 1 && a == other[column - 2] && one[row - 2] == b;
                if swaps { best.min(table[row - 2][column - 2] + 1) } else { best }
            };
        }
    }
    table[one.len()][other.len()]
}

/// What must be found, the best first: `(page, passage, score)`.
pub fn search(pages: &[Numbered], query: &Query) -> Vec<((u32, usize), f64)> {
    let passages = passages(pages);
    let total: f64 = passages.iter().map(|passage| passage.body.len() as f64).sum();
    let average = (total / passages.len().max(1) as f64).max(1.0);
    let mut scores = vec![0.0; passages.len()];
    let mut words: Vec<(String, bool, bool)> = Vec::new();
    for word in &query.phrase {
        words.push((word.clone(), true, false));
    }
    for (at, word) in query.words.iter().enumerate() {
        words.push((word.clone(), false, query.prefix && at + 1 == query.words.len()));
    }
    let mut seen = Vec::new();
    for it in words {
        if seen.contains(&it) {
            continue;
        }
        seen.push(it.clone());
        let (word, in_phrase, prefix) = it;
        let mut found = if in_phrase {
            passages.iter().map(|passage| passage.count(|other| other == word)).collect()
        } else {
            occurrences(&passages, &word, prefix)
        };
        let is_word = word.chars().all(char::is_alphabetic);
        if found.iter().all(|&count| count == 0.0) && query.typos && !in_phrase && is_word {
            found = near(&passages, &word);
        }
        let having = found.iter().filter(|&&count| count > 0.0).count() as f64;
        let rarity = (1.0 + (passages.len() as f64 - having + 0.5) / (having + 0.5)).ln();
        for (at, count) in found.into_iter().enumerate() {
            let length = passages[at].body.len() as f64;
            let norm = 1.2 * (0.25 + 0.75 * length / average);
            scores[at] += rarity * count * 2.2 / (count + norm);
        }
    }
    let mut best: Vec<((u32, usize), f64)> = passages
        .iter()
        .zip(scores)
        .filter(|(passage, score)| {
            *score > 0.0 && (query.phrase.is_empty() || passage.has_phrase(&query.phrase))
        })
        .map(|(passage, score)| (passage.place, score))
        .collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    best
}
