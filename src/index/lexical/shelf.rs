//! Reads what a query needs of the stored words: blocks of dictionaries, blocks of postings, and
//! the records of pages that are in no segment.

use std::collections::{BTreeMap, BTreeSet};

use super::super::format::{
    self, DictionaryEntry, PageList, PageTerms, PostingsBlock, Row, page_key,
};
use super::lookup::{Found, List, Lookup, present, whole};
use super::score::Damage;
use super::segment::{dictionary_key, postings_key};
use super::{Lexicon, Place, Source};
use crate::error::Result;
use crate::store::{Space, Store};

/// What of the store has been read for one query.
pub(super) struct Shelf<'a, S> {
    lexicon: &'a Lexicon,
    store: &'a S,
    pages: BTreeMap<u32, (PageTerms, Vec<(String, PageList)>)>,
    dictionaries: BTreeMap<(u32, u32), Vec<DictionaryEntry>>,
    postings: BTreeMap<(u32, u32), PostingsBlock>,
    /// What could not be read.
    pub(super) damage: Vec<Damage>,
}

impl<'a, S: Store> Shelf<'a, S> {
    pub(super) fn new(lexicon: &'a Lexicon, store: &'a S) -> Self {
        Shelf {
            lexicon,
            store,
            pages: BTreeMap::new(),
            dictionaries: BTreeMap::new(),
            postings: BTreeMap::new(),
            damage: Vec::new(),
        }
    }

    /// The places in which something is to be found.
    fn places(&self) -> impl Iterator<Item = (Place, &'a Source)> + use<'a, S> {
        let sources = self.lexicon.sources.iter().map(|(&place, source)| (place, source));
        sources.filter(|(_, source)| !source.damaged && source.live().next().is_some())
    }

    /// Finds terms in all places, in the order of places and terms.
    pub(super) async fn find(&mut self, lookups: &[Lookup]) -> Result<Vec<Found>> {
        self.read_pages().await?;
        self.read_dictionaries(lookups).await?;
        let mut found = Vec::new();
        for (place, source) in self.places() {
            for (lookup, wanted) in lookups.iter().enumerate() {
                match place {
                    Place::Page(page) => {
                        let Some((_, terms)) = self.pages.get(&page) else { continue };
                        for (term, list) in &terms[wanted.range(terms, |(term, _)| term)] {
                            let Some(edits) = wanted.distance(term) else { continue };
                            let (term, passages) = (term.clone(), list.count);
                            let list = List::Page(*list);
                            found.push(Found { lookup, term, edits, passages, place, list });
                        }
                    }
                    Place::Segment(number) => {
                        for block in wanted.blocks(&source.first_terms) {
                            let key = (number, block as u32);
                            let Some(terms) = self.dictionaries.get(&key) else { continue };
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
        self.read_postings(found).await?;
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
            (Place::Page(page), List::Page(list)) => {
                let terms = self.pages.get(&page).into_iter();
                terms.map(|(terms, _)| terms.rows(list, has_places)).collect()
            }
            (Place::Segment(segment), List::Segment { block, offset, more_blocks }) => {
                let first = (block, offset);
                let more =
                    (1..=more_blocks).map(|on| (block.saturating_add(on), PostingsBlock::START));
                let blocks = std::iter::once(first).chain(more);
                let blocks = blocks.filter_map(|(block, offset)| {
                    Some((self.postings.get(&(segment, block))?, offset))
                });
                blocks.map(|(block, offset)| block.rows(offset, passages, has_places)).collect()
            }
            _ => Vec::new(),
        }
    }

    async fn read_pages(&mut self) -> Result<()> {
        let pages: Vec<u32> = self
            .places()
            .filter_map(|(place, _)| match place {
                Place::Page(page) => Some(page),
                Place::Segment(_) => None,
            })
            .filter(|page| !self.pages.contains_key(page))
            .collect();
        let keys: Vec<_> = pages.iter().map(|&page| (Space::Terms, page_key(page))).collect();
        let records = self.store.read(&keys).await?;
        for (&page, record) in pages.iter().zip(records) {
            let read = || {
                let terms = PageTerms::from_bytes(page, present(record)?)?;
                let list = terms.terms()?;
                Ok((terms, list))
            };
            let place = Place::Page(page);
            let lengths = self.lexicon.sources.get(&place).map(|source| &source.lengths);
            match whole(read())? {
                Ok(terms) if lengths == Some(&terms.0.lengths) => {
                    drop(self.pages.insert(page, terms))
                }
                Ok(_) => self.damage.push(Damage { place, message: "it is another one".into() }),
                Err(message) => self.damage.push(Damage { place, message }),
            }
        }
        Ok(())
    }

    async fn read_dictionaries(&mut self, lookups: &[Lookup]) -> Result<()> {
        let mut blocks = BTreeSet::new();
        for (place, source) in self.places() {
            let Place::Segment(number) = place else { continue };
            let wanted = lookups.iter().flat_map(|lookup| lookup.blocks(&source.first_terms));
            blocks.extend(wanted.map(|block| (number, block as u32)));
        }
        blocks.retain(|block| !self.dictionaries.contains_key(block));
        let key = |&(number, block): &(u32, u32)| dictionary_key(number, block);
        let keys: Vec<_> = blocks.iter().map(key).collect();
        let records = self.store.read(&keys).await?;
        for ((segment, block), record) in blocks.into_iter().zip(records) {
            let read = |record: Vec<u8>| format::dictionary_from_bytes(segment, block, &record);
            match whole(present(record).and_then(read))? {
                Ok(entries) => drop(self.dictionaries.insert((segment, block), entries)),
                Err(message) => {
                    self.damage.push(Damage { place: Place::Segment(segment), message });
                }
            }
        }
        Ok(())
    }

    async fn read_postings(&mut self, found: &[Found]) -> Result<()> {
        let mut blocks = BTreeMap::new();
        for it in found {
            let Some((number, range)) = it.blocks() else { continue };
            let Some(source) = self.lexicon.sources.get(&it.place) else { continue };
            if range.end > source.postings_blocks {
                let message = format!("it has no postings block {}", range.end);
                self.damage.push(Damage { place: it.place, message });
                continue;
            }
            let first = source.first_terms.len() as u32;
            blocks.extend(range.map(|block| ((number, block), first)));
        }
        blocks.retain(|block, _| !self.postings.contains_key(block));
        let key =
            |(&(number, block), &first): (&(u32, u32), &u32)| postings_key(number, first, block);
        let keys: Vec<_> = blocks.iter().map(key).collect();
        let records = self.store.read(&keys).await?;
        for ((segment, block), record) in blocks.into_keys().zip(records) {
            let read = |record| PostingsBlock::from_bytes(segment, block, record);
            match whole(present(record).and_then(read))? {
                Ok(postings) => drop(self.postings.insert((segment, block), postings)),
                Err(message) => {
                    self.damage.push(Damage { place: Place::Segment(segment), message });
                }
            }
        }
        Ok(())
    }
}
