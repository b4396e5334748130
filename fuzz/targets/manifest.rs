//! Any bytes as a packed model's `burrow.json`, or as the facts of a page.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// What the manifest's file names as `crate::error`.
mod error {
    pub(crate) use burrow::error::{Error, ErrorKind, Result};
}

// The one file, since its module's others need burn, which takes minutes to build.
#[path = "../../src/encoder/manifest.rs"]
#[allow(dead_code, reason = "only what reads is used")]
mod manifest;

fuzz_target!(|input: &[u8]| {
    if let Ok(read) = manifest::Manifest::from_json(input) {
        let written = serde_json::to_vec(&read).expect("what was read can be written");
        let again = manifest::Manifest::from_json(&written).expect("what was written can be read");
        assert_eq!(again, read);
        for (file, facts) in &read.files {
            assert!(read.check(file, facts.bytes, &facts.sha256).is_ok());
            assert!(read.check(file, facts.bytes ^ 1, &facts.sha256).is_err());
        }
    }
    if let Ok(text) = str::from_utf8(input) {
        let _ = burrow::fields::from_json(text);
    }
});
