//! One index and its model: every step is done to both, and then both must be the same.

use std::collections::BTreeMap;

use burrow::fields::FieldValue;
use burrow::fingerprint::Fingerprint;
use burrow::hits::Hit;
use burrow::index::filter::Filter;
use burrow::index::queue::{NewPage, Priority};
use burrow::index::{Outcome, Repaired};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use pollster::block_on;

use crate::random::Random;
use crate::subject::{Place, Subject};
use crate::{oracle, pages};

/// How often each step was taken.
pub(crate) type Tally = BTreeMap<&'static str, usize>;

/// Pages have one of so many tags.
const TAGS: usize = 5;

/// Whether a filter means a page, said plainly.
type Meant = Box<dyn Fn(&EncodedPage) -> bool>;

/// What the index must hold: pages by their addresses.
type Model = BTreeMap<String, EncodedPage>;

pub(crate) struct Round {
    subject: Option<Subject>,
    model: Model,
    /// What waits to be encoded, and how urgent it is.
    waiting: BTreeMap<String, (EncodedPage, Priority)>,
    random: Random,
    dimension: usize,
    /// Addresses that pages are added under.
    urls: usize,
    passages_max: usize,
    versions: u64,
}

impl Round {
    pub(crate) fn new(place: Place, mut random: Random) -> Self {
        let dimension = 8 * (1 + random.below(12));
        let (urls, passages_max) = [(12, 150), (150, 12), (400, 4), (1500, 8)][random.below(4)];
        let (model, digest) = ("tiny".into(), "0123456789abcdef".into());
        let quantizer = Quantizer::MaxAbs;
        let fingerprint = Fingerprint { model, dimension, quantizer, digest };
        let subject = Some(Subject::new(place, fingerprint));
        let (model, waiting) = (Model::new(), BTreeMap::new());
        Round { subject, model, waiting, random, dimension, urls, passages_max, versions: 0 }
    }

    pub(crate) fn describe(&self) -> String {
        let place = self.subject.as_ref().map_or("", |subject| subject.place.name());
        let Round { dimension, urls, passages_max, .. } = self;
        format!(
            "{place}, {dimension} components, {urls} addresses, {passages_max} passages at most"
        )
    }

    /// One step, chosen by chance.
    pub(crate) fn step(&mut self, tally: &mut Tally) {
        let (name, step): (_, fn(&mut Self)) = match self.random.below(1000) {
            0..400 => ("add or replace", Self::add),
            400..430 => ("add unchanged", Self::add_unchanged),
            430..536 => ("remove", Self::remove),
            536..540 => ("remove by filter", Self::remove_where),
            540..690 => ("search", Self::search),
            690..750 => ("search for a word", Self::search_word),
            750..770 => ("enqueue", Self::enqueue),
            770..790 => ("work off the next", Self::work_off),
            790..890 => ("compact, one step", Self::compact),
            890..910 => ("compact, all", Self::compact_all),
            910..930 => ("verify", Self::verify),
            930..935 => ("repair what is whole", Self::repair),
            935..960 => ("restart", Self::restart),
            960..985 => ("stop in a commit", Self::stop_in_a_commit),
            985..990 => ("export and import", Self::export_and_import),
            990..999 => ("catch up", Self::catch_up),
            _ => ("clear", Self::clear),
        };
        *tally.entry(name).or_default() += 1;
        step(self);
        self.assert_same_pages();
        let queued = self.subject().index.queued();
        assert_eq!((queued.waiting, queued.failed), (self.waiting.len(), 0));
    }

    /// What must be true at the end.
    pub(crate) fn finish(mut self) {
        self.verify();
        self.restart();
        self.assert_same_pages();
        self.search();
    }

    fn subject(&mut self) -> &mut Subject {
        self.subject.as_mut().unwrap()
    }

    fn any_url(&mut self) -> String {
        format!("u{}", self.random.below(self.urls))
    }

    /// A page that no other equals.
    fn any_page(&mut self) -> EncodedPage {
        let url = self.any_url();
        self.versions += 1;
        let version = self.versions;
        let count = 1 + self.random.below(self.passages_max);
        let text = |passage| format!("{url} v{version}, passage {passage}. Its second sentence.");
        let texts: Vec<String> = (0..count).map(text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let mut page = pages::page(&url, &texts, self.dimension, version * 1_000_000);
        let tag = FieldValue::Text(format!("t{}", self.random.below(TAGS)));
        page.page.fields.insert("tag", tag).unwrap();
        page.page.time_ms = (!version.is_multiple_of(3)).then_some(version as i64);
        page
    }

    fn add(&mut self) {
        let page = self.any_page();
        let url = page.page.url.clone();
        let outcome = block_on(self.subject().index.commit(page.clone())).unwrap();
        let was_there = self.model.insert(url, page).is_some();
        assert_eq!(outcome, if was_there { Outcome::Replaced } else { Outcome::Added });
    }

    fn add_unchanged(&mut self) {
        let url = self.any_url();
        if let Some(page) = self.model.get(&url).cloned() {
            let outcome = block_on(self.subject().index.commit(page)).unwrap();
            assert_eq!(outcome, Outcome::Unchanged);
        }
    }

    fn remove(&mut self) {
        let url = self.any_url();
        let removed = block_on(self.subject().index.remove(&url)).unwrap();
        assert_eq!(removed, self.model.remove(&url).is_some());
        self.waiting.remove(&url);
    }

    fn remove_where(&mut self) {
        let (filter, is_meant) = self.any_filter();
        let removed = block_on(self.subject().index.remove_where(&filter)).unwrap();
        let before = self.model.len();
        self.model.retain(|_, page| !is_meant(page));
        assert_eq!(removed, before - self.model.len());
    }

    /// A filter, and the same said plainly.
    fn any_filter(&mut self) -> (Filter, Meant) {
        let (json, is_meant): (String, Meant) = match self.random.below(3) {
            0 => {
                let tag = format!("t{}", self.random.below(TAGS));
                let json = format!(r#"{{"tag": "{tag}"}}"#);
                let tag = FieldValue::Text(tag);
                (json, Box::new(move |page| page.page.fields.get("tag") == Some(&tag)))
            }
            1 => {
                let prefix = format!("u{}", 1 + self.random.below(9));
                let json = format!(r#"{{"url": {{"prefix": "{prefix}"}}}}"#);
                (json, Box::new(move |page| page.page.url.starts_with(&prefix)))
            }
            _ => {
                let time = 1 + self.random.below(self.versions as usize + 1) as i64;
                let json = format!(r#"{{"time": {{"lt": {time}}}}}"#);
                (json, Box::new(move |page| page.page.time_ms.is_some_and(|it| it < time)))
            }
        };
        (Filter::from_json(&json).unwrap(), is_meant)
    }

    fn search(&mut self) {
        let vector = pages::vector(self.random.number(), self.dimension);
        let limit = 1 + self.random.below(15);
        let oversampling = 1 + self.random.below(20);
        let exact = self.random.one_in(3);
        let mut options = SearchOptions {
            limit,
            oversampling,
            exact,
            mode: Mode::Semantic,
            ..SearchOptions::default()
        };
        let mut wanted = self.pages_in_order();
        if self.random.one_in(3) {
            let (filter, is_meant) = self.any_filter();
            options.filter = Some(filter);
            wanted.retain(|page| is_meant(page));
        }
        let query = Query { text: "second", vector: Some(&vector) };
        let hits = block_on(self.subject().index.search(query, &options)).unwrap();
        let oversampling = if exact { 1_000_000 } else { oversampling };
        let wanted = oracle::search(&wanted, &vector, limit, oversampling);
        let places = |hit: &Hit| (hit.url.clone(), hit.passage);
        let expected: Vec<_> = wanted.iter().map(|(url, at, _)| (url.clone(), *at)).collect();
        assert_eq!(hits.iter().map(places).collect::<Vec<_>>(), expected, "{options:?}");
        for (hit, (_, _, cosine)) in hits.iter().zip(&wanted) {
            assert!((f64::from(hit.score) - cosine).abs() < 1e-6);
            let page = &self.model[&hit.url].page;
            assert_eq!(hit.excerpt, page.text[page.passages[hit.passage].range.clone()]);
            assert_eq!(hit.title, page.title);
        }
    }

    /// Every page has a word that no other page and no earlier version of it has.
    fn search_word(&mut self) {
        let url = self.any_url();
        let Some(page) = self.model.get(&url) else { return };
        let Some(word) = page.page.text.split([' ', ',']).nth(1).map(str::to_owned) else { return };
        let options = SearchOptions { mode: Mode::Keyword, limit: 2, ..SearchOptions::default() };
        let query = Query { text: &word, vector: None };
        let hits = block_on(self.subject().index.search(query, &options)).unwrap();
        let found: Vec<&String> = hits.iter().map(|hit| &hit.url).collect();
        assert_eq!(found, [&url], "{word}");
        assert!(hits[0].excerpt.contains(&word), "{word} is not in {:?}", hits[0].excerpt);
    }

    fn enqueue(&mut self) {
        let page = match self.random.below(4) {
            0 => self.waiting.values().next().map(|(page, _)| page.clone()),
            1 => self.model.values().next().cloned(),
            _ => Some(self.any_page()),
        };
        let Some(page) = page else { return };
        let url = page.page.url.clone();
        let priority = Priority::ALL[self.random.below(3)];
        let new = NewPage {
            url: url.clone(),
            title: None,
            format: 2,
            content: page.page.text.clone().into_bytes(),
            facts: None,
            hash: page.page.hash,
            priority,
        };
        let enqueued = block_on(self.subject().index.enqueue(vec![new])).unwrap();
        if self.model.get(&url).is_some_and(|there| there.page.hash == page.page.hash) {
            assert_eq!((enqueued.waiting, enqueued.unchanged), (0, 1));
            self.waiting.remove(&url);
            return;
        }
        assert_eq!((enqueued.waiting, enqueued.unchanged), (1, 0));
        let same = self.waiting.get(&url).filter(|(there, _)| there.page.hash == page.page.hash);
        let priority = same.map_or(priority, |(_, there)| priority.min(*there));
        self.waiting.insert(url, (page, priority));
    }

    fn work_off(&mut self) {
        let next = block_on(self.subject().index.peek(None)).unwrap();
        assert_eq!(next.is_none(), self.waiting.is_empty());
        let Some(next) = next else { return };
        let (page, priority) = self.waiting.remove(&next.page.url).unwrap();
        assert_eq!((next.page.hash, next.page.priority), (page.page.hash, priority));
        assert_eq!(next.page.content, page.page.text.as_bytes());
        assert!(self.waiting.values().all(|(_, other)| *other >= priority), "the urgent first");
        let outcome = block_on(self.subject().index.commit_queued(next.key, page.clone())).unwrap();
        let before = self.model.insert(next.page.url, page.clone());
        assert_eq!(
            outcome,
            Some(match before {
                None => Outcome::Added,
                Some(before) if before.page.hash == page.page.hash => Outcome::Unchanged,
                Some(_) => Outcome::Replaced,
            })
        );
    }

    /// In the order in which they were committed: ties go by it.
    fn pages_in_order(&mut self) -> Vec<EncodedPage> {
        let urls: Vec<String> = self.subject().index.pages().into_iter().map(|it| it.url).collect();
        urls.iter().map(|url| self.model[url].clone()).collect()
    }

    fn compact(&mut self) {
        block_on(self.subject().index.compact()).unwrap();
    }

    fn compact_all(&mut self) {
        while block_on(self.subject().index.compact()).unwrap() {}
    }

    fn verify(&mut self) {
        assert_eq!(self.subject().verified(), []);
    }

    fn repair(&mut self) {
        assert_eq!(block_on(self.subject().index.repair()).unwrap(), Repaired::default());
    }

    fn restart(&mut self) {
        self.subject = self.subject.take().map(Subject::reopened);
        assert_eq!(self.subject().index.problems(), []);
    }

    /// The log ends somewhere in the last commit: then it was never made.
    fn stop_in_a_commit(&mut self) {
        let Some(before) = self.subject().log_bytes() else { return };
        if self.random.one_in(2) {
            let page = self.any_page();
            block_on(self.subject().index.commit(page)).unwrap();
        } else {
            let url = self.any_url();
            block_on(self.subject().index.remove(&url)).unwrap();
        }
        let after = self.subject().log_bytes().unwrap_or(before);
        if after == before {
            return;
        }
        let cut = before + self.random.below((after - before) as usize) as u64;
        self.subject = self.subject.take().map(|subject| subject.cut_off(cut));
        let problems = self.subject().index.problems();
        assert!(problems.iter().all(|it| it.message.contains("no whole commit")), "{problems:?}");
        assert_eq!(problems.len(), usize::from(cut > before));
        self.assert_same_pages();
        self.search();
        // The next commit writes over what was left, so that later steps find all whole.
        self.add();
        self.restart();
    }

    fn export_and_import(&mut self) {
        let piece_bytes = 1 + self.random.below(100_000);
        let file = self.subject().exported();
        assert!(self.subject().exported() == file, "equal content gives equal bytes");
        let copy = self.subject().imported(&file, piece_bytes);
        let original = self.subject.replace(copy);
        self.assert_same_pages();
        self.search();
        self.verify();
        assert!(self.subject().exported() == file, "a copy's file is the original's");
        self.subject = original;
    }

    fn catch_up(&mut self) {
        assert!(!block_on(self.subject().index.catch_up()).unwrap(), "nobody else was there");
    }

    /// Seldom: an index grows only between two of these.
    fn clear(&mut self) {
        if !self.random.one_in(10) {
            return;
        }
        block_on(self.subject().index.clear()).unwrap();
        self.subject().bind_again();
        self.model.clear();
        self.waiting.clear();
    }

    fn assert_same_pages(&mut self) {
        let mut found: Vec<(String, String, usize, Option<i64>)> = self
            .subject()
            .index
            .pages()
            .into_iter()
            .map(|info| (info.url, info.title, info.passages, info.time_ms))
            .collect();
        found.sort();
        let expected = self.model.values().map(|encoded| {
            let page = &encoded.page;
            (page.url.clone(), page.title.clone(), page.passages.len(), page.time_ms)
        });
        assert_eq!(found, expected.collect::<Vec<_>>());
        let model: Vec<(&String, [u8; 32])> =
            self.model.iter().map(|(url, page)| (url, page.page.hash)).collect();
        let index = &self.subject.as_ref().unwrap().index;
        assert!(model.iter().all(|(url, hash)| index.find(url) == Some(*hash)));
    }
}
