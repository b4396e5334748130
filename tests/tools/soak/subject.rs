//! The index under test, in memory or in a folder, that can be opened again and cut off.

use burrow::fingerprint::Fingerprint;
use burrow::index::{Importer, Index, Problem};
use burrow::store::{AnyStore, FilesStore, MemoryStore, Store};
use pollster::block_on;
use tempfile::TempDir;

/// Where an index is kept.
pub(crate) enum Place {
    Memory,
    Folder(TempDir),
}

impl Place {
    pub(crate) fn memory() -> Self {
        Place::Memory
    }

    pub(crate) fn folder() -> Self {
        Place::Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Place::Memory => "memory",
            Place::Folder(_) => "files",
        }
    }
}

/// An open index and where it is kept.
pub(crate) struct Subject {
    pub(crate) place: Place,
    pub(crate) index: Index<AnyStore>,
    fingerprint: Fingerprint,
}

impl Subject {
    pub(crate) fn new(place: Place, fingerprint: Fingerprint) -> Self {
        let store = match &place {
            Place::Memory => AnyStore::Memory(MemoryStore::new()),
            Place::Folder(folder) => AnyStore::Files(FilesStore::open(folder.path()).unwrap()),
        };
        let index = opened(store, &fingerprint);
        Subject { place, index, fingerprint }
    }

    /// The same index from its store alone.
    pub(crate) fn reopened(self) -> Self {
        let Subject { place, index, fingerprint } = self;
        let store = match (&place, index.into_store()) {
            (Place::Folder(folder), files) => {
                // Only one may have the folder open.
                drop(files);
                AnyStore::Files(FilesStore::open(folder.path()).unwrap())
            }
            (Place::Memory, store) => store,
        };
        let index = opened(store, &fingerprint);
        Subject { place, index, fingerprint }
    }

    /// How long the log is; nothing where there is none.
    pub(crate) fn log_bytes(&self) -> Option<u64> {
        match &self.place {
            Place::Memory => None,
            Place::Folder(folder) => {
                Some(std::fs::metadata(folder.path().join("burrow.log")).unwrap().len())
            }
        }
    }

    /// As if the machine had stopped when so many bytes of the log were written.
    pub(crate) fn cut_off(self, bytes: u64) -> Self {
        if let Place::Folder(folder) = &self.place {
            let path = folder.path().join("burrow.log");
            let log = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            log.set_len(bytes).unwrap();
        }
        self.reopened()
    }

    pub(crate) fn verified(&mut self) -> Vec<Problem> {
        verified(&mut self.index)
    }

    /// All pages as a file.
    pub(crate) fn exported(&mut self) -> Vec<u8> {
        let mut export = self.index.export_begin().unwrap();
        let mut file = Vec::new();
        while let Some(part) = block_on(self.index.export_next(&mut export)).unwrap() {
            file.extend(part);
        }
        file
    }

    /// A new index in memory from such a file, given in pieces of this length.
    pub(crate) fn imported(&self, file: &[u8], piece_bytes: usize) -> Subject {
        let place = Place::memory();
        let mut copy = Subject::new(place, self.fingerprint.clone());
        let mut importer = Importer::new();
        for piece in file.chunks(piece_bytes) {
            block_on(importer.push(&mut copy.index, piece)).unwrap();
        }
        importer.finish().unwrap();
        copy
    }

    pub(crate) fn bind_again(&mut self) {
        block_on(self.index.bind(&self.fingerprint)).unwrap();
    }
}

fn opened(store: AnyStore, fingerprint: &Fingerprint) -> Index<AnyStore> {
    let mut index = block_on(Index::open(store)).unwrap();
    block_on(index.bind(fingerprint)).unwrap();
    index
}

fn verified<S: Store>(index: &mut Index<S>) -> Vec<Problem> {
    let mut under_way = block_on(index.verify_begin()).unwrap();
    loop {
        if let Some(problems) = block_on(index.verify_next(&mut under_way)).unwrap() {
            return problems;
        }
    }
}
