//! An exported index says nothing of its history, and comes back as it was; a damaged file is told.

mod pages;

use burrow::ErrorKind;
use burrow::fingerprint::Fingerprint;
use burrow::index::{Imported, Importer, Index, Outcome, format};
use burrow::page::EncodedPage;
use burrow::quantize::Quantizer;
use burrow::search::{Mode, Query, SearchOptions};
use burrow::store::{Change, Commit, FilesStore, HEAD_KEY, MemoryStore, Space, Store};
use pollster::block_on;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

const DIMENSION: usize = 16;

fn fingerprint(digest: &str) -> Fingerprint {
    let (model, quantizer) = ("tiny".into(), Quantizer::MaxAbs);
    Fingerprint { model, dimension: DIMENSION, quantizer, digest: digest.into() }
}

fn empty() -> Index<MemoryStore> {
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    block_on(index.bind(&fingerprint("d"))).unwrap();
    index
}

/// Some have more passages than a block of rows holds.
fn page(number: u64) -> EncodedPage {
    let texts: Vec<String> =
        (0..=number * 23 % 150).map(|n| format!("Part {n} of {number}. It is so.")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    pages::page(&format!("u{number}"), &texts, DIMENSION, number * 1_000_000)
}

fn filled(numbers: impl IntoIterator<Item = u64>) -> Index<MemoryStore> {
    let mut index = empty();
    for number in numbers {
        assert_eq!(block_on(index.commit(page(number))).unwrap(), Outcome::Added);
    }
    index
}

/// The parts of the file.
fn parts<S: Store>(index: &mut Index<S>) -> burrow::Result<Vec<Vec<u8>>> {
    let mut export = index.export_begin()?;
    let mut parts = Vec::new();
    while let Some(part) = block_on(index.export_next(&mut export))? {
        parts.push(part);
    }
    assert_eq!(parts.len(), export.page_count() + 2, "a head, a part for each page, an end");
    Ok(parts)
}

fn exported<S: Store>(index: &mut Index<S>) -> Vec<u8> {
    parts(index).unwrap().concat()
}

fn import<S: Store>(
    index: &mut Index<S>,
    pieces: impl IntoIterator<Item = impl AsRef<[u8]>>,
) -> burrow::Result<Imported> {
    let mut importer = Importer::new();
    for piece in pieces {
        block_on(importer.push(index, piece.as_ref()))?;
    }
    importer.finish()
}

#[test]
fn equal_content_gives_equal_bytes_whatever_the_history() {
    let expected = exported(&mut filled([1, 2, 3, 10]));
    assert_eq!(exported(&mut filled([10, 3, 1, 2])), expected, "the order of adding");

    let mut index = filled([3, 7, 1]);
    let other = pages::page("u2", &["Other."], DIMENSION, 5);
    block_on(index.commit(other)).unwrap();
    for number in [2, 10] {
        block_on(index.commit(page(number))).unwrap();
    }
    assert_ne!(exported(&mut index), expected);
    assert!(block_on(index.remove("u7")).unwrap());
    assert_eq!(exported(&mut index), expected, "pages replaced and removed");

    let folder = tempfile::tempdir().unwrap();
    let mut kept = block_on(Index::open(FilesStore::open(folder.path()).unwrap())).unwrap();
    import(&mut kept, [&expected]).unwrap();
    drop(kept);
    let mut kept = block_on(Index::open(FilesStore::open(folder.path()).unwrap())).unwrap();
    assert_eq!(exported(&mut kept), expected, "imported, and opened again");

    let mut urls: Vec<String> = index.pages().into_iter().map(|page| page.url).collect();
    urls.sort();
    assert_eq!(urls, ["u1", "u10", "u2", "u3"]);
    let found = parts(&mut index).unwrap();
    let in_file: Vec<String> = found[1..found.len() - 1]
        .iter()
        .map(|part| format::from_wire(part).unwrap().page.url)
        .collect();
    assert_eq!(in_file, urls);
}

#[test]
fn an_import_is_found_and_can_be_given_again() {
    let bytes = exported(&mut filled(1..=4));
    let mut index = filled([4]);
    let changed = pages::page("u3", &["Other."], DIMENSION, 5);
    block_on(index.commit(changed)).unwrap();
    let imported = import(&mut index, [&bytes]).unwrap();
    assert_eq!(imported, Imported { pages_total: 4, added: 2, replaced: 1, unchanged: 1 });
    for number in 1..=4u64 {
        let vector = pages::vector(number * 1_000_000, DIMENSION);
        let query = Query { text: "part", vector: Some(&vector) };
        let hits = block_on(
            index
                .search(query, &SearchOptions { mode: Mode::Semantic, ..SearchOptions::default() }),
        )
        .unwrap();
        assert_eq!(hits[0].url, format!("u{number}"));
        assert_eq!(hits[0].excerpt, format!("Part 0 of {number}. It is so."));
    }
    let again = import(&mut index, [&bytes]).unwrap();
    assert_eq!(again, Imported { pages_total: 4, added: 0, replaced: 0, unchanged: 4 });
    assert_eq!(exported(&mut index), bytes);
}

#[test]
fn an_empty_index_is_exported_if_its_model_is_known() {
    let bytes = exported(&mut empty());
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    assert_eq!(index.export_begin().err().unwrap().kind(), ErrorKind::Input);
    assert_eq!(import(&mut index, [&bytes]).unwrap(), Imported::default());
    assert_eq!(index.fingerprint(), Some(&fingerprint("d")));
    assert_eq!(exported(&mut index), bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn pieces_may_end_anywhere(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        numbers in prop::collection::btree_set(0u64..9, 0..5),
    ) {
        let bytes = exported(&mut filled(numbers));
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let pieces = ends.iter().scan(0, |start, &end| {
            Some(&bytes[std::mem::replace(start, end)..end])
        });
        let mut index = empty();
        import(&mut index, pieces).unwrap();
        prop_assert_eq!(exported(&mut index), bytes);
    }

    #[test]
    fn any_page_comes_back(mut page in pages::any_page()) {
        page.page.title = "T".into();
        let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
        block_on(index.bind(&Fingerprint { dimension: page.dimension, ..fingerprint("d") })).unwrap();
        block_on(index.commit(page.clone())).unwrap();
        let found = parts(&mut index).unwrap();
        prop_assert_eq!(format::from_wire(&found[1]).unwrap(), page);
    }
}

#[test]
fn a_file_that_is_cut_off_leaves_whole_pages_and_says_how_many() {
    let found = parts(&mut filled(1..=3)).unwrap();
    let bytes = found.concat();
    let ends: Vec<usize> = found
        .iter()
        .scan(0, |end, part| {
            *end += part.len();
            Some(*end)
        })
        .collect();
    for cut in (0..bytes.len()).step_by(97).chain(ends[..4].iter().copied()) {
        let whole = ends.iter().filter(|&&end| end <= cut).count().saturating_sub(1).min(3);
        let mut index = empty();
        let error = import(&mut index, [&bytes[..cut]]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let told = match cut >= ends[0] {
            true => format!("{whole} of 3 pages were taken in"),
            false => "no page was taken in".to_owned(),
        };
        assert!(error.to_string().contains(&told), "{error}, cut at {cut}");
        assert_eq!(index.page_count(), whole);
        assert!(index.problems().is_empty());
    }
}

#[test]
fn an_altered_byte_never_passes() {
    let bytes = exported(&mut filled([1, 2]));
    for at in (0..bytes.len()).step_by(61).chain(0..64).chain(bytes.len() - 60..bytes.len()) {
        let mut altered = bytes.clone();
        altered[at] ^= 0x20;
        let mut index = empty();
        let error = import(&mut index, [&altered]).unwrap_err();
        assert!(
            [ErrorKind::Corrupt, ErrorKind::Input, ErrorKind::Fingerprint].contains(&error.kind()),
            "byte {at}: {error}"
        );
        assert!(error.to_string().contains("taken in"), "{error}");
        // What was taken in is what had been exported.
        for found in
            parts(&mut index).unwrap()[1..].iter().filter_map(|it| format::from_wire(it).ok())
        {
            assert!([page(1), page(2)].contains(&found));
        }
    }
}

/// A file put together from parts, with an end that fits them.
fn file(head: &[u8], pages: &[&[u8]], count: usize) -> Vec<u8> {
    let mut bytes = [head, &pages.concat()].concat();
    let sha256 = Sha256::digest(&bytes).into();
    bytes.extend(format::export_end_to_bytes(&format::ExportEnd { pages: count, sha256 }).unwrap());
    bytes
}

#[test]
fn a_file_whose_parts_are_not_those_of_one_export_is_refused() {
    let found = parts(&mut filled([1, 2])).unwrap();
    let [head, one, two, end] = found.as_slice() else { panic!("four parts") };
    assert_eq!(file(head, &[one, two], 2), found.concat());
    let cases: [(&str, Vec<u8>, usize); 8] = [
        ("a page is missing", [&head[..], two, end].concat(), 1),
        ("a page is missing, and the end agrees", file(head, &[two], 1), 1),
        ("pages are exchanged", file(head, &[two, one], 2), 1),
        ("a page is there twice", file(head, &[one, one], 2), 1),
        ("a page too many", file(head, &[one, two, two], 3), 2),
        ("two heads", file(head, &[head, one], 1), 0),
        ("no head", file(one, &[two], 2), 0),
        ("two files", [found.concat(), found.concat()].concat(), 2),
    ];
    for (what, bytes, whole) in cases {
        let mut index = empty();
        let error = import(&mut index, [&bytes]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
        assert_eq!(index.page_count(), whole, "{what}: {error}");
    }
    let error = import(&mut empty(), [b"<!doctype html><p>Home, sweet home</p>"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("no exported Burrow index"), "{error}");
}

#[test]
fn another_model_or_a_newer_version_is_refused_before_anything_is_written() {
    let mut bytes = exported(&mut filled([1, 2]));
    let mut index = block_on(Index::open(MemoryStore::new())).unwrap();
    block_on(index.bind(&fingerprint("another"))).unwrap();
    let head = |index: Index<MemoryStore>| {
        block_on(index.into_store().read(&[(Space::Meta, HEAD_KEY)])).unwrap()
    };
    let error = import(&mut index, [&bytes]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fingerprint);
    assert!(error.to_string().contains("no page was taken in"), "{error}");
    let mut untouched = block_on(Index::open(MemoryStore::new())).unwrap();
    block_on(untouched.bind(&fingerprint("another"))).unwrap();
    assert_eq!(head(index), head(untouched));

    // A newer version's header, with checks that fit.
    bytes[4..6].copy_from_slice(&(format::VERSION + 1).to_le_bytes());
    let length = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let check = crc32fast::hash(&[&bytes[..6], &bytes[8..12]].concat());
    bytes[6..8].copy_from_slice(&(check as u16).to_le_bytes());
    let checksum = crc32fast::hash(&[&bytes[..12], &bytes[16..16 + length]].concat());
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    let mut index = empty();
    let error = import(&mut index, [&bytes]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fingerprint);
    assert!(error.to_string().contains("version"), "{error}");
    assert_eq!(index.page_count(), 0);
}

#[test]
fn a_part_without_end_is_refused_before_memory_is_set_aside() {
    let found = parts(&mut filled([1])).unwrap();
    let mut header = found[1][..16].to_vec();
    header[8..12].copy_from_slice(&(u32::MAX - 16).to_le_bytes());
    let check = crc32fast::hash(&[&header[..6], &header[8..12]].concat());
    header[6..8].copy_from_slice(&(check as u16).to_le_bytes());
    let error = import(&mut empty(), [&found[0], &header]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[test]
fn pages_added_meanwhile_are_not_in_the_file_and_pages_lost_meanwhile_end_it() {
    let expected = exported(&mut filled([1, 2, 3]));
    let mut index = filled([1, 2, 3]);
    let mut export = index.export_begin().unwrap();
    let mut bytes = Vec::new();
    for number in 4.. {
        block_on(index.commit(page(number))).unwrap();
        let Some(part) = block_on(index.export_next(&mut export)).unwrap() else { break };
        bytes.extend(part);
    }
    assert_eq!(bytes, expected);

    let replace: fn(&mut Index<MemoryStore>) = |index| {
        block_on(index.commit(pages::page("u2", &["Other."], DIMENSION, 5))).map(drop).unwrap();
    };
    let remove: fn(&mut Index<MemoryStore>) = |index| {
        assert!(block_on(index.remove("u2")).unwrap());
    };
    for change in [replace, remove] {
        let mut index = filled([1, 2, 3]);
        let mut export = index.export_begin().unwrap();
        for _ in 0..2 {
            assert!(block_on(index.export_next(&mut export)).unwrap().is_some());
        }
        change(&mut index);
        let error = block_on(index.export_next(&mut export)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(block_on(index.export_next(&mut export)).unwrap().is_none());
        exported(&mut index);
    }
}

#[test]
fn a_damaged_page_is_named_and_the_next_export_is_without_it() {
    let store = filled([1, 2, 3]).into_store();
    for space in [Space::Pages, Space::Codes, Space::Sentences] {
        for damage in ["gone", "altered", "another's"] {
            let mut store = store.clone();
            let key = format::page_key(1);
            let bytes = match damage {
                "gone" => None,
                "altered" => Some(b"noise".to_vec()),
                _ => block_on(store.read(&[(space, format::page_key(0))])).unwrap().remove(0),
            };
            let change = match bytes {
                Some(bytes) => Change::Put { space, key, bytes },
                None => Change::Delete { space, keys: key..key + 1 },
            };
            let head = block_on(store.read(&[(Space::Meta, HEAD_KEY)])).unwrap().remove(0);
            let commit = block_on(store.commit(head.as_deref(), vec![change])).unwrap();
            assert_eq!(commit, Commit::Done);
            let mut index = block_on(Index::open(store)).unwrap();
            let error = parts(&mut index).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{space:?} {damage}");
            assert!(error.to_string().contains("\"u2\""), "{error}");
            assert_eq!(index.problems().len(), 1);
            assert_eq!(exported(&mut index), exported(&mut filled([1, 3])));
        }
    }
}
