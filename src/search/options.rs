//! How to look: every choice, with its default.

use super::Sort;
use crate::error::{Error, ErrorKind, Result};
use crate::index::filter::Filter;
use crate::json::Json;

/// The most hits that can be asked for: a hit costs reading its page's text.
pub const LIMIT_MAX: usize = 1000;

/// The most candidates for each hit: beyond this, rescoring reads most of the index.
pub const OVERSAMPLING_MAX: usize = 100;

/// What makes a page a hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Its meaning and its words: how near each comes to the best that there is of it, together.
    #[default]
    Hybrid,
    /// Its meaning alone.
    Semantic,
    /// Its words alone.
    Keyword,
}

/// How much each ranking weighs in [`Mode::Hybrid`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// That by meaning.
    pub semantic: f64,
    /// That by words.
    pub keyword: f64,
}

/// How to look.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// At most this many hits, 1..=[`LIMIT_MAX`]. Default 10.
    pub limit: usize,
    /// What makes a page a hit. Default [`Mode::Hybrid`].
    pub mode: Mode,
    /// How much meaning and words weigh, not negative, not both 0. Default 1 and 1.
    pub weights: Weights,
    /// Candidates for each hit asked for, 1..=[`OVERSAMPLING_MAX`]. Default 16: with all-MiniLM,
    /// which was not trained for bits, at least 99 % of the ten best by exact INT8 are then found.
    /// A hybrid search looks at 160 at least: by those it tells what nearness is worth.
    pub oversampling: usize,
    /// Whether candidates are ordered by the cosine of their INT8 codes; else by their bits alone,
    /// which reads less and finds less well. Default true.
    pub rescore: bool,
    /// Whether every passage is a candidate: as good as it gets, and reads all INT8 codes. Default
    /// false.
    pub exact: bool,
    /// Which pages may be hits. Default all.
    pub filter: Option<Filter>,
    /// In which order they come. Other than by relevance, what is put in order is the candidates.
    /// Default [`Sort::Relevance`].
    pub sort: Sort,
    /// Whether the last word may be the beginning of one, as it is while someone types. Default
    /// false.
    pub prefix: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            limit: 10,
            mode: Mode::default(),
            weights: Weights { semantic: 1.0, keyword: 1.0 },
            oversampling: 16,
            rescore: true,
            exact: false,
            filter: None,
            sort: Sort::default(),
            prefix: false,
        }
    }
}

impl SearchOptions {
    /// Reads options as JavaScript gives them: an object with any of `limit`, `mode`, `weights`
    /// (`{semantic, keyword}`), `oversampling`, `rescore`, `exact`, `sort`, `prefix`. What is not
    /// said has its default; the filter comes apart.
    ///
    /// # Errors
    ///
    /// `Input` naming an option that is unknown or has no such value.
    pub fn from_json(json: &str) -> Result<SearchOptions> {
        let Json::Object(parts) = Json::read("options", json)? else {
            return Err(Error::new(ErrorKind::Input, "the options are no object"));
        };
        let mut options = SearchOptions::default();
        for (name, value) in &parts {
            options.set(name, value).ok_or_else(|| {
                let message =
                    format!("the option {name:?} is unknown, or cannot be {}", value.shown());
                Error::new(ErrorKind::Input, message)
            })?;
        }
        options.check()?;
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &Json) -> Option<()> {
        match name {
            "limit" => self.limit = count(value)?,
            "oversampling" => self.oversampling = count(value)?,
            "rescore" => self.rescore = truth(value)?,
            "exact" => self.exact = truth(value)?,
            "prefix" => self.prefix = truth(value)?,
            "sort" => self.sort = Sort::from_name(value.text()?).ok()?,
            "mode" => {
                self.mode = match value.text()? {
                    "hybrid" => Mode::Hybrid,
                    "semantic" => Mode::Semantic,
                    "keyword" => Mode::Keyword,
                    _ => return None,
                }
            }
            "weights" => {
                let Json::Object(parts) = value else { return None };
                for (name, value) in parts {
                    match name.as_str() {
                        "semantic" => self.weights.semantic = value.number()?,
                        "keyword" => self.weights.keyword = value.number()?,
                        _ => return None,
                    }
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Whether every value is within its range.
    pub(super) fn check(&self) -> Result<()> {
        for (name, value, max) in [
            ("limit", self.limit, LIMIT_MAX),
            ("oversampling", self.oversampling, OVERSAMPLING_MAX),
        ] {
            if !(1..=max).contains(&value) {
                let message = format!("{name} is {value}: it must be from 1 to {max}");
                return Err(Error::new(ErrorKind::Input, message));
            }
        }
        let Weights { semantic, keyword } = self.weights;
        let is_weight = |weight: f64| weight.is_finite() && weight >= 0.0;
        // Without the numbers: see `Json::shown`.
        let what = match (is_weight(semantic), is_weight(keyword)) {
            (true, true) if semantic + keyword > 0.0 => return Ok(()),
            (true, true) => "both weights are 0",
            (false, _) => "the weight of meaning is below 0",
            (true, false) => "the weight of words is below 0",
        };
        let message = format!("{what}: give numbers from 0 on, not both 0");
        Err(Error::new(ErrorKind::Input, message))
    }
}

/// A whole number that is not negative; one too large for any option is as good as any.
fn count(value: &Json) -> Option<usize> {
    let number = value.number()?;
    (number.fract() == 0.0 && number >= 0.0).then_some(number as usize)
}

fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, SearchOptions, Sort, Weights};

    #[test]
    fn what_is_not_said_has_its_default() {
        let read = |json| SearchOptions::from_json(json).unwrap();
        assert_eq!(read("{}"), SearchOptions::default());
        let json = r#"{"limit": 3, "mode": "keyword", "weights": {"keyword": 2}, "oversampling": 1,
            "rescore": false, "exact": true, "sort": "oldest", "prefix": true}"#;
        let expected = SearchOptions {
            limit: 3,
            mode: Mode::Keyword,
            weights: Weights { semantic: 1.0, keyword: 2.0 },
            oversampling: 1,
            rescore: false,
            exact: true,
            filter: None,
            sort: Sort::TimeAscending,
            prefix: true,
        };
        assert_eq!(read(json), expected);
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_name() {
        for (json, named) in [
            ("[]", "no object"),
            (r#"{"limit": 0}"#, "limit is 0"),
            (r#"{"limit": 1.5}"#, "\"limit\""),
            (r#"{"limit": 1e300}"#, "limit"),
            (r#"{"oversampling": 101}"#, "oversampling is 101"),
            (r#"{"mode": "magic"}"#, "magic"),
            (r#"{"weights": {"semantic": -1}}"#, "of meaning is below 0"),
            (r#"{"weights": {"semantic": 0, "keyword": 0}}"#, "not both 0"),
            (r#"{"weights": [1, 2]}"#, "\"weights\""),
            (r#"{"prefixes": true}"#, "\"prefixes\""),
            (r#"{"exact": 1}"#, "\"exact\""),
        ] {
            let error = SearchOptions::from_json(json).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Input);
            assert!(error.to_string().contains(named), "{json}: {error}");
        }
    }
}
