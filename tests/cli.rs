//! The command line: pack, verify and embed, as a person calls them.
#![cfg(feature = "cli")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn burrow(arguments: &[&str], input: &str) -> Output {
    use std::io::Write;
    let mut child = Command::new(env!("CARGO_BIN_EXE_burrow"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails early does not read what it is given.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a command says where it fails.
fn complaint(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn model(shape: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny-qwen3").join(shape)
}

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn documents_of_chunks_are_those_of_the_reference() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reference");
    let json = std::fs::read(folder.join("tiny-qwen3-context.json")).unwrap();
    let reference: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let documents = reference["documents"].as_array().unwrap();
    let chunks: Vec<&serde_json::Value> = documents.iter().map(|one| &one["chunks"]).collect();
    let input = serde_json::to_string(&chunks).unwrap();
    let path = model("context");
    let arguments =
        ["embed", "--model", path.to_str().unwrap(), "--device", "cpu", "--context", "--f32"];
    let found = lines(&stdout(&burrow(&arguments, &input)));
    let expected = documents.iter().enumerate().flat_map(|(at, document)| {
        let count = document["chunks"].as_array().unwrap().len();
        (0..count).map(move |chunk| (at, chunk, document))
    });
    let mut checked = 0;
    for (line, (at, chunk, document)) in found.iter().zip(expected) {
        assert_eq!((&line["document"], &line["chunk"]), (&at.into(), &chunk.into()));
        assert_eq!(line["text"], document["chunks"][chunk]);
        assert_eq!(line["bits"], document["bits"][chunk]);
        let codes = line["int8"].as_array().unwrap().iter();
        for (found, expected) in codes.zip(document["int8"][chunk].as_array().unwrap()) {
            assert!((found.as_i64().unwrap() - expected.as_i64().unwrap()).abs() <= 1);
        }
        assert_eq!(line["f32"].as_array().unwrap().len(), 64);
        checked += 1;
    }
    assert_eq!(checked, found.len());
    assert!(checked >= 40);
}

#[test]
fn a_model_is_packed_verified_and_gives_nearly_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("packed");
    let (source, target) = (model("gqa"), target.to_str().unwrap());
    let source = source.to_str().unwrap();
    let packed = stdout(&burrow(&["pack", source, target, "--shard-kib", "64"], ""));
    assert!(packed.contains("q8") && packed.contains("cosine 0.99"), "{packed}");
    assert!(!folder.path().join("packed.partial").exists());
    let verified = stdout(&burrow(&["verify", target], ""));
    assert!(verified.contains("all 3 golden vectors agree"), "{verified}");
    // What is there is not written over, and what fails leaves nothing behind.
    assert!(complaint(&burrow(&["pack", source, target], "")).contains("is there already"));
    let again = folder.path().join("again");
    let again = again.to_str().unwrap();
    let said = complaint(&burrow(&["pack", target, again, "--weights", "q4"], ""));
    assert!(said.contains("already"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let embed = |model: &str| {
        lines(&stdout(&burrow(&["embed", "--model", model, "--device", "cpu"], "a river\n\nice\n")))
    };
    let (exact, near) = (embed(source), embed(target));
    assert_eq!((exact.len(), near.len()), (2, 2));
    assert_eq!(exact[0]["text"], "a river");
    assert!(exact[0].get("f32").is_none());
}

#[test]
fn what_is_wrong_is_said() {
    let path = model("gqa");
    let path = path.to_str().unwrap();
    let said = complaint(&burrow(&["embed", "--model", path, "--context"], "[\"no array\"]"));
    assert!(said.contains("array of documents"), "{said}");
    let said = complaint(&burrow(&["verify", "/nowhere"], ""));
    assert!(said.contains("config.json"), "{said}");
    // Nothing is published for such a model, and it has no goldens of its own.
    let said = complaint(&burrow(&["verify", path], ""));
    assert!(said.contains("nothing to compare"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("packed");
    stdout(&burrow(&["pack", path, target.to_str().unwrap()], ""));
    let shard = target.join("shard-00001.safetensors");
    let mut bytes = std::fs::read(&shard).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&shard, bytes).unwrap();
    let said = complaint(&burrow(&["verify", target.to_str().unwrap()], ""));
    assert!(said.contains("shard-00001.safetensors") && said.contains("SHA-256"), "{said}");
}

#[test]
fn pages_are_indexed_and_found_with_every_kind_of_model() {
    for shape in ["gqa", "context", "causal"] {
        let folder = tempfile::tempdir().unwrap();
        let pages = folder.path().join("pages");
        std::fs::create_dir(&pages).unwrap();
        std::fs::write(pages.join("a.txt"), "Green leaves catch sunlight. They make sugar of it.")
            .unwrap();
        let (path, index) = (model(shape), folder.path().join("index"));
        let (path, index) = (path.to_str().unwrap(), index.to_str().unwrap());
        let model = ["--model", path, "--device", "cpu", "--index", index];
        stdout(&burrow(&[&["index"], &model[..], &[pages.to_str().unwrap()]].concat(), ""));
        let found = stdout(&burrow(&[&["search"], &model[..], &["sugar"]].concat(), ""));
        assert!(found.contains("a.txt"), "{shape}: {found}");
    }
}

#[test]
fn an_index_goes_into_a_file_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("pages")).unwrap();
    std::fs::write(path("pages/a.txt"), "Green leaves catch sunlight.").unwrap();
    let model = model("gqa");
    let model = ["--model", model.to_str().unwrap(), "--device", "cpu", "--index"];
    stdout(&burrow(
        &[&["index"], &model[..], &[path("one").as_str(), path("pages").as_str()]].concat(),
        "",
    ));
    let run = |what, index, file| burrow(&[what, "--index", &path(index), &path(file)], "");
    assert!(stdout(&run("export", "one", "a.burrow")).contains("1 pages exported"));
    assert!(stdout(&run("import", "two", "a.burrow")).contains("1 added"));
    stdout(&run("export", "two", "b.burrow"));
    let file = std::fs::read(path("a.burrow")).unwrap();
    assert_eq!(file, std::fs::read(path("b.burrow")).unwrap());
    let found =
        stdout(&burrow(&[&["search"], &model[..], &[path("two").as_str(), "sugar"]].concat(), ""));
    assert!(found.contains("a.txt"), "{found}");

    assert!(complaint(&run("export", "none", "c.burrow")).contains("there is no index"));
    std::fs::write(path("cut.burrow"), &file[..file.len() - 9]).unwrap();
    assert!(
        complaint(&run("import", "three", "cut.burrow")).contains("1 of 1 pages were taken in")
    );
}
