//! The rules that a text search can hold: who may name what, and how a file begins.

use std::path::{Path, PathBuf};

/// The files below a folder with one of these endings, generated and fetched ones left out.
fn files(folder: &str, endings: &[&str]) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut waiting = vec![root.join(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if ["node_modules", "dist", "wasm", "target", "data", "pages"].contains(&name.as_str())
            {
                continue;
            }
            if path.is_dir() {
                waiting.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no file in {folder}: the search looks in the wrong place");
    found
}

/// Lines of code that hold one of the words, in files whose path does not start with an allowed one.
fn offenders(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut offenders = Vec::new();
    for (path, text) in files("src", &[".rs"]) {
        let shown = path.to_string_lossy().replace('\\', "/");
        if allowed.iter().any(|allowed| shown.starts_with(allowed)) {
            continue;
        }
        let lines =
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in lines {
            let named = |word: &&str| line.contains(&format!("{word}::"));
            if words.iter().any(named) {
                offenders.push(format!("{shown}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    offenders
}

#[test]
fn only_the_encoder_names_burn() {
    let found = offenders(&["burn", "burn_wgpu", "wgpu", "cubecl"], &["src/encoder"]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_edges_name_javascript() {
    let edges = ["src/web", "src/store/indexeddb", "src/store/webcrypto.rs"];
    let found =
        offenders(&["wasm_bindgen", "wasm_bindgen_futures", "js_sys", "web_sys", "idb"], &edges);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_core_does_no_input_or_output() {
    let edges = ["src/bin", "src/store/files.rs", "src/web", "src/store/indexeddb"];
    let found = offenders(
        &["std::fs", "std::net", "std::time", "std::env", "SystemTime", "Instant"],
        &edges,
    );
    assert!(found.is_empty(), "{found:#?}");
}

/// The clock on the wall may be put back at any moment: what takes time is measured by one that only
/// goes forward, and order comes from numbers.
#[test]
fn nobody_asks_the_clock_on_the_wall() {
    let words = ["Date.now", "new Date()", "SystemTime", "Utc::now"];
    for (folder, ending) in [("src", ".rs"), ("pkg/src", ".ts")] {
        for (path, text) in files(folder, &[ending]) {
            // How long a server asks to wait may be said as a date; there is a longest pause.
            if path.ends_with("pkg/src/answer.ts") {
                continue;
            }
            let named = words.iter().find(|word| text.contains(*word));
            assert!(named.is_none(), "{} names {}", path.display(), named.unwrap_or(&""));
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let openings = ["//!", "/**", "//", "#!", "#", "\"\"\"", "<!"];
    let mut all = files("src", &[".rs"]);
    all.extend(files("tests", &[".rs", ".mjs", ".py"]));
    all.extend(files("pkg/src", &[".ts"]));
    all.extend(files("www", &[".js", ".mjs"]));
    all.extend(files("scripts", &[".sh", ".py"]));
    all.extend(files("fuzz", &[".rs"]));
    for (path, text) in all {
        let opens = openings.iter().any(|opening| text.starts_with(opening));
        assert!(opens, "{} opens with no word on what it is for", path.display());
    }
}

#[test]
fn no_work_is_left_unfinished_and_no_test_is_left_out() {
    // The words are put together here so that this file does not hold them.
    let words = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["todo", "!("],
        ["unimplemented", "!("],
        ["#[ign", "ore"],
        ["test.", "only"],
        [".sk", "ip("],
    ];
    for folder in ["src", "tests", "pkg", "www", "scripts", "fuzz"] {
        for (path, text) in files(folder, &[".rs", ".ts", ".mjs", ".js", ".sh", ".py"]) {
            for word in words.map(|parts| parts.concat()) {
                let found = text.contains(&word) && !text.contains(&format!("iterator{word}"));
                // `Iterator::skip` is no test left out.
                let test_file = path.extension().is_some_and(|ending| ending == "mjs");
                assert!(
                    !found || (word == ".skip(" && !test_file),
                    "{} has {word}",
                    path.display()
                );
            }
        }
    }
}
