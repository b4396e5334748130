//! Reads what a query needs of the stored words: blocks of dictionaries, blocks of postings, and
//! the records of pages that are in no segment.

use super::super::format::{
    self, DictionaryEntry, PageList, PageTerms, PostingsBlock, Row, page_key,
};
use super::lookup::{Found, List, Lookup, present, whole};
use super::score::Damage;
use super::segment::{dictionary_key, postings_key};
use super::{Lexicon, Place, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::order;
use crate::sorted::SortedMap;
use crate::store::{Space, Store};

/// A record that a query needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Page(u32),
    Dictionary(u32, u32),
    Postings(u32, u32),
}

/// A record that was read.
enum Record {
    Page(PageTerms, Vec<(String, PageList)>),
    Dictionary(Vec<DictionaryEntry>),
    Postings(PostingsBlock),
}

/// What of the store has been read for one query.
pub(super) struct Shelf<'a, S> {
    lexicon: &'a Lexicon,
    store: &'a S,
    records: SortedMap<Wanted, Record>,
    /// What could not be read.
    pub(super) damage: Vec<Damage>,
}

impl<'a, S: Store> Shelf<'a, S> {
    pub(super) fn new(lexicon: &'a Lexicon, store: &'a S) -> Self {
        Shelf { lexicon, store, records: SortedMap::new(), damage: Vec::new() }
    }

    /// The places in which something is to be found.
    fn places(&self) -> impl Iterator<Item = (Place, &'a Source)> + use<'a, S> {
        let sources = self.lexicon.sources.iter().map(|(&place, source)| (place, source));
        sources.filter(|(_, source)| !source.damaged && source.live().next().is_some())
    }

    /// Finds terms in all places, in the order of places and terms.
    pub(super) async fn find(&mut self, lookups: &[Lookup]) -> Result<Vec<Found>> {
        self.read(self.dictionaries(lookups)).await?;
        let mut found = Vec::new();
        for (place, source) in self.places() {
            for (lookup, wanted) in lookups.iter().enumerate() {
                match place {
                    Place::Page(page) => {
                        let Some(Record::Page(_, terms)) = self.records.get(&Wanted::Page(page))
                        else {
                            continue;
                        };
                        for (term, list) in &terms[wanted.range(terms, |(term, _)| term)] {
                            let Some(edits) = wanted.distance(term) else { continue };
                            let (term, passages) = (term.clone(), list.count);
                            let list = List::Page(*list);
                            found.push(Found { lookup, term, edits, passages, place, list });
                        }
                    }
                    Place::Segment(number) => {
                        for block in wanted.blocks(&source.first_terms) {
                            let wanted_block = Wanted::Dictionary(number, block as u32);
                            let Some(Record::Dictionary(terms)) = self.records.get(&wanted_block)
                            else {
                                continue;
                            };
                            for entry in &terms[wanted.range(terms, |entry| &entry.term)] {
                                let Some(edits) = wanted.distance(&entry.term) else { continue };
                                let DictionaryEntry {
                                    passages, block, offset, more_blocks, ..
                                } = *entry;
                                let (term, list) = (
                                    entry.term.clone(),
                                    List::Segment { block, offset, more_blocks },
                                );
                                found.push(Found { lookup, term, edits, passages, place, list });
                            }
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    /// Calls back with every row of the terms: which of `found` it belongs to, its page and
    /// passage, how many words the passage has, and the row. Rows of forgotten pages are left out.
    pub(super) async fn rows(
        &mut self,
        found: &[Found],
        mut row: impl FnMut(usize, u32, u32, u16, Row<'_>),
    ) -> Result<()> {
        let wanted = self.postings(found);
        self.read(wanted).await?;
        if !self.damage.is_empty() {
            return Ok(());
        }
        let mut damage = Vec::new();
        for (number, it) in found.iter().enumerate() {
            let Some(source) = self.lexicon.sources.get(&it.place) else { continue };
            for rows in self.lists_of(it, source) {
                match whole(rows)? {
                    Ok(rows) => rows.into_iter().for_each(|it| {
                        if let Some((page, passage)) =
                            source.page_of(it.passage).filter(|it| it.0.live)
                        {
                            let length = source.lengths.get(it.passage as usize);
                            row(number, page.page, passage, length.copied().unwrap_or(0), it);
                        }
                    }),
                    Err(message) => damage.push(Damage { place: it.place, message }),
                }
            }
        }
        self.damage = damage;
        Ok(())
    }

    /// The parts of a term's list. What could not be read has been told already.
    fn lists_of(&self, found: &Found, source: &Source) -> Vec<Result<Vec<Row<'_>>>> {
        let passages = source.lengths.len() as u32;
        let has_places = found.has_places();
        match (found.place, found.list) {
            (Place::Page(page), List::Page(list)) => match self.records.get(&Wanted::Page(page)) {
                Some(Record::Page(terms, _)) => vec![terms.rows(list, has_places)],
                _ => Vec::new(),
            },
            (Place::Segment(segment), List::Segment { block, offset, more_blocks }) => {
                let rows = |on: u32| {
                    let wanted = Wanted::Postings(segment, block.saturating_add(on));
                    let offset = if on == 0 { offset } else { PostingsBlock::START };
                    match self.records.get(&wanted) {
                        Some(Record::Postings(block)) => {
                            Some(block.rows(offset, passages, has_places))
                        }
                        _ => None,
                    }
                };
                (0..=more_blocks).filter_map(rows).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The records in which lookups are made.
    fn dictionaries(&self, lookups: &[Lookup]) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (place, source) in self.places() {
            match place {
                Place::Page(page) => wanted.push(Wanted::Page(page)),
                Place::Segment(number) => {
                    let blocks = lookups.iter().flat_map(|it| it.blocks(&source.first_terms));
                    wanted.extend(blocks.map(|block| Wanted::Dictionary(number, block as u32)));
                }
            }
        }
        wanted
    }

    /// The records with the lists of what was found.
    fn postings(&mut self, found: &[Found]) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for it in found {
            let Some((number, blocks)) = it.blocks() else { continue };
            let source = self.lexicon.sources.get(&it.place);
            if source.is_none_or(|source| blocks.end > source.postings_blocks) {
                let message = format!("it has no postings block {}", blocks.end);
                self.damage.push(Damage { place: it.place, message });
                continue;
            }
            wanted.extend(blocks.map(|block| Wanted::Postings(number, block)));
        }
        wanted
    }

    /// Reads the records that are not there yet.
    async fn read(&mut self, mut wanted: Vec<Wanted>) -> Result<()> {
        order::sort(&mut wanted);
        wanted.dedup();
        wanted.retain(|it| !self.records.contains_key(it));
        let keys: Vec<_> = wanted.iter().map(|it| self.key(*it)).collect();
        for (it, record) in wanted.into_iter().zip(self.store.read(&keys).await?) {
            match whole(present(record).and_then(|record| self.opened(it, record)))? {
                Ok(record) => drop(self.records.insert(it, record)),
                Err(message) => {
                    let place = match it {
                        Wanted::Page(page) => Place::Page(page),
                        Wanted::Dictionary(number, _) | Wanted::Postings(number, _) => {
                            Place::Segment(number)
                        }
                    };
                    self.damage.push(Damage { place, message });
                }
            }
        }
        Ok(())
    }

    fn key(&self, wanted: Wanted) -> (Space, u64) {
        match wanted {
            Wanted::Page(page) => (Space::Terms, page_key(page)),
            Wanted::Dictionary(number, block) => dictionary_key(number, block),
            Wanted::Postings(number, block) => {
                let source = self.lexicon.sources.get(&Place::Segment(number));
                let first = source.map_or(0, |source| source.first_terms.len() as u32);
                postings_key(number, first, block)
            }
        }
    }

    fn opened(&self, wanted: Wanted, record: Vec<u8>) -> Result<Record> {
        Ok(match wanted {
            Wanted::Page(page) => {
                let terms = PageTerms::from_bytes(page, record)?;
                let source = self.lexicon.sources.get(&Place::Page(page));
                if source.is_none_or(|source| source.lengths != terms.lengths) {
                    let message = "the words of a page are not those that were here";
                    return Err(Error::new(ErrorKind::Corrupt, message));
                }
                let lists = terms.terms()?;
                Record::Page(terms, lists)
            }
            Wanted::Dictionary(number, block) => {
                Record::Dictionary(format::dictionary_from_bytes(number, block, &record)?)
            }
            Wanted::Postings(number, block) => {
                Record::Postings(PostingsBlock::from_bytes(number, block, record)?)
            }
        })
    }
}
