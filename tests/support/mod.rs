//! Where the tests find what is not in the repository, and how they say that it is not there.
#![allow(dead_code, reason = "each test file uses its own part of this module")]

use std::path::PathBuf;

/// A file or folder of the shared real data: `$BURROW_DATA/path`, by default `../shared/data/path`.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    present("BURROW_DATA", "../shared/data", path)
}

/// A file of the real model: `$BURROW_MODEL/path`.
pub(crate) fn model(path: &str) -> Option<PathBuf> {
    let cache = std::env::var("HOME").unwrap_or_default();
    present("BURROW_MODEL", &format!("{cache}/.cache/burrow/models/all-MiniLM-L6-v2"), path)
}

fn present(variable: &str, default: &str, path: &str) -> Option<PathBuf> {
    let folder = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
    let found = PathBuf::from(folder).join(path);
    if found.exists() {
        return Some(found);
    }
    println!("skipped: {variable} has no {path}");
    None
}
