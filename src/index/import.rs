//! An exported index, read in pieces as they come and committed some pages at a time.

use sha2::{Digest, Sha256};

use super::format::{self, ExportPart};
use super::{Index, Outcome, check_fits, is_batch};
use crate::error::{Error, ErrorKind, Result};
use crate::page::{EncodedPage, hash_in_pieces};
use crate::store::Store;

/// The longest page that is taken in. Pages that Burrow makes are shorter by far; without a bound
/// a file could announce one for which there is no memory.
pub const PAGE_BYTES_MAX: u64 = 1 << 30;

/// What of a file comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Head,
    Pages,
    Nothing,
}

/// What an import has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Pages that the file has; 0 until its beginning was read.
    pub pages_total: usize,
    /// Pages that were new.
    pub added: usize,
    /// Pages that took the place of what was under their addresses.
    pub replaced: usize,
    /// Pages that were there already.
    pub unchanged: usize,
}

impl Imported {
    /// Pages taken in so far.
    pub fn pages(&self) -> usize {
        self.added + self.replaced + self.unchanged
    }
}

/// Reads an exported index in pieces of any length, and commits the pages that have come as a whole
/// with each piece, together: larger pieces are taken in quicker.
///
/// What is wrong with the file ends the import; the pages before that stay. The same file can be
/// given again: pages that are there already cost little.
pub struct Importer {
    /// The beginning of the part that has not yet come as a whole.
    part: Vec<u8>,
    hasher: Sha256,
    last_url: Option<String>,
    /// Pages that are yet to be committed; none between two pieces.
    pages: Vec<EncodedPage>,
    imported: Imported,
    next: Next,
}

impl Default for Importer {
    fn default() -> Self {
        Self::new()
    }
}

impl Importer {
    /// Nothing has been read yet.
    pub fn new() -> Self {
        Importer {
            part: Vec::new(),
            hasher: Sha256::new(),
            last_url: None,
            pages: Vec::new(),
            imported: Imported::default(),
            next: Next::Head,
        }
    }

    /// Takes in the next bytes of the file, and says how far it has come.
    ///
    /// # Errors
    ///
    /// `Input` where it is no exported index, `Corrupt` where it is damaged, `Fingerprint` where it
    /// was made with another model or by a newer version (then nothing was written), `Limit` where
    /// a page is too long, and all of [`Index::commit`]. The message says how many pages were
    /// taken in.
    pub async fn push<S: Store>(&mut self, index: &mut Index<S>, bytes: &[u8]) -> Result<Imported> {
        let read = self.take_all(index, bytes).await;
        // Also where what follows is damaged: the pages before that stay.
        let stored = self.store_pages(index).await;
        read.and(stored).map_err(|error| self.told(error))?;
        Ok(self.imported)
    }

    /// Takes every part that has come as a whole.
    async fn take_all<S: Store>(&mut self, index: &mut Index<S>, mut bytes: &[u8]) -> Result<()> {
        while let Some(kind) = self.fill(&mut bytes)? {
            let part = std::mem::take(&mut self.part);
            self.take(index, kind, &part).await?;
        }
        Ok(())
    }

    /// Says what was done, if the file has come to its end.
    ///
    /// # Errors
    ///
    /// `Corrupt` where it was cut off.
    pub fn finish(self) -> Result<Imported> {
        match self.next {
            Next::Nothing => Ok(self.imported),
            Next::Head | Next::Pages => {
                let message = "the file ends before the exported index does: it was cut off";
                Err(self.told(Error::new(ErrorKind::Corrupt, message)))
            }
        }
    }

    /// Moves bytes into the part until it is whole: then says what it is.
    fn fill(&mut self, bytes: &mut &[u8]) -> Result<Option<ExportPart>> {
        if self.next == Next::Nothing && !bytes.is_empty() {
            return Err(Error::new(ErrorKind::Corrupt, "the file goes on after its end"));
        }
        self.move_up_to(format::EXPORT_HEADER_BYTES, bytes)?;
        let Some(header) = self.part.first_chunk() else { return Ok(None) };
        let Some((kind, length)) = format::export_part(header) else {
            return Err(match self.next {
                Next::Head => Error::new(ErrorKind::Input, "the file is no exported Burrow index"),
                _ => Error::new(ErrorKind::Corrupt, "the file is damaged: export it again"),
            });
        };
        if length > PAGE_BYTES_MAX {
            let message = format!(
                "a part of the file has {length} bytes: at most {PAGE_BYTES_MAX} are taken in"
            );
            return Err(Error::new(ErrorKind::Limit, message));
        }
        // At most 2^30, so it fits also where numbers have 32 bits.
        let length = length as usize;
        self.move_up_to(length, bytes)?;
        Ok((self.part.len() == length).then_some(kind))
    }

    fn move_up_to(&mut self, length: usize, bytes: &mut &[u8]) -> Result<()> {
        let count = length.saturating_sub(self.part.len()).min(bytes.len());
        let (now, later) = bytes.split_at(count);
        self.part.try_reserve(count).map_err(|cause| {
            Error::new(ErrorKind::Limit, "a page is too long for the memory").with_source(cause)
        })?;
        self.part.extend(now);
        *bytes = later;
        Ok(())
    }

    async fn take<S: Store>(
        &mut self,
        index: &mut Index<S>,
        kind: ExportPart,
        part: &[u8],
    ) -> Result<()> {
        match (self.next, kind) {
            (Next::Head, ExportPart::Head) => {
                let head = format::export_head_from_bytes(part)?;
                index.bind(&head.fingerprint).await?;
                self.imported.pages_total = head.pages;
                self.next = Next::Pages;
            }
            (Next::Pages, ExportPart::Page) => {
                self.take_page(index, part)?;
                if is_batch(&self.pages) {
                    self.store_pages(index).await?;
                }
            }
            (Next::Pages, ExportPart::End) => {
                self.store_pages(index).await?;
                let end = format::export_end_from_bytes(part)?;
                let sha256: [u8; 32] = self.hasher.clone().finalize().into();
                if sha256 != end.sha256 || !self.has_pages(end.pages) {
                    return Err(not_one_export());
                }
                self.next = Next::Nothing;
            }
            _ => return Err(not_one_export()),
        }
        hash_in_pieces(&mut self.hasher, part);
        Ok(())
    }

    fn take_page<S: Store>(&mut self, index: &Index<S>, part: &[u8]) -> Result<()> {
        let encoded = format::from_wire(part)?;
        check_fits(&encoded, index.bound()?.dimension)?;
        let url = encoded.page.url.clone();
        let is_next = self.last_url.as_ref().is_none_or(|last| *last < url);
        if !is_next || self.imported.pages() + self.pages.len() >= self.imported.pages_total {
            return Err(not_one_export());
        }
        self.last_url = Some(url);
        self.pages.push(encoded);
        Ok(())
    }

    /// Commits the pages that have come.
    async fn store_pages<S: Store>(&mut self, index: &mut Index<S>) -> Result<()> {
        let pages = std::mem::take(&mut self.pages);
        if pages.is_empty() {
            return Ok(());
        }
        for outcome in index.commit_all(&pages).await? {
            *match outcome {
                Outcome::Added => &mut self.imported.added,
                Outcome::Replaced => &mut self.imported.replaced,
                Outcome::Unchanged => &mut self.imported.unchanged,
            } += 1;
        }
        Ok(())
    }

    fn has_pages(&self, count: usize) -> bool {
        self.imported.pages() == count && self.imported.pages_total == count
    }

    /// The same failure, with how many pages have been taken in.
    fn told(&self, error: Error) -> Error {
        let Imported { pages_total, .. } = self.imported;
        let taken = self.imported.pages();
        let message = match pages_total {
            0 => format!("{error}; no page was taken in"),
            _ => format!("{error}; {taken} of {pages_total} pages were taken in and stay"),
        };
        Error::new(error.kind(), message)
    }
}

fn not_one_export() -> Error {
    let message = "the file was altered: its parts are not those of one export; export it again";
    Error::new(ErrorKind::Corrupt, message)
}
