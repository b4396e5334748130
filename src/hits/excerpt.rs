//! Which part of a passage is shown.

use std::ops::Range;

use crate::page::Passage;
use crate::words::is_combining_mark;

/// The most characters of a passage that are shown: about four lines.
pub const EXCERPT_CHARS: usize = 320;

/// Stands where the passage goes on.
pub(super) const ELLIPSIS: &str = "…";

/// The passage's sentences, cut to the passage and without white space at their ends.
pub(super) fn sentences(text: &str, passage: &Passage) -> Vec<Range<usize>> {
    let within = |sentence: &Range<usize>| {
        let start = sentence.start.clamp(passage.range.start, passage.range.end);
        trimmed(text, start..sentence.end.clamp(start, passage.range.end))
    };
    passage.sentences.iter().map(within).collect()
}

/// The passage if it is short enough; else the part of it around its best sentence, in whole
/// sentences where they fit.
pub(super) fn cut(
    text: &str,
    passage: &Range<usize>,
    sentences: &[Range<usize>],
    best: Option<usize>,
) -> Range<usize> {
    if chars(text, passage) <= EXCERPT_CHARS {
        return passage.clone();
    }
    let best = best.unwrap_or(0);
    let core = match sentences.get(best) {
        Some(core) if !core.is_empty() => core.clone(),
        _ => trimmed(text, passage.clone()),
    };
    if chars(text, &core) > EXCERPT_CHARS {
        return core.start..cut_end(text, &core);
    }
    let around = with_neighbours(text, core, sentences, best);
    if chars(text, &around) * 2 >= EXCERPT_CHARS {
        return around;
    }
    // The neighbours are long: better a part of the next one than two lines alone.
    let end = cut_end(text, &(around.start..passage.end));
    around.start..end.max(around.end)
}

/// Takes in the sentences after and before, in turn, while they fit.
fn with_neighbours(
    text: &str,
    core: Range<usize>,
    sentences: &[Range<usize>],
    best: usize,
) -> Range<usize> {
    let mut range = core;
    let (mut next, mut previous) = (best + 1, best);
    loop {
        let before = range.clone();
        if let Some(sentence) = sentences.get(next) {
            let longer = range.start..sentence.end.max(range.end);
            if chars(text, &longer) <= EXCERPT_CHARS {
                (range, next) = (longer, next + 1);
            }
        }
        if let Some(sentence) = previous.checked_sub(1).and_then(|at| sentences.get(at)) {
            let longer = sentence.start.min(range.start)..range.end;
            if chars(text, &longer) <= EXCERPT_CHARS {
                (range, previous) = (longer, previous - 1);
            }
        }
        if range == before {
            return range;
        }
    }
}

/// Where to end a range that is too long: after a word if one ends in the last quarter, and never
/// between a character and the marks that belong to it.
fn cut_end(text: &str, range: &Range<usize>) -> usize {
    let slice = &text[range.clone()];
    let Some((most, _)) = slice.char_indices().nth(EXCERPT_CHARS) else {
        return range.end;
    };
    let quarter = slice.char_indices().nth(EXCERPT_CHARS * 3 / 4).map_or(0, |(at, _)| at);
    let word = slice[quarter..most].rfind(char::is_whitespace).map(|at| quarter + at);
    let end = word.unwrap_or_else(|| {
        let starts = slice[..most].char_indices().rev().map(|(at, _)| at);
        let whole = |&at: &usize| at > 0 && !joins(&slice[..at], &slice[at..]);
        std::iter::once(most).chain(starts).find(whole).unwrap_or(most)
    });
    range.start + slice[..end].trim_end().len()
}

/// Whether what a person sees as one character would be cut here: a letter from its accents, an
/// emoji from its skin tone or from the one it is joined with, a flag's two letters.
fn joins(before: &str, after: &str) -> bool {
    let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else {
        return false;
    };
    let is_flag_letter = |c: char| ('\u{1F1E6}'..='\u{1F1FF}').contains(&c);
    let flag_letters = before.chars().rev().take_while(|&c| is_flag_letter(c)).count();
    last == '\u{200D}'
        || matches!(next, '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}')
        || is_combining_mark(next)
        || (is_flag_letter(next) && flag_letters % 2 == 1)
}

fn chars(text: &str, range: &Range<usize>) -> usize {
    text[range.clone()].chars().count()
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let slice = &text[range.clone()];
    let start = range.start + (slice.len() - slice.trim_start().len());
    start..start + slice.trim().len()
}
