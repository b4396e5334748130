//! Excerpts are taken from the text, and marks lie on the right characters.

mod pages;

use burrow::hits::{EXCERPT_CHARS, Found, Hit, MarkKind, QueryWords, hit};
use burrow::page::EncodedPage;
use burrow::quantize::bits;
use proptest::prelude::*;

/// The hit of a page's passage for a query whose bits are those of the vector with this seed.
fn hit_of(page: &EncodedPage, passage: usize, query: &str, seed: u64) -> Hit {
    let query_bits = bits(&pages::vector(seed, page.dimension));
    let sentence_bits = &page.sentence_bits;
    let found = Found {
        page: &page.page,
        passage,
        score: 0.5,
        cosine: Some(0.5),
        bm25: None,
        sentence_bits,
    };
    hit(found, Some(&query_bits), &QueryWords::new(query))
}

/// The marked texts of a kind, cut as JavaScript's `slice` would.
fn marked(hit: &Hit, kind: MarkKind) -> Vec<String> {
    let units: Vec<u16> = hit.excerpt.encode_utf16().collect();
    let marks = hit.marks.iter().filter(|mark| mark.kind == kind);
    marks.map(|mark| String::from_utf16(&units[mark.start..mark.end]).unwrap()).collect()
}

/// The words of a text that a query marks.
fn words(query: &str, text: &str) -> Vec<String> {
    let found = QueryWords::new(query).found_in(text, Some("en"));
    found.into_iter().map(|range| text[range].to_owned()).collect()
}

#[test]
fn words_are_found_without_case_accents_and_endings() {
    for (query, text, expected) in [
        (
            "how do plants eat light?",
            "A plant eats Light. Lights!",
            &["plant", "eats", "Light", "Lights"][..],
        ),
        ("car", "care for cars, cart, Car", &["cars", "Car"]),
        ("studies", "We study; he studied.", &["study", "studied"]),
        ("photosynthesis", "photosynthetic photo photon", &["photosynthetic"]),
        ("cafe", "Café, CAFE\u{301}, cafés", &["Café", "CAFE\u{301}", "cafés"]),
        ("Zürich", "zurich ZÜRICH", &["zurich", "ZÜRICH"]),
        ("İstanbul", "istanbul", &["istanbul"]),
        ("STRASSE ΟΔΟΣ", "Straße, οδος", &["Straße", "οδος"]),
        ("error E0277 in x86", "E0277 and E0278, x86", &["E0277", "x86"]),
        ("Москва", "МОСКВА в москве", &["МОСКВА", "москве"]),
        ("שלום", "שָׁלוֹם עולם", &["שָׁלוֹם"]),
        ("مدرسة", "مَدْرَسَة كبيرة", &["مَدْرَسَة"]),
        ("東京大学", "私は東京の大学と東京大学に", &["東京", "大学", "東京大学"]),
        ("東京はどこですか", "これは東京です。", &["東京"]),
        ("木", "木と森", &["木"]),
        ("학교", "학교에서 공부", &["학교"]),
        ("カ\u{3099}ラス", "ガラスの", &["ガラス"]),
        ("हिन्दी", "हिन्दी भाषा", &["हिन्दी"]),
        ("the of and", "the cat and of", &["the", "and"]),
        ("C++", "In C++, not in C.", &["C++"]),
        ("node:fs", "the 'node:fs' module of node", &["node:fs", "node"]),
        ("went mice", "running", &[]),
        ("generously", "be generous", &["generous"]),
        ("ภาษาไทย", "ฉันรักภาษา", &["ภาษา"]),
        ("of a", "of a", &[]),
        ("", "anything", &[]),
        ("🦊", "🦊", &[]),
    ] {
        assert_eq!(words(query, text), expected, "{query}");
    }
}

#[test]
fn a_short_passage_is_shown_whole() {
    let page = pages::page("u", &["Zero.", "Un 🦊 été. Two words."], 64, 0);
    let hit = hit_of(&page, 1, "words été", 2001);
    assert_eq!(hit.excerpt, "Un 🦊 été. Two words.");
    assert_eq!(marked(&hit, MarkKind::Sentence), ["Two words."]);
    assert_eq!(marked(&hit, MarkKind::Word), ["été", "words"]);
    assert_eq!((hit.url.as_str(), hit.title.as_str(), hit.passage), ("u", "Title of u", 1));
    assert_eq!(
        (hit.score, hit.headings, hit.anchor),
        (0.5, vec!["Top".to_owned()], Some("p1".into()))
    );
}

#[test]
fn marks_count_utf_16_units() {
    let page = pages::page("u", &["👩🏽‍🚀 é e\u{301} word. End."], 64, 0);
    let hit = hit_of(&page, 0, "word", 1000);
    let json = serde_json::to_value(&hit).unwrap();
    let marks = serde_json::json!([
        { "start": 0, "end": 18, "kind": "sentence" },
        { "start": 13, "end": 17, "kind": "word" },
    ]);
    assert_eq!(json["marks"], marks);
}

#[test]
fn a_hit_is_what_the_typescript_types_say() {
    let page = pages::page("u", &["One."], 8, 1);
    let keys = |hit: &Hit| {
        let json = serde_json::to_value(hit).unwrap();
        json.as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    let mut hit = hit_of(&page, 0, "", 1);
    let all =
        ["anchor", "cosine", "excerpt", "headings", "marks", "passage", "score", "title", "url"];
    assert_eq!(keys(&hit), all);
    hit.anchor = None;
    assert_eq!(keys(&hit), all[1..]);
}

/// Sentence `number`, of about this many characters.
fn sentence(number: usize, chars: usize) -> String {
    format!("S{number} {}end{number}.", "filler ".repeat(chars / 7))
}

#[test]
fn a_long_passage_is_cut_around_its_best_sentence() {
    let sentences: Vec<String> = (0..12).map(|number| sentence(number, 70)).collect();
    let page = pages::page("u", &[&sentences.join(" ")], 64, 0);
    for (best, sentence) in (0u64..).zip(&sentences) {
        let hit = hit_of(&page, 0, "", 1000 + best);
        assert_eq!(marked(&hit, MarkKind::Sentence).join("|"), *sentence);
        assert_eq!(hit.excerpt.starts_with('…'), !hit.excerpt.starts_with("S0 "));
        assert_eq!(hit.excerpt.ends_with('…'), !hit.excerpt.ends_with("end11."));
        let inner = hit.excerpt.trim_matches('…');
        assert!(inner.starts_with('S') && inner.ends_with('.'), "whole sentences: {inner}");
        assert!((240..=EXCERPT_CHARS).contains(&inner.chars().count()));
    }
}

#[test]
fn a_sentence_that_is_too_long_is_cut_after_a_word() {
    let page = pages::page("u", &[&sentence(0, 900)], 64, 0);
    let hit = hit_of(&page, 0, "", 1000);
    assert!(hit.excerpt.starts_with("S0 ") && hit.excerpt.ends_with("filler…"), "{}", hit.excerpt);
    assert!(hit.excerpt.chars().count() > EXCERPT_CHARS * 3 / 4);
    assert_eq!(marked(&hit, MarkKind::Sentence), [hit.excerpt.trim_end_matches('…')]);
}

#[test]
fn a_short_sentence_between_long_ones_gets_a_part_of_the_next() {
    let sentences = [sentence(0, 400), "Short one.".to_owned(), sentence(2, 400)];
    let page = pages::page("u", &[&sentences.join(" ")], 64, 0);
    let hit = hit_of(&page, 0, "", 1001);
    assert!(hit.excerpt.starts_with("…Short one. S2 filler") && hit.excerpt.ends_with("filler…"));
    assert_eq!(marked(&hit, MarkKind::Sentence), ["Short one."]);
}

#[test]
fn what_a_reader_sees_as_one_character_is_not_cut() {
    for unit in ["👩🏽‍🚀", "🇩🇪", "e\u{301}\u{323}", "✌️"] {
        for lead in 0..8 {
            let text = "x".repeat(lead) + &unit.repeat(200);
            let page = pages::page("u", &[&text], 64, 0);
            let hit = hit_of(&page, 0, "", 1000);
            let rest = hit.excerpt.trim_end_matches('…').trim_start_matches('x');
            assert_eq!(rest.replace(unit, ""), "", "{unit} after {lead}");
            assert!(!rest.is_empty());
        }
    }
}

#[test]
fn one_endless_word_is_cut_somewhere() {
    let text = format!("e{}", "\u{301}".repeat(2000));
    let hit = hit_of(&pages::page("u", &[&text], 64, 0), 0, "e", 1000);
    assert!(hit.excerpt.chars().count() <= EXCERPT_CHARS + 2);
}

#[test]
fn a_passage_without_sentences_has_an_excerpt() {
    let mut page = pages::page("u", &[&"word ".repeat(200)], 64, 0);
    page.page.passages[0].sentences.clear();
    page.sentence_bits.clear();
    let hit = hit_of(&page, 0, "word", 1);
    assert!(hit.excerpt.ends_with("word…"));
    assert!(marked(&hit, MarkKind::Sentence).is_empty());
    assert!(marked(&hit, MarkKind::Word).len() > 40);
}

proptest! {
    #[test]
    fn excerpts_and_marks_are_of_the_text(
        page in pages::any_page(),
        query in pages::any_text(),
        passage in any::<prop::sample::Index>(),
        seed in any::<u64>(),
    ) {
        let passage = passage.index(page.page.passages.len());
        let hit = hit_of(&page, passage, &query, seed);
        let text = &page.page.text[page.page.passages[passage].range.clone()];
        let inner = hit.excerpt.strip_prefix('…').filter(|_| !text.starts_with('…'));
        let inner = inner.unwrap_or(&hit.excerpt);
        let inner = inner.strip_suffix('…').filter(|_| !text.contains(inner)).unwrap_or(inner);
        prop_assert!(text.contains(inner), "{:?} in {:?}", inner, text);
        prop_assert!(hit.excerpt.chars().count() <= EXCERPT_CHARS + 2);
        if text.chars().count() <= EXCERPT_CHARS {
            prop_assert_eq!(&hit.excerpt, text);
        }

        prop_assert!(hit.marks.is_sorted_by_key(|mark| (mark.start, mark.kind)));
        for kind in [MarkKind::Sentence, MarkKind::Word] {
            let marks: Vec<_> = hit.marks.iter().filter(|mark| mark.kind == kind).collect();
            prop_assert!(marks.iter().all(|mark| mark.start < mark.end));
            prop_assert!(marks.windows(2).all(|pair| pair[0].end <= pair[1].start));
            // `from_utf16` in `marked` fails where a surrogate pair is cut.
            let texts = marked(&hit, kind);
            prop_assert!(texts.iter().all(|text| hit.excerpt.contains(text.as_str())));
        }
        prop_assert!(marked(&hit, MarkKind::Sentence).len() <= 1);
    }

    #[test]
    fn every_word_of_three_letters_finds_itself(word in "[a-zäöüñçа-яα-ω]{3,20}", around in "[ .,!?()]{1,3}") {
        let text = format!("{around}{word}{around}");
        prop_assert_eq!(words(&word, &text), [word.clone()]);
        prop_assert_eq!(words(&word.to_uppercase(), &text), [word]);
    }
}
