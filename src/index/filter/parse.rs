//! Reads a filter from JSON, and says where it is not one.

use super::{CONDITIONS_MAX, Comparison, Condition, DEPTH_MAX, Subject, Test, VALUES_MAX, Values};
use crate::error::{Error, ErrorKind, Result};
use crate::fields::set_of;
use crate::json::Json;

/// The operators, as messages name them.
const OPERATORS: &str = "gte, gt, lte, lt, any, all, none, prefix, exists";

pub(super) fn filter(json: &str) -> Result<Condition> {
    let value = Json::read("filter", json)?;
    Parser::default().filter(&value, "filter", 0)
}

/// Counts what it reads.
#[derive(Default)]
struct Parser {
    conditions: usize,
    values: usize,
}

impl Parser {
    /// An object all of whose parts must hold.
    fn filter(&mut self, value: &Json, place: &str, depth: usize) -> Result<Condition> {
        if depth > DEPTH_MAX {
            return Err(too_much(place, &format!("lies more than {DEPTH_MAX} deep")));
        }
        let Json::Object(parts) = value else { return Err(wrong(place, "must be an object")) };
        let mut all = Vec::with_capacity(parts.len());
        for (name, part) in parts {
            let place = format!("{place}.{name}");
            match name.as_str() {
                "and" => {
                    self.count(&place)?;
                    all.push(Condition::And(self.filters(part, &place, depth)?));
                }
                "or" => {
                    self.count(&place)?;
                    all.push(Condition::Or(self.filters(part, &place, depth)?));
                }
                "not" => {
                    self.count(&place)?;
                    all.push(Condition::Not(Box::new(self.filter(part, &place, depth + 1)?)));
                }
                name => self.tests(&mut all, &subject(name), part, &place)?,
            }
        }
        Ok(Condition::And(all))
    }

    fn filters(&mut self, value: &Json, place: &str, depth: usize) -> Result<Vec<Condition>> {
        let Json::List(parts) = value else {
            return Err(wrong(place, "must be an array of filters"));
        };
        let filter = |(number, part): (usize, &Json)| {
            let place = format!("{place}[{number}]");
            // Counted, since an array of empty objects has no other condition.
            self.count(&place)?;
            self.filter(part, &place, depth + 1)
        };
        parts.iter().enumerate().map(filter).collect()
    }

    /// The conditions on one name.
    fn tests(
        &mut self,
        all: &mut Vec<Condition>,
        subject: &Subject,
        value: &Json,
        place: &str,
    ) -> Result<()> {
        let Json::Object(operators) = value else {
            self.count(place)?;
            let values = match value {
                Json::List(values) => values.as_slice(),
                one => std::slice::from_ref(one),
            };
            let test = Test::Any(self.values(values, place)?);
            all.push(Condition::Test { subject: subject.clone(), test });
            return Ok(());
        };
        if operators.is_empty() {
            return Err(wrong(place, &format!("has no operator: give one of {OPERATORS}")));
        }
        for (operator, value) in operators {
            let place = format!("{place}.{operator}");
            self.count(&place)?;
            let test = self.test(operator, value, &place)?;
            all.push(Condition::Test { subject: subject.clone(), test });
        }
        Ok(())
    }

    fn test(&mut self, operator: &str, value: &Json, place: &str) -> Result<Test> {
        let comparison = match operator {
            "gte" => Comparison::AtLeast,
            "gt" => Comparison::Above,
            "lte" => Comparison::AtMost,
            "lt" => Comparison::Below,
            "any" => return Ok(Test::Any(self.listed(value, place)?)),
            "all" => return Ok(Test::All(self.listed(value, place)?)),
            "none" => return Ok(Test::None(self.listed(value, place)?)),
            "prefix" => {
                let prefix = value.text().ok_or_else(|| wrong(place, "must be a text"))?;
                return Ok(Test::Prefix(prefix.to_owned()));
            }
            "exists" => {
                return match value {
                    Json::Bool(exists) => Ok(Test::Exists(*exists)),
                    _ => Err(wrong(place, "must be true or false")),
                };
            }
            _ => return Err(wrong(place, &format!("is no operator: give one of {OPERATORS}"))),
        };
        let bound = value.number().ok_or_else(|| {
            wrong(place, "must be a number; a date is its milliseconds since 1970")
        })?;
        Ok(Test::Compare(comparison, bound))
    }

    fn listed(&mut self, value: &Json, place: &str) -> Result<Values> {
        match value {
            Json::List(values) => self.values(values, place),
            _ => Err(wrong(place, "must be an array of texts and numbers")),
        }
    }

    fn values(&mut self, values: &[Json], place: &str) -> Result<Values> {
        self.values += values.len();
        if self.values > VALUES_MAX {
            return Err(too_much(place, &format!("has more than {VALUES_MAX} values")));
        }
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        for value in values {
            match value {
                Json::Text(text) => texts.push(text.clone()),
                Json::Number(number) => numbers.push(*number),
                _ => return Err(wrong(place, "must be a text or number, or an array of them")),
            }
        }
        Ok(Values { texts: set_of(texts), numbers })
    }

    fn count(&mut self, place: &str) -> Result<()> {
        self.conditions += 1;
        if self.conditions <= CONDITIONS_MAX {
            return Ok(());
        }
        Err(too_much(place, &format!("has more than {CONDITIONS_MAX} conditions")))
    }
}

fn subject(name: &str) -> Subject {
    match name {
        "url" => Subject::Url,
        "site" => Subject::Site,
        "time" => Subject::Time,
        "lang" => Subject::Lang,
        name => Subject::Field(name.to_owned()),
    }
}

fn wrong(place: &str, what: &str) -> Error {
    Error::new(ErrorKind::Input, format!("{} {what}", shown(place)))
}

fn too_much(place: &str, what: &str) -> Error {
    let message = format!("the filter {what}, counted up to {}: give less", shown(place));
    Error::new(ErrorKind::Limit, message)
}

/// A place as far as a message should show it: names in it may have any length.
fn shown(place: &str) -> String {
    place.chars().take(200).collect()
}
