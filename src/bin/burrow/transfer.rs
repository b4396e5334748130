//! An index as one file: written, and taken in again. No model is needed for it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use burrow::index::{Importer, Index};
use burrow::store::FilesStore;
use burrow::{Error, ErrorKind, Result};
use pollster::block_on;

/// A file is read in pieces of so many bytes; the pages of one are committed together.
const PIECE_BYTES: usize = 1024 * 1024;

/// Writes all pages of an index to a file, which has its name only when it is whole.
pub(crate) fn export(at: &Path, file: &Path) -> Result<()> {
    if !at.is_dir() {
        let message = format!("there is no index at {}: make one with burrow index", at.display());
        return Err(Error::new(ErrorKind::Input, message));
    }
    let mut index = open(at)?;
    let mut part_name = file.as_os_str().to_owned();
    part_name.push(".part");
    let unfinished = Path::new(&part_name);
    let written = write(&mut index, unfinished).and_then(|pages| {
        fs::rename(unfinished, file).map_err(|cause| failure("name", file, cause))?;
        Ok(pages)
    });
    if written.is_err() {
        // The failure itself is what is told; that nothing is left is only tidy.
        let _ = fs::remove_file(unfinished);
    }
    println!("{} pages exported to {}", written?, file.display());
    Ok(())
}

fn write(index: &mut Index<FilesStore>, path: &Path) -> Result<usize> {
    let mut export = index.export_begin()?;
    let fail = |cause| failure("write", path, cause);
    let mut writer = BufWriter::new(File::create(path).map_err(fail)?);
    while let Some(part) = block_on(index.export_next(&mut export))? {
        writer.write_all(&part).map_err(fail)?;
    }
    let file = writer.into_inner().map_err(|error| fail(error.into_error()))?;
    file.sync_all().map_err(fail)?;
    Ok(export.page_count())
}

/// Takes an exported file into an index, which is made where it is absent.
pub(crate) fn import(at: &Path, file: &Path) -> Result<()> {
    let fail = |cause| failure("read", file, cause);
    let mut reader = File::open(file).map_err(fail)?;
    let mut index = open(at)?;
    let mut importer = Importer::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = match reader.read(&mut piece) {
            Ok(count) => count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(fail(cause)),
        };
        if count == 0 {
            break;
        }
        block_on(importer.push(&mut index, &piece[..count]))?;
    }
    let done = importer.finish()?;
    println!(
        "{} pages imported: {} added, {} replaced, {} unchanged",
        done.pages(),
        done.added,
        done.replaced,
        done.unchanged
    );
    Ok(())
}

fn open(at: &Path) -> Result<Index<FilesStore>> {
    let index = block_on(Index::open(FilesStore::open(at)?))?;
    for problem in index.problems() {
        eprintln!("left out: {problem}");
    }
    Ok(index)
}

fn failure(doing: &str, file: &Path, cause: io::Error) -> Error {
    let message = format!("could not {doing} {}", file.display());
    Error::new(ErrorKind::Input, message).with_source(cause)
}
