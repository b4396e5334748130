//! `burrow.json` as it may come from outside. The one file, since the encoder around it needs burn.

/// What the file names as `crate::error`.
mod error {
    pub(crate) use burrow::error::{Error, ErrorKind, Result};
}

#[path = "../src/encoder/manifest.rs"]
#[allow(dead_code, unreachable_pub, reason = "only what reads is used")]
mod manifest;

use error::ErrorKind;
use manifest::Manifest;

#[test]
fn a_golden_vector_must_be_finite() {
    let json = |value| {
        format!(r#"{{"files": {{}}, "goldens": [{{"ids": [1], "vector": [0.5, {value}]}}]}}"#)
    };
    let read = Manifest::from_json(json("-3e38").as_bytes()).unwrap();
    assert_eq!(read.goldens[0].vector, [0.5, -3e38]);
    for value in ["32e38", "-1e300"] {
        let error = Manifest::from_json(json(value).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Model);
        assert!(error.to_string().contains("too large"), "{error}");
    }
}

#[test]
fn what_is_no_manifest_or_a_newer_one_is_refused() {
    let newer = r#"{"files": {}, "packed": {"version": 2, "weights": "q8", "source": ""}}"#;
    for json in ["", "[]", "{}", r#"{"files": {"a": {"bytes": -1, "sha256": ""}}}"#, newer] {
        assert_eq!(Manifest::from_json(json.as_bytes()).unwrap_err().kind(), ErrorKind::Model);
    }
}

#[test]
fn a_file_must_be_the_one_that_is_listed() {
    let json = r#"{"files": {"a": {"bytes": 3, "sha256": "00FF"}}}"#;
    let manifest = Manifest::from_json(json.as_bytes()).unwrap();
    assert!(manifest.check("a", 3, "00ff").is_ok());
    assert!(manifest.check("b", 9, "").is_ok(), "what is not listed is not known");
    for (bytes, sha256) in [(4, "00ff"), (3, "00fe")] {
        assert_eq!(manifest.check("a", bytes, sha256).unwrap_err().kind(), ErrorKind::Model);
    }
}
