//! A store in a database of the browser: one object store a space, records as byte arrays.
//!
//! With `web.rs` the only place that knows JavaScript's values.

mod commit;
mod failure;
mod open;
mod raw;

use std::cell::{Cell, RefCell};

use idb::{Database, Factory, TransactionMode};
use js_sys::{Array, Object, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{Change, Commit, KEY_END, Show, Space, Store, StoreKind};
use crate::error::Result;
use commit::{Refused, request_if_expected};
use failure::{IntoValue, failure};
use open::{database_name, open_database};
use raw::{RawDatabase, RawRange, RawRequest, RawStore, RawTransaction, Thrown, answered, settled};

/// The object store with the key that this device has made, which lies under [`DEVICE_KEY`].
/// Beside the records, so that both are deleted together.
const KEYS: &str = "keys";

const DEVICE_KEY: f64 = 0.0;

/// Records that are taken at a time while others are on their way: each time costs about as much as
/// one record does.
const READ_STEP: usize = 8;

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the browser has handed it to the operating system: a loss of power may undo the last
    /// ones, each as a whole.
    #[default]
    Relaxed,
    /// When it is on the disk.
    Strict,
}

impl Durability {
    /// The name that JavaScript gives it.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Relaxed => "relaxed",
            Durability::Strict => "strict",
        }
    }
}

/// Records in an IndexedDB database. Dropping it closes the database.
pub struct IndexedDbStore {
    database: Database,
    /// The same database.
    raw: RawDatabase,
    durability: Durability,
    /// The names of all spaces.
    names: Array,
    /// The transaction in which everything is read from [`Store::begin_reading`] on, as long as its
    /// answers are what is gone on from. Writers wait for its end.
    reading: RefCell<Option<RawTransaction>>,
    /// Whether there is, or is to be, such a one.
    is_reading: Cell<bool>,
    /// How many transactions that read there were.
    readings: Cell<u64>,
}

impl Drop for IndexedDbStore {
    fn drop(&mut self) {
        self.database.close();
    }
}

impl IndexedDbStore {
    /// Opens, and where needed makes, the database `burrow-<name>`.
    ///
    /// # Errors
    ///
    /// `Storage` where the browser has or gives no IndexedDB, as in some private windows (then a
    /// [`super::MemoryStore`] can stand in), or where another tab blocks a change of version;
    /// `Fingerprint` where a newer version made the database.
    pub async fn open(name: &str, durability: Durability) -> Result<Self> {
        let raw = JsValue::from(open_database(&database_name(name)).await?);
        let database = Database::try_from(raw.clone());
        let database = database.map_err(|error| failure("open", &error.into_value()))?;
        // Another tab that wants to delete or upgrade the database waits for this one to let go.
        // What is asked of the database afterwards fails with `InvalidStateError`.
        let mut database = database;
        database.on_version_change(|event| {
            if let Some(Ok(database)) = event.target().map(Database::try_from) {
                database.close();
            }
        });
        let names = Space::ALL.iter().map(|space| JsValue::from_str(space.name())).collect();
        let (raw, reading) = (raw.unchecked_into(), RefCell::default());
        let (is_reading, readings) = (Cell::default(), Cell::default());
        Ok(IndexedDbStore { database, raw, durability, names, reading, is_reading, readings })
    }

    /// Deletes the database with all that is in it. Other tabs close theirs and are told by their
    /// next call.
    ///
    /// # Errors
    ///
    /// `Storage` where the browser refuses.
    pub async fn delete(name: &str) -> Result<()> {
        let factory = Factory::new().map_err(|error| failure("find", &error.into_value()))?;
        let name = database_name(name);
        let request =
            factory.delete(&name).map_err(|error| failure("delete", &error.into_value()))?;
        request.await.map_err(|error| failure("delete", &error.into_value()))
    }

    /// A transaction that reads.
    fn new_reading(&self) -> Thrown<RawTransaction> {
        self.readings.set(self.readings.get() + 1);
        self.raw.transaction(&self.names, "readonly", &JsValue::UNDEFINED)
    }

    /// Asks in the transaction that has been begun, else in a new one.
    fn ask<T>(&self, ask: impl Fn(&RawTransaction) -> Thrown<T>) -> Thrown<T> {
        let begun = self.reading.take();
        // The first call of one that takes no more throws: nothing was asked in it.
        let (transaction, asked) = match begun.map(|begun| (ask(&begun), begun)) {
            Some((Ok(asked), begun)) => (begun, Ok(asked)),
            _ => {
                let new = self.new_reading()?;
                let asked = ask(&new);
                (new, asked)
            }
        };
        self.reading.replace(self.is_reading.get().then_some(transaction));
        asked
    }

    /// Asks for the values under these keys.
    fn asked(&self, keys: &[(Space, u64)]) -> Thrown<Vec<RawRequest>> {
        self.ask(|transaction| {
            let mut stores: [Option<RawStore>; Space::ALL.len()] = Default::default();
            let mut requests = Vec::with_capacity(keys.len());
            // All are asked before the last is waited for, so that they go in one batch.
            for &(space, key) in keys {
                let store = match &mut stores[space as usize] {
                    Some(store) => store,
                    none => none.insert(transaction.object_store(space.name())?),
                };
                requests.push(store.get(key as f64)?);
            }
            Ok(requests)
        })
    }

    /// Shows the records under these keys, so many at a time.
    async fn read_in_steps(
        &self,
        keys: &[(Space, u64)],
        step: usize,
        show: Show<'_>,
    ) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let fail = |cause: JsValue| failure("read records from", &cause);
        let requests = self.asked(keys).map_err(fail)?;
        for (number, some) in requests.chunks(step).enumerate() {
            if let Some(last) = some.last() {
                answered(last).await.map_err(fail)?;
            }
            for (at, request) in some.iter().enumerate() {
                let value = request.result().map_err(fail)?;
                show(number * step + at, (!value.is_undefined()).then(|| bytes_of(value)))?;
            }
        }
        Ok(())
    }

    /// The keys of a space, from one on.
    async fn all_keys(&self, space: Space, from: u64) -> Thrown<Array> {
        let range = RawRange::lower_bound(from as f64)?;
        let ask = |transaction: &RawTransaction| {
            transaction.object_store(space.name())?.get_all_keys(&range, u32::MAX)
        };
        let keys = self.ask(ask)?;
        answered(&keys).await?;
        Ok(keys.result()?.unchecked_into())
    }

    /// The keys and values of at most `count` records of a space, from a key on.
    async fn some(&self, space: Space, from: u64, count: u32) -> Thrown<(Array, Array)> {
        let range = RawRange::lower_bound(from as f64)?;
        let (keys, values) = self.ask(|transaction| {
            let store = transaction.object_store(space.name())?;
            Ok((store.get_all_keys(&range, count)?, store.get_all(&range, count)?))
        })?;
        answered(&values).await?;
        Ok((keys.result()?.unchecked_into(), values.result()?.unchecked_into()))
    }

    /// A transaction that writes. `idb` cannot say how durable it shall be.
    fn writing(&self, stores: &[&str]) -> Result<RawTransaction> {
        let names: Array = stores.iter().map(|&name| JsValue::from_str(name)).collect();
        let options = Object::new();
        let durability = JsValue::from_str(self.durability.name());
        // A new object takes every property.
        let _ = Reflect::set(&options, &JsValue::from_str("durability"), &durability);
        let fail = |cause: JsValue| failure("begin a transaction in", &cause);
        self.raw.transaction(&names, "readwrite", &options).map_err(fail)
    }

    /// The key that this device has made, if it has.
    pub(super) async fn device_key(&self) -> Result<Option<JsValue>> {
        let fail = |error: idb::Error| failure("read the key from", &error.into_value());
        let transaction = self.database.transaction(&[KEYS], TransactionMode::ReadOnly);
        let store = transaction.map_err(fail)?.object_store(KEYS).map_err(fail)?;
        store.get(JsValue::from_f64(DEVICE_KEY)).map_err(fail)?.await.map_err(fail)
    }

    /// Keeps a key; fails where there is one already.
    pub(super) async fn keep_device_key(&self, key: &JsValue) -> Result<()> {
        let transaction = self.writing(&[KEYS])?;
        let settled = settled(&transaction);
        let asked = transaction.object_store(KEYS).and_then(|store| store.add(key, DEVICE_KEY));
        let end = JsFuture::from(settled).await;
        let cause = match (asked, end) {
            (Ok(_), Ok(_)) => return Ok(()),
            (Err(error), _) => error,
            (_, Err(event)) => transaction.reason().unwrap_or(event),
        };
        Err(failure("keep a key in", &cause))
    }
}

impl Store for IndexedDbStore {
    fn kind(&self) -> StoreKind {
        StoreKind::IndexedDb
    }

    fn damage(&self) -> &[String] {
        &[]
    }

    fn moment(&self) -> Option<u64> {
        Some(self.readings.get())
    }

    fn begin_reading(&self) {
        self.is_reading.set(true);
        self.reading.take();
    }

    fn end_reading(&self) {
        self.is_reading.set(false);
        self.reading.take();
    }

    async fn keys(&self, space: Space, from: u64) -> Result<Vec<u64>> {
        let found = self.all_keys(space, from).await;
        let keys = found.map_err(|cause| failure("read records from", &cause))?;
        Ok(keys.iter().filter_map(|key| number_of(&key)).collect())
    }

    async fn scan(&self, space: Space, from: u64, count: usize) -> Result<Vec<(u64, Vec<u8>)>> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let found = self.some(space, from, count).await;
        let (keys, values) = found.map_err(|cause| failure("read records from", &cause))?;
        let records = keys.iter().zip(values.iter());
        Ok(records.filter_map(|(key, value)| Some((number_of(&key)?, bytes_of(value)))).collect())
    }

    async fn read(&self, keys: &[(Space, u64)]) -> Result<Vec<Option<Vec<u8>>>> {
        let mut records = Vec::with_capacity(keys.len());
        let mut show = |_, record| {
            records.push(record);
            Ok(())
        };
        self.read_in_steps(keys, keys.len(), &mut show).await?;
        Ok(records)
    }

    async fn read_each(&self, keys: &[(Space, u64)], show: Show<'_>) -> Result<()> {
        self.read_in_steps(keys, READ_STEP, show).await
    }

    async fn commit(&mut self, expected: Option<&[u8]>, changes: Vec<Change>) -> Result<Commit> {
        self.commit_each(expected, &mut changes.into_iter().map(Ok)).await
    }

    async fn commit_each(
        &mut self,
        expected: Option<&[u8]>,
        changes: &mut dyn Iterator<Item = Result<Change>>,
    ) -> Result<Commit> {
        let names = Space::ALL.map(Space::name);
        let transaction = self.writing(&names)?;
        let settled = settled(&transaction);
        let asked = request_if_expected(&transaction, expected, changes).await;
        if !matches!(asked, Ok(Commit::Done)) {
            // Else the changes asked for so far would be made. It may have been aborted already,
            // which is all that this call can complain of.
            drop(transaction.abort());
        }
        // Waited for in any case: what is read next is to find it over.
        let end = JsFuture::from(settled).await;
        let cause = match (asked, end) {
            (Ok(Commit::Done), Ok(_)) => return Ok(Commit::Done),
            (Ok(Commit::Conflict), _) => return Ok(Commit::Conflict),
            (Err(Refused::ByMaker(error)), _) => return Err(error),
            (Err(Refused::ByBrowser(error)), Ok(_)) => error,
            (Err(Refused::ByBrowser(error)), _) => transaction.reason().unwrap_or(error),
            (Ok(Commit::Done), Err(event)) => transaction.reason().unwrap_or(event),
        };
        Err(failure("write to", &cause))
    }
}

/// The number that a key is. One that is none is not Burrow's, and its record is passed over; such
/// keys come last.
fn number_of(key: &JsValue) -> Option<u64> {
    let number = key.as_f64().filter(|&key| key >= 0.0 && key < KEY_END as f64);
    number.map(|number| number as u64)
}

/// A record's bytes; none where it is not a byte array, which then fails as every damaged record.
fn bytes_of(value: JsValue) -> Vec<u8> {
    value.dyn_into::<Uint8Array>().map(|bytes| bytes.to_vec()).unwrap_or_default()
}
