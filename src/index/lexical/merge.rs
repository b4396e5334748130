//! Merges the words of several places into one segment, without those of forgotten pages.

use super::super::format::{Row, page_key, segment_key};
use super::super::page_set::PageSet;
use super::cursor::Cursor;
use super::lookup::whole;
use super::plan::{Plan, Rows};
use super::segment::SegmentWriter;
use super::{Lexicon, Place, Source};
use crate::error::Result;
use crate::store::{Change, Space, Store};

/// Pages' own records that one step merges at most.
const PAGES_MAX: usize = 64;

/// Passages in the pages that one step merges at most, unless one page has more.
const PAGES_PASSAGES_MAX: u64 = 4096;

/// When words are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeLimits {
    /// So many places of about one size are merged, at least 2. Default 8.
    pub factor: usize,
    /// The most passages in a segment, unless one page has more: a step reads and writes at most
    /// so many, about 600 bytes each. Default 32,768.
    pub passages_max: u32,
}

impl Default for MergeLimits {
    fn default() -> Self {
        MergeLimits { factor: 8, passages_max: 32_768 }
    }
}

/// A merge to be committed: the changes of one transaction, and what comes of it.
#[derive(Debug, Clone)]
pub struct Merge {
    /// Commit all of them with the head, then call [`Lexicon::merged`].
    pub changes: Vec<Change>,
    /// Pages whose words are in the store no longer: what is remembered of them as gone can go.
    pub dropped: Vec<u32>,
    /// Pages whose words were damaged and are removed: they must be made again by
    /// [`page_record`](super::page_record).
    pub unmade: Vec<u32>,
    /// What was damaged.
    pub problems: Vec<String>,
    inputs: Vec<Place>,
    outputs: Vec<(Place, Source)>,
}

impl Lexicon {
    /// The next merge, if one is due: removes what nothing is left of, then merges pages into
    /// segments and segments into larger ones, then rewrites those of which half is forgotten.
    ///
    /// One step, committed in one transaction, leaves everything whole; call it until it gives
    /// `None`. The same words give the same bytes.
    ///
    /// # Errors
    ///
    /// `Storage` where the store fails, `Fingerprint` where a newer version has written a record,
    /// `Limit` where a part is too long for a record.
    pub async fn merge_step<S: Store>(
        &self,
        store: &S,
        limits: MergeLimits,
    ) -> Result<Option<Merge>> {
        match self.next_inputs(limits) {
            Some(inputs) => self.merge(store, vec![inputs], &PageSet::new()).await.map(Some),
            None => Ok(None),
        }
    }

    /// Removes pages so that no byte of their words is left: deletes their own records, and writes
    /// every segment that has one of them anew. What else is forgotten there goes, too.
    ///
    /// Costs reading and writing those segments, whatever few of their pages are removed: give all
    /// pages at once.
    ///
    /// # Errors
    ///
    /// As [`Lexicon::merge_step`].
    pub async fn removal<S: Store>(&self, store: &S, pages: &[u32]) -> Result<Merge> {
        let removed: PageSet = pages.iter().copied().collect();
        let has = |(place, source): &(&Place, &Source)| {
            // Which pages a damaged place has is not known.
            source.damaged
                || pages.iter().any(|&page| source.find(page).is_some())
                || matches!(place, Place::Page(page) if removed.contains(*page))
        };
        let groups = self.sources.iter().filter(has).map(|(&place, _)| vec![place]).collect();
        self.merge(store, groups, &removed).await
    }

    /// Takes up what a merge has made, after its changes are stored.
    pub fn merged(&mut self, merge: Merge) {
        let mut live = PageSet::new();
        for place in &merge.inputs {
            let source = self.sources.remove(place);
            live.extend(source.iter().flat_map(Source::live).map(|page| page.page));
        }
        for (place, mut source) in merge.outputs {
            // Pages may have been forgotten since the merge was made.
            for page in &mut source.pages {
                page.live = live.contains(page.page);
            }
            self.sources.insert(place, source);
        }
    }

    fn next_inputs(&self, limits: MergeLimits) -> Option<Vec<Place>> {
        let is_dead = |source: &Source| source.damaged || source.live().next().is_none();
        let dead: Vec<Place> =
            self.sources.iter().filter(|it| is_dead(it.1)).map(|(&place, _)| place).collect();
        if !dead.is_empty() {
            return Some(dead);
        }
        let sizes: Vec<(Place, u64)> =
            self.sources.iter().map(|(&place, source)| (place, source.live_passages())).collect();
        let (pages, segments): (Vec<_>, Vec<_>) =
            sizes.into_iter().partition(|(place, _)| matches!(place, Place::Page(_)));
        let factor = limits.factor.max(2);
        let passages_max = u64::from(limits.passages_max);
        if pages.len() >= factor {
            let inputs = fitting(&pages, PAGES_PASSAGES_MAX.min(passages_max));
            return Some(inputs.into_iter().take(PAGES_MAX).collect());
        }
        // A large page would be read whole for every query.
        if let Some(&(place, _)) = pages.iter().find(|(_, size)| *size * 2 > PAGES_PASSAGES_MAX) {
            return Some(vec![place]);
        }
        let growing = segments.iter().filter(|(_, size)| *size * 2 <= passages_max);
        let growing: Vec<(Place, u64)> = growing.copied().collect();
        for wanted in 0..u64::BITS {
            let same = growing.iter().filter(|(_, size)| tier(*size, factor) == wanted);
            let same: Vec<(Place, u64)> = same.copied().collect();
            if same.len() >= factor {
                return Some(fitting(&same, passages_max));
            }
        }
        let is_half_dead = |place: &Place| {
            self.sources
                .get(place)
                .is_some_and(|source| source.live_passages() * 2 < source.lengths.len() as u64)
        };
        segments.into_iter().map(|(place, _)| place).find(is_half_dead).map(|place| vec![place])
    }

    /// Makes one segment of each group of places.
    async fn merge<S: Store>(
        &self,
        store: &S,
        groups: Vec<Vec<Place>>,
        removed: &PageSet,
    ) -> Result<Merge> {
        let mut merge = Merge {
            changes: Vec::new(),
            dropped: Vec::new(),
            unmade: Vec::new(),
            problems: Vec::new(),
            inputs: groups.concat(),
            outputs: Vec::new(),
        };
        merge.changes.extend(merge.inputs.iter().map(|&place| deletion(place)));
        let mut number = self.next_number();
        for mut group in groups {
            group.retain(|place| self.sources.get(place).is_some_and(|source| !source.damaged));
            let (changes, source) = loop {
                match self.merge_group(store, &group, removed, number).await? {
                    Ok(merged) => break merged,
                    Err((place, message)) => {
                        merge.problems.push(message);
                        group.retain(|it| *it != place);
                        let source = self.sources.get(&place).into_iter();
                        let lost = source.flat_map(Source::live).map(|page| page.page);
                        merge.unmade.extend(lost.filter(|&page| !removed.contains(page)));
                    }
                }
            };
            if !source.pages.is_empty() {
                merge.changes.extend(changes);
                merge.outputs.push((Place::Segment(number), source));
                number = number.saturating_add(1);
            }
        }
        merge.dropped = self.dropped(&merge);
        Ok(merge)
    }

    fn next_number(&self) -> u32 {
        match self.sources.last_up_to(&Place::Segment(u32::MAX)) {
            Some((Place::Segment(number), _)) => number.saturating_add(1),
            _ => 0,
        }
    }

    /// Pages that were in the inputs and are nowhere afterwards.
    fn dropped(&self, merge: &Merge) -> Vec<u32> {
        let mut pages: Vec<u32> = Vec::new();
        for place in &merge.inputs {
            let source = self.sources.get(place).into_iter();
            pages.extend(source.flat_map(|source| &source.pages).map(|page| page.page));
        }
        let others = self.sources.iter().filter(|(place, _)| !merge.inputs.contains(place));
        let left = others.map(|(_, source)| source).chain(merge.outputs.iter().map(|it| &it.1));
        for source in left {
            pages.retain(|page| source.find(*page).is_none());
        }
        pages.retain(|page| !merge.unmade.contains(page));
        pages.sort_unstable();
        pages.dedup();
        pages
    }

    /// Makes one segment of several places, or says which of them is damaged.
    async fn merge_group<S: Store>(
        &self,
        store: &S,
        group: &[Place],
        removed: &PageSet,
        number: u32,
    ) -> Result<std::result::Result<(Vec<Change>, Source), (Place, String)>> {
        let plan = Plan::new(self, group, removed);
        if plan.pages.is_empty() {
            return Ok(Ok((Vec::new(), Source::default())));
        }
        let mut cursors = Vec::new();
        for (input, &place) in group.iter().enumerate() {
            if plan.firsts[input].is_empty() {
                continue;
            }
            let Some(source) = self.sources.get(&place) else { continue };
            match whole(Cursor::open(store, place, source).await)? {
                Ok(cursor) => cursors.push((input, cursor)),
                Err(message) => return Ok(Err((place, message))),
            }
        }
        let mut writer = SegmentWriter::new(number)?;
        let mut rows = Rows::default();
        while let Some(term) = cursors.iter().filter_map(|(_, cursor)| cursor.term()).min() {
            let term = term.to_owned();
            rows.clear();
            for (input, cursor) in &mut cursors {
                if cursor.term() != Some(&term) {
                    continue;
                }
                let map = &plan.firsts[*input];
                let take = |row: &Row<'_>| rows.push(map, row);
                if let Err(message) = whole(cursor.take_list(store, take).await)? {
                    return Ok(Err((group[*input], message)));
                }
            }
            writer.add(term, rows.sorted())?;
        }
        let (changes, head) = writer.finish(plan.pages, plan.lengths)?;
        Ok(Ok((changes, Source::of_segment(head))))
    }
}

/// The first of some places, while they fit; one in any case.
fn fitting(places: &[(Place, u64)], passages_max: u64) -> Vec<Place> {
    let mut sum = 0;
    let fits = |(number, (_, size)): &(usize, &(Place, u64))| {
        sum += size;
        *number == 0 || sum <= passages_max
    };
    places.iter().enumerate().take_while(fits).map(|(_, (place, _))| *place).collect()
}

/// Places of one tier are of about one size.
fn tier(passages: u64, factor: usize) -> u32 {
    let mut tier = 0;
    let mut size = passages;
    while size >= factor as u64 {
        size /= factor as u64;
        tier += 1;
    }
    tier
}

/// Deletes all records of a place.
fn deletion(place: Place) -> Change {
    let keys = match place {
        Place::Segment(number) => segment_key(number)..segment_key(number + 1),
        Place::Page(page) => page_key(page)..page_key(page) + 1,
    };
    Change::Delete { space: Space::Terms, keys }
}
