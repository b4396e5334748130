//! Words are found as they were typed: equal to the naive twin before and after merges and
//! removals, in every script, and damage is told.

mod lexical_support;
#[path = "oracle/lexical.rs"]
mod oracle;
mod pages;

use burrow::index::PageSet;
use burrow::index::lexical::{LexicalOptions, MergeLimits, Scored};
use burrow::page::Page;
use lexical_support::{Words, page, page_of};
use oracle::{Query, search};
use proptest::prelude::*;

const SMALL: MergeLimits = MergeLimits { factor: 2, passages_max: 24 };

/// What a test does to an index.
#[derive(Debug, Clone)]
enum Step {
    Add { language: usize, title: Vec<usize>, passages: Vec<Vec<usize>> },
    Forget(prop::sample::Index),
    Remove(prop::sample::Index),
    Merge(usize),
    Reopen,
}

const VOCABULARY: [&str; 24] = [
    "plant",
    "plants",
    "planted",
    "light",
    "lights",
    "lighting",
    "water",
    "waters",
    "e0308",
    "v2",
    "haus",
    "hauser",
    "continuelle",
    "continuellement",
    "photosynthesis",
    "photosynthetic",
    "photo",
    "rust",
    "rusty",
    "trust",
    "index",
    "indices",
    "indexes",
    "x",
];

/// Words that are looked for: also some that are nowhere, and slips.
const ASKED: [&str; 8] =
    ["nothing", "lihgt", "photosyntesis", "planst", "pho", "li", "index", "wather"];

fn words(numbers: &[usize]) -> Vec<String> {
    numbers.iter().map(|&number| VOCABULARY[number].to_owned()).collect()
}

fn any_step() -> impl Strategy<Value = Step> {
    let word = 0..VOCABULARY.len();
    let passages = prop::collection::vec(prop::collection::vec(word.clone(), 0..12), 1..5);
    let add = (0usize..5, prop::collection::vec(word, 0..3), passages)
        .prop_map(|(language, title, passages)| Step::Add { language, title, passages });
    prop_oneof![
        8 => add,
        1 => any::<prop::sample::Index>().prop_map(Step::Forget),
        1 => any::<prop::sample::Index>().prop_map(Step::Remove),
        2 => (1usize..4).prop_map(Step::Merge),
        1 => Just(Step::Reopen),
    ]
}

fn any_query() -> impl Strategy<Value = Query> {
    let word = prop_oneof![
        3 => prop::sample::select(VOCABULARY.to_vec()),
        1 => prop::sample::select(ASKED.to_vec()),
    ];
    let words = prop::collection::vec(word.prop_map(str::to_owned), 0..4);
    let phrase = prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec(prop::sample::select(VOCABULARY[..8].to_vec()), 1..3),
    ];
    (words, phrase, any::<bool>(), any::<bool>()).prop_map(|(words, phrase, prefix, typos)| {
        let phrase = phrase.into_iter().map(str::to_owned).collect();
        Query { words, phrase, prefix, typos }
    })
}

fn typed(query: &Query) -> (String, LexicalOptions) {
    let phrase = if query.phrase.is_empty() {
        String::new()
    } else {
        format!("\"{}\" ", query.phrase.join(" "))
    };
    let options = LexicalOptions { prefix: query.prefix, typos: query.typos };
    (phrase + &query.words.join(" "), options)
}

fn ask(index: &Words, query: &Query) -> Vec<Scored> {
    let (text, options) = typed(query);
    index.search(&text, options, 1000)
}

fn assert_equal(index: &Words, model: &[(u32, Page)], query: &Query) {
    let (text, options) = typed(query);
    let found = index.search(&text, options, 1000);
    let expected = search(model, query);
    let places: Vec<_> = found.iter().map(|it| (it.page, it.passage)).collect();
    let scores: Vec<f64> = expected.iter().map(|it| it.1).collect();
    for (it, score) in found.iter().zip(&scores) {
        assert!((it.score - score).abs() < 1e-9, "{text:?}: {} is not {score}", it.score);
    }
    // Scores that differ in the last bit only may be in any order: not places, but their sets.
    let mut sorted = places.clone();
    let mut wanted: Vec<_> = expected.iter().map(|it| it.0).collect();
    sorted.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(sorted, wanted, "{text:?}");
    let is_ordered = |pair: &[Scored]| {
        pair[0].score > pair[1].score
            || (pair[0].score == pair[1].score
                && (pair[0].page, pair[0].passage) < (pair[1].page, pair[1].passage))
    };
    assert!(found.windows(2).all(is_ordered), "{text:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_search_equals_its_naive_twin(
        steps in prop::collection::vec(any_step(), 1..40),
        queries in prop::collection::vec(any_query(), 1..6),
    ) {
        let mut index = Words::new();
        let mut model: Vec<(u32, Page)> = Vec::new();
        for step in steps {
            match step {
                Step::Add { language, title, passages } => {
                    let lang = [None, Some("en"), Some("de"), Some("fr"), Some("ja")][language];
                    let texts: Vec<String> =
                        passages.iter().map(|numbers| words(numbers).join(" ")).collect();
                    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                    let page = page(lang, &words(&title).join(" "), &texts);
                    let number = index.add(&page);
                    model.push((number, page));
                }
                Step::Forget(at) if !model.is_empty() => {
                    let (number, _) = model.remove(at.index(model.len()));
                    index.forget(number);
                }
                Step::Remove(at) if !model.is_empty() => {
                    let (number, _) = model.remove(at.index(model.len()));
                    index.remove(&[number]);
                    prop_assert!(!index.lexicon.holds(number));
                }
                Step::Merge(count) => {
                    for _ in 0..count {
                        index.merge_step(SMALL);
                    }
                }
                Step::Reopen => index.reopen(),
                Step::Forget(_) | Step::Remove(_) => {}
            }
        }
        for query in &queries {
            assert_equal(&index, &model, query);
        }
        let before: Vec<_> = queries.iter().map(|it| ask(&index, it)).collect();
        index.merge_all(SMALL);
        let after: Vec<_> = queries.iter().map(|it| ask(&index, it)).collect();
        prop_assert_eq!(&before, &after, "merging changes nothing");
        index.reopen();
        let again: Vec<_> = queries.iter().map(|it| ask(&index, it)).collect();
        prop_assert_eq!(before, again, "nor does opening");
    }

    #[test]
    fn an_exact_word_typed_is_never_lost(
        texts in prop::collection::vec(pages::any_text(), 1..5),
        lang in prop::sample::select(vec![None, Some("en"), Some("fr"), Some("ru"), Some("th")]),
    ) {
        let mut index = Words::new();
        for text in &texts {
            index.add(&page(lang, "", &[text]));
        }
        for round in 0..2 {
            for (number, text) in (0u32..).zip(&texts) {
                let typed = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric));
                for word in typed.step_by(7) {
                    let found = index.search(word, LexicalOptions::default(), 100);
                    prop_assert!(found.iter().any(|it| it.page == number), "{:?} in {:?}", word, text);
                }
            }
            if round == 0 {
                index.merge_all(SMALL);
            }
        }
    }
}

/// Which of the texts, each a page, are found, in their order.
fn found(texts: &[&str], query: &str) -> Vec<u32> {
    found_with(texts, query, LexicalOptions::default())
}

fn found_with(texts: &[&str], query: &str, options: LexicalOptions) -> Vec<u32> {
    let mut index = Words::new();
    for text in texts {
        index.add(&page_of(text));
    }
    let mut pages = index.pages_found(query, options);
    index.merge_all(SMALL);
    assert_eq!(pages, index.pages_found(query, options), "merging changes nothing");
    pages.sort_unstable();
    pages
}

#[test]
fn identifiers_and_error_codes_are_found_exactly() {
    let texts = [
        "error[E0308]: mismatched types",
        "error[E0309] is another",
        "Call foo_bar::baz() with --flag-name=3 now.",
        "In C++ and C# it is known as ERR_CONNECTION_REFUSED.",
        "C is older. import fs from 'node:fs';",
        "Version 1.2.3 of foo; write to user@example.org",
        "the baz of a bar in foo",
    ];
    for (query, expected) in [
        ("E0308", &[0][..]),
        ("e0309", &[1]),
        ("E0310", &[]),
        ("\"foo_bar::baz\"", &[2]),
        ("--flag-name", &[2]),
        ("c++", &[3, 4]),
        ("\"C++\"", &[3]),
        ("\"C#\"", &[3]),
        ("ERR_CONNECTION_REFUSED", &[3]),
        ("node:fs", &[4]),
        ("1.2.3", &[2, 5]),
        ("user@example.org", &[5]),
        ("connection refused", &[3]),
    ] {
        assert_eq!(found(&texts, query), expected, "{query}");
    }
    let mut index = Words::new();
    for text in texts {
        index.add(&page_of(text));
    }
    for (query, first) in [("foo_bar::baz", 2), ("C++", 3), ("1.2.3", 5), ("node:fs", 4)] {
        let found = index.pages_found(query, LexicalOptions::default());
        assert_eq!(found.first(), Some(&first), "{query}: {found:?}");
    }
}

#[test]
fn accents_case_width_and_forms_do_not_matter() {
    let texts = ["Ein Café in ZÜRICH", "cafe zurich", "Straße ｶﾞｽ ＡＢＣ", "planted the lights"];
    for (query, expected) in [
        ("CAFÉ", &[0, 1][..]),
        ("cafe\u{301}", &[0, 1]),
        ("Zürich", &[0, 1]),
        ("STRASSE", &[2]),
        ("ガス", &[2]),
        ("abc", &[2]),
        ("plants", &[3]),
        ("light", &[3]),
    ] {
        assert_eq!(found(&texts, query), expected, "{query}");
    }
}

#[test]
fn scripts_without_spaces_are_found_in_parts() {
    let texts = [
        "私は東京の大学に行きます。",
        "東京大学は本郷にあります。",
        "我在北京大学学习计算机科学。",
        "학교에서 공부합니다.",
        "ฉันรักภาษาไทยมาก",
        "大木。",
    ];
    for (query, expected) in [
        ("東京", &[0, 1][..]),
        ("\"東京大学\"", &[1]),
        ("大学", &[0, 1, 2]),
        ("本郷", &[1]),
        ("计算机", &[2]),
        ("\"京大学\"", &[1, 2]),
        ("학교", &[3]),
        ("학교에", &[3]),
        ("ภาษาไทย", &[4]),
        ("木", &[5]),
        ("大", &[0, 1, 2, 5]),
        ("森", &[]),
        ("カ", &[]),
    ] {
        assert_eq!(found(&texts, query), expected, "{query}");
    }
    assert_eq!(found(&["ガス", "カス"], "カ"), [1], "a voiced kana is another one");
}

#[test]
fn phrases_are_required() {
    let texts = [
        "the quick brown fox",
        "the brown quick fox",
        "quick. Brown! fox",
        "quick and brown",
        "to be or not to be",
    ];
    for (query, expected) in [
        ("\"quick brown\"", &[0, 2][..]),
        ("“quick brown”", &[0, 2]),
        ("\"quick brown\" \"brown fox\"", &[0, 2]),
        ("\"quick brown\" older", &[0, 2]),
        ("\"brown quick fox\"", &[1]),
        ("\"quick", &[0, 1, 2, 3]),
        ("\"to be or not\"", &[4]),
        ("\"not to quick\"", &[]),
        ("\"!?\" quick", &[0, 1, 2, 3]),
        ("\"quicks brown\"", &[]),
    ] {
        assert_eq!(found(&texts, query), expected, "{query}");
    }
    let mut index = Words::new();
    let mut titled = page(None, "Burrow manual", &["Text of burrow", "More text"]);
    titled.passages[1].headings = vec!["Getting started".into()];
    index.add(&titled);
    for (query, expected) in [
        ("\"burrow manual\"", &[0, 1][..]),
        ("\"getting started\"", &[1]),
        ("\"manual getting\"", &[]),
        ("\"text burrow\"", &[]),
    ] {
        let found = index.search(query, LexicalOptions::default(), 10);
        let mut passages: Vec<usize> = found.iter().map(|it| it.passage).collect();
        passages.sort_unstable();
        assert_eq!(passages, expected, "{query}");
    }
}

#[test]
fn the_last_word_may_be_a_beginning() {
    let texts = ["photosynthesis in plants", "a photo of it", "phone calls", "foo_bar"];
    let prefix = LexicalOptions { prefix: true, typos: false };
    for (query, expected) in [
        ("pho", &[0, 1, 2][..]),
        ("photo", &[0, 1]),
        ("pho plants", &[0]),
        ("plants pho", &[0, 1, 2]),
        ("pho ", &[]),
        ("foo_b", &[3]),
        ("zzz", &[]),
        ("p", &[]),
    ] {
        assert_eq!(found_with(&texts, query, prefix), expected, "{query}");
    }
    assert!(found(&texts, "pho").is_empty(), "only while typing");
}

#[test]
fn slips_are_forgiven_where_the_word_is_nowhere() {
    let texts = ["the borrow checker", "it burrows", "photosynthesis", "code e0308 here"];
    for (query, expected) in [
        ("borow", &[0][..]),
        ("burows", &[1]),
        ("brorow checkre", &[0]),
        ("photosintesis", &[2]),
        ("potosynthesis", &[2]),
        ("e0307", &[]),
        ("cod", &[]),
        ("hotosynthesis", &[]),
        ("borrow", &[0]),
    ] {
        let found = found(&texts, query);
        assert!(expected.iter().all(|page| found.contains(page)), "{query}: {found:?}");
        assert_eq!(found.is_empty(), expected.is_empty(), "{query}: {found:?}");
    }
    let strict = LexicalOptions { prefix: false, typos: false };
    assert!(found_with(&texts, "borow", strict).is_empty());
}

#[test]
fn words_that_say_nothing_are_left_out_unless_they_are_all() {
    let texts = ["what is the plant", "what is the who", "the the"];
    assert_eq!(found(&texts, "what is the plant"), [0]);
    assert_eq!(found(&texts, "the"), [0, 1, 2]);
    assert!(found(&texts, "").is_empty());
    assert!(found(&texts, "?! …").is_empty());
}

#[test]
fn only_kept_pages_are_found_and_count_the_same() {
    let mut index = Words::new();
    for number in 0..20 {
        index.add(&page_of(&format!("plant number n{number}")));
    }
    index.merge_all(SMALL);
    let all = index.search("plant", LexicalOptions::default(), 100);
    let keep = PageSet::from_iter([3, 7, 11]);
    let kept = index.search_kept("plant", LexicalOptions::default(), Some(&keep), 2);
    let expected: Vec<_> = all.into_iter().filter(|it| keep.contains(it.page)).take(2).collect();
    assert_eq!(kept, expected);
}
