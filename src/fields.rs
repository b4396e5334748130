//! What a caller says of a page besides its content: fields to filter and count by, and a time.

use crate::error::{Error, ErrorKind, Result};
use crate::json::Json;
use crate::order;

/// Fields of a page. All pages' fields are in memory: they are to tell pages apart, not to hold
/// their content.
pub const FIELDS_MAX: usize = 64;

/// Bytes of a field's name.
pub const NAME_BYTES_MAX: usize = 64;

/// Bytes of all of a page's fields together, names and values.
pub const FIELDS_BYTES_MAX: usize = 4096;

/// The furthest from 1970 that a time can be, in milliseconds: JavaScript's `Date` ends there.
/// A time up to it is exact as an `f64`, so that times and numbers compare alike.
pub const TIME_MS_MAX: i64 = 8_640_000_000_000_000;

/// Names that mean something else in a filter. (`lang` may be a field: it outranks the page's own.)
pub const RESERVED_NAMES: [&str; 6] = ["url", "site", "time", "and", "or", "not"];

/// What each text costs of [`FIELDS_BYTES_MAX`] besides its bytes, so that empty ones count, too.
const TEXT_EXTRA_BYTES: usize = 4;

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// One text.
    Text(String),
    /// A finite number.
    Number(f64),
    /// Milliseconds since 1970, UTC; at most [`TIME_MS_MAX`] before or after.
    Date(i64),
    /// Several texts. A list is a set: the order in which it is given means nothing.
    List(Vec<String>),
}

impl FieldValue {
    /// The one form of this value: a list sorted and without repetition, zero without a sign.
    fn canonical(self) -> Self {
        match self {
            FieldValue::Number(number) => FieldValue::Number(number + 0.0),
            FieldValue::List(texts) => FieldValue::List(set_of(texts)),
            other => other,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            FieldValue::Text(text) => text.len() + TEXT_EXTRA_BYTES,
            FieldValue::Number(_) | FieldValue::Date(_) => 8,
            FieldValue::List(texts) => {
                texts.iter().map(|text| text.len() + TEXT_EXTRA_BYTES).sum::<usize>()
                    + TEXT_EXTRA_BYTES
            }
        }
    }
}

/// Texts sorted and without repetition, to be found by halving.
pub(crate) fn set_of(mut texts: Vec<String>) -> Vec<String> {
    order::sort(&mut texts);
    texts.dedup();
    texts
}

/// A page's fields by name, within the limits above and in one form: equal fields are written as
/// equal bytes. In the order of the names: so few take less room than in a tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(Vec<(String, FieldValue)>);

// No number in it is NaN.
impl Eq for Fields {}

impl Fields {
    /// No field.
    pub fn new() -> Self {
        Fields::default()
    }

    /// Gives a field a value, in place of the one that it had.
    ///
    /// # Errors
    ///
    /// `Input` where the name is empty or reserved, or the value no finite number or no date;
    /// `Limit` where a limit above is passed. Then the fields are as they were.
    pub fn insert(&mut self, name: impl Into<String>, value: FieldValue) -> Result<()> {
        let name = name.into();
        check_name(&name)?;
        let value = value.canonical();
        match value {
            FieldValue::Number(number) if !number.is_finite() => {
                let message = format!("the field {name:?} is no finite number: give one");
                return Err(Error::new(ErrorKind::Input, message));
            }
            FieldValue::Date(time_ms) => check_time(&format!("the field {name:?}"), time_ms)?,
            _ => {}
        }
        let place = self.place(&name);
        let others = self.0.iter().filter(|(other, _)| *other != name);
        let bytes = others.map(|(name, value)| name.len() + value.bytes()).sum::<usize>();
        let fields = self.0.len() + usize::from(place.is_err());
        check_limits(fields, bytes + name.len() + value.bytes())?;
        match place {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
        Ok(())
    }

    /// Where a name is, or else belongs.
    fn place(&self, name: &str) -> std::result::Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_str().cmp(name))
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&FieldValue> {
        self.place(name).ok().map(|at| &self.0[at].1)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &FieldValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn check_limits(fields: usize, bytes: usize) -> Result<()> {
    for (what, found, max) in
        [("fields", fields, FIELDS_MAX), ("bytes of fields", bytes, FIELDS_BYTES_MAX)]
    {
        if found > max {
            let message = format!("{found} {what}; a page has at most {max}: give less");
            return Err(Error::new(ErrorKind::Limit, message));
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let (kind, what) = if name.is_empty() {
        (ErrorKind::Input, "is empty".to_owned())
    } else if name.len() > NAME_BYTES_MAX {
        (ErrorKind::Limit, format!("has {} bytes, and {NAME_BYTES_MAX} is the most", name.len()))
    } else if RESERVED_NAMES.contains(&name) {
        (ErrorKind::Input, "means something else in a filter".to_owned())
    } else {
        return Ok(());
    };
    Err(Error::new(kind, format!("the field's name {name:?} {what}: give another")))
}

/// Checks a time. `what` opens the message.
pub(crate) fn check_time(what: &str, time_ms: i64) -> Result<()> {
    if (-TIME_MS_MAX..=TIME_MS_MAX).contains(&time_ms) {
        return Ok(());
    }
    let message = format!("{what} is {time_ms} ms from 1970: a date is at most {TIME_MS_MAX} away");
    Err(Error::new(ErrorKind::Input, message))
}

/// What a caller says of a page besides its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// To filter and count by.
    pub fields: Fields,
    /// When the page was read or written, as the caller says: milliseconds since 1970, UTC.
    pub time_ms: Option<i64>,
}

impl Facts {
    /// What the hash of a page takes in of its facts, part by part; nothing where none are given,
    /// so that the hashes of pages without facts are what they were before there were any.
    pub(crate) fn hash_parts(&self) -> Vec<Vec<u8>> {
        let mut parts = Vec::new();
        if let Some(time_ms) = self.time_ms {
            parts.push([b"t".as_slice(), &time_ms.to_le_bytes()].concat());
        }
        for (name, value) in self.fields.iter() {
            parts.push([b"f", name.as_bytes()].concat());
            match value {
                FieldValue::Text(text) => parts.push([b"s", text.as_bytes()].concat()),
                FieldValue::Number(number) => {
                    parts.push([b"n".as_slice(), &number.to_le_bytes()].concat());
                }
                FieldValue::Date(time_ms) => {
                    parts.push([b"d".as_slice(), &time_ms.to_le_bytes()].concat());
                }
                FieldValue::List(texts) => {
                    parts.push(b"l".to_vec());
                    parts.extend(texts.iter().map(|text| [b"s", text.as_bytes()].concat()));
                }
            }
        }
        parts
    }
}

/// Reads facts as they come from JavaScript: `{"fields": {name: value}, "time": ms}`, both of which
/// may be missing. A value is a text, a number, a list of texts, or `{"date": ms}`.
///
/// # Errors
///
/// `Input` where it is not of that form, else as [`Fields::insert`].
pub fn from_json(json: &str) -> Result<Facts> {
    let wrong = |what: &str| Error::new(ErrorKind::Input, format!("the page's facts: {what}"));
    let Json::Object(parts) = Json::read("page's facts", json)? else {
        return Err(wrong("they must be an object"));
    };
    let mut facts = Facts::default();
    for (name, part) in parts {
        match (name.as_str(), part) {
            (_, Json::Null) => {}
            ("time", part) => {
                let time_ms = time_of(&part).ok_or_else(|| wrong("time is no whole ms"))?;
                check_time("the page's time", time_ms)?;
                facts.time_ms = Some(time_ms);
            }
            ("fields", Json::Object(fields)) => {
                for (name, value) in fields {
                    let value = value_of(value).ok_or_else(|| {
                        wrong(&format!(
                            "the field {name:?} must be a text, a number, a date or a list of texts"
                        ))
                    })?;
                    facts.fields.insert(name, value)?;
                }
            }
            ("fields", _) => return Err(wrong("fields must be an object")),
            (other, _) => return Err(wrong(&format!("{other:?} is none of fields and time"))),
        }
    }
    Ok(facts)
}

fn value_of(value: Json) -> Option<FieldValue> {
    match value {
        Json::Text(text) => Some(FieldValue::Text(text)),
        Json::Number(number) => Some(FieldValue::Number(number)),
        Json::List(items) => {
            let text = |item| match item {
                Json::Text(text) => Some(text),
                _ => None,
            };
            items.into_iter().map(text).collect::<Option<_>>().map(FieldValue::List)
        }
        Json::Object(parts) => match parts.as_slice() {
            [(name, date)] if name == "date" => time_of(date).map(FieldValue::Date),
            _ => None,
        },
        Json::Null | Json::Bool(_) => None,
    }
}

/// Whole milliseconds. Beyond the range of an `i64` the cast saturates, and is refused as no date.
fn time_of(value: &Json) -> Option<i64> {
    value.number().filter(|number| number.trunc() == *number).map(|number| number as i64)
}
