//! Where in a page is each term? Its occurrences as they come, each leading to the next of the term.

/// Where a term is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occurrence {
    pub(super) passage: u32,
    pub(super) place: u32,
    pub(super) in_field: bool,
}

/// The terms of a page. They need not be sorted by what they are found under, which would cost more
/// than to read them.
#[derive(Debug, Default)]
pub(super) struct Occurrences {
    /// Each with the number of the next of its term, counted from 1; 0 after the last.
    all: Vec<(Occurrence, u32)>,
    terms: Vec<Term>,
    /// Of each number that a term may have, its place among `terms`, counted from 1; 0 for none.
    places: Vec<u32>,
}

/// A term that is in the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) number: u32,
    /// In how many passages it is.
    pub(super) rows: u32,
    first: u32,
    last: u32,
}

/// A term in one passage.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) passage: u32,
    /// How often it is in the text.
    pub(super) body: u32,
    /// How often it is in the title and the headings.
    pub(super) fields: u32,
    /// Where, in order.
    pub(super) places: Vec<u32>,
}

impl Occurrences {
    /// Numbers of terms are below this.
    pub(super) fn set_end(&mut self, end: usize) {
        self.places.resize(end, 0);
    }

    pub(super) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// How many occurrences there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Takes an occurrence of a term, which comes after those before it.
    #[inline(always)]
    pub(super) fn push(&mut self, number: u32, it: Occurrence) {
        self.all.push((it, 0));
        let at = self.all.len() as u32;
        let place = &mut self.places[number as usize];
        let Some(term) = self.terms.get_mut(place.wrapping_sub(1) as usize) else {
            self.terms.push(Term { number, rows: 1, first: at, last: at });
            *place = self.terms.len() as u32;
            return;
        };
        let (last, next) = &mut self.all[term.last as usize - 1];
        *next = at;
        term.rows += u32::from(last.passage != it.passage);
        term.last = at;
    }

    /// Shows the rows of a term.
    #[inline(always)]
    pub(super) fn rows(
        &self,
        term: &Term,
        has_places: bool,
        row: &mut Row,
        mut show: impl FnMut(&Row),
    ) {
        let at = |at: u32| self.all.get(at.wrapping_sub(1) as usize);
        let mut next = at(term.first);
        while let Some(&(first, _)) = next {
            (row.passage, row.body, row.fields) = (first.passage, 0, 0);
            row.places.clear();
            while let Some((it, after)) = next.filter(|(it, _)| it.passage == row.passage) {
                next = at(*after);
                if has_places {
                    // The same whole can stand twice in one place, with and without signs that are
                    // cut off.
                    if row.places.last() == Some(&it.place) {
                        continue;
                    }
                    row.places.push(it.place);
                }
                *(if it.in_field { &mut row.fields } else { &mut row.body }) += 1;
            }
            show(row);
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        for term in self.terms.drain(..) {
            self.places[term.number as usize] = 0;
        }
        self.all.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Occurrence, Occurrences, Row};

    type Rows = Vec<(u32, u32, u32, Vec<u32>)>;

    /// The rows of every term, the terms in the order of their numbers.
    fn rows(found: &Occurrences, has_places: bool) -> BTreeMap<u32, Rows> {
        let mut all = BTreeMap::new();
        for term in found.terms() {
            let mut rows = Rows::new();
            found.rows(term, has_places, &mut Row::default(), |row| {
                rows.push((row.passage, row.body, row.fields, row.places.clone()));
            });
            assert_eq!(rows.len(), term.rows as usize);
            all.insert(term.number, rows);
        }
        all
    }

    /// The same by counting all occurrences of each.
    fn counted(found: &[(u32, Occurrence)], has_places: bool) -> BTreeMap<u32, Rows> {
        let mut all: BTreeMap<u32, Rows> = BTreeMap::new();
        for (number, it) in found {
            let rows = all.entry(*number).or_default();
            if rows.last().is_none_or(|row| row.0 != it.passage) {
                rows.push((it.passage, 0, 0, Vec::new()));
            }
            let Some((_, body, fields, places)) = rows.last_mut() else { continue };
            if has_places && places.last() == Some(&it.place) {
                continue;
            }
            *(if it.in_field { fields } else { body }) += 1;
            if has_places {
                places.push(it.place);
            }
        }
        all
    }

    proptest! {
        #[test]
        fn rows_are_those_that_are_counted(
            pages in prop::collection::vec(prop::collection::vec((0..9u32, 0..3u32, any::<bool>(), any::<bool>()), 0..60), 1..4),
        ) {
            let mut found = Occurrences::default();
            found.set_end(9);
            for page in pages {
                let (mut passage, mut place, mut twin) = (0, 0, Vec::new());
                for (number, step, in_field, is_next) in page {
                    passage += u32::from(is_next);
                    place = if is_next { step } else { place + step };
                    let it = Occurrence { passage, place, in_field };
                    found.push(number, it);
                    twin.push((number, it));
                }
                for has_places in [true, false] {
                    prop_assert_eq!(rows(&found, has_places), counted(&twin, has_places));
                }
                prop_assert_eq!(found.len(), twin.len());
                found.clear();
            }
        }
    }
}
