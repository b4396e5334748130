//! Which terms a query looks for, and where one was found.

use std::ops::Range;

use super::super::format::PageList;
use super::Place;
use super::build::STEM_MARK;
use super::typos::edits;
use crate::error::{Error, ErrorKind, Result};
use crate::words::is_mark;

/// Which terms are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lookup {
    /// This one.
    Exact(String),
    /// All that begin so.
    Prefix(String),
    /// All that begin with this character of a script without spaces.
    Unit(String),
    /// All that begin with the same letter and are at most so many slips away.
    Near(String, usize),
}

impl Lookup {
    /// How all terms begin that can be meant, and whether it is one term.
    fn start(&self) -> (&str, bool) {
        match self {
            Lookup::Exact(term) => (term, true),
            Lookup::Prefix(start) | Lookup::Unit(start) => (start, false),
            Lookup::Near(word, _) => {
                (word.chars().next().map_or("", |first| &word[..first.len_utf8()]), false)
            }
        }
    }

    /// Which of a sorted list's places can hold such a term.
    pub(super) fn range<T>(&self, terms: &[T], term: impl Fn(&T) -> &str) -> Range<usize> {
        let (start, is_exact) = self.start();
        let first = terms.partition_point(|it| term(it) < start);
        let is_meant =
            |it: &T| if is_exact { term(it) == start } else { term(it).starts_with(start) };
        let count = terms[first..].partition_point(is_meant);
        first..first + count
    }

    /// Which blocks, whose first terms these are, can hold such a term.
    pub(super) fn blocks(&self, first_terms: &[String]) -> Range<usize> {
        let range = self.range(first_terms, |term| term);
        let (start, _) = self.start();
        // The block before can end with it, unless the range's own begins with the very term.
        let is_first = first_terms.get(range.start).is_some_and(|term| term == start);
        range.start.saturating_sub(usize::from(!is_first))..range.end
    }

    /// Whether this term is meant, and how many slips away it is.
    pub(super) fn distance(&self, term: &str) -> Option<usize> {
        match self {
            Lookup::Exact(_) | Lookup::Prefix(_) => Some(0),
            Lookup::Unit(unit) => {
                let next = term[unit.len()..].chars().next();
                next.is_none_or(|next| !is_mark(next)).then_some(0)
            }
            Lookup::Near(word, most) => {
                // A page's number or code is not meant by a word.
                let is_word = term.len() <= word.len() + 4 * most
                    && term.chars().all(|c| c.is_alphabetic() || is_mark(c));
                let chars = |word: &str| word.chars().collect::<Vec<char>>();
                is_word.then(|| edits(&chars(word), &chars(term), *most)).flatten()
            }
        }
    }
}

/// A term that a lookup has found in one place.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Which of the lookups.
    pub(super) lookup: usize,
    pub(super) term: String,
    /// How many slips away.
    pub(super) edits: usize,
    /// In how many passages of the place.
    pub(super) passages: u32,
    pub(super) place: Place,
    pub(super) list: List,
}

/// Where its postings are.
#[derive(Debug, Clone, Copy)]
pub(super) enum List {
    Page(PageList),
    Segment { block: u32, offset: u32, more_blocks: u32 },
}

impl Found {
    /// Whether its rows say where in a passage it is.
    pub(super) fn has_places(&self) -> bool {
        !self.term.starts_with(STEM_MARK)
    }

    /// The blocks of postings that have its list.
    pub(super) fn blocks(&self) -> Option<(u32, Range<u32>)> {
        match (self.place, self.list) {
            (Place::Segment(number), List::Segment { block, more_blocks, .. }) => {
                Some((number, block..block.saturating_add(more_blocks).saturating_add(1)))
            }
            _ => None,
        }
    }
}

/// A record that must be there.
pub(super) fn present(record: Option<Vec<u8>>) -> Result<Vec<u8>> {
    record.ok_or_else(|| {
        let message = "a record of words is missing; they are read again from the pages' texts";
        Error::new(ErrorKind::Corrupt, message)
    })
}

/// Takes damage out of the errors.
pub(super) fn whole<T>(read: Result<T>) -> Result<std::result::Result<T, String>> {
    match read {
        Ok(value) => Ok(Ok(value)),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
