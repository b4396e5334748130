//! The pages of a folder.

use std::path::{Path, PathBuf};

use burrow::blocks::Format;
use burrow::{Error, ErrorKind, Result};

/// The HTML, Markdown and text files of a folder and of all folders in it, in order.
pub(crate) fn pages(folder: &Path) -> Result<Vec<(PathBuf, Format)>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|cause| unreadable(&folder, cause))?;
        for entry in entries {
            let path = entry.map_err(|cause| unreadable(&folder, cause))?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if let Some(format) = format_of(&path) {
                found.push((path, format));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "html" | "htm" | "xhtml" => Some(Format::Html),
        "md" | "markdown" => Some(Format::Markdown),
        "txt" => Some(Format::Text),
        _ => None,
    }
}

pub(crate) fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    let message = format!("{} cannot be read", path.display());
    Error::new(ErrorKind::Input, message).with_source(cause)
}
