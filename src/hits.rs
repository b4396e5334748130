//! Show it: a passage → a [`Hit`] with its excerpt and the marks on it.

mod excerpt;
mod words;

use std::ops::Range;

use serde::Serialize;

use crate::index::hamming;
use crate::order;
use crate::page::Page;
pub use excerpt::EXCERPT_CHARS;
pub use words::QueryWords;

/// One page with its best passage, as JavaScript sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hit {
    /// The page's address.
    pub url: String,
    /// The page's title.
    pub title: String,
    /// What the order goes by: the cosine, the BM25 score, or the fused rank from 0 to 1, by the
    /// mode of the search.
    pub score: f32,
    /// Cosine of query and passage, -1 to 1, where the page was found by its meaning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
    /// The words' score, where the page was found by its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bm25: Option<f32>,
    /// The passage, or the part of it around its best sentence, `…` where it is cut.
    pub excerpt: String,
    /// What to mark in the excerpt, in order. Words may lie within the sentence.
    pub marks: Vec<Mark>,
    /// The headings above the passage, outermost first.
    pub headings: Vec<String>,
    /// The fragment that leads to the passage, without `#`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anchor: Option<String>,
    /// Which passage of the page, counted from 0.
    pub passage: usize,
}

/// A stretch of an excerpt, in UTF-16 code units as JavaScript counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Why it is marked.
    pub kind: MarkKind,
}

/// Why a stretch is marked. Marks of one kind do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkKind {
    /// The sentence nearest in meaning.
    Sentence,
    /// A word of the query.
    Word,
}

/// A passage that was found.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Its page, with ranges that lie within its text.
    pub page: &'a Page,
    /// Which of the page's passages.
    pub passage: usize,
    /// What the order goes by.
    pub score: f64,
    /// Cosine of query and passage, where it is known.
    pub cosine: Option<f64>,
    /// The words' score, where it is known.
    pub bm25: Option<f64>,
    /// The bits of all sentences of the page, `[sentences, query_bits.len()]`.
    pub sentence_bits: &'a [u8],
}

/// Makes a hit: an excerpt around the sentence whose bits are nearest to the query's, that
/// sentence marked, and the query's words. Without bits, the excerpt is around the sentence with
/// most of the words, and the words alone are marked.
pub fn hit(found: Found<'_>, query_bits: Option<&[u8]>, words: &QueryWords) -> Hit {
    let page = found.page;
    let passage = &page.passages[found.passage];
    let sentences = excerpt::sentences(&page.text, passage);
    let nearest = query_bits.and_then(|bits| best_sentence(found, bits));
    let nearest = nearest.filter(|&best| !sentences[best].is_empty());
    let best = nearest.or_else(|| most_words(page, &sentences, words));
    let range = excerpt::cut(&page.text, &passage.range, &sentences, best);
    let lead = if range.start > passage.range.start { excerpt::ELLIPSIS } else { "" };
    let trail = if range.end < passage.range.end { excerpt::ELLIPSIS } else { "" };
    let text = &page.text[range.clone()];
    let sentence = nearest.map(|nearest| within(&sentences[nearest], &range));
    let words = words.found_in(text, page.lang.as_deref());
    Hit {
        url: page.url.clone(),
        title: page.title.clone(),
        score: found.score as f32,
        cosine: found.cosine.map(|cosine| cosine as f32),
        bm25: found.bm25.map(|score| score as f32),
        excerpt: [lead, text, trail].concat(),
        marks: marks(text, utf16_units(lead), sentence, words),
        headings: passage.headings.clone(),
        anchor: passage.anchor.clone(),
        passage: found.passage,
    }
}

/// The part of a sentence that is shown, counted from the start of what is shown.
fn within(sentence: &Range<usize>, shown: &Range<usize>) -> Range<usize> {
    let start = sentence.start.clamp(shown.start, shown.end);
    start - shown.start..sentence.end.clamp(start, shown.end) - shown.start
}

/// The marks on a text that stands `shift` UTF-16 units after the start of the excerpt.
fn marks(
    text: &str,
    shift: usize,
    sentence: Option<Range<usize>>,
    words: Vec<Range<usize>>,
) -> Vec<Mark> {
    let mark = |kind, stretch: Range<usize>| Mark {
        start: shift + utf16_units(&text[..stretch.start]),
        end: shift + utf16_units(&text[..stretch.end]),
        kind,
    };
    let sentence = sentence.filter(|sentence| !sentence.is_empty());
    let sentence = sentence.map(|sentence| mark(MarkKind::Sentence, sentence));
    let words = words.into_iter().map(|word| mark(MarkKind::Word, word));
    let mut marks: Vec<Mark> = sentence.into_iter().chain(words).collect();
    order::sort_by(&mut marks, |a, b| (a.start, a.kind).cmp(&(b.start, b.kind)));
    marks
}

/// How long a text is for JavaScript: two units for a character of four bytes, one for any other.
fn utf16_units(text: &str) -> usize {
    let units = |byte: u8| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0);
    text.bytes().map(units).sum()
}

/// The first of the sentences with most of the query's words; none where none has any.
fn most_words(page: &Page, sentences: &[Range<usize>], words: &QueryWords) -> Option<usize> {
    let lang = page.lang.as_deref();
    let counts =
        sentences.iter().map(|range| words.found_in(&page.text[range.clone()], lang).len());
    let (at, count) = counts.enumerate().rev().max_by_key(|&(_, count)| count)?;
    (count > 0).then_some(at)
}

/// The first of the passage's sentences whose bits differ least from the query's.
fn best_sentence(found: Found<'_>, query_bits: &[u8]) -> Option<usize> {
    let (before, from) = found.page.passages.split_at(found.passage);
    let first: usize = before.iter().map(|passage| passage.sentences.len()).sum();
    let count = from.first().map_or(0, |passage| passage.sentences.len());
    let words = |row: &[u8]| {
        let mut words = Vec::new();
        hamming::push_words(&mut words, row);
        words
    };
    let query = words(query_bits);
    let rows = found.sentence_bits.chunks_exact(query_bits.len()).skip(first).take(count);
    rows.map(|row| hamming::distance(&words(row), &query))
        .enumerate()
        .min_by_key(|&(_, distance)| distance)
        .map(|(sentence, _)| sentence)
}
