//! How all records of a space are read: the keys, then some records at a time, the next ones already
//! on their way.

use std::collections::VecDeque;

use super::format;
use crate::begun::Begun;
use crate::error::Result;
use crate::store::{Space, Store};

/// Records read at once at first and at least.
const STEP_RECORDS: usize = 32;

/// Later, as many as have so many bytes together, if they are as those before: enough that a
/// database is not asked often, few enough that what is read and not yet unpacked stays small.
const STEP_BYTES: usize = 1024 * 1024;

/// And no more than this.
const STEP_RECORDS_MAX: usize = 4096;

/// Steps on their way while one is shown, so that the database need not wait to be asked. Not all of
/// them: asked for thousands of records at once, Chromium may stand still for seconds.
const STEPS_AHEAD: usize = 2;

/// Records that are larger on average are asked for one by one: Chromium takes three times as long
/// for a list of records of 32 KiB as for each alone, and a fifth of the time for one of 100 bytes.
const LISTED_BYTES_MAX: usize = 6 * 1024;

/// Some records with their keys.
type Step = Vec<(u64, Vec<u8>)>;

/// The keys of a space, asked for.
pub(super) struct Strides<'a, S> {
    store: &'a S,
    space: Space,
    keys: Begun<'a, Vec<u64>>,
}

/// The records of a space, the first of which are asked for.
pub(super) struct Records<'a, S> {
    store: &'a S,
    space: Space,
    /// Those that have not been asked for begin here.
    next: usize,
    keys: Vec<u64>,
    /// Of one record, on average, of the last that were shown.
    bytes: Option<usize>,
    steps: VecDeque<Begun<'a, Step>>,
}

impl<'a, S: Store> Strides<'a, S> {
    /// Asks for the keys from one on.
    pub(super) async fn begin(store: &'a S, space: Space, from: u64) -> Self {
        Strides { store, space, keys: Begun::new(store.keys(space, from)).await }
    }

    /// Asks for the first records, as soon as the keys are there.
    pub(super) async fn records(self) -> Result<Records<'a, S>> {
        let Strides { store, space, keys } = self;
        let (keys, steps) = (keys.end().await?, VecDeque::new());
        let mut records = Records { store, space, next: 0, keys, bytes: None, steps };
        for _ in 0..STEPS_AHEAD {
            records.ask().await;
        }
        Ok(records)
    }
}

impl<'a, S: Store> Records<'a, S> {
    /// Shows every record with its key.
    pub(super) async fn show(
        mut self,
        mut show: impl FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        while let Some(step) = self.steps.pop_front() {
            let records = step.end().await?;
            let bytes: usize = records.iter().map(|(_, bytes)| bytes.len()).sum();
            self.bytes = Some(bytes / records.len().max(1));
            self.ask().await;
            for (key, bytes) in &records {
                show(*key, bytes)?;
            }
        }
        Ok(())
    }

    /// As [`Records::show`], with the page that each key stands for.
    pub(super) async fn show_pages(
        self,
        mut show: impl FnMut(u32, &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.show(|key, bytes| show(format::page_of_key(key), bytes)).await
    }

    /// Asks for the next step, if there is one.
    async fn ask(&mut self) {
        let count = self.bytes.map_or(STEP_RECORDS, |bytes| {
            (STEP_BYTES / bytes.max(1)).clamp(STEP_RECORDS, STEP_RECORDS_MAX)
        });
        let end = self.keys.len().min(self.next + count);
        let keys = self.keys[self.next..end].to_vec();
        self.next = end;
        if keys.is_empty() {
            return;
        }
        let (store, space) = (self.store, self.space);
        let is_listed = self.bytes.is_some_and(|bytes| bytes <= LISTED_BYTES_MAX);
        let step = async move {
            if is_listed {
                store.scan(space, keys[0], keys.len()).await
            } else {
                one_by_one(store, space, &keys).await
            }
        };
        self.steps.push_back(Begun::new(step).await);
    }
}

/// The records under these keys; one that is gone meanwhile is passed over.
async fn one_by_one<S: Store>(store: &S, space: Space, keys: &[u64]) -> Result<Step> {
    let places: Vec<(Space, u64)> = keys.iter().map(|&key| (space, key)).collect();
    let records = store.read(&places).await?;
    Ok(keys.iter().zip(records).filter_map(|(&key, record)| Some((key, record?))).collect())
}
