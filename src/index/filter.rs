//! Which pages are meant: conditions on fields, address, time and language, told as JSON.

use std::borrow::Cow;

use super::format::Entry;
use super::page_set::PageSet;
use crate::error::Result;
use crate::fields::FieldValue;
use crate::sorted::SortedMap;

mod parse;

/// How deep `and`, `or` and `not` may lie within each other.
pub const DEPTH_MAX: usize = 16;

/// Conditions in a filter, each operator and each `and`, `or` and `not` counted: every page is
/// held against all of them.
pub const CONDITIONS_MAX: usize = 256;

/// Values listed in all conditions together.
pub const VALUES_MAX: usize = 4096;

/// Conditions that a page meets or not.
///
/// In JSON a filter is an object, all of whose parts must hold; `{}` lets every page through. A
/// part is `"and": [filters]`, `"or": [filters]`, `"not": filter`, or a name and a condition. A
/// name is that of a field, or
///
/// - `url`, the page's address;
/// - `site`, the address's host, with its port;
/// - `time`, when the page was read or written;
/// - `lang`, the page's own language, where it has no field of that name.
///
/// A condition is a text or number (the page's value, or one of a list's, is equal), an array of
/// them (it is one of these), or an object, all of whose operators must hold:
///
/// - `gte`, `gt`, `lte`, `lt`: a number; dates and times count in milliseconds since 1970;
/// - `any`, `all`, `none`: an array; the page has one, each, or none of these values. A page
///   without the field has none;
/// - `prefix`: a text with which the value, or one of a list's, begins;
/// - `exists`: whether the page has the field.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    root: Condition,
}

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Test { subject: Subject, test: Test },
}

/// What of a page is looked at.
#[derive(Debug, Clone, PartialEq)]
enum Subject {
    Url,
    Site,
    Time,
    Lang,
    Field(String),
}

/// What must be true of it.
#[derive(Debug, Clone, PartialEq)]
enum Test {
    Any(Values),
    All(Values),
    None(Values),
    Compare(Comparison, f64),
    Prefix(String),
    Exists(bool),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    AtLeast,
    Above,
    AtMost,
    Below,
}

/// Values to compare with.
#[derive(Debug, Clone, Default, PartialEq)]
struct Values {
    /// Sorted.
    texts: Vec<String>,
    /// None of them NaN.
    numbers: Vec<f64>,
}

/// What a page has under a name.
enum Given<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(f64),
    List(&'a [String]),
}

impl Filter {
    /// Reads a filter in the form that is described at [`Filter`].
    ///
    /// # Errors
    ///
    /// `Input` where it has another form, naming the place; `Limit` where it is deeper than
    /// [`DEPTH_MAX`] or has more than [`CONDITIONS_MAX`] conditions or [`VALUES_MAX`] values.
    pub fn from_json(json: &str) -> Result<Filter> {
        Ok(Filter { root: parse::filter(json)? })
    }

    /// Whether a page meets the conditions.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.root.holds(entry)
    }
}

/// The pages that meet a filter's conditions.
pub fn pages(entries: &SortedMap<u32, Entry>, filter: &Filter) -> PageSet {
    let meant = entries.iter().filter(|(_, entry)| filter.matches(entry));
    meant.map(|(&page, _)| page).collect()
}

/// The host of an address, with its port, in lower case; `None` for an address without one.
pub(crate) fn site_of(url: &str) -> Option<Cow<'_, str>> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    if host.is_empty() {
        return None;
    }
    let is_lower = !host.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if is_lower { host.into() } else { host.to_ascii_lowercase().into() })
}

impl Condition {
    fn holds(&self, entry: &Entry) -> bool {
        match self {
            Condition::And(parts) => parts.iter().all(|part| part.holds(entry)),
            Condition::Or(parts) => parts.iter().any(|part| part.holds(entry)),
            Condition::Not(part) => !part.holds(entry),
            Condition::Test { subject, test } => test.holds(&subject.of(entry)),
        }
    }
}

impl Subject {
    fn of<'a>(&self, entry: &'a Entry) -> Given<'a> {
        let text = |text: Option<Cow<'a, str>>| text.map_or(Given::Nothing, Given::Text);
        match self {
            Subject::Url => Given::Text(Cow::Borrowed(&entry.url)),
            Subject::Site => text(site_of(&entry.url)),
            // Exact: a time is at most 2^53 away from 0.
            Subject::Time => {
                entry.time_ms.map_or(Given::Nothing, |time_ms| Given::Number(time_ms as f64))
            }
            Subject::Lang => match entry.fields.get("lang") {
                Some(value) => given(value),
                None => text(entry.lang.as_deref().map(Cow::Borrowed)),
            },
            Subject::Field(name) => entry.fields.get(name).map_or(Given::Nothing, given),
        }
    }
}

fn given(value: &FieldValue) -> Given<'_> {
    match value {
        FieldValue::Text(text) => Given::Text(Cow::Borrowed(text)),
        FieldValue::Number(number) => Given::Number(*number),
        FieldValue::Date(time_ms) => Given::Number(*time_ms as f64),
        FieldValue::List(texts) => Given::List(texts),
    }
}

impl Test {
    fn holds(&self, given: &Given<'_>) -> bool {
        match self {
            Test::Any(values) => values.any_in(given),
            Test::All(values) => values.all_in(given),
            Test::None(values) => !values.any_in(given),
            Test::Compare(comparison, bound) => match given {
                Given::Number(number) => comparison.holds(*number, *bound),
                _ => false,
            },
            Test::Prefix(prefix) => match given {
                Given::Text(text) => text.starts_with(prefix.as_str()),
                Given::List(texts) => texts.iter().any(|text| text.starts_with(prefix.as_str())),
                Given::Number(_) | Given::Nothing => false,
            },
            Test::Exists(exists) => *exists != matches!(given, Given::Nothing),
        }
    }
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Comparison::AtLeast => number >= bound,
            Comparison::Above => number > bound,
            Comparison::AtMost => number <= bound,
            Comparison::Below => number < bound,
        }
    }
}

impl Values {
    fn has_text(&self, text: &str) -> bool {
        self.texts.binary_search_by(|one| one.as_str().cmp(text)).is_ok()
    }

    /// Whether the page has one of them.
    fn any_in(&self, given: &Given<'_>) -> bool {
        match given {
            Given::Nothing => false,
            Given::Text(text) => self.has_text(text),
            Given::Number(number) => self.numbers.contains(number),
            Given::List(texts) => texts.iter().any(|text| self.has_text(text)),
        }
    }

    /// Whether the page has each of them.
    fn all_in(&self, given: &Given<'_>) -> bool {
        let (texts, numbers) = (&self.texts, &self.numbers);
        match given {
            Given::Nothing => texts.is_empty() && numbers.is_empty(),
            Given::Text(text) => numbers.is_empty() && texts.iter().all(|one| one == text),
            Given::Number(number) => texts.is_empty() && numbers.iter().all(|one| one == number),
            // A field's list is sorted.
            Given::List(found) => {
                numbers.is_empty() && texts.iter().all(|one| found.binary_search(one).is_ok())
            }
        }
    }
}
