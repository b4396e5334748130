//! From the words of a query to the passages that have them, the best first.

use super::super::page_set::PageSet;
use super::build::STEM_MARK;
use super::lookup::{Found, Lookup};
use super::query::{Clause, LexicalQuery};
use super::shelf::Shelf;
use super::typos::edits_allowed;
use super::{Lexicon, Place};
use crate::error::Result;
use crate::sorted::SortedMap;
use crate::store::Store;
use crate::words::WordKind;
use crate::words::stems::Language;

/// How soon more occurrences of a word stop to count, as is usual for BM25.
pub const K1: f64 = 1.2;

/// How much a passage's length counts, as is usual for BM25.
pub const B: f64 = 0.75;

/// What an occurrence in the title or a heading counts.
pub const FIELD_WEIGHT: f64 = 2.0;

/// What an occurrence of another form of the word counts.
pub const WEIGHT_STEM: f64 = 0.7;

/// What an occurrence of a word counts that only begins with what was typed.
pub const WEIGHT_PREFIX: f64 = 0.7;

/// What an occurrence counts of a word one slip away, and two.
const WEIGHTS_NEAR: [f64; 3] = [1.0, 0.5, 0.3];

/// The beginning of a word stands for at most so many words, those that most passages have.
const PREFIX_TERMS_MAX: usize = 32;

/// A beginning of fewer letters is no word's.
const PREFIX_LETTERS_MIN: usize = 2;

/// A slip stands for at most so many words: the nearest, then those that most passages have.
const NEAR_TERMS_MAX: usize = 16;

/// A passage and how well it fits the words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// Its page's number.
    pub page: u32,
    /// Which of the page's passages.
    pub passage: usize,
    /// BM25, above 0. Comparable within one search only.
    pub score: f64,
    /// How much of the query the passage has, above 0 and at most 1: of its words, each as much as
    /// it is rare, the share that is there in any form.
    pub coverage: f64,
}

/// Words that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub(super) place: Place,
    pub(super) message: String,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place {
            Place::Page(page) => write!(f, "the words of page {page}: {}", self.message),
            Place::Segment(number) => write!(f, "words segment {number}: {}", self.message),
        }
    }
}

/// What comes of looking: the value, or what must be left out before looking again.
pub type Attempt<T> = std::result::Result<T, Vec<Damage>>;

/// Page and passage in one number, in their order.
type Key = u64;

/// What was found for a word: in each passage how much it counts, and where it is.
#[derive(Default)]
struct Matches {
    /// In the order of keys: what its occurrences count, and the passage's length.
    rows: Vec<(Key, f64, u16)>,
    places: SortedMap<Key, Vec<u32>>,
}

/// What is looked up for a word, and what an occurrence of it counts.
struct Asked {
    clause: usize,
    lookup: Lookup,
    weight: f64,
}

impl Lexicon {
    /// The passages that fit the words best, at most `count`, the best first; of equally good
    /// ones, in the order of pages and passages. Only pages that are kept by `keep` are found; what
    /// a word counts does not depend on it.
    ///
    /// Reads the blocks with the query's words: of each segment, for each word (and each of its
    /// stems) one block of the dictionary and one of postings, several where very many passages
    /// have it; and the record of every page in no segment.
    ///
    /// A word in a passage counts as often as it occurs there, or as another form of it or a word
    /// that begins with it does, each at its weight, whichever is most. Phrases are required.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails, `Fingerprint` where a newer version has written a record.
    pub async fn search<S: Store>(
        &self,
        store: &S,
        query: &LexicalQuery,
        keep: Option<&PageSet>,
        count: usize,
    ) -> Result<Attempt<Vec<Scored>>> {
        let mut shelf = Shelf::new(self, store);
        let mut matches: Vec<Matches> = Vec::new();
        matches.resize_with(query.clauses.len(), Matches::default);
        let languages = self.languages();
        let asked = query.clauses.iter().enumerate();
        let asked = asked.flat_map(|(at, clause)| asked_for(at, clause, &languages)).collect();
        look_up(&mut shelf, query, asked, &mut matches).await?;
        let slips = query.clauses.iter().enumerate();
        let slips = slips.filter(|&(at, _)| matches[at].rows.is_empty());
        let slips: Vec<Asked> = slips.filter_map(|(at, clause)| near(at, clause)).collect();
        if !slips.is_empty() {
            look_up(&mut shelf, query, slips, &mut matches).await?;
        }
        if !shelf.damage.is_empty() {
            return Ok(Err(shelf.damage));
        }
        let mut scores = self.scores(&matches);
        scores.retain(|it| {
            keep.is_none_or(|keep| keep.contains(it.page))
                && query.phrases.iter().all(|phrase| has_phrase(phrase, &matches, key_of(it)))
        });
        scores.sort_by(|a, b| b.score.total_cmp(&a.score).then(key_of(a).cmp(&key_of(b))));
        scores.truncate(count);
        Ok(Ok(scores))
    }

    /// The languages of all pages that count.
    fn languages(&self) -> Vec<Language> {
        let has = |language: &Language| {
            let mut pages = self.sources.values().flat_map(|source| source.live());
            pages.any(|page| page.language == *language as u8)
        };
        Language::ALL.into_iter().filter(has).collect()
    }

    /// The sum of BM25 over all words, of every passage that has one, in the order of keys.
    fn scores(&self, matches: &[Matches]) -> Vec<Scored> {
        let (mut passages, mut words) = (0u64, 0u64);
        for source in self.sources.values() {
            for page in source.live() {
                passages += u64::from(page.passages);
                words +=
                    source.lengths_of(page).iter().map(|&length| u64::from(length)).sum::<u64>();
            }
        }
        let average = (words as f64 / passages.max(1) as f64).max(1.0);
        let rarity = |found: &Matches| {
            let having = found.rows.len() as f64;
            libm::log(1.0 + (passages as f64 - having + 0.5) / (having + 0.5))
        };
        let all: f64 = matches.iter().map(rarity).sum();
        let mut scores: Vec<Scored> = Vec::new();
        for found in matches {
            let rarity = rarity(found);
            scores.extend(found.rows.iter().map(|&(key, occurrences, length)| {
                let norm = K1 * (1.0 - B + B * f64::from(length) / average);
                let score = rarity * occurrences * (K1 + 1.0) / (occurrences + norm);
                let (page, passage) = ((key >> 32) as u32, (key & u64::from(u32::MAX)) as usize);
                Scored { page, passage, score, coverage: rarity / all }
            }));
        }
        // Stable: what a passage has of each word is added in the order of the words.
        scores.sort_by_key(key_of);
        scores.dedup_by(|next, sum| {
            let is_same = key_of(next) == key_of(sum);
            if is_same {
                sum.score += next.score;
                sum.coverage += next.coverage;
            }
            is_same
        });
        scores
    }
}

fn key_of(it: &Scored) -> Key {
    u64::from(it.page) << 32 | it.passage as u64
}

/// All that a word is looked up as, unless it may be a slip.
fn asked_for(at: usize, clause: &Clause, languages: &[Language]) -> Vec<Asked> {
    let term = &clause.term;
    let ask = |lookup, weight| Asked { clause: at, lookup, weight };
    if clause.kind == WordKind::Tail {
        return vec![ask(Lookup::Unit(term.clone()), 1.0)];
    }
    let mut asked = vec![ask(Lookup::Exact(term.clone()), 1.0)];
    let stems = languages.iter().filter(|_| clause.has_stem);
    let mut seen: Vec<String> = Vec::new();
    for stem in stems.filter_map(|language| language.stem(&clause.word)) {
        if seen.contains(&stem) {
            continue;
        }
        seen.push(stem.clone());
        asked.push(ask(Lookup::Exact(format!("{STEM_MARK}{stem}")), WEIGHT_STEM));
        if stem != *term {
            asked.push(ask(Lookup::Exact(stem), WEIGHT_STEM));
        }
    }
    if clause.is_prefix && term.chars().nth(PREFIX_LETTERS_MIN - 1).is_some() {
        asked.push(ask(Lookup::Prefix(term.clone()), WEIGHT_PREFIX));
    }
    asked
}

/// What a word that is nowhere may be a slip for.
fn near(at: usize, clause: &Clause) -> Option<Asked> {
    let edits = edits_allowed(clause.term.chars().count());
    let lookup = Lookup::Near(clause.term.clone(), edits);
    (clause.has_typos && edits > 0).then_some(Asked { clause: at, lookup, weight: 1.0 })
}

/// Reads what is asked for into the words' matches.
async fn look_up<S: Store>(
    shelf: &mut Shelf<'_, S>,
    query: &LexicalQuery,
    asked: Vec<Asked>,
    matches: &mut [Matches],
) -> Result<()> {
    let lookups: Vec<Lookup> = asked.iter().map(|asked| asked.lookup.clone()).collect();
    let mut found = shelf.find(&lookups).await?;
    keep_likeliest(&lookups, &mut found);
    let take = |number: usize,
                page: u32,
                passage: u32,
                length: u16,
                row: super::super::format::Row<'_>| {
        let it: &Found = &found[number];
        let asked = &asked[it.lookup];
        let weight = asked.weight * WEIGHTS_NEAR.get(it.edits).copied().unwrap_or(0.0);
        let occurrences = f64::from(row.body) + FIELD_WEIGHT * f64::from(row.fields);
        let key = u64::from(page) << 32 | u64::from(passage);
        let matches = &mut matches[asked.clause];
        matches.rows.push((key, weight * occurrences, length));
        if query.clauses[asked.clause].in_phrase {
            let places = matches.places.or_insert(key, Vec::new());
            places.extend(row.places());
            // A list alone is in order; several are not.
            if !places.is_sorted() {
                places.sort_unstable();
            }
        }
    };
    shelf.rows(&found, take).await?;
    for matches in matches {
        // Of the ways in which a passage has the word, the one that counts most comes first.
        matches.rows.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        matches.rows.dedup_by_key(|row| row.0);
    }
    Ok(())
}

/// Of the words that a beginning or a slip may stand for, leaves those that most passages have.
fn keep_likeliest(lookups: &[Lookup], found: &mut Vec<Found>) {
    for (number, lookup) in lookups.iter().enumerate() {
        let most = match lookup {
            Lookup::Exact(_) | Lookup::Unit(_) => continue,
            Lookup::Prefix(_) => PREFIX_TERMS_MAX,
            Lookup::Near(..) => NEAR_TERMS_MAX,
        };
        let mut passages: SortedMap<String, (usize, u64)> = SortedMap::new();
        for it in found.iter().filter(|it| it.lookup == number) {
            passages.or_insert(it.term.clone(), (it.edits, 0)).1 += u64::from(it.passages);
        }
        // Few are kept: each time the best of those that are left.
        let mut kept: Vec<String> = Vec::new();
        while kept.len() < most {
            let left = passages.iter().filter(|(_, count)| count.0 != usize::MAX);
            let best = left.min_by_key(|(_, count)| (count.0, std::cmp::Reverse(count.1)));
            let Some(best) = best.map(|(term, _)| term.clone()) else { break };
            passages.insert(best.clone(), (usize::MAX, 0));
            kept.push(best);
        }
        found.retain(|it| it.lookup != number || kept.contains(&it.term));
    }
}

/// Whether the words of a phrase stand one after another in a passage.
fn has_phrase(phrase: &[(usize, u32)], matches: &[Matches], key: Key) -> bool {
    let Some(places) = phrase
        .iter()
        .map(|&(clause, _)| matches[clause].places.get(&key))
        .collect::<Option<Vec<_>>>()
    else {
        return false;
    };
    let Some((&(_, first), starts)) = phrase.first().zip(places.first()) else { return true };
    starts.iter().any(|start| {
        let stands = |(&(_, place), places): (&(usize, u32), &&Vec<u32>)| {
            start
                .checked_add(place - first)
                .is_some_and(|place| places.binary_search(&place).is_ok())
        };
        phrase.iter().zip(&places).all(stands)
    })
}
