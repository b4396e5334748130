//! How many pages have which value: what a reader is offered to narrow a search by.

mod dates;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::Serialize;

use super::filter::site_of;
use super::format::Entry;
use super::page_set::PageSet;
use crate::error::{Error, ErrorKind, Result};
use crate::fields::FieldValue;
use crate::json::Json;
use crate::sorted::SortedMap;
use dates::date;

/// Facets that can be asked for at once: each is counted over all pages meant.
pub const FACETS_MAX: usize = 32;

/// Values that a facet can list.
pub const COUNTS_MAX: usize = 1000;

/// Folders of an address that are counted, the host's own among them.
pub const FOLDERS_MAX: usize = 8;

/// What to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetAsk {
    /// A field's name, or `site`, `url`, `lang` or `time`: as in a filter. `url` counts the folders
    /// that addresses begin with, each of which is a prefix to filter by.
    pub field: String,
    /// At most this many values, 1..=[`COUNTS_MAX`]. Default 20.
    pub limit: usize,
    /// What dates and times are counted by. Default days.
    pub by: DatePart,
}

/// Values that a facet lists where nothing else is asked for.
pub const COUNTS: usize = 20;

impl FacetAsk {
    /// Asks for a field, with the defaults.
    pub fn new(field: impl Into<String>) -> Self {
        FacetAsk { field: field.into(), limit: COUNTS, by: DatePart::default() }
    }
}

/// How much of a date is a value, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DatePart {
    /// `2026`.
    Year,
    /// `2026-11`.
    Month,
    /// `2026-11-21`.
    #[default]
    Day,
}

/// The pages counted by one field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facet {
    /// As it was asked for.
    pub field: String,
    /// The most frequent values first; those of one count in order, numbers before texts.
    pub counts: Vec<FacetCount>,
    /// How many values there are, listed or not.
    pub values: usize,
    /// How many pages have the field.
    pub pages: usize,
    /// The least number, or date in milliseconds since 1970, if there is one.
    pub min: Option<f64>,
    /// The greatest.
    pub max: Option<f64>,
}

/// A value and how many pages have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FacetCount {
    /// The value.
    pub value: FacetValue,
    /// Pages.
    pub count: usize,
}

/// A text, a list's item, a part of a date or a number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FacetValue {
    /// Also `2026-11-21`.
    Text(String),
    /// Finite.
    Number(f64),
}

/// Reads what to count: `[{"field": "tags", "limit": 5, "by": "month"}]`, all but `field` optional.
///
/// # Errors
///
/// `Input` where it has another form or a limit is out of its range, `Limit` where it asks for more
/// than [`FACETS_MAX`].
pub fn asked_from_json(json: &str) -> Result<Vec<FacetAsk>> {
    let Json::List(asked) = Json::read("facets", json)? else {
        let message = "the facets must be an array of {field, limit, by}";
        return Err(Error::new(ErrorKind::Input, message));
    };
    if asked.len() > FACETS_MAX {
        let message = format!("{} facets; {FACETS_MAX} can be asked for at once", asked.len());
        return Err(Error::new(ErrorKind::Limit, message));
    }
    asked.iter().enumerate().map(|(number, ask)| ask_of(number, ask)).collect()
}

fn ask_of(number: usize, ask: &Json) -> Result<FacetAsk> {
    let wrong = |what: &str| Error::new(ErrorKind::Input, format!("facets[{number}] {what}"));
    let Json::Object(parts) = ask else {
        return Err(wrong("must be an object: {field, limit, by}"));
    };
    let (mut field, mut limit, mut by) = (None, COUNTS, DatePart::default());
    for (name, part) in parts {
        let at = |what: &str| wrong(&format!("has a {name:?} that {what}"));
        match name.as_str() {
            "field" => field = Some(part.text().ok_or_else(|| at("is no text"))?),
            "limit" => limit = limit_of(part).ok_or_else(|| at("is out of its range"))?,
            "by" => by = date_part(part).ok_or_else(|| at("is none of year, month and day"))?,
            _ => return Err(at("means nothing: give field, limit and by")),
        }
    }
    let field = field.ok_or_else(|| wrong("has no field"))?.to_owned();
    Ok(FacetAsk { field, limit, by })
}

fn limit_of(part: &Json) -> Option<usize> {
    let number = part.number()?;
    let is_limit = (1.0..=COUNTS_MAX as f64).contains(&number) && number.trunc() == number;
    is_limit.then_some(number as usize)
}

fn date_part(part: &Json) -> Option<DatePart> {
    match part.text()? {
        "year" => Some(DatePart::Year),
        "month" => Some(DatePart::Month),
        "day" => Some(DatePart::Day),
        _ => None,
    }
}

/// Counts the pages that are meant; all of them where `pages` is `None`. A page counts once for
/// each value that it has.
pub fn facets(
    entries: &SortedMap<u32, Entry>,
    pages: Option<&PageSet>,
    asked: &[FacetAsk],
) -> Vec<Facet> {
    let is_meant = |page: &u32| pages.is_none_or(|pages| pages.contains(*page));
    let facet = |ask: &FacetAsk| {
        let mut tally = Tally::default();
        for (_, entry) in entries.iter().filter(|(page, _)| is_meant(page)) {
            tally.take_in(entry, ask);
        }
        tally.facet(ask)
    };
    asked.iter().map(facet).collect()
}

/// A value while it is counted: its order is that of the values of one count.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Number(Total),
    Text(Cow<'a, str>),
}

/// A number that is not NaN, in its order.
#[derive(PartialEq, Clone, Copy)]
struct Total(f64);

impl Eq for Total {}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Default)]
struct Tally<'a> {
    counts: SortedMap<Key<'a>, usize>,
    pages: usize,
    range: Option<(f64, f64)>,
}

impl<'a> Tally<'a> {
    fn take_in(&mut self, entry: &'a Entry, ask: &FacetAsk) {
        let text = |text: &'a str| Key::Text(Cow::Borrowed(text));
        let before = self.pages;
        self.pages += 1;
        match (ask.field.as_str(), entry.fields.get(&ask.field)) {
            ("url", _) => folders(&entry.url).for_each(|folder| self.count(text(folder))),
            ("site", _) => match site_of(&entry.url) {
                Some(site) => self.count(Key::Text(site)),
                None => self.pages = before,
            },
            ("time", _) => match entry.time_ms {
                Some(time_ms) => self.date(time_ms, ask.by),
                None => self.pages = before,
            },
            (_, Some(FieldValue::Text(value))) => self.count(text(value)),
            (_, Some(FieldValue::Number(number))) => {
                self.count(Key::Number(Total(*number)));
                self.reach(*number);
            }
            (_, Some(FieldValue::Date(time_ms))) => self.date(*time_ms, ask.by),
            // A field's list has no value twice.
            (_, Some(FieldValue::List(values))) => {
                values.iter().for_each(|value| self.count(text(value)));
            }
            ("lang", None) => match &entry.lang {
                Some(lang) => self.count(text(lang)),
                None => self.pages = before,
            },
            (_, None) => self.pages = before,
        }
    }

    fn count(&mut self, key: Key<'a>) {
        *self.counts.or_insert(key, 0) += 1;
    }

    fn date(&mut self, time_ms: i64, by: DatePart) {
        self.count(Key::Text(date(time_ms, by).into()));
        // Exact: a date is at most 2^53 away from 0.
        self.reach(time_ms as f64);
    }

    fn reach(&mut self, number: f64) {
        let (min, max) = self.range.unwrap_or((number, number));
        self.range = Some((min.min(number), max.max(number)));
    }

    fn facet(self, ask: &FacetAsk) -> Facet {
        // In the order of the values, which is kept among those of one count. Numbers are sorted and
        // not the values themselves: that is a tenth of the code.
        let counts: Vec<_> = self.counts.into_entries().collect();
        let by_count =
            counts.iter().enumerate().map(|(at, (_, count))| (u64::MAX - *count as u64, at as u32));
        let mut order: Vec<(u64, u32)> = by_count.collect();
        order.sort_unstable();
        let listed = order.into_iter().take(ask.limit).map(|(_, at)| {
            let (key, count) = &counts[at as usize];
            let value = match key {
                Key::Number(Total(number)) => FacetValue::Number(*number),
                Key::Text(text) => FacetValue::Text(text.to_string()),
            };
            FacetCount { value, count: *count }
        });
        Facet {
            field: ask.field.clone(),
            counts: listed.collect(),
            values: counts.len(),
            pages: self.pages,
            min: self.range.map(|(min, _)| min),
            max: self.range.map(|(_, max)| max),
        }
    }
}

/// The folders that an address lies in, the outermost first, each with its slash at the end; of
/// an address without a host, those of its path.
fn folders(url: &str) -> impl Iterator<Item = &str> {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let begin = url[..end].find("://").map_or(0, |at| at + "://".len());
    let slashes = url[begin..end].match_indices('/').take(FOLDERS_MAX);
    slashes.map(move |(at, _)| &url[..begin + at + 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_prefixes() {
        let of = |url| folders(url).collect::<Vec<_>>();
        assert_eq!(of("https://e.org/a/b?c=/d"), ["https://e.org/", "https://e.org/a/"]);
        assert_eq!(of("notes/one.md"), ["notes/"]);
        assert_eq!(of("https://e.org"), [""; 0]);
        assert_eq!(of(&format!("x://y/{}", "z/".repeat(100))).len(), FOLDERS_MAX);
    }
}
