//! Which forms are one word: stems by Snowball, in the language that a page says it has.

use rust_stemmers::{Algorithm, Stemmer};

use super::{TERM_BYTES_MAX, folded, is_mark};

/// A language that has a stemmer here. Numbers are part of the format: add at the end.
// The crate has 18; all of them would add as much to the search module as a third of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Language {
    /// Of pages that do not say theirs, too.
    English = 1,
    German = 2,
    French = 3,
    Spanish = 4,
    Russian = 5,
}

impl Language {
    /// All of them.
    pub(crate) const ALL: [Language; 5] = [
        Language::English,
        Language::German,
        Language::French,
        Language::Spanish,
        Language::Russian,
    ];

    /// The stemmer for a BCP 47 tag; English where the page says no language.
    pub(crate) fn of(tag: Option<&str>) -> Option<Language> {
        let Some(tag) = tag.map(str::trim).filter(|tag| !tag.is_empty()) else {
            return Some(Language::English);
        };
        let primary = tag.split(['-', '_']).next().unwrap_or(tag).to_ascii_lowercase();
        match primary.as_str() {
            "en" | "und" => Some(Language::English),
            "de" => Some(Language::German),
            "fr" => Some(Language::French),
            "es" => Some(Language::Spanish),
            "ru" => Some(Language::Russian),
            _ => None,
        }
    }

    /// The stem of a word as it stands in a text, folded. A word with digits or signs has none, and
    /// is its own.
    // Accents tell endings apart, so they go only after stemming.
    pub(crate) fn stem(self, word: &str) -> Option<String> {
        let is_word = word.len() <= TERM_BYTES_MAX && word.chars().all(is_letter);
        if !is_word {
            return None;
        }
        // Each is named, so that the others are not linked.
        let stemmer = match self {
            Language::English => Stemmer::create(Algorithm::English),
            Language::German => Stemmer::create(Algorithm::German),
            Language::French => Stemmer::create(Algorithm::French),
            Language::Spanish => Stemmer::create(Algorithm::Spanish),
            Language::Russian => Stemmer::create(Algorithm::Russian),
        };
        Some(folded(&stemmer.stem(&word.to_lowercase()))).filter(|stem| !stem.is_empty())
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_mark(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Language, folded};

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (tag, one, other) in [
            (None, "plants", "Planted"),
            (Some("de-CH"), "Häuser", "Hauses"),
            (Some("fr"), "continuellement", "continuelle"),
            (Some("ES"), "corriendo", "corrían"),
            (Some("ru"), "книгами", "КНИГА"),
        ] {
            let language = Language::of(tag).unwrap();
            assert_eq!(language.stem(one), language.stem(other), "{one} {other}");
        }
        assert_eq!(Language::of(Some("ja")), None);
        assert_eq!(Language::English.stem("e0308"), None);
    }

    proptest! {
        #[test]
        fn any_word_can_be_stemmed(word in "[\\p{L}\\p{M}]{0,20}", latin in "[a-zàâäçéèêëîïôöùûüßñáíóú]{0,30}") {
            for language in Language::ALL {
                for word in [&word, &latin] {
                    // Words are told apart by this before they are stemmed.
                    let first = folded(word).chars().next();
                    let stem = language.stem(word);
                    prop_assert!(stem.as_ref().is_none_or(|stem| stem.chars().next() == first), "{word} {stem:?}");
                }
            }
        }
    }
}
