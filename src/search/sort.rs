//! In which order pages are shown.

use std::cmp::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::index::format::Entry;

/// The order of hits, or of listed pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The best first.
    #[default]
    Relevance,
    /// The newest first; pages without a time last.
    TimeDescending,
    /// The oldest first; pages without a time last.
    TimeAscending,
}

impl Sort {
    /// The order of a name that JavaScript gives: `relevance`, `newest` or `oldest`.
    ///
    /// # Errors
    ///
    /// `Input` where it is none of them.
    pub fn from_name(name: &str) -> Result<Sort> {
        match name {
            "relevance" => Ok(Sort::Relevance),
            "newest" => Ok(Sort::TimeDescending),
            "oldest" => Ok(Sort::TimeAscending),
            _ => {
                let message =
                    format!("the order {name:?} is unknown: give relevance, newest or oldest");
                Err(Error::new(ErrorKind::Input, message))
            }
        }
    }

    /// The place that this order gives a page: lesser ones come first, and equal ones stay as they
    /// are.
    pub fn rank(self, entry: &Entry) -> u64 {
        // Turns the order of signed numbers into that of unsigned ones. No time comes near the ends.
        let time = entry.time_ms.map(|time_ms| time_ms.cast_unsigned() ^ (1 << 63));
        match (self, time) {
            (Sort::Relevance, _) => 0,
            (_, None) => u64::MAX,
            (Sort::TimeAscending, Some(time)) => time,
            (Sort::TimeDescending, Some(time)) => !time,
        }
    }

    /// How two pages stand to each other. Equal where this order does not tell them apart: a stable
    /// sort leaves them in the order of relevance in which they came.
    pub fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        self.rank(a).cmp(&self.rank(b))
    }
}
