//! A store in a folder: a log to which every commit is appended as one checked frame.
//!
//! A frame that the process did not finish writing fails its checksum and is dropped when the log
//! is opened again: a commit is there as a whole or not at all. A log that is mostly of records
//! since replaced is rewritten on opening, beside the old one, and then takes its name.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Change, Commit, HEAD_KEY, Space, Store, StoreKind};
use crate::error::{Error, ErrorKind, Result};
use crate::index::format::{self, FRAME_HEADER_BYTES, FramePart};

/// The commits.
const LOG: &str = "burrow.log";

/// The log while it is rewritten.
const NEW_LOG: &str = "burrow.log.new";

/// Held by the one process that has the folder open.
const LOCK: &str = "burrow.lock";

/// A log is not rewritten for less than this.
const WASTE_BYTES_MIN: u64 = 1024 * 1024;

/// A log is searched through in pieces of so many bytes.
const PIECE_BYTES: u64 = 1024 * 1024;

/// What a place in the log holds.
enum Found {
    /// As many bytes as its header announces.
    Frame(Vec<u8>),
    /// The beginning of a frame; the log ends before it.
    Unfinished,
    /// No header of a frame.
    Other,
}

/// Where in the log a record's bytes lie.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u64,
    length: usize,
}

/// Records in a folder, for one process at a time.
#[derive(Debug)]
pub struct FilesStore {
    folder: PathBuf,
    log: File,
    /// The end of the last whole frame: the next is written here.
    end: u64,
    records: BTreeMap<(Space, u64), Place>,
    damage: Vec<String>,
    /// Set when it is no longer known what the log holds.
    lost: bool,
    /// Dropped last, and with it the lock.
    _lock: File,
}

impl FilesStore {
    /// Opens the store in a folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// `Storage` where the folder cannot be used or another process has it open; `Fingerprint`
    /// where a newer version has written it.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref().to_owned();
        let fail = |doing: &str, cause| failure(&folder, doing, cause);
        fs::create_dir_all(&folder).map_err(|cause| fail("make the folder", cause))?;
        let lock = lock(&folder)?;
        let log = open_log(&folder.join(LOG)).map_err(|cause| fail("open the log", cause))?;
        sync_folder(&folder).map_err(|cause| fail("keep the log's name", cause))?;
        let (records, damage) = (BTreeMap::new(), Vec::new());
        let mut store =
            FilesStore { folder, log, end: 0, records, damage, lost: false, _lock: lock };
        store.read_log()?;
        store.rewrite_if_wasteful()?;
        Ok(store)
    }

    fn failure(&self, doing: &str, cause: io::Error) -> Error {
        failure(&self.folder, doing, cause)
    }

    /// Takes up every whole frame.
    fn read_log(&mut self) -> Result<()> {
        let folder = self.folder.clone();
        let read = |cause| failure(&folder, "read the log", cause);
        let length = self.log.metadata().map_err(read)?.len();
        let mut start = 0;
        while start < length {
            let next = match self.frame_at(start, length).map_err(read)? {
                Found::Frame(frame) => {
                    let next = start + frame.len() as u64;
                    if let Some(parts) = whole(format::frame_parts(&frame))? {
                        self.take_up(start, parts);
                        (start, self.end) = (next, next);
                        continue;
                    }
                    next
                }
                Found::Unfinished => length,
                Found::Other => self.next_frame(start + 1, length).map_err(read)?,
            };
            self.tell_damage(start, next, length);
            start = next;
        }
        Ok(())
    }

    /// What begins here.
    fn frame_at(&mut self, start: u64, length: u64) -> io::Result<Found> {
        let left = length - start;
        if left < FRAME_HEADER_BYTES as u64 {
            return Ok(Found::Unfinished);
        }
        let mut header = [0; FRAME_HEADER_BYTES];
        self.log.seek(SeekFrom::Start(start))?;
        self.log.read_exact(&mut header)?;
        Ok(match format::frame_length(&header) {
            Some(frame) if frame <= left => {
                let mut bytes = header.to_vec();
                (&self.log).take(frame - header.len() as u64).read_to_end(&mut bytes)?;
                Found::Frame(bytes)
            }
            Some(_) => Found::Unfinished,
            None => Found::Other,
        })
    }

    /// Where after a damaged header the next frame begins; the log's length if none does.
    fn next_frame(&mut self, from: u64, length: u64) -> io::Result<u64> {
        let mut start = from;
        while start < length {
            self.log.seek(SeekFrom::Start(start))?;
            let mut piece = Vec::new();
            (&self.log).take(PIECE_BYTES).read_to_end(&mut piece)?;
            if let Some(at) = format::find_frame(&piece) {
                return Ok(start + at as u64);
            }
            if (piece.len() as u64) < PIECE_BYTES {
                break;
            }
            // A header may lie across the end of this piece.
            start += PIECE_BYTES - FRAME_HEADER_BYTES as u64;
        }
        Ok(length)
    }

    fn tell_damage(&mut self, start: u64, next: u64, length: u64) {
        let bytes = next - start;
        self.damage.push(if next == length {
            format!(
                "the last {bytes} bytes of the log are no whole commit and are left out: most \
                 likely the writer was ended before it had finished"
            )
        } else {
            format!(
                "{bytes} bytes of the log, at {start}, are damaged: what was committed there is \
                 lost, and pages may be missing or be as they were before; add them again"
            )
        });
    }

    /// Notes where the records of a frame lie.
    fn take_up(&mut self, start: u64, parts: Vec<FramePart>) {
        for part in parts {
            match part {
                FramePart::Put { space, key, bytes } => {
                    let place = Place { start: start + bytes.start as u64, length: bytes.len() };
                    self.records.insert((space, key), place);
                }
                FramePart::Delete { space, keys } if keys.start < keys.end => {
                    let range = (space, keys.start)..(space, keys.end);
                    let gone: Vec<_> = self.records.range(range).map(|(&key, _)| key).collect();
                    for key in gone {
                        self.records.remove(&key);
                    }
                }
                FramePart::Delete { .. } => {}
            }
        }
    }

    fn record(&self, place: Place) -> io::Result<Vec<u8>> {
        let mut log = &self.log;
        log.seek(SeekFrom::Start(place.start))?;
        let mut bytes = vec![0; place.length];
        log.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Appends a frame and waits until the disk has it.
    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.log.seek(SeekFrom::Start(self.end))?;
        self.log.write_all(frame)?;
        // What an unfinished write has left behind the frame must not be taken for one.
        self.log.set_len(self.end + frame.len() as u64)?;
        self.log.sync_data()
    }

    /// Takes back what a failed write has left; if that fails too, the log must be read anew.
    fn take_back(&mut self) {
        let undone = self.log.set_len(self.end).and_then(|()| self.log.sync_data());
        self.lost = undone.is_err();
    }

    fn rewrite_if_wasteful(&mut self) -> Result<()> {
        let live: u64 = self.records.values().map(|place| place.length as u64).sum();
        // A damaged log is kept as it is: something might still be got out of it.
        if !self.damage.is_empty() || self.end < live * 2 + WASTE_BYTES_MIN {
            return Ok(());
        }
        self.rewrite().map_err(|cause| self.failure("rewrite the log", cause))?;
        self.records.clear();
        self.end = 0;
        self.read_log()
    }

    /// Writes every record, each in a frame of its own, to a new log that then takes the old
    /// one's name. Until that moment the old one is whole.
    fn rewrite(&mut self) -> io::Result<()> {
        let path = self.folder.join(NEW_LOG);
        let mut writer = BufWriter::new(File::create(&path)?);
        for (&(space, key), &place) in &self.records {
            let change = Change::Put { space, key, bytes: self.record(place)? };
            writer.write_all(&format::frame(&[change]).map_err(io::Error::other)?)?;
        }
        writer.into_inner()?.sync_all()?;
        fs::rename(&path, self.folder.join(LOG))?;
        sync_folder(&self.folder)?;
        self.log = open_log(&self.folder.join(LOG))?;
        Ok(())
    }
}

impl Store for FilesStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Files
    }

    fn damage(&self) -> &[String] {
        &self.damage
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        let records = self.records.range((space, from)..=(space, u64::MAX));
        Ok(records.map(|(&(_, key), _)| key).collect())
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let records = self.records.range((space, from)..=(space, u64::MAX)).take(count);
        let read = |(&(_, key), &place): (&(Space, u64), &Place)| Ok((key, self.record(place)?));
        let records: io::Result<Vec<_>> = records.map(read).collect();
        records.map_err(|cause| self.failure("read a record", cause))
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        let read = |key| self.records.get(key).map(|&place| self.record(place)).transpose();
        let records: io::Result<Vec<_>> = keys.iter().map(read).collect();
        records.map_err(|cause| self.failure("read a record", cause))
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        if self.lost {
            let message =
                format!("{}: a write failed: open the index again", self.folder.display());
            return Err(Error::new(ErrorKind::Storage, message));
        }
        let head = self.read(&[(Space::Meta, HEAD_KEY)]).await?;
        if head.first().and_then(Option::as_deref) != expected {
            return Ok(Commit::Conflict);
        }
        let frame = format::frame(&changes)?;
        let parts = format::frame_parts(&frame)?;
        if let Err(cause) = self.append(&frame) {
            self.take_back();
            return Err(self.failure("write a commit", cause));
        }
        self.take_up(self.end, parts);
        self.end += frame.len() as u64;
        Ok(Commit::Done)
    }
}

/// Damage is passed over; every other error ends the opening.
fn whole<T>(read: Result<T>) -> Result<Option<T>> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
        Err(error) => Err(error),
    }
}

fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Makes this the only process that has the folder open.
fn lock(folder: &Path) -> Result<File> {
    let file = open_log(&folder.join(LOCK)).map_err(|cause| failure(folder, "lock it", cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message =
                format!("{}: another process has the index open: end it first", folder.display());
            Err(Error::new(ErrorKind::Storage, message))
        }
        Err(TryLockError::Error(cause)) => Err(failure(folder, "lock it", cause)),
    }
}

/// A file's name is kept through a loss of power only when its folder is synced, too.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn failure(folder: &Path, doing: &str, cause: io::Error) -> Error {
    let full = matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    let (kind, advice) = if full {
        (ErrorKind::StorageFull, "free some space; nothing that was committed is lost")
    } else {
        (ErrorKind::Storage, "see that the folder can be read and written")
    };
    let message = format!("{}: could not {doing}: {advice}", folder.display());
    Error::new(kind, message).with_source(cause)
}
