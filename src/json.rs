//! JSON from outside as plain values: what fields, filters and facets are read from.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, ErrorKind, Result};

/// A value. Smaller than serde_json's own, which brings maps and the writing of numbers along:
/// the search module must stay small.
#[derive(Clone)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// Finite.
    Number(f64),
    Text(String),
    List(Vec<Json>),
    /// In the order in which they came; a name may be there twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text. `what` names it in messages.
    ///
    /// # Errors
    ///
    /// `Input` where it is no JSON, or nested more than 128 deep.
    pub(crate) fn read(what: &str, text: &str) -> Result<Json> {
        serde_json::from_str(text).map_err(|cause| {
            let message = format!("the {what} cannot be read as JSON");
            Error::new(ErrorKind::Input, message).with_source(cause)
        })
    }

    /// What it is, as messages say it. To write a number would bring a fortieth of the search
    /// module along.
    pub(crate) fn shown(&self) -> String {
        let kind = match self {
            Json::Text(text) => return format!("{text:?}"),
            Json::Null => "null",
            Json::Bool(false) => "false",
            Json::Bool(true) => "true",
            Json::Number(_) => "this number",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        };
        kind.to_owned()
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Json::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Json, E> {
        Ok(Json::Bool(value))
    }

    // Numbers come from JavaScript, which has no others than f64.
    fn visit_i64<E>(self, value: i64) -> std::result::Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Json, E> {
        Ok(Json::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> std::result::Result<Json, A::Error> {
        let mut object = Vec::new();
        // Names are read as values are, which they always are texts of: to ask for a `String` would
        // bring along how numbers are written, for a message that never comes.
        while let Some((name, part)) = parts.next_entry::<Json, Json>()? {
            if let Json::Text(name) = name {
                object.push((name, part));
            }
        }
        Ok(Json::Object(object))
    }
}
